"""Importance sampling against log-likelihoods that are known: in closed form, and by quadrature over z."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from acc_assets.analysis.likelihood import LinearGaussian, importance_sampled, known_error, of_images
from acc_assets.models import (
    Conditioning,
    DenseLayers,
    GatedLayers,
    MixturePrior,
    MixtureVAE,
    StandardPrior,
    VampPrior,
)

DRAWS = torch.Generator()


def estimated(model: LinearGaussian, count: int, samples: int, at_a_time: int = 50) -> Any:
    draws = DRAWS.manual_seed(1)
    x = model.drawn(count, draws)
    return importance_sampled(model.weigher(x, draws), samples, at_a_time), model.log_likelihood(x).numpy()


def test_draws_from_the_posterior_itself_give_the_log_likelihood_at_once() -> None:
    turned = torch.linalg.qr(torch.randn(6, 3, dtype=torch.float64, generator=DRAWS.manual_seed(0)))[0]
    found, truth = estimated(LinearGaussian(2.0 * turned, 0.5), count=20, samples=10)
    for value in (found.value, found.fewer, found.elbo):
        np.testing.assert_allclose(value, truth, atol=1e-9)
    np.testing.assert_allclose(found.ess, 10.0)


def test_the_estimate_nears_the_known_log_likelihood_from_below_within_its_error() -> None:
    loadings = torch.randn(6, 4, dtype=torch.float64, generator=DRAWS.manual_seed(0))
    missed = []
    for samples in (10, 100, 1000):
        found, truth = estimated(LinearGaussian(loadings, 0.7, spread=3.0), count=400, samples=samples)
        assert (found.value >= found.elbo - 1e-9).all()  # Jensen's inequality, image by image
        assert found.elbo.mean() <= found.fewer.mean() + 1e-9 < found.value.mean()
        assert ((found.ess >= 1.0) & (found.ess <= samples)).all()
        missed.append(float((found.value - truth).mean()))
    assert missed[0] < missed[1] < missed[2] < 0.01
    deviation = found.error / math.sqrt(len(truth))
    assert (
        abs(missed[2]) < 4.0 * deviation.mean() + 0.5 * np.square(found.error).mean()
    )  # and the bias of a logarithm
    assert np.abs((found.value - truth) / found.error).mean() == pytest.approx(
        0.8, abs=0.25
    )  # sqrt(2/pi), if normal


def test_a_model_with_a_given_gap_has_it_and_shows_what_samples_are_worth() -> None:
    found, truth = estimated(LinearGaussian.with_gap(40, 5.0), count=200, samples=100)
    assert (truth - found.elbo).mean() == pytest.approx(5.0, abs=0.1)
    full, fewer = known_error(samples=100, dims=40, gap=5.0, count=200, seed=0)
    assert fewer < full < 0.0
    with pytest.raises(ValueError, match="multiple of 10"):
        importance_sampled(lambda count: torch.zeros(count, 1), 15)


COMMON: dict[str, Any] = {
    "image_size": 4,
    "z_dim": 1,
    "encoder": GatedLayers(hidden=(8,)),
    "decoder": DenseLayers(hidden=(8,)),
}


@pytest.mark.parametrize(
    "options",
    [
        {"components": 1, "prior": StandardPrior()},
        {"components": 1, "prior": VampPrior(pseudo_inputs=3, start="random")},
        {
            "components": 3,
            "conditioning": Conditioning(by="concat"),
            "prior": MixturePrior(learn_components=True),
        },
        {"components": 2, "layout": "decentralized", "prior": MixturePrior()},
    ],
    ids=["standard", "vamp", "conditioned", "decentralized"],
)
def test_a_mixture_vae_has_the_likelihood_that_quadrature_over_z_gives(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    net: Any = MixtureVAE(**{**COMMON, **options}).build().eval()
    with torch.no_grad():
        for parameter in net.decoder.parameters():
            parameter.mul_(2.0)
        if "prior.weight_logits" in dict(net.named_parameters()):
            net.prior.weight_logits.copy_(torch.arange(net.components))
    images = (np.random.default_rng(0).random((6, 1, 4, 4)) < 0.5).astype(np.uint8) * 255
    found = of_images(net, images, 2000, seed=3, device=torch.device("cpu"))
    again = of_images(net, images, 2000, seed=3, device=torch.device("cpu"))
    np.testing.assert_array_equal(found.value, again.value)
    truth = by_quadrature(net, torch.from_numpy(images).float() / 255.0)
    assert (np.abs(found.value - truth) < 5.0 * found.error + 1e-3).all()
    assert found.error.max() < 0.2


def by_quadrature(net: Any, images: torch.Tensor) -> np.ndarray:
    """log sum_c p(c) integral of p(z|c) p(x|z, c) over a z of one dimension, (N,)."""
    grid = torch.linspace(-15.0, 15.0, 3001)
    with torch.no_grad():
        count = net.components if net.layout == "decentralized" else 1
        logits, _ = net.decoder(grid[:, None, None].expand(-1, count, 1))  # (Z, J, 1, 4, 4)
        white = -F.softplus(-logits).flatten(2)
        black = -F.softplus(logits).flatten(2)
        x = images.flatten(1)
        likelihood = torch.einsum("zjp,np->nzj", white, x) + torch.einsum("zjp,np->nzj", black, 1 - x)
        if (gaussians := net.prior.gaussians()) is not None:
            means, logvars = gaussians
            prior = torch.distributions.Normal(means[:, 0], (logvars[:, 0] / 2).exp()).log_prob(grid[:, None])
        else:
            prior = net.prior.log_density(grid[:, None], net)[:, None]
        shares = net.prior.log_weights(net.routing.active)
        parts = likelihood.double() + prior + shares  # (N, Z, K)
        found: np.ndarray = (parts.logsumexp((1, 2)) + math.log(30.0 / 3000)).numpy()
        return found
