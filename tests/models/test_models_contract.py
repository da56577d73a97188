"""Every model keeps the ModelOutput contract, has the stated size, and builds the same bits from the same seed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from acc_assets.models import (
    MODELS,
    ConvAutoencoder,
    FactorGroup,
    FactorSlotAutoencoder,
    FullyConnectedAutoencoder,
    GaussianMixtureVAE,
    HierarchicalVAE,
    MixtureVAE,
    ModelOutput,
    ResNetAutoencoder,
    observe,
)
from acc_assets.models.layers import DoublingConvolution

GROUPS = (FactorGroup("digit", 0, 3), FactorGroup("style", 3, 5))
EVERY_MODEL = [
    FullyConnectedAutoencoder(image_size=16, latent_dim=5, hidden=(20,)),
    ConvAutoencoder(image_size=16, latent_dim=5),
    ConvAutoencoder(image_size=16, latent_dim=5, variational=True, factor_groups=GROUPS),
    ResNetAutoencoder(image_size=16, latent_dim=5),
    FactorSlotAutoencoder(image_size=16, factor_groups=GROUPS, backbone_channels=(8, 16), embed_dim=16),
    GaussianMixtureVAE(image_size=16, latent_dim=5, components=3, channels=(4, 8)),
    MixtureVAE(image_size=16, z_dim=5, components=3),
    HierarchicalVAE(image_size=16, z1_dim=4, z2_dim=5, hidden=20),
]


def parameters(config: Any) -> int:
    return sum(parameter.numel() for parameter in config.build().parameters())


@pytest.fixture(params=EVERY_MODEL, ids=lambda config: type(config).__name__)
def config(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize(
    ("model", "count"),
    [
        (FullyConnectedAutoencoder(), 476_720),
        (ConvAutoencoder(image_size=28), 53_473),
        (ResNetAutoencoder(), 130_385),
    ],
)
def test_the_grounding_models_have_the_reference_parameter_counts(model: Any, count: int) -> None:
    assert parameters(model) == count


def test_forward_is_encode_and_decode_with_the_declared_outputs(config: Any) -> None:
    model = config.build().eval()
    images = torch.rand(3, 1, 16, 16)
    outputs = model(images)
    assert set(outputs) == config.outputs
    encoded = model.encode(images)
    decoded = model.decode(encoded)
    assert not set(encoded) & set(decoded)
    for key, value in {**encoded, **decoded}.items():
        assert torch.equal(value, outputs[key])


def test_shapes_and_ranges(config: Any) -> None:
    outputs = config.build()(torch.rand(3, 1, 16, 16))
    assert outputs[ModelOutput.LATENT].shape == (3, config.latent_dim)
    reconstruction = outputs[ModelOutput.RECONSTRUCTION]
    assert reconstruction.shape == (3, 1, 16, 16)
    assert torch.equal(reconstruction, outputs[ModelOutput.RECONSTRUCTION_LOGITS].sigmoid())
    if config.variational:
        assert outputs[ModelOutput.MU].shape == outputs[ModelOutput.LOGVAR].shape == (3, config.latent_dim)
    else:
        assert ModelOutput.MU not in outputs


def test_the_module_says_its_latent_dim_and_factors_like_its_config(config: Any) -> None:
    model = config.build()
    assert (model.latent_dim, model.factor_groups) == (config.latent_dim, config.factor_groups)


def test_the_same_seed_builds_the_same_bits(config: Any) -> None:
    states = []
    for seed in (7, 7, 8):
        torch.manual_seed(seed)
        states.append(torch.cat([value.flatten() for value in config.build().state_dict().values()]))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_evaluation_is_deterministic_and_training_samples_the_latent(config: Any) -> None:
    model = config.build()
    images = torch.rand(2, 1, 16, 16)
    model.eval()
    first, second = model(images), model(images)
    for key in first:
        assert torch.equal(first[key], second[key])
    if config.variational:
        assert torch.equal(first[ModelOutput.LATENT], first[ModelOutput.MU])
        model.train()
        sampled = [model(images)[ModelOutput.LATENT] for _ in range(2)]
        assert not torch.equal(*sampled)


def test_samples_have_the_posterior_mean_and_deviation() -> None:
    model = ConvAutoencoder(image_size=16, latent_dim=2, variational=True).build()
    image = torch.rand(1, 1, 16, 16)
    torch.manual_seed(0)
    with torch.no_grad():
        outputs = model.encode(image.expand(20_000, -1, -1, -1))
    latent, mu = outputs[ModelOutput.LATENT], outputs[ModelOutput.MU][0]
    deviation = (0.5 * outputs[ModelOutput.LOGVAR][0]).exp()
    assert torch.allclose(latent.mean(0), mu, atol=0.05)
    assert torch.allclose(latent.std(0), deviation, rtol=0.05)


def test_a_mixture_vae_has_components_of_its_own() -> None:
    model = EVERY_MODEL[5].build()
    with torch.no_grad():
        model.component_logvars.fill_(100.0)
        outputs = model(torch.rand(2, 1, 16, 16))
    torch.testing.assert_close(
        outputs[ModelOutput.COMPONENT], outputs[ModelOutput.COMPONENT_LOGITS].softmax(1)
    )
    assert outputs[ModelOutput.COMPONENT].shape == (2, 3)
    assert (
        outputs[ModelOutput.COMPONENT_MEANS].shape == outputs[ModelOutput.COMPONENT_LOGVARS].shape == (3, 5)
    )
    assert outputs[ModelOutput.COMPONENT_LOGVARS].max() <= 6.0
    able = observe(model, (1, 16, 16))
    assert able.lacks == {}
    assert set(able.shared) == {"component_means", "component_logvars"}
    assert {"mu", "logvar", "component", "component_logits"} <= set(able.outputs)


def test_logvar_is_bounded_whatever_the_input() -> None:
    for config in (EVERY_MODEL[2], EVERY_MODEL[4], EVERY_MODEL[5]):
        outputs = config.build()(1e6 * torch.rand(2, 1, 16, 16))
        assert outputs[ModelOutput.LOGVAR].abs().max() <= 6.0
        assert torch.isfinite(outputs[ModelOutput.LATENT]).all()


@pytest.mark.parametrize("depth", [8, 14, 20])
def test_resnet_depth_counts_its_weighted_layers(depth: int) -> None:
    model = ResNetAutoencoder(depth=depth).build()
    main_path = [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)
        and "shortcut" not in name
        and "decoder" not in name
    ]
    # He et al. count the stem, 2 convolutions a block and the last linear layer; the 1x1 to 16 channels is extra.
    assert len(main_path) - 1 == depth
    assert model(torch.rand(2, 1, 28, 28))[ModelOutput.RECONSTRUCTION].shape == (2, 1, 28, 28)


def test_resnet_blocks_start_as_their_shortcut() -> None:
    from acc_assets.models.resnet import ResidualBlock

    block = ResidualBlock(16, 16, 1, 8)
    features = torch.rand(2, 16, 6, 6)
    assert torch.equal(block(features), features)


@pytest.mark.parametrize(
    "model",
    [
        ConvAutoencoder(image_size=16, dropout=0.5),
        FullyConnectedAutoencoder(image_size=16, dropout=0.5),
        GaussianMixtureVAE(image_size=16, dropout=0.5),
        ResNetAutoencoder(image_size=16, dropout=0.5),
    ],
)
def test_dropout_acts_in_training_only(model: Any) -> None:
    net, images = model.build(), torch.rand(2, 1, 16, 16)
    outputs = [net.train()(images), net(images), net.eval()(images), net(images)]
    latents = [output[ModelOutput.RECONSTRUCTION] for output in outputs]
    assert not torch.equal(latents[0], latents[1])
    assert torch.equal(latents[2], latents[3])


def test_options_change_the_architecture() -> None:
    base = parameters(ConvAutoencoder())
    assert parameters(ConvAutoencoder(channels=(8, 32))) > base
    assert parameters(ConvAutoencoder(in_channels=3)) > base
    assert parameters(ConvAutoencoder(variational=True)) > base
    assert parameters(FullyConnectedAutoencoder(hidden=(64,))) < parameters(FullyConnectedAutoencoder())
    resnet = parameters(ResNetAutoencoder())
    assert parameters(ResNetAutoencoder(base_channels=32)) > resnet
    assert parameters(ResNetAutoencoder(decoder_channels=(8, 32))) > resnet
    mixture = parameters(GaussianMixtureVAE())
    assert parameters(GaussianMixtureVAE(components=11)) > mixture
    assert parameters(GaussianMixtureVAE(in_channels=3)) > mixture
    slots = parameters(FactorSlotAutoencoder())
    assert parameters(FactorSlotAutoencoder(backbone_channels=(16, 64))) > slots
    assert parameters(FactorSlotAutoencoder(embed_dim=32)) < slots


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ConvAutoencoder(image_size=30), ["image_size is 30", "multiple of 4"]),
        (lambda: FactorSlotAutoencoder(image_size=20), ["image_size is 20", "16 or 28 or 32 or 64"]),
        (lambda: FactorSlotAutoencoder(embed_dim=40, heads=3), ["heads is 3", "embed_dim, which is 40"]),
        (lambda: FactorSlotAutoencoder(embed_dim=20, heads=4), ["embed_dim is 20", "a multiple of 8"]),
        (lambda: FactorSlotAutoencoder(factor_groups=()), ["factor_groups is ()", "at least 1"]),
        (lambda: ResNetAutoencoder(depth=10), ["depth is 10", "8, 14, 20"]),
        (lambda: ResNetAutoencoder(norm_groups=7), ["norm_groups is 7", "divisor"]),
        (lambda: ConvAutoencoder(dropout=1.0), ["dropout is 1.0", "below 1"]),
        (lambda: ConvAutoencoder(latent_dim=0), ["latent_dim is 0", "from 1"]),
        (lambda: ConvAutoencoder(channels=(8, -1)), ["channels is (8, -1)", "from 1"]),
        (lambda: FactorGroup("no spaces", 0, 2), ["no spaces", "letters"]),
        (lambda: FactorGroup("empty", 2, 2), ["[2, 2)", "start < stop"]),
        (
            lambda: FactorSlotAutoencoder(factor_groups=(FactorGroup("a", 0, 2), FactorGroup("b", 3, 4))),
            ["'b' starts at 3", "stops at 2"],
        ),
        (
            lambda: FactorSlotAutoencoder(factor_groups=(FactorGroup("a", 0, 2), FactorGroup("a", 2, 4))),
            ["repeats a name"],
        ),
        (
            lambda: ConvAutoencoder(latent_dim=4, factor_groups=(FactorGroup("a", 0, 5),)),
            ["'a' stops at 5", "latent_dim is 4"],
        ),
        (lambda: ConvAutoencoder(factor_groups=("digit",)), ["'digit'", "FactorGroup(name, start, stop)"]),
    ],
)
def test_a_wrong_configuration_says_what_is_allowed(make: Any, words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the words are checked below)
        make()
    for word in words:
        assert word in str(caught.value)


def test_lists_as_yaml_gives_them_are_stored_as_tuples() -> None:
    assert ConvAutoencoder(channels=[8, 16]) == ConvAutoencoder(channels=(8, 16))  # type: ignore[arg-type]
    assert hash(FactorSlotAutoencoder(factor_groups=list(GROUPS)))  # type: ignore[arg-type]


def test_every_model_has_a_name_for_yaml_recipes() -> None:
    assert {type(model) for model in EVERY_MODEL} == set(MODELS.values())


@pytest.mark.parametrize("channels", [1, 3, 8])
def test_doubling_in_training_is_the_transposed_convolution(channels: int) -> None:
    """Training calls another kernel for few channels; outputs and all gradients must be those of PyTorch's layer."""
    torch.manual_seed(0)
    ours, plain = DoublingConvolution(5, channels), nn.ConvTranspose2d(5, channels, 3, 2, 1, 1)
    plain.load_state_dict(ours.state_dict())
    results = []
    for layer in (ours, plain):
        images = torch.linspace(-1, 1, 4 * 5 * 7 * 7).view(4, 5, 7, 7).requires_grad_()
        output = layer.train()(images)
        output.square().sum().backward()
        results.append([output, images.grad, layer.weight.grad, layer.bias.grad])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    assert ours(images).shape == (4, channels, 14, 14)
    assert torch.equal(ours.eval()(images), plain(images))
