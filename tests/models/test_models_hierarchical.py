"""A VAE of two stochastic layers: its contract, its KL, and its likelihood by quadrature over both."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from acc_assets.analysis.likelihood import of_images
from acc_assets.datasets import Batch, Digits
from acc_assets.models import (
    FactorGroup,
    HierarchicalVAE,
    MixturePrior,
    MixtureVAE,
    Prior,
    StandardPrior,
    VampPrior,
    observe,
)
from acc_assets.tasks import HierarchicalKLTask, StepView
from acc_assets.tree import DatasetRef

PRIORS = (StandardPrior(), VampPrior(pseudo_inputs=3, start="random"))
WHITE = (np.random.default_rng(0).random((5, 1, 4, 4)) < 0.5).astype(np.uint8) * 255
DATA = DatasetRef("digits", Digits(image_size=8))


def small(**options: Any) -> HierarchicalVAE:
    return HierarchicalVAE(**{"image_size": 4, "z1_dim": 1, "z2_dim": 1, "hidden": 8, **options})


def built(config: HierarchicalVAE) -> Any:
    """The module, with likelihoods far from those of noise."""
    torch.manual_seed(0)
    net: Any = config.build().eval()
    with torch.no_grad():
        for parameter in (*net.decoder.parameters(), *net.lower_prior.parameters()):
            parameter.mul_(1.5)
    return net


def test_it_keeps_the_contract() -> None:
    config = small(z1_dim=2, z2_dim=3, prior=PRIORS[1])
    net, images = built(config), torch.rand(2, 1, 4, 4)
    outputs = net(images)
    assert outputs.keys() == {str(name) for name in config.outputs}
    assert outputs["reconstruction"].shape == images.shape
    able = observe(net, (1, 4, 4))
    assert (able.latent_dim, able.lacks) == (config.latent_dim, {})
    assert able.factor_groups == (FactorGroup("z2", 0, 3), FactorGroup("z1", 3, 5)) == config.factor_groups
    torch.testing.assert_close(outputs["latent"], outputs["mu"])  # a mean in evaluation, a draw in training
    assert not torch.equal(net.train()(images)["latent"], outputs["latent"])
    with pytest.raises(ValueError, match="MixturePrior does not fit this model: the weight of a single"):
        small(prior=MixturePrior())


@pytest.mark.parametrize("prior", PRIORS, ids=("standard", "vamp"))
def test_its_likelihood_is_that_of_quadrature_over_both_layers(prior: Prior) -> None:
    net = built(small(prior=prior))
    found = of_images(net, WHITE, 4000, seed=1, device=torch.device("cpu"))
    z = torch.linspace(-8.0, 8.0, 161)
    x = torch.from_numpy(WHITE).float().flatten(1) / 255.0
    with torch.no_grad():
        mean, logvar = net.lower_prior(z[:, None]).chunk(2, 1)
        spread = (3.0 * torch.tanh(logvar / 6.0)).exp()  # half of the bounded log-variance
        # z1 by quantiles of p(z1|z2), so that each has the weight 1/200 whatever z2 is
        quantiles = torch.distributions.Normal(0.0, 1.0).icdf((torch.arange(200) + 0.5) / 200)
        z1 = (mean + spread * quantiles)[..., None]  # (Z, 200, 1)
        logits = net.decoder(z1.flatten(0, 1), z[:, None, None].expand(-1, 200, 1).flatten(0, 1))
        errors = F.softplus(logits).sum(1) - x @ logits.T  # (N, Z * 200)
        if (gaussians := prior.build(1, 1, (1, 4, 4)).gaussians()) is not None:
            log_prior = torch.distributions.Normal(*gaussians[0][0], 1.0).log_prob(z)
        else:
            log_prior = net.prior.log_density(z[:, None], net)
        parts = (-errors).unflatten(1, (len(z), -1)).logsumexp(2) - math.log(200) + log_prior
        truth = (parts.logsumexp(1) + math.log(0.1)).numpy()
    assert (np.abs(found.value - truth) < 5.0 * found.error + 5e-3).all()
    assert found.error.max() < 0.1


@pytest.mark.parametrize("prior", PRIORS, ids=("standard", "vamp"))
def test_reconstruction_and_kl_are_the_elbo_of_the_same_model(prior: Prior) -> None:
    net = built(small(prior=prior))
    images = torch.from_numpy(WHITE).float().div(255.0)
    many = images.repeat(3000, 1, 1, 1)
    batch = Batch(images=many, inputs=many, targets=torch.zeros(len(many)))
    with torch.no_grad():
        net.train()
        outputs = net(many)
        kl = HierarchicalKLTask("kl", DATA).nats_per_image(StepView(outputs, batch, None, net, 0))
        errors = F.binary_cross_entropy_with_logits(outputs["reconstruction_logits"], many, reduction="none")
        each = -(errors.flatten(1).sum(1) + kl).unflatten(0, (3000, -1))  # (3000, N)
        net.eval()
        first, again = (
            HierarchicalKLTask("kl", DATA).nats_per_image(
                StepView(net(images), batch_of(images), None, net, None)
            )
            for _ in range(2)
        )
    expected = of_images(net, WHITE, 3000, seed=2, device=torch.device("cpu")).elbo
    deviation = each.std(0).numpy() * (2 / 3000) ** 0.5
    assert (np.abs(each.mean(0).numpy() - expected) < 4.0 * deviation).all()
    assert torch.equal(first, again)  # evaluation has fixed draws


def batch_of(images: torch.Tensor) -> Batch:
    return Batch(images=images, inputs=images, targets=torch.zeros(len(images)))


def test_the_kl_is_refused_for_one_layer_and_begins_the_prior_with_images() -> None:
    task = HierarchicalKLTask("kl", DATA)
    with pytest.raises(ValueError, match="MixtureVAE has one: use HierarchicalVAE"):
        task.check(MixtureVAE(image_size=8, components=1, prior=StandardPrior()), Digits(image_size=8))
    with pytest.raises(ValueError, match="Linear lacks them"):
        task.build_head(torch.nn.Linear(2, 2), None)
    net: Any = small(prior=VampPrior(pseudo_inputs=3, start="data")).build()
    data = SimpleNamespace(train=SimpleNamespace(images=WHITE))
    assert task.build_head(net, data) is None
    assert net.prior.started
