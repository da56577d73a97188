"""Which images activate a channel most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from acc_assets.analysis.layer_capture import NOISE_SEED, exact_convolutions
from acc_assets.models.abilities import every_output, point_latent
from acc_assets.models.layer_calls import LayerCall, evaluating, watch_layers

Array = np.ndarray
BATCH = 64


@dataclass(frozen=True)
class Scan:
    """A pass over N images: of each layer's c channels the largest value, where it is in the map, and the mean (N, c).

    latents: (N, D); None for a model without a flat latent.
    """

    largest: dict[str, Array]
    places: dict[str, Array]  # (N, c, 2): x, y of the first place with the largest value
    means: dict[str, Array]
    latents: Array | None


def scan(model: nn.Module, images: Array, channels: Mapping[str, Sequence[int]]) -> Scan:
    """Run a model over uint8 images (N, C, H, W) and look at some channels of the layers named, which give maps."""
    largest: dict[str, list[Array]] = {name: [] for name in channels}
    places: dict[str, list[Array]] = {name: [] for name in channels}
    means: dict[str, list[Array]] = {name: [] for name in channels}
    codes: list[Array] = []

    def seen(call: LayerCall) -> None:
        if call.name not in channels:
            return
        maps = call.output[:, list(channels[call.name])]
        width = maps.shape[3]
        values, at = maps.flatten(2).max(dim=2)
        largest[call.name].append(values.float().cpu().numpy())
        places[call.name].append(torch.stack([at % width, at // width], dim=2).cpu().numpy())
        means[call.name].append(maps.mean(dim=(2, 3)).float().cpu().numpy())

    with evaluating(model) as device, exact_convolutions():
        torch.manual_seed(NOISE_SEED)
        for start in range(0, len(images), BATCH):
            batch = torch.from_numpy(images[start : start + BATCH]).to(device)
            with watch_layers(model, seen):
                outputs = every_output(model, batch.float() / 255.0)
            latent = point_latent(outputs)
            if latent is not None:
                codes.append(latent.float().cpu().numpy())
    count = len(images)
    code = np.concatenate(codes) if codes else None
    return Scan(_joined(largest, count), _joined(places, count), _joined(means, count), code)


def top_images(scores: Array, most: int) -> tuple[Array, Array]:
    """The best images of each channel by scores (N, c): indices int32 and scores float32 (c, k), the best first.

    Of equal scores the earlier image comes first.
    """
    order = np.argsort(-scores.T, axis=1, kind="stable")[:, :most]
    return order.astype(np.int32), np.take_along_axis(scores.T, order, axis=1).astype(np.float32)


def _joined(found: Mapping[str, list[Array]], count: int) -> dict[str, Array]:
    """The parts of each layer as one array, where it ran for every image."""
    return {name: np.concatenate(parts) for name, parts in found.items() if sum(map(len, parts)) == count}
