"""How single operations change what positions of a map can see: one rule for each operation of torch (aten)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

Array = np.ndarray
UNKNOWN = {
    "addmm": "a linear layer",
    "mm": "a linear layer",
    "bmm": "attention or a product of matrices",
    "_scaled_dot_product_flash_attention_for_cpu": "attention",
    "_scaled_dot_product_efficient_attention": "attention",
}


STATISTICS = (
    "with the mean and variance of {names} held fixed: through them every position also sees the whole image"
)


@dataclass(frozen=True)
class Field:
    """The box of every position, for all channels: rows (h, 2) and columns (w, 2), half-open and within the image.

    An empty one has start = stop. norms: normalisations over positions on the way, whose statistics are left out of it.
    """

    rows: Array
    columns: Array
    norms: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """What the box leaves out; "" where it is all."""
        return STATISTICS.format(names=", ".join(self.norms)) if self.norms else ""


class NotFollowed(Exception):  # noqa: N818
    """An operation whose arguments are beyond what is followed."""


def everywhere(side: int) -> Array:
    return np.stack([np.arange(side), np.arange(side) + 1], axis=1)  # (side, 2)


def _merge(parts: Iterable[Array]) -> Array:
    """The smallest intervals that hold those of all parts (n, 2), which may be empty."""
    stacked = np.stack(np.broadcast_arrays(*parts))  # (parts, n, 2)
    empty = stacked[..., 0] >= stacked[..., 1]
    start = np.where(empty, np.iinfo(np.int64).max, stacked[..., 0]).min(axis=0)
    stop = np.where(empty, -1, stacked[..., 1]).max(axis=0)
    none = empty.all(axis=0)
    return np.stack([np.where(none, 0, start), np.where(none, 0, stop)], axis=1)


def _gather(intervals: Array, taps: Array) -> Array:
    """Intervals (m, 2) of outputs that read the inputs `taps` (m, k); taps beyond the input read padding."""
    inside = (taps >= 0) & (taps < len(intervals))
    read = intervals[np.clip(taps, 0, len(intervals) - 1)]  # (m, k, 2)
    read = np.where(inside[..., None], read, 0)
    return _merge(read.transpose(1, 0, 2))


def _through(field: Field, output: Tensor, taps: Callable[[int, int, int], Array]) -> Field:
    """A field through an operation on each axis: taps(axis, inputs, outputs) are (outputs, k)."""
    height, width = output.shape[-2:]
    return replace(
        field,
        rows=_gather(field.rows, taps(0, len(field.rows), height)),
        columns=_gather(field.columns, taps(1, len(field.columns), width)),
    )


def _pair(value: Any, default: Sequence[int] = (0, 0)) -> tuple[int, int]:
    given = list(value) if isinstance(value, list | tuple) else [value]
    given = given or list(default)
    return int(given[0]), int(given[-1])


def _window(field: Field, output: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Field:
    sizes, dilations, paddings = _pair(kernel), _pair(dilation), _pair(padding)
    strides = _pair(stride, sizes)

    def taps(axis: int, inputs: int, outputs: int) -> Array:
        starts = np.arange(outputs) * strides[axis] - paddings[axis]
        return starts[:, None] + dilations[axis] * np.arange(sizes[axis])

    return _through(field, output, taps)


def _convolution(
    field: Field,
    output: Tensor,
    weight: Tensor,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
) -> Field:
    if output.ndim != 4:
        raise NotFollowed("a convolution over one or three dimensions")
    kernel = tuple(weight.shape[-2:])
    if not transposed:
        return _window(field, output, kernel, stride, padding, dilation)
    strides, paddings, dilations = _pair(stride), _pair(padding), _pair(dilation)

    def taps(axis: int, inputs: int, outputs: int) -> Array:
        # Input i reaches output y where y = i * stride - padding + dilation * k for a place k of the kernel.
        spread = np.arange(outputs)[:, None] + paddings[axis] - dilations[axis] * np.arange(kernel[axis])
        return np.where(spread % strides[axis] == 0, spread // strides[axis], -1)

    return _through(field, output, taps)


def _max_pool(
    field: Field, output: Tensor, kernel: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, *_: Any
) -> Field:
    return _window(field, output, kernel, stride, padding, dilation)


def _average_pool(
    field: Field, output: Tensor, kernel: Any, stride: Any = (), padding: Any = 0, *_: Any
) -> Field:
    return _window(field, output, kernel, stride, padding, 1)


def _adaptive_pool(field: Field, output: Tensor, *_: Any) -> Field:
    def taps(axis: int, inputs: int, outputs: int) -> Array:
        places = np.arange(outputs)
        starts, stops = places * inputs // outputs, -(-(places + 1) * inputs // outputs)
        found = starts[:, None] + np.arange((stops - starts).max())
        return np.where(found < stops[:, None], found, -1)

    return _through(field, output, taps)


def _pad(field: Field, output: Tensor, pad: Sequence[int], *_: Any) -> Field:
    left, top = pad[0], pad[2] if len(pad) > 2 else 0
    return _through(field, output, lambda axis, _, o: np.arange(o)[:, None] - (top, left)[axis])


def _edge_pad(kind: str) -> Callable[..., Field]:
    def rule(field: Field, output: Tensor, pad: Sequence[int]) -> Field:
        left, _, top, _ = pad

        def taps(axis: int, inputs: int, outputs: int) -> Array:
            places = np.arange(outputs) - (top, left)[axis]
            if kind == "replicate":
                return np.clip(places, 0, inputs - 1)[:, None]
            bounced = np.abs(places)
            return np.where(bounced >= inputs, 2 * (inputs - 1) - bounced, bounced)[:, None]

        return _through(field, output, taps)

    return rule


def _enlarge(linear: bool) -> Callable[..., Field]:
    def rule(field: Field, output: Tensor, *more: Any, **named: Any) -> Field:
        corners = linear and bool(more[1] if len(more) > 1 else named.get("align_corners"))

        def taps(axis: int, inputs: int, outputs: int) -> Array:
            if outputs % inputs and inputs % outputs and not corners:
                raise NotFollowed("an enlargement by no whole number")
            places = np.arange(outputs)
            if not linear:
                return (places * inputs // outputs)[:, None]
            at = (
                places * (inputs - 1) / max(outputs - 1, 1)
                if corners
                else (places + 0.5) * inputs / outputs - 0.5
            )
            lower = np.floor(np.clip(at, 0, inputs - 1)).astype(int)
            upper = np.where(np.clip(at, 0, inputs - 1) > lower, lower + 1, lower)
            return np.clip(np.stack([lower, upper], axis=1), 0, inputs - 1)

        return _through(field, output, taps)

    return rule


def _shuffle(field: Field, output: Tensor, factor: int) -> Field:
    return _through(field, output, lambda axis, _, o: (np.arange(o) // factor)[:, None])


def _unshuffle(field: Field, output: Tensor, factor: int) -> Field:
    return _through(field, output, lambda axis, _, o: np.arange(o)[:, None] * factor + np.arange(factor))


def _norm(name: str) -> Callable[..., Field]:
    def rule(field: Field, output: Tensor, *_: Any) -> Field:
        return _kept(replace(field, norms=tuple(sorted({*field.norms, name}))), output)

    return rule


def _batch_norm(field: Field, output: Tensor, *args: Any) -> Field:
    training = args[4] if len(args) > 4 and isinstance(args[4], bool) else False
    return _norm("an instance norm")(field, output) if training else _kept(field, output)


def _kept(field: Field, output: Tensor, *_: Any, **__: Any) -> Field:
    """The same field where the last two dimensions are the map's, as before."""
    if output.ndim < 2 or tuple(output.shape[-2:]) != (len(field.rows), len(field.columns)):
        raise NotFollowed("the map is flattened or of another shape")
    return field


