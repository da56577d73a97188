"""What `observe` finds in modules as people outside the project write them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from acc_assets.models import Abilities, ConvAutoencoder, FactorGroup, ModelOutput, observe
from acc_assets.models.abilities import DECODE, LATENT, RECONSTRUCTION

SHAPE = (1, 4, 4)


class Whole(nn.Module):
    """Encoder and decoder; says nothing of its latent's width."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(16, 3), nn.Linear(3, 16)

    def encode(self, images: Tensor) -> dict[ModelOutput, Tensor]:
        return {ModelOutput.LATENT: self.down(images.flatten(1))}

    def decode(self, latent: Tensor) -> dict[ModelOutput, Tensor]:
        return {ModelOutput.RECONSTRUCTION: self.up(latent).sigmoid().view(-1, *SHAPE)}

    def forward(self, images: Tensor) -> dict[ModelOutput, Tensor]:
        encoded = self.encode(images)
        return encoded | self.decode(encoded[ModelOutput.LATENT])


class ForwardOnly(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.whole = Whole()

    def forward(self, images: Tensor) -> dict[ModelOutput, Tensor]:
        outputs: dict[ModelOutput, Tensor] = self.whole(images)
        return outputs


class EncoderOnly(Whole):
    decode = None  # type: ignore[assignment]
    forward = nn.Module.forward


class MapLatent(nn.Module):
    """Its code is a feature map: an image comes out, but no flat latent."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 1, 1)

    def forward(self, images: Tensor) -> dict[ModelOutput, Tensor]:
        return {ModelOutput.LATENT: images, ModelOutput.RECONSTRUCTION: self.layer(images).sigmoid()}


class TwoPartCode(Whole):
    def decode(self, latent: Tensor, component: Tensor) -> dict[ModelOutput, Tensor]:  # type: ignore[override]
        return super().decode(latent + component)

    def forward(self, images: Tensor) -> dict[ModelOutput, Tensor]:
        encoded = self.encode(images)
        latent = encoded[ModelOutput.LATENT]
        return encoded | self.decode(latent, torch.zeros_like(latent))


class PlainDecoder(Whole):
    def decode(self, latent: Tensor) -> Tensor:  # type: ignore[override]
        return self.up(latent).sigmoid().view(-1, *SHAPE)

    def forward(self, images: Tensor) -> dict[ModelOutput, Tensor]:
        encoded = self.encode(images)
        return encoded | {ModelOutput.RECONSTRUCTION: self.decode(encoded[ModelOutput.LATENT])}


def test_the_width_is_seen_where_the_module_does_not_say_it() -> None:
    assert observe(Whole(), SHAPE) == Abilities(3)
    assert observe(ConvAutoencoder(image_size=16, latent_dim=5).build(), (1, 16, 16)) == Abilities(5)


@pytest.mark.parametrize(
    ("model", "width", "lacks"),
    [
        (ForwardOnly, 3, {DECODE: "ForwardOnly has no method decode(latent)"}),
        (EncoderOnly, 3, {RECONSTRUCTION: "no image", DECODE: "EncoderOnly has no method decode(latent)"}),
        (MapLatent, None, {LATENT: "no flat latent (B, D)", DECODE: "no flat latent (B, D)"}),
        (
            TwoPartCode,
            3,
            {DECODE: "does not take a latent (B, D) alone (missing a required argument: 'component')"},
        ),
        (PlainDecoder, 3, {DECODE: "returns a Tensor, not {ModelOutput.RECONSTRUCTION: images}"}),
    ],
)
def test_what_a_module_lacks_is_said_in_a_sentence(
    model: type[nn.Module], width: int | None, lacks: dict[str, str]
) -> None:
    found = observe(model(), SHAPE)
    assert found.latent_dim == width
    assert set(found.lacks) == set(lacks)
    for ability, words in lacks.items():
        assert words in found.lacks[ability]
    assert Abilities.from_json(found.to_json()) == found


def test_groups_of_the_module_are_kept_and_must_fit_the_latent() -> None:
    model = Whole()
    model.factor_groups = (FactorGroup("a", 0, 1), FactorGroup("b", 1, 3))  # type: ignore[assignment]
    assert observe(model, SHAPE).factor_groups == model.factor_groups
    model.factor_groups = (FactorGroup("a", 0, 4),)  # type: ignore[assignment]
    with pytest.raises(ValueError, match=r"Whole: factor group 'a' stops at 4, but latent_dim is 3"):
        observe(model, SHAPE)


def test_observing_leaves_module_and_generators_as_they_were() -> None:
    class Noisy(Whole):
        def encode(self, images: Tensor) -> dict[ModelOutput, Tensor]:
            latent = super().encode(images)[ModelOutput.LATENT]
            return {ModelOutput.LATENT: latent + torch.randn_like(latent)}

    model = Noisy().train()
    before = torch.get_rng_state()
    observe(model, SHAPE)
    assert model.training
    assert torch.equal(torch.get_rng_state(), before)


def test_outputs_without_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Linear.forward\(\) returned a Tensor; it must return"):
        observe(nn.Linear(4, 4), SHAPE)
