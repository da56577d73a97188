"""What `observe` finds in modules as people outside the project write them."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor, nn

from acc_assets.models import Abilities, ConvAutoencoder, FactorGroup, ModelOutput, Outputs, observe
from acc_assets.models.abilities import DECODE, LATENT, RECONSTRUCTION

SHAPE = (1, 4, 4)


class Whole(nn.Module):
    """Encoder and decoder; says nothing of its latent's width."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(16, 3), nn.Linear(3, 16)

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        return {ModelOutput.LATENT: self.down(images.flatten(1))}

    def decode(self, code: Outputs) -> dict[str, Tensor]:
        return {ModelOutput.RECONSTRUCTION: self.up(code[ModelOutput.LATENT]).sigmoid().view(-1, *SHAPE)}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        encoded = self.encode(images)
        return encoded | self.decode(encoded)


class ForwardOnly(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.whole = Whole()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        outputs: dict[str, Tensor] = self.whole(images)
        return outputs


class EncoderOnly(Whole):
    decode = None  # type: ignore[assignment]
    forward = nn.Module.forward


class MapLatent(nn.Module):
    """Its code is a feature map: an image comes out, but no flat latent."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 1, 1)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {ModelOutput.LATENT: images, ModelOutput.RECONSTRUCTION: self.layer(images).sigmoid()}


class TwoParts(Whole):
    """A latent, the shares of two components, and the components' means."""

    code_parts: tuple[str, ...] = ("latent", "component")
    shared_outputs = frozenset({"means"})

    def __init__(self) -> None:
        super().__init__()
        self.means = nn.Parameter(torch.randn(2, 3))

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        component = images.new_full((len(images), 2), 0.5)
        spread = torch.diag_embed(component)  # (B, 2, 2)
        return super().encode(images) | {"component": component, "spread": spread, "means": self.means}

    def decode(self, code: Outputs) -> dict[str, Tensor]:
        return super().decode({ModelOutput.LATENT: code["latent"] + code["component"] @ self.means})


class Undeclared(TwoParts):
    shared_outputs = frozenset()


class Sampled(TwoParts):
    """`decode` is to take a part that no pass returns."""

    code_parts = ("latent", "choice")


class OldDecoder(Whole):
    """Written for a latent alone."""

    def decode(self, latent: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        return {ModelOutput.RECONSTRUCTION: self.up(latent).sigmoid().view(-1, *SHAPE)}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        encoded = self.encode(images)
        return encoded | self.decode(encoded[ModelOutput.LATENT])


class PlainDecoder(Whole):
    def decode(self, code: Outputs) -> Tensor:  # type: ignore[override]
        return self.up(code[ModelOutput.LATENT]).sigmoid().view(-1, *SHAPE)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        encoded = self.encode(images)
        return encoded | {ModelOutput.RECONSTRUCTION: self.decode(encoded)}


def test_the_width_is_seen_where_the_module_does_not_say_it() -> None:
    assert observe(Whole(), SHAPE) == Abilities(3, code={"latent": (3,)}, outputs={"mu": (3,)})
    found = observe(ConvAutoencoder(image_size=16, latent_dim=5, variational=True).build(), (1, 16, 16))
    assert found == Abilities(5, code={"latent": (5,)}, outputs={"mu": (5,), "logvar": (5,)})


def test_parts_of_a_code_and_what_is_shared_are_known_by_name_and_shape() -> None:
    found = observe(TwoParts(), SHAPE)
    assert found.code == {"latent": (3,), "component": (2,)}
    assert found.outputs == {"mu": (3,), "component": (2,), "spread": (2, 2)}
    assert found.shared == {"means": (2, 3)}
    assert not found.lacks
    assert Abilities.from_json(json.loads(json.dumps(found.to_json()))) == found
    with pytest.raises(ValueError, match=r"'means' of shape \(2, 3\) for 7 images.*shared_outputs"):
        observe(Undeclared(), SHAPE)


def test_a_name_with_a_meaning_of_its_own_is_refused() -> None:
    class Wrong(Whole):
        def encode(self, images: Tensor) -> dict[str, Tensor]:
            return super().encode(images) | {"error": images.flatten(1)}

    with pytest.raises(ValueError, match="Wrong returns an output called 'error'"):
        observe(Wrong(), SHAPE)


@pytest.mark.parametrize(
    ("model", "width", "lacks"),
    [
        (ForwardOnly, 3, {DECODE: "ForwardOnly has no method decode(code)"}),
        (EncoderOnly, 3, {RECONSTRUCTION: "no image", DECODE: "EncoderOnly has no method decode(code)"}),
        (MapLatent, None, {LATENT: "no flat latent (B, D)", DECODE: "no flat latent (B, D)"}),
        (Sampled, 3, {DECODE: "Sampled names choice in code_parts, which it does not return"}),
        (OldDecoder, 3, {DECODE: "decode() of OldDecoder fails on a code {latent} (TypeError: "}),
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
        def encode(self, images: Tensor) -> dict[str, Tensor]:
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