def _slice(
    field: Field, output: Tensor, dim: int = 0, start: Any = None, stop: Any = None, step: int = 1
) -> Field:
    axis = dim % output.ndim - (output.ndim - 2)
    if axis < 0:
        return _kept(field, output)
    chosen = slice(start, stop, step)
    if axis == 0:
        return replace(field, rows=field.rows[chosen])
    return replace(field, columns=field.columns[chosen])


def _permute(field: Field, output: Tensor, dims: Sequence[int]) -> Field:
    count = len(dims)
    if [dim % count for dim in dims[-2:]] != [count - 2, count - 1]:
        raise NotFollowed("a change of the order of dimensions")
    return _kept(field, output)


def _over_channels(field: Field, output: Tensor, dims: Any = None, *_: Any, **__: Any) -> Field:
    """Reductions and softmax over dimensions before the map's."""
    given = dims if isinstance(dims, list | tuple) else [dims]
    if not given or any(dim is None or dim not in (1, -3) for dim in given):
        raise NotFollowed("a mean or sum over positions")
    return _kept(field, output)


def union(name: str, fields: Sequence[Field], args: Sequence[Any], output: Tensor) -> Field:
    if name in ("cat", "stack"):
        dim = args[1] if len(args) > 1 else 0
        if dim % output.ndim >= output.ndim - 2:
            raise NotFollowed("maps laid beside each other")
    try:
        merged = Field(
            _merge(field.rows for field in fields),
            _merge(field.columns for field in fields),
            tuple(sorted({name for field in fields for name in field.norms})),
        )
    except ValueError:
        raise NotFollowed("maps of different sizes") from None
    height, width = output.shape[-2:]
    rows, columns = (
        np.broadcast_to(side, (count, 2)) if len(side) == 1 else side
        for side, count in ((merged.rows, height), (merged.columns, width))
    )
    return _kept(replace(merged, rows=rows, columns=columns), output)


RULES: Mapping[str, Callable[..., Field]] = {
    "convolution": _convolution,
    "max_pool2d_with_indices": _max_pool,
    "avg_pool2d": _average_pool,
    "_adaptive_avg_pool2d": _adaptive_pool,
    "adaptive_max_pool2d": _adaptive_pool,
    "constant_pad_nd": _pad,
    "reflection_pad2d": _edge_pad("reflect"),
    "replication_pad2d": _edge_pad("replicate"),
    "upsample_nearest2d": _enlarge(linear=False),
    "upsample_bilinear2d": _enlarge(linear=True),
    "pixel_shuffle": _shuffle,
    "pixel_unshuffle": _unshuffle,
    "native_group_norm": _norm("a group norm"),
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit": _batch_norm,
    "_native_batch_norm_legit_no_training": _kept,
    "cudnn_batch_norm": _batch_norm,
    "slice": _slice,
    "permute": _permute,
    "mean": _over_channels,
    "sum": _over_channels,
    "amax": _over_channels,
    "_softmax": _over_channels,
    **dict.fromkeys(
        (
            "view",
            "_unsafe_view",
            "reshape",
            "clone",
            "detach",
            "alias",
            "_to_copy",
            "expand",
            "unsqueeze",
            "squeeze",
            "split",
            "split_with_sizes",
            "chunk",
        ),
        _kept,
    ),
}
