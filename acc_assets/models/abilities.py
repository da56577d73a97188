"""What a module can do, seen by running it: a user's own may lack `decode`, `encode`, or a latent to look at."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from acc_assets.models.factors import FactorGroup, check_factor_groups
from acc_assets.models.outputs import ModelOutput, Outputs

if TYPE_CHECKING:
    from torch import Tensor, nn

LATENT, RECONSTRUCTION, DECODE = "latent", "reconstruction", "decode"


@dataclass(frozen=True)
class Abilities:
    """What one module can do.

    latent_dim: width D of its flat latent (B, D), None where it returns none. factor_groups: the module's own
    named slices of that latent. lacks: why an ability (`latent`, `reconstruction`, `decode`) is not there, in a
    sentence that a page can show.
    """

    latent_dim: int | None
    factor_groups: tuple[FactorGroup, ...] = ()
    lacks: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The record as plain values."""
        return {
            "latent_dim": self.latent_dim,
            "factor_groups": [{"name": g.name, "start": g.start, "stop": g.stop} for g in self.factor_groups],
            "lacks": dict(self.lacks),
        }

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Abilities:
        """The record that `to_json` wrote."""
        groups = tuple(FactorGroup(**group) for group in value["factor_groups"])
        return Abilities(value["latent_dim"], groups, dict(value["lacks"]))


def observe(model: nn.Module, image_shape: tuple[int, ...]) -> Abilities:
    """Run a module on two blank images (C, H, W) and say what it can do.

    The module's mode and torch's generators stay as they were. Raises ValueError for outputs that are no dictionary
    of `ModelOutput`, and for factor groups that do not fit the latent.
    """
    import torch

    name = type(model).__name__
    reference = next(iter(model.parameters()), None)
    device = torch.device("cpu") if reference is None else reference.device
    images = torch.zeros((2, *image_shape), device=device)
    training = model.training
    lacks: dict[str, str] = {}
    with torch.no_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        model.eval()
        try:
            outputs = every_output(model, images)
            latent = point_latent(outputs)
            if latent is None:
                lacks[LATENT] = f"{name} returns no flat latent (B, D) under ModelOutput.LATENT"
            if ModelOutput.RECONSTRUCTION not in outputs:
                lacks[RECONSTRUCTION] = f"{name} returns no image under ModelOutput.RECONSTRUCTION"
            why = lacks.get(LATENT) or _no_decoder(model, latent)
            if why is not None:
                lacks[DECODE] = why
        finally:
            model.train(training)
    width = None if latent is None else int(latent.shape[1])
    groups = tuple(getattr(model, "factor_groups", None) or ())
    if width is None and groups:
        raise ValueError(f"{name} names factor_groups, but {lacks[LATENT]}: return one, or name no groups.")
    if width is not None:
        try:
            check_factor_groups(groups, width, cover=False)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return Abilities(width, groups, lacks)


def every_output(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """All that a module returns for images (B, C, H, W): of `forward`, or of `encode` where that is all it has."""
    from torch import nn

    has_forward = type(model).forward is not nn.Module.forward
    method = "forward" if has_forward or not callable(getattr(model, "encode", None)) else "encode"
    return named_outputs((model if method == "forward" else model.encode)(images), model, method)  # type: ignore[operator]


def coded(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """The outputs that hold the latent of images (B, C, H, W): `encode`'s, or `forward`'s where that has none."""
    encode: Any = getattr(model, "encode", None)
    if callable(encode):
        encoded = encode(images)
        if isinstance(encoded, Mapping) and point_latent(encoded) is not None:
            return dict(encoded)
    return every_output(model, images)


def named_outputs(outputs: Any, model: nn.Module, method: str) -> dict[str, Tensor]:
    """The outputs of a module's method; raises ValueError unless they are a dictionary of `ModelOutput`."""
    if not isinstance(outputs, Mapping):
        raise ValueError(
            f"{type(model).__name__}.{method}() returned a {type(outputs).__name__}; it must return "
            "{ModelOutput: Tensor}: name each output, such as {ModelOutput.LATENT: latent}."
        )
    return dict(outputs)


def point_latent(outputs: Outputs) -> Tensor | None:
    """The latent (B, D) that readers see, the posterior mean where there is one; None unless there is a flat one."""
    latent = outputs.get(ModelOutput.MU, outputs.get(ModelOutput.LATENT))
    return latent if latent is not None and latent.ndim == 2 else None


def _no_decoder(model: Any, latent: Any) -> str | None:
    """Why latents (B, D) cannot be decoded by this module; None when they can."""
    name, decode = type(model).__name__, getattr(model, "decode", None)
    if not callable(decode):
        return f"{name} has no method decode(latent)"
    try:
        inspect.signature(decode).bind(latent)
    except TypeError as error:
        return f"decode() of {name} does not take a latent (B, D) alone ({error})"
    decoded = decode(latent)
    if isinstance(decoded, Mapping) and ModelOutput.RECONSTRUCTION in decoded:
        return None
    given = (
        "a dictionary without ModelOutput.RECONSTRUCTION"
        if isinstance(decoded, Mapping)
        else f"a {type(decoded).__name__}"
    )
    return f"decode(latent) of {name} returns {given}, not {{ModelOutput.RECONSTRUCTION: images}}"
