"""Net2Net's rules: a larger model computes what the smaller one did, and what cannot is refused in one sentence."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from acc_assets.models import ConvAutoencoder, FullyConnectedAutoencoder, GaussianMixtureVAE, Growable
from acc_assets.models.growth import places_of

SIZE = 8
CONNECTED = FullyConnectedAutoencoder(image_size=SIZE, hidden=(16, 8), latent_dim=3)
CONVOLVED = ConvAutoencoder(image_size=SIZE, channels=(4, 6), latent_dim=3)
VARIATIONAL = ConvAutoencoder(image_size=SIZE, channels=(4, 6), latent_dim=3, variational=True, dropout=0.1)
MIXED = GaussianMixtureVAE(image_size=SIZE, channels=(4, 6), latent_dim=3, components=4)


def grown(small: Any, noise: float = 0.0, **fields: Any) -> tuple[torch.nn.Module, torch.nn.Module]:
    """A model with drawn weights and the larger one made of it, both in evaluation mode."""
    torch.manual_seed(0)
    larger = small.grown(**fields)
    modules = small.build(), larger.build()
    drawn = torch.Generator().manual_seed(1)
    weights = {name: tensor.clone() for name, tensor in modules[0].state_dict().items()}
    modules[1].load_state_dict(small.grow(larger, modules, weights, noise, drawn))
    assert all(torch.equal(tensor, weights[name]) for name, tensor in modules[0].state_dict().items())
    return modules[0].eval(), modules[1].eval()


@torch.no_grad()
def difference(modules: tuple[torch.nn.Module, torch.nn.Module]) -> float:
    """The largest one in any output on random images; a map of more channels has those of before in front."""
    images = torch.rand(5, 1, SIZE, SIZE)
    before, after = (module(images) for module in modules)
    assert set(before) == set(after)
    return max(float((before[key] - after[key][:, : before[key].shape[1]]).abs().max()) for key in before)


@pytest.mark.parametrize(
    ("small", "fields"),
    [
        (CONNECTED, {"hidden": (33, 8)}),  # wider: one layer, the other, and further copies of copies
        (CONNECTED, {"hidden": (16, 50)}),
        (CONNECTED, {"hidden": (16, 16, 8)}),  # deeper, before and behind the last
        (CONNECTED, {"hidden": (16, 8, 8)}),
        (CONNECTED, {"hidden": (40, 20, 20, 9)}),  # both
        (CONVOLVED, {"channels": (9, 6)}),
        (CONVOLVED, {"channels": (8, 13)}),
        (VARIATIONAL, {"channels": (8, 13)}),
        (MIXED, {"channels": (8, 13)}),
    ],
)
def test_a_larger_model_computes_what_the_smaller_one_did(small: Growable, fields: dict[str, Any]) -> None:
    assert difference(grown(small, **fields)) < 1e-6


def test_noise_tells_copies_apart_and_leaves_the_first_ones_as_they_are() -> None:
    small, still = grown(CONNECTED, hidden=(32, 8))
    _, noisy = grown(CONNECTED, noise=0.1, hidden=(32, 8))
    before, same, moved = (dict(module.named_parameters()) for module in (small, still, noisy))
    name = "encoder.1.weight"
    assert torch.equal(moved[name][:16], before[name])
    added = moved[name][16:] - same[name][16:]
    assert (added.std() / before[name].std()).item() == pytest.approx(0.1, rel=0.15)
    assert 0.0 < difference((small, noisy)) < 0.5


def test_copies_without_noise_learn_the_same_for_ever() -> None:
    _, large = grown(CONNECTED, hidden=(32, 8))
    _, noisy = grown(CONNECTED, noise=0.1, hidden=(32, 8))
    apart = []
    for module in (large, noisy):
        optimizer = torch.optim.Adam(module.parameters(), lr=1e-2)
        images = torch.rand(16, 1, SIZE, SIZE)
        for _ in range(5):
            optimizer.zero_grad()
            (module(images)["reconstruction"] - images).square().mean().backward()
            optimizer.step()
        weight = dict(module.named_parameters())["encoder.1.weight"].detach()
        nearest = (
            (weight[16:, None] - weight[None, :16]).abs().amax(2).amin(1)
        )  # of each copy, to what it copies
        apart.append(float(nearest.max()))
    assert apart[0] < 1e-4 < 1e-2 < apart[1]


@pytest.mark.parametrize(
    ("small", "fields", "told"),
    [
        (CONNECTED, {"hidden": (16, 4)}, "hidden is [16, 4] and was [16, 8]; no width may shrink"),
        (CONNECTED, {"hidden": (16,)}, "no width may shrink"),
        (CONNECTED, {"hidden": (16, 4, 8)}, "at least as wide as the one that it follows"),
        (CONNECTED, {"hidden": (16, 8)}, "give larger widths"),
        (
            CONNECTED,
            {"latent_dim": 5},
            "what grows of a FullyConnectedAutoencoder is hidden, and given is latent_dim",
        ),
        (CONNECTED, {}, "given is nothing"),
        (CONNECTED, {"hidden": (16, 0)}, "allowed is a list of at least 1, each a whole number from 1"),
        (CONVOLVED, {"channels": (4, 6, 8)}, "each of them halves the image"),
        (CONVOLVED, {"channels": (4, 5)}, "no width may shrink"),
    ],
)
def test_what_cannot_grow_is_refused(small: Growable, fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        small.grown(**fields)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_layers_keep_their_place_where_least_is_widened() -> None:
    assert places_of((256, 128), (256, 128, 128)) == (0, 1)
    assert places_of((256, 128), (512, 256, 128)) == (0, 2)
    assert places_of((8, 16), (8, 4, 16)) is None
    many = places_of(tuple(range(20, 60)), tuple(range(20, 60)) + (60,) * 500)  # in no time
    assert many == tuple(range(40))
