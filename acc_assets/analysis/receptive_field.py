"""What of the image each position of a map can see, and which layers feed which, followed through a model's operations.

Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks" (Distill, 2019) give closed
forms for chains; here every output row keeps its own interval of input rows (columns likewise), which holds for padding
at the edges, transposed convolutions, enlargements and the union over the paths of a residual connection alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from acc_assets.analysis.receptive_rules import RULES, UNKNOWN, Field, NotFollowed, everywhere, union
from acc_assets.models.abilities import every_output
from acc_assets.models.layer_calls import LayerCall, evaluating, watch_layers


@dataclass(frozen=True)
class Mixed:
    """A tensor of which no position can be told, by an operation (`cause`) first seen at a layer (`where`)."""

    cause: str
    where: str = ""

    @property
    def reason(self) -> str:
        """Why there is no box, for a page."""
        place = f" at {self.where}" if self.where else ""
        return f"every position may see the whole image: positions are mixed{place} ({self.cause})"


Seen = Field | Mixed


@dataclass(frozen=True)
class Wiring:
    """Of a layer: what its positions see (None: it does not depend on the image), and the layers that feed it."""

    field: Seen | None
    inputs: tuple[str, ...]


def wiring(model: nn.Module, image_shape: tuple[int, ...]) -> dict[str, Wiring]:
    """What every layer of a model sees and is fed by, by the layer's name; "" among its inputs is the image itself.

    The model is run on one blank image (C, H, W). Operations that are not understood make what depends on them
    `Mixed`, so that a box which is given holds.
    """
    found: dict[str, Wiring] = {}
    with evaluating(model) as device:
        image = torch.zeros((1, *image_shape), device=device)
        follower = Follower(image)

        def seen(call: LayerCall) -> None:
            found[call.name] = follower.at_layer(call.name, call.output)

        with watch_layers(model, seen), follower:
            every_output(model, image)
    return found


class Follower(TorchDispatchMode):
    """Follows positions of an image (1, C, H, W) through every operation that runs while it is entered."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        height, width = image.shape[-2:]
        start = Field(everywhere(height), everywhere(width))
        self._seen: dict[int, tuple[Tensor, Seen, frozenset[str]]] = {
            id(image): (image, start, frozenset({""}))
        }
        self._lost: Mixed | None = None  # a write that cannot be followed: nothing holds any more

    def at_layer(self, name: str, output: Tensor) -> Wiring:
        """What a layer's output sees and comes of; from here on it counts as that layer's."""
        if id(output) not in self._seen:
            return Wiring(None, ())
        tensor, field, sources = self._seen[id(output)]
        field = self._lost or field
        if isinstance(field, Mixed) and not field.where:
            field = replace(field, where=name)
        self._seen[id(output)] = tensor, field, frozenset({name})
        return Wiring(field, tuple(sorted(sources)))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        tracked = [self._seen[id(one)] for one in _tensors((args, kwargs)) if id(one) in self._seen]
        if not tracked:
            return result
        sources = frozenset().union(*(names for _, _, names in tracked))
        name = func.overloadpacket.__name__
        others = [one for one in _tensors((args[1:], kwargs)) if id(one) in self._seen]
        if func._schema.is_mutable and others and isinstance(args[0], Tensor) and args[0]._is_view():
            self._lost = Mixed(f"aten::{name} writes into a part of a tensor")
        for output in _tensors(result):
            self._seen[id(output)] = (
                output,
                self._field(func, name, args, kwargs or {}, output, tracked),
                sources,
            )
        return result

    def _field(
        self,
        func: Any,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        output: Tensor,
        tracked: Any,
    ) -> Seen:
        fields = [field for _, field, _ in tracked]
        for field in fields:
            if isinstance(field, Mixed):
                return field
        try:
            if name in RULES and len(fields) == 1 and id(args[0]) in self._seen:
                return RULES[name](fields[0], output, *args[1:], **kwargs)
            if torch.Tag.pointwise in func.tags or name in ("cat", "stack"):
                return union(name, fields, args, output)
        except NotFollowed as unknown:
            return Mixed(str(unknown))
        return Mixed(UNKNOWN.get(name, f"aten::{name}"))


def _tensors(value: Any) -> list[Tensor]:
    """All tensors in nested arguments."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return []
    return [tensor for one in value for tensor in _tensors(one)]
