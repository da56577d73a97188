"""The factor-slot model: where a factor's dimensions go, what its attention says, and that it learns."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from acc_assets.models import FactorGroup, FactorSlotAutoencoder, ModelOutput

GROUPS = (FactorGroup("digit", 0, 4), FactorGroup("thickness", 4, 7), FactorGroup("free", 7, 8))


@pytest.mark.parametrize(("image_size", "side"), [(16, 8), (28, 7), (32, 8), (64, 8)])
def test_the_bottleneck_map_and_the_attention_maps(image_size: int, side: int) -> None:
    model = FactorSlotAutoencoder(image_size=image_size, factor_groups=GROUPS).build().eval()
    outputs = model(torch.rand(2, 1, image_size, image_size))
    assert outputs[ModelOutput.SPATIAL].shape == (2, 32, side, side)
    assert outputs[ModelOutput.RECONSTRUCTION].shape == (2, 1, image_size, image_size)
    maps = model.attention_maps(outputs)
    assert maps.shape == (2, len(GROUPS), side, side)
    assert torch.allclose(maps.sum(1), torch.ones(2, side, side), atol=1e-6)
    assert maps.min() >= 0


def test_attention_depends_on_the_latent_and_varies_smoothly_over_the_map() -> None:
    torch.manual_seed(0)
    model = FactorSlotAutoencoder(factor_groups=GROUPS).build().eval()
    with torch.no_grad():
        maps = model.attention_maps({ModelOutput.LATENT: torch.randn(16, 8)})
    assert maps.std(0).mean() > 1e-3
    spread = maps.flatten(2).std(2).mean()
    steps = (maps[..., 1:] - maps[..., :-1]).abs().mean()
    assert steps < spread  # neighbours differ less than far positions do


def test_a_factor_reaches_the_image_through_its_own_token_alone() -> None:
    model = FactorSlotAutoencoder(factor_groups=GROUPS).build().eval()
    latent = torch.randn(1, 8)
    changed = latent.clone()
    changed[:, 4:7] += 1.0
    with torch.no_grad():
        before, after = model.tokens(latent), model.tokens(changed)
    assert torch.equal(before[:, [0, 2]], after[:, [0, 2]])
    assert not torch.equal(before[:, 1], after[:, 1])


def test_a_factor_head_writes_its_own_dimensions_alone() -> None:
    model = FactorSlotAutoencoder(factor_groups=GROUPS).build().eval()
    images = torch.rand(2, 1, 32, 32)
    before = model.encode(images)
    with torch.no_grad():
        model.heads.posteriors[1].bias.add_(1.0)
    after = model.encode(images)
    moved = (before[ModelOutput.MU] != after[ModelOutput.MU]).any(0)
    assert moved.tolist() == [False] * 4 + [True] * 3 + [False]


def test_the_backbone_and_heads_take_gradients_without_the_decoder() -> None:
    model = FactorSlotAutoencoder(factor_groups=GROUPS).build()
    model.encode(torch.rand(2, 1, 32, 32))[ModelOutput.LATENT].sum().backward()
    assert all(p.grad is not None for p in [*model.backbone.parameters(), *model.heads.parameters()])
    assert all(p.grad is None for p in [*model.upsampler.parameters(), *model.attention.parameters()])


def test_it_learns_real_digits_in_a_few_seconds() -> None:
    """150 steps on scikit-learn's digits: well above the mean image's 13.6 dB and chance."""
    from acc_assets.datasets import Digits

    data = Digits(image_size=16).load()
    images = torch.from_numpy(data.train.images).float() / 255.0
    labels = torch.from_numpy(data.train.targets)
    groups = (FactorGroup("digit", 0, 4), FactorGroup("style", 4, 8))
    torch.manual_seed(0)
    model = FactorSlotAutoencoder(
        image_size=16, factor_groups=groups, backbone_channels=(8, 16), embed_dim=32
    ).build()
    probe = torch.nn.Linear(4, 10)
    optimizer = torch.optim.Adam(
        [{"params": model.parameters(), "lr": 4e-3}, {"params": probe.parameters(), "lr": 1e-2}]
    )
    for _ in range(150):
        chosen = torch.randint(len(images), (64,))
        batch, outputs = images[chosen], model(images[chosen])
        mu, logvar = outputs[ModelOutput.MU], outputs[ModelOutput.LOGVAR]
        loss = (
            F.binary_cross_entropy_with_logits(
                outputs[ModelOutput.RECONSTRUCTION_LOGITS], batch, reduction="sum"
            )
            - 0.5 * (1 + logvar - mu**2 - logvar.exp()).sum()
        ) / 64 + 50.0 * F.cross_entropy(probe(outputs[ModelOutput.LATENT][:, :4]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    test = torch.from_numpy(data.test.images).float() / 255.0
    with torch.no_grad():
        outputs = model(test)
        accuracy = (
            (probe(outputs[ModelOutput.MU][:, :4]).argmax(1) == torch.from_numpy(data.test.targets))
            .float()
            .mean()
        )
        psnr = -10 * F.mse_loss(outputs[ModelOutput.RECONSTRUCTION], test).log10()
    assert accuracy > 0.9
    assert psnr > 15.5
