"""What is looked at inside of a network: examples, layers, channels, positions, chosen from its structure alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from torch import nn

from acc_assets.models.abilities import SEEN, Abilities, every_output
from acc_assets.models.layer_calls import LayerCall, Watched, evaluating, watch_layers
from acc_assets.models.outputs import ModelOutput

VERSION = 1
# Examples and channels of a layer, the first pair whose captured activations stay under FORWARD_BYTES a snapshot. No
# number of examples is `SEEN`, so that a table of as many rows is missed when the examples are captured.
WIDTHS = ((10, 12), (6, 12), (6, 8), (4, 8), (3, 8), (3, 4), (2, 4), (1, 4), (1, 2), (1, 1))
FORWARD_BYTES = 800_000
VECTOR_ENTRIES = 256
# Images in which the most activating are looked for: as many as keep all their activations under SCANNED numbers.
SUBSET, FEWEST, SCANNED = 512, 64, 32_000_000
GRID = 3  # positions of a map, across and down
# Examples and output channels of convolution steps, likewise.
STEPS = ((2, 4), (2, 2), (1, 2), (1, 1))
STEP_BYTES = 600_000
TOP_CHANNELS = 4  # input channels of which products and slices are kept
DIMS = 8  # of a latent that are moved
MOVES = (-3.0, -1.5, 0.0, 1.5, 3.0)
PERTURB_BYTES = 400_000  # of a latent, a snapshot


def choose_network(
    model: nn.Module, image_shape: tuple[int, ...], indices: Sequence[int], able: Abilities
) -> dict[str, Any]:
    """What will be captured of a model, as plain values: a pure function of its structure and of `indices`.

    indices: test images, the first of which are the examples. A layer's `channels` are "all" or a list; of a vector
    they are its entries. Positions of a map are all pairs of `columns` and `rows`; `out_channels` are those of a
    convolution's steps. `subset` test images, from the first, are searched for the most activating. Modules that cannot
    be captured stand in `left_out` with the reason. The model's mode and torch's generators stay as they were.
    """
    try:
        layers, left_out = _layers(model, image_shape)
    except Exception as error:  # a user's module may not bear hooks; that is no reason not to train it
        cause = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        layers, left_out = [], {"": f"{type(model).__name__} cannot be run under hooks ({cause})"}
    activations = sum(prod(layer["shape"]) for layer in layers)
    examples, channels = _widths(layers, len(indices), left_out)
    close, outs = _steps(layers)
    close = min(close, examples)
    for layer in layers:
        most = VECTOR_ENTRIES if len(layer["shape"]) == 1 else channels
        layer["channels"] = "all" if layer["shape"][0] <= most else spread(layer["shape"][0], most)
        if len(layer["shape"]) == 3:
            layer["columns"], layer["rows"] = (
                lattice(side) for side in (layer["shape"][2], layer["shape"][1])
            )
        if layer.pop("_step") is not None:
            kept = chosen_channels(layer)
            layer["out_channels"] = [kept[place] for place in spread(len(kept), outs)]
    picture = prod(image_shape) * len(MOVES) * max(close, 1)
    moved = max(1, min(DIMS, PERTURB_BYTES // picture))
    component = able.outputs.get(ModelOutput.COMPONENT)
    return {
        "version": VERSION,
        "examples": [int(index) for index in indices[:examples]],
        "close_examples": close,
        "subset": min(SUBSET, max(FEWEST, SCANNED // max(activations, 1))),
        "layers": layers,
        "dims": {
            "latent": spread(able.latent_dim or 0, moved),
            "component": spread(component[0] if component is not None else 0, moved),
        },
        "left_out": [{"module": name, "reason": reason} for name, reason in left_out.items()],
    }


def chosen_channels(layer: Mapping[str, Any]) -> list[int]:
    """The captured channels of a layer of a choice."""
    told = layer["channels"]
    return list(range(layer["shape"][0])) if told == "all" else [int(one) for one in told]


def spread(count: int, most: int) -> list[int]:
    """At most `most` of `count` indices, evenly spread.

    >>> spread(10, 4)
    [0, 3, 6, 9]
    """
    return [int(index) for index in np.linspace(0, count - 1, min(count, most)).round()] if count else []


def lattice(side: int) -> list[int]:
    """The middles of `GRID` equal parts of a map's side; fewer of a side that has fewer places.

    >>> lattice(28)
    [4, 14, 23]
    """
    return sorted({side * (2 * part + 1) // (2 * GRID) for part in range(GRID)})


def map_shape(shape: Sequence[int]) -> list[int]:
    """The shape under which a tensor of one example is shown: (C, h, w) or (n,); a matrix is a map of one channel.

    Raises ValueError for a shape that cannot be shown.
    """
    if len(shape) not in (1, 2, 3) or 0 in shape:
        raise ValueError(f"a tensor of shape {tuple(shape)} an image is neither a vector, a matrix nor a map")
    return [1, *shape] if len(shape) == 2 else list(shape)


def _layers(model: nn.Module, image_shape: tuple[int, ...]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The layers with what a choice needs of them, and why other modules are left out."""
    layers: list[dict[str, Any]] = []
    problems: dict[str, str] = {}

    def seen(call: LayerCall) -> None:
        if call.output.ndim == 0 or len(call.output) != SEEN:
            problems[call.name] = f"its output {tuple(call.output.shape)} is not one entry an image"
            return
        if not call.output.is_floating_point():
            problems[call.name] = f"its output is of {call.output.dtype}"
            return
        try:
            shape = map_shape(call.output.shape[1:])
        except ValueError as error:
            problems[call.name] = str(error)
            return
        layers.append(
            {
                "name": call.name,
                "module": call.path,
                "kind": call.kind,
                "matrix": call.output.ndim == 3,
                "shape": shape,
                "_step": _step_bytes(call.module, shape),
            }
        )

    with evaluating(model) as device:
        images = torch.zeros((SEEN, *image_shape), device=device)
        with watch_layers(model, seen) as found:
            every_output(model, images)
        encoded = _encoded(model, images)
    for layer in layers:
        called = encoded is not None and layer["module"] in encoded.called
        layer["part"] = "model" if encoded is None else "encoder" if called else "decoder"
    silent = [
        path
        for path, module in model.named_modules()
        if path and path not in found.called and not any(module.children())
    ]
    never = {path: "it is not called when the model runs" for path in silent}
    return layers, {**found.left_out, **problems, **never}


