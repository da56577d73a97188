"""What a module can do, seen by running it: a user's own may lack `decode`, `encode`, or a latent to look at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from acc_assets.models.factors import FactorGroup, check_factor_groups
from acc_assets.models.outputs import ModelOutput, Outputs
from acc_assets.tree.analyses import DECODE, LATENT, RECONSTRUCTION

if TYPE_CHECKING:
    from torch import Tensor, nn

Shapes = Mapping[str, tuple[int, ...]]
MAP_DIMENSIONS = 4  # outputs (B, c, h, w) and beyond are maps, too large to keep for every example
SEEN = 7  # images that a module is tried with: an output with another length is not one per image
TAKEN = (
    "error",
    "input",
)  # of the reconstruction's error and an exported encoder: no output may be called so
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Abilities:
    """What one module can do.

    latent_dim: width D of its flat latent (B, D), None where it returns none. factor_groups: the module's own
    named slices of that latent. code: what `decode` takes, by name, with the shape of one example; empty for a module
    that cannot decode. outputs: what is kept of every example, by name and shape: numbers, vectors and matrices, the
    parts of the code whatever their size, but no maps (c, h, w). shared: outputs of the model itself, likewise. lacks:
    why an ability (`latent`, `reconstruction`, `decode`) is not there, in a sentence that a page can show.
    """

    latent_dim: int | None
    factor_groups: tuple[FactorGroup, ...] = ()
    code: Shapes = field(default_factory=dict)
    outputs: Shapes = field(default_factory=dict)
    shared: Shapes = field(default_factory=dict)
    lacks: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The record as plain values."""
        return {
            "latent_dim": self.latent_dim,
            "factor_groups": [{"name": g.name, "start": g.start, "stop": g.stop} for g in self.factor_groups],
            **{name: _lists(getattr(self, name)) for name in ("code", "outputs", "shared")},
            "lacks": dict(self.lacks),
        }

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Abilities:
        """The record that `to_json` wrote."""
        groups = tuple(FactorGroup(**group) for group in value["factor_groups"])
        code, outputs, shared = (
            {part: tuple(shape) for part, shape in value[name].items()}
            for name in ("code", "outputs", "shared")
        )
        return Abilities(value["latent_dim"], groups, code, outputs, shared, dict(value["lacks"]))


def observe(model: nn.Module, image_shape: tuple[int, ...]) -> Abilities:
    """Run a module on a few blank images (C, H, W) and say what it can do.

    The module's mode and torch's generators stay as they were. Raises ValueError for outputs without names, for one
    that is neither of each example nor named in `shared_outputs`, and for factor groups that do not fit the latent.
    """
    import torch

    from acc_assets.models.layer_calls import evaluating

    name = type(model).__name__
    lacks: dict[str, str] = {}
    code: dict[str, tuple[int, ...]] = {}
    with evaluating(model) as device:
        outputs = every_output(model, torch.zeros((SEEN, *image_shape), device=device))
        latent = point_latent(outputs)
        if latent is None:
            lacks[LATENT] = f"{name} returns no flat latent (B, D) under ModelOutput.LATENT"
        if ModelOutput.RECONSTRUCTION not in outputs:
            lacks[RECONSTRUCTION] = f"{name} returns no image under ModelOutput.RECONSTRUCTION"
        why = lacks.get(LATENT) or _no_decoder(model, outputs)
        if why is not None:
            lacks[DECODE] = why
        else:
            code = {part: tuple(value.shape[1:]) for part, value in code_of(model, outputs).items()}
        kept = {part: tuple(value.shape[1:]) for part, value in kept_outputs(model, outputs).items()}
        shared = {part: tuple(value.shape) for part, value in shared_outputs(model, outputs).items()}
    width = None if latent is None else int(latent.shape[1])
    groups = tuple(getattr(model, "factor_groups", None) or ())
    if width is None and groups:
        raise ValueError(f"{name} names factor_groups, but {lacks[LATENT]}: return one, or name no groups.")
    if width is not None:
        try:
            check_factor_groups(groups, width, cover=False)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return Abilities(width, groups, code, kept, shared, lacks)


