"""What moving one factor does to the decoded image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from acc_assets.analysis.neighbors import checked_points
from acc_assets.models import FactorGroup

Array = np.ndarray
Decode = Callable[[Array], Array]  # (B, D) float32 -> (B, C, H, W) in [0, 1]


@dataclass(frozen=True)
class Traversal:
    """A factor moved over its range, everything else held.

    images: (S, T, C, H, W) in [0, 1], one row per seed image; dim_images: (d, T, C, H, W), one row per
    dimension of the group, from the first seed image; offsets: (T,) standard deviations; direction: (d,) unit
    vector within the group; std: standard deviation of the data along it; explained: its share of the group's
    variance in [0, 1]; effect: mean absolute pixel change over rows, steps and pixels, against the middle of
    the row.
    """

    name: str
    start: int
    stop: int
    images: Array
    dim_images: Array
    offsets: Array
    direction: Array
    std: float
    explained: float
    effect: float


def traverse(
    decode: Decode,
    mu: Array,
    groups: Sequence[FactorGroup],
    seed_indices: Sequence[int],
    *,
    steps: int = 9,
    span: float = 3.0,
) -> list[Traversal]:
    """Traverse each factor group along the first principal direction that the WHOLE data set has in it.

    mu: (N, D), all latents of the set, which give mean, direction and standard deviation; seed_indices: the
    rows to decode. Column t puts the seed's coordinate along the direction at t standard deviations from the
    mean of the set, t from -span to +span; the seed's position across the direction and all other dimensions
    stay. So one column means the same in every row, and a collapsed group changes nothing. Raises ValueError
    for fewer than 2 steps, no seed, or an index out of range.
    """
    latents = checked_points(mu, "traverse", minimum=2)
    seeds = np.asarray(seed_indices, dtype=np.int64)
    if steps < 2 or span <= 0.0:
        raise ValueError(
            f"traverse: steps is {steps} and span {span}; allowed: 2 or more steps, span above 0"
        )
    if seeds.size == 0 or seeds.min() < 0 or seeds.max() >= len(latents):
        raise ValueError(f"traverse: seed_indices {seeds.tolist()} must name rows of {len(latents)} latents")
    offsets = np.linspace(-span, span, steps)
    return [_traverse_group(decode, latents, group, seeds, offsets) for group in groups]


def _traverse_group(decode: Decode, mu: Array, group: FactorGroup, seeds: Array, offsets: Array) -> Traversal:
    own = mu[:, group.start : group.stop].astype(np.float64)
    mean, spread = own.mean(axis=0), own.std(axis=0)
    direction, std, explained = _principal_direction(own - mean)
    steps, dims = len(offsets), own.shape[1]

    grid = np.repeat(mu[seeds, None].astype(np.float64), steps, axis=1)  # (S, T, D)
    along = (own[seeds] - mean) @ direction  # (S,) where the seeds are
    shift = offsets[None, :] * std - along[:, None]  # (S, T)
    grid[:, :, group.start : group.stop] += shift[:, :, None] * direction

    rows = np.repeat(mu[seeds[0]][None, None].astype(np.float64), dims, axis=0).repeat(
        steps, axis=1
    )  # (d, T, D)
    for dim in range(dims):
        rows[dim, :, group.start + dim] = mean[dim] + offsets * spread[dim]

    codes = np.concatenate([grid, rows]).reshape(-1, mu.shape[1]).astype(np.float32)
    decoded = decode(codes)
    decoded = decoded.reshape(len(seeds) + dims, steps, *decoded.shape[1:])
    images = decoded[: len(seeds)]
    middle = (images[:, steps // 2] + images[:, (steps - 1) // 2]) / 2.0
    return Traversal(
        name=group.name,
        start=group.start,
        stop=group.stop,
        images=images,
        dim_images=decoded[len(seeds) :],
        offsets=offsets,
        direction=direction,
        std=std,
        explained=explained,
        effect=float(np.abs(images - middle[:, None]).mean()),
    )


def _principal_direction(centred: Array) -> tuple[Array, float, float]:
    """First principal direction, the deviation along it and its share of the variance: (N, d) -> (d,), float, float."""
    variances, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    direction = vectors[:, -1]
    direction = direction * (-1.0 if direction[np.abs(direction).argmax()] < 0.0 else 1.0)
    total = float(variances.sum())
    top = max(float(variances[-1]), 0.0)
    return direction, top**0.5, top / total if total > 0.0 else 0.0
