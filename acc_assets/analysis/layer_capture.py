"""What every layer of a model makes of images, and how it is kept."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from acc_assets.models.abilities import every_output
from acc_assets.models.layer_calls import LayerCall, evaluating, watch_layers

Array = np.ndarray
NOISE_SEED = 0  # of what a model draws by itself while it is captured


@dataclass(frozen=True)
class Capture:
    """One run of a model: its outputs by name, and of every layer the output and the first input (B, ...)."""

    outputs: dict[str, Tensor]
    layers: dict[str, Tensor]
    inputs: dict[str, Tensor]


def capture(model: nn.Module, images: Array, inputs_of: Collection[str] = ()) -> Capture:
    """Run a model on images (B, C, H, W) in [0, 1] and copy every layer's output to the CPU, in float32.

    inputs_of: the layers whose input is copied as well, before a later module can change it. What the model draws at
    random is the same at every call; its mode and torch's generators stay as they were.
    """
    layers: dict[str, Tensor] = {}
    inputs: dict[str, Tensor] = {}

    def seen(call: LayerCall) -> None:
        layers[call.name] = _copied(call.output)
        if call.name in inputs_of and call.inputs:
            inputs[call.name] = _copied(call.inputs[0])

    with evaluating(model) as device, exact_convolutions():
        torch.manual_seed(NOISE_SEED)
        with watch_layers(model, seen):
            outputs = every_output(model, torch.from_numpy(images).to(device))
    return Capture({str(name): _copied(value) for name, value in outputs.items()}, layers, inputs)


def exact_convolutions() -> AbstractContextManager[None]:
    """A context in which a GPU multiplies in float32 and not in TF32, which keeps 10 bits."""
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)


def as_map(values: Array) -> Array:
    """Layer outputs (B, C, h, w) or (B, n) as they are; matrices (B, t, n) as maps of one channel."""
    return values[:, None] if values.ndim == 3 else values


def quantised(maps: Array) -> tuple[Array, Array]:
    """Maps (B, C, h, w) as uint8 between each one's smallest and largest value, which are (B, C, 2) float32.

    A value that is not finite counts as the smallest.
    """
    finite = np.where(np.isfinite(maps), maps, np.nan)
    whole = np.isfinite(maps).any(axis=(2, 3))
    filled = np.where(whole[..., None, None], finite, 0.0)
    low, high = np.nanmin(filled, axis=(2, 3)), np.nanmax(filled, axis=(2, 3))
    span = np.where(high > low, high - low, 1.0)[..., None, None]
    shares = np.nan_to_num((filled - low[..., None, None]) / span)
    return np.rint(255.0 * shares).astype(np.uint8), np.stack([low, high], axis=-1).astype(np.float32)


def statistics(maps: Array) -> Array:
    """Smallest and largest value, mean and standard deviation of each map: (B, C, h, w) -> (B, C, 4) float32."""
    flat = maps.reshape(*maps.shape[:2], -1).astype(np.float64)
    found = np.stack([flat.min(axis=2), flat.max(axis=2), flat.mean(axis=2), flat.std(axis=2)], axis=-1)
    return found.astype(np.float32)


def _copied(value: Tensor) -> Tensor:
    return value.detach().to("cpu", torch.float32, copy=True)
