"""Mixture VAEs: every combination keeps the contract, what makes no sense is refused, masks are exact."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from acc_assets.models import (
    Conditioning,
    ConvAutoencoder,
    ConvLayers,
    DenseLayers,
    GatedLayers,
    GeometricPrior,
    Heteroscedastic,
    MixturePrior,
    MixtureVAE,
    ModelOutput,
    StandardPrior,
    VampPrior,
    observe,
    prior_nets,
)
from acc_assets.models.component_decoder import Modulation
from acc_assets.models.layers import GatedLinear
from acc_assets.models.prior_nets import arranged

K, D = 4, 3
CONV, DENSE = ConvLayers(channels=(2, 4)), DenseLayers(hidden=(12, 8))
GATED = GatedLayers(hidden=(12, 8), dropout=0.1)
BOTH = MixturePrior(learn_components=True)
PRIORS = (StandardPrior(), MixturePrior(), BOTH, GeometricPrior(), VampPrior(pseudo_inputs=5, start="random"))


def small(**options: Any) -> MixtureVAE:
    return MixtureVAE(
        **{"image_size": 8, "z_dim": D, "components": K, "encoder": CONV, "decoder": CONV, **options}
    )


SOUND = [
    small(layout=layout, conditioning=by and Conditioning(by=by, embedding_dim=5), decoder=decoder)
    for layout, by, decoder in itertools.product(
        ("shared", "decentralized"), (None, "concat", "film", "instance_norm"), (CONV, DENSE)
    )
    if not (by == "instance_norm" and decoder is DENSE)
]
SOUND += [small(prior=prior) for prior in PRIORS]
SOUND += [
    small(layout="decentralized", encoder=DENSE, heteroscedastic=Heteroscedastic(per="image")),
    small(heteroscedastic=Heteroscedastic(per="pixel"), decoder=DENSE),
    small(encoder=GATED, decoder=GATED, conditioning=Conditioning(by="film", embedding_dim=5)),
    small(in_channels=3, heteroscedastic=Heteroscedastic(per="pixel", bounds=(0.1, 0.15))),
]


@pytest.mark.parametrize("config", SOUND, ids=lambda config: f"{config.layout}-{config.decodings}")
def test_every_combination_keeps_the_contract(config: MixtureVAE) -> None:
    torch.manual_seed(0)
    net, images = config.build(), torch.rand(2, config.in_channels, 8, 8)
    sampled = net(images)
    outputs = net.eval()(images)
    decoded = net.decode(net.encode(images))
    assert set(outputs) == set(sampled) == config.outputs
    assert all(torch.equal(outputs[name], value) for name, value in decoded.items())
    assert outputs[ModelOutput.MU].shape == (2, config.latent_dim)
    own = outputs[ModelOutput.COMPONENT_RECONSTRUCTION_LOGITS]
    assert own.shape == (2, config.decodings, *images.shape[1:])
    expected = (outputs[ModelOutput.COMPONENT][:, : config.decodings, None, None, None] * own.sigmoid()).sum(
        1
    )
    whole = own[:, 0].sigmoid() if config.decodings == 1 else expected
    torch.testing.assert_close(outputs[ModelOutput.RECONSTRUCTION], whole)
    able = observe(net, images.shape[1:])
    assert able.lacks == {}
    assert (able.latent_dim, able.factor_groups) == (config.latent_dim, config.factor_groups)
    if config.heteroscedastic is not None:
        sigma = outputs[ModelOutput.COMPONENT_SIGMA]
        low, high = config.heteroscedastic.bounds
        assert ((sigma >= low) & (sigma <= high)).all()
        assert sigma.shape == (own.shape if config.heteroscedastic.per == "pixel" else own.shape[:2])
    loss = sum(value.square().sum() for value in sampled.values())
    loss.backward()
    unused = [name for name, value in net.named_parameters() if value.grad is None and "prior" not in name]
    assert unused == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prior": VampPrior(), "layout": "decentralized"}, "VampPrior does not fit.*K posteriors.*shared"),
        ({"prior": GeometricPrior(), "z_dim": 1}, "two dimensions, and z has 1"),
        ({"prior": GeometricPrior(), "components": 1}, "one centre"),
        ({"components": 1}, "single component"),
        ({"components": 1, "prior": StandardPrior(), "conditioning": Conditioning()}, "always the same"),
        ({"decoder": DENSE, "conditioning": Conditioning(by="instance_norm")}, "have no places"),
        (
            {"decoder": ConvLayers(channels=(2, 2, 2)), "conditioning": Conditioning(by="instance_norm")},
            "first is 1x1",
        ),
        ({"image_size": 10}, "multiple of 4, since the encoder halves"),
        ({"prior": "vamp"}, "prior is 'vamp'; allowed is a prior such as"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        small(**options)


def test_parts_that_say_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"without either this is StandardPrior\(\)"):
        MixturePrior(learn_weights=False)
    with pytest.raises(ValueError, match="below bounds"):
        Heteroscedastic(bounds=(0.5, 0.2))


def test_one_component_is_the_plain_vae() -> None:
    torch.manual_seed(0)
    mixture = small(components=1, prior=StandardPrior()).build()
    plain = ConvAutoencoder(image_size=8, latent_dim=D, channels=(2, 4), variational=True).build()
    own = [v for n, v in mixture.named_parameters() if not n.startswith("assignment")]
    with torch.no_grad():
        for mine, theirs in zip(own, plain.parameters(), strict=True):
            theirs.copy_(mine)
    images, found = torch.rand(3, 1, 8, 8), []
    for net in (mixture, plain):
        torch.manual_seed(1)
        found.append(net(images))
    for name, value in found[1].items():
        torch.testing.assert_close(found[0][name], value)
    assert torch.equal(found[0][ModelOutput.COMPONENT], torch.ones(3, 1))


@pytest.mark.parametrize("training", [True, False])
def test_masked_components_have_exactly_nothing(training: bool) -> None:
    net = small(conditioning=Conditioning(), prior=BOTH).build().train(training)
    net.routing.active[2:] = False
    net.routing.temperature.fill_(5.0)
    outputs = net(torch.rand(6, 1, 8, 8))
    shares = outputs[ModelOutput.COMPONENT]
    assert (shares[:, 2:] == 0.0).all()
    torch.testing.assert_close(shares.sum(1), torch.ones(6))
    assert (outputs[ModelOutput.COMPONENT_LOG_WEIGHTS].exp()[2:] == 0.0).all()
    (outputs[ModelOutput.RECONSTRUCTION].sum() + shares.square().sum()).backward()
    assert (net.assignment.weight.grad[2:] == 0.0).all()
    assert (net.assignment.weight.grad[:2] != 0.0).any()


def test_a_temperature_softens_in_training_alone() -> None:
    net, images = small().build(), torch.rand(4, 1, 8, 8)
    before = net.eval()(images)[ModelOutput.COMPONENT_LOGITS]
    net.routing.temperature.fill_(5.0)
    assert torch.equal(net(images)[ModelOutput.COMPONENT_LOGITS], before)
    torch.testing.assert_close(net.train()(images)[ModelOutput.COMPONENT_LOGITS], before / 5.0)


def test_modulations_are_their_formulas() -> None:
    torch.manual_seed(0)
    features, embedding = torch.randn(2, 3, 4, 4), torch.randn(2, 5)
    for by in ("film", "instance_norm"):
        layer = Modulation(by, 5, 3)
        g, b = (part(embedding)[:, :, None, None] for part in (layer.scale, layer.shift))
        mean = features.mean((2, 3), keepdim=True)
        variance = features.var((2, 3), unbiased=False, keepdim=True)
        normal = (1 + g) * (features - mean) / (variance + 1e-5).sqrt() + b
        torch.testing.assert_close(
            layer(features, embedding), normal if by == "instance_norm" else g * features + b
        )


def test_gated_layers_are_their_formula_and_have_no_other_nonlinearity() -> None:
    torch.manual_seed(0)
    layer, features = GatedLinear(5, 400), torch.randn(2, 5)
    value = features @ layer.value.weight.T + layer.value.bias
    gate = features @ layer.gate.weight.T + layer.gate.bias
    torch.testing.assert_close(layer(features), value / (1 + (-gate).exp()))
    assert layer.gate.weight.var().item() == pytest.approx(2 / 5, rel=0.1)
    net: Any = small(encoder=GATED, decoder=GATED).build()
    kinds = [type(one).__name__ for one in net.backbone]
    assert kinds == ["Flatten", "GatedLinear", "Dropout", "GatedLinear", "Dropout"]
    assert [type(one).__name__ for one in net.decoder.rectify] == ["Dropout"]
    assert [type(one).__name__ for one in net.decoder.steps] == ["GatedLinear", "GatedLinear", "Linear"]


def test_a_large_vamp_prior_is_multiplied_out(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    net: Any = small(prior=VampPrior(pseudo_inputs=5, start="random")).build()
    z = 3.0 * torch.randn(2, 7, 1, D)
    found, slopes = [], []
    for limit in (10**6, 0):
        monkeypatch.setattr(prior_nets, "LARGE", limit)
        found.append(net.prior.log_density(z, net))
        slopes.append(torch.autograd.grad(found[-1].sum(), net.prior.logits)[0])
    assert found[0].dtype == found[1].dtype == z.dtype
    torch.testing.assert_close(*found)
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-7)


def test_geometric_centres() -> None:
    circle, grid = arranged(4, "circle", 2.0), arranged(5, "grid", 1.5)
    torch.testing.assert_close(circle, torch.tensor([[2.0, 0], [0, 2], [-2, 0], [0, -2]]), atol=1e-6, rtol=0)
    assert grid.tolist() == [[-1.5, -0.75], [0.0, -0.75], [1.5, -0.75], [-1.5, 0.75], [0.0, 0.75]]


@pytest.mark.parametrize("start", ["data", "kmeans"])
def test_pseudo_inputs_begin_with_images_once(start: Any) -> None:
    torch.manual_seed(0)
    prior = small(prior=VampPrior(pseudo_inputs=2, start=start)).build().prior
    dark, light = np.full((20, 1, 8, 8), 50, np.uint8), np.full((20, 1, 8, 8), 200, np.uint8)
    prior.start(lambda: np.concatenate([dark, light]))
    means = sorted(prior.pseudo_inputs().mean((1, 2, 3)).tolist())
    assert all(min(abs(mean - level / 255) for level in (50, 200)) < 1e-3 for mean in means)
    if start == "kmeans":
        assert means == pytest.approx([50 / 255, 200 / 255], abs=1e-3)
    prior.start(lambda: pytest.fail("the images were taken already"))
    with pytest.raises(ValueError, match="2 pseudo-inputs, and the data set 1 training images"):
        small(prior=VampPrior(pseudo_inputs=2)).build().prior.start(lambda: dark[:1])