def every_output(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """All that a module returns for images (B, C, H, W): of `forward`, or of `encode` where that is all it has."""
    from torch import nn

    has_forward = type(model).forward is not nn.Module.forward
    method = "forward" if has_forward or not callable(getattr(model, "encode", None)) else "encode"
    return named_outputs((model if method == "forward" else model.encode)(images), model, method)  # type: ignore[operator]


def coded(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """The outputs that hold the code of images (B, C, H, W): `encode`'s, or `forward`'s where those lack some of it."""
    encode: Any = getattr(model, "encode", None)
    if callable(encode):
        encoded = encode(images)
        if isinstance(encoded, Mapping) and len(code_of(model, encoded)) == len(code_parts(model)):
            return dict(encoded)
    return every_output(model, images)


def named_outputs(outputs: Any, model: nn.Module, method: str) -> dict[str, Tensor]:
    """The outputs of a module's method; raises ValueError unless they are a dictionary of tensors by name."""
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


def flat_latent(model: nn.Module, outputs: Outputs) -> Tensor:
    """The same; raises ValueError where there is none."""
    if (latent := point_latent(outputs)) is None:
        raise ValueError(
            f"{type(model).__name__} returns no flat latent (B, D): return one under ModelOutput.LATENT."
        )
    return latent


def code_parts(model: nn.Module) -> tuple[str, ...]:
    """Names of what `decode` takes: the module's own `code_parts`, or the latent alone."""
    return tuple(str(part) for part in getattr(model, "code_parts", (ModelOutput.LATENT,)))


def code_of(model: nn.Module, outputs: Outputs) -> dict[str, Tensor]:
    """What `decode` takes of a module's outputs, by name; its latent is the one that readers see, never a sample."""
    point = point_latent(outputs)
    named = outputs if point is None else {**outputs, LATENT: point}
    return {part: named[part] for part in code_parts(model) if part in named}


def shared_outputs(model: nn.Module, outputs: Outputs) -> dict[str, Tensor]:
    """Outputs that belong to the model, such as component means (K, D), by name."""
    names: frozenset[str] = getattr(model, "shared_outputs", frozenset())
    return {str(name): value for name, value in outputs.items() if name in names}


def kept_outputs(model: nn.Module, outputs: Outputs) -> dict[str, Tensor]:
    """What is kept of each image, by name: see `Abilities.outputs`.

    Under `mu` stands the latent that readers see; `latent` itself, which is that or a sample of it, is left out. Raises
    ValueError for an output that is not one per image, and for a name that cannot be that of an array.
    """
    module, parts, shared = type(model).__name__, code_parts(model), shared_outputs(model, outputs)
    point = point_latent(outputs)
    kept = {} if point is None else {str(ModelOutput.MU): point}
    count = None if point is None else len(point)
    for name, value in outputs.items():
        if name in shared or name in (LATENT, ModelOutput.MU):
            continue
        if not _NAME.fullmatch(name) or name in TAKEN:
            raise ValueError(
                f"{module} returns an output called {str(name)!r}: use letters, digits and '_', starting with a "
                f"letter, and none of {', '.join(TAKEN)}, which have a meaning of their own"
            )
        if value.ndim == 0 or len(value) != (len(value) if count is None else count):
            raise ValueError(
                f"{module} returns '{name}' of shape {tuple(value.shape)} for {count} images: return one for each "
                f"image, or name it in shared_outputs = frozenset({{'{name}'}}) where it belongs to the model"
            )
        if value.ndim < MAP_DIMENSIONS or name in parts:
            kept[str(name)] = value
    return kept


def _no_decoder(model: Any, outputs: Outputs) -> str | None:
    """Why the code of images cannot be decoded by this module; None when it can."""
    name, decode, parts = type(model).__name__, getattr(model, "decode", None), code_parts(model)
    if not callable(decode):
        return f"{name} has no method decode(code)"
    if LATENT not in parts:
        return f"the code_parts of {name}, {', '.join(parts)}, have no {LATENT} to look at"
    code = code_of(model, outputs)
    missing = [part for part in parts if part not in code]
    if missing:
        return f"{name} names {', '.join(missing)} in code_parts, which it does not return"
    try:
        decoded = decode(code)
    except Exception as error:  # what a user's method does with a code is not known beforehand
        cause = str(error).split("\n")[0]
        return f"decode() of {name} fails on a code {{{', '.join(parts)}}} ({type(error).__name__}: {cause})"
    if isinstance(decoded, Mapping) and ModelOutput.RECONSTRUCTION in decoded:
        return None
    given = (
        "a dictionary without ModelOutput.RECONSTRUCTION"
        if isinstance(decoded, Mapping)
        else f"a {type(decoded).__name__}"
    )
    return f"decode(code) of {name} returns {given}, not {{ModelOutput.RECONSTRUCTION: images}}"


def _lists(shapes: Shapes) -> dict[str, list[int]]:
    return {name: list(shape) for name, shape in shapes.items()}