def _encoded(model: nn.Module, images: torch.Tensor) -> Watched | None:
    """What `encode` calls; None for a model without it."""
    encode = getattr(model, "encode", None)
    if not callable(encode):
        return None
    with watch_layers(model, lambda call: None) as found:
        encode(images)
    return found


def _step_bytes(module: nn.Module, shape: Sequence[int]) -> tuple[int, int] | None:
    """Bytes of a convolution's steps by example, and by example and output channel; None for another module."""
    if not isinstance(module, nn.Conv2d) or len(shape) != 3:
        return None
    places = len(lattice(shape[1])) * len(lattice(shape[2]))
    kernel, inputs = prod(module.kernel_size), module.in_channels // module.groups
    each = inputs + min(inputs, TOP_CHANNELS) * (kernel + 1) + 4
    return 4 * places * module.in_channels * kernel, 4 * places * each


def _widths(layers: list[dict[str, Any]], there: int, left_out: dict[str, str]) -> tuple[int, int]:
    """Examples and channels that fit; the largest layers are left out where not even one of each does."""

    def cost(layer: Mapping[str, Any], channels: int) -> int:
        first, *rest = layer["shape"]
        return min(first, channels) * prod(rest) if rest else 4 * min(first, VECTOR_ENTRIES)

    while True:
        for examples, channels in WIDTHS:
            if examples * sum(cost(layer, channels) for layer in layers) <= FORWARD_BYTES:
                return min(examples, there), channels
        largest = max(layers, key=lambda layer: cost(layer, 1))
        layers.remove(largest)
        left_out[largest["name"]] = f"a map of {largest['shape']} is beyond what is kept of a snapshot"


def _steps(layers: list[dict[str, Any]]) -> tuple[int, int]:
    """Examples and output channels of convolution steps that fit, at least one of each."""
    bytes_of = [layer["_step"] for layer in layers if layer["_step"] is not None]
    for examples, outs in STEPS:
        if examples * sum(patch + outs * each for patch, each in bytes_of) <= STEP_BYTES:
            return examples, outs
    return STEPS[-1]
