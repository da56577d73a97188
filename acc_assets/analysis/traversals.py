"""What moving one factor does to the decoded image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from acc_assets.analysis.neighbors import checked_points
from acc_assets.analysis.slot_axis import in_deviations, slot_axis
from acc_assets.models import FactorGroup

Array = np.ndarray
# latents (B, D) float32 and the images (B,) that they are moved from -> (B, C, H, W) in [0, 1]
Decode = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Traversal:
    """A factor moved over its range, everything else held.

    images: (S, T, C, H, W) in [0, 1], one row per seed image; dim_images: (d, T, C, H, W), one row per
    dimension of the group, from the first seed image; offsets: (T,) standard deviations; positions: (S,) where each
    seed image itself lies on the same scale, and dim_positions: (d,) where the first does in each dimension, so that
    a column is the image's own reconstruction only where its offset is that number; direction: (d,) unit vector
    within the group; std: standard deviation of the data along it; explained: its share of the group's variance in
    [0, 1]; effect: mean absolute pixel change over rows, steps and pixels, against the middle of the row.
    """

    name: str
    start: int
    stop: int
    images: Array
    dim_images: Array
    offsets: Array
    positions: Array
    dim_positions: Array
    direction: Array
    std: float
    explained: float
    effect: float

    def nearest(self, positions: Array) -> list[int | None]:
        """The column nearest to each position (K,); None where it lies beyond the columns by over half a step."""
        return nearest_columns(self.offsets, positions)


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
    axis, spread = slot_axis(mu, group), own.std(axis=0)
    steps, dims = len(offsets), own.shape[1]

    grid = np.repeat(mu[seeds, None].astype(np.float64), steps, axis=1)  # (S, T, D)
    positions = axis.positions(own[seeds])  # (S,) where the seeds are
    shift = (offsets[None, :] - positions[:, None]) * axis.std  # (S, T)
    grid[:, :, group.start : group.stop] += shift[:, :, None] * axis.direction

    rows = np.repeat(mu[seeds[0]][None, None].astype(np.float64), dims, axis=0).repeat(
        steps, axis=1
    )  # (d, T, D)
    for dim in range(dims):
        rows[dim, :, group.start + dim] = axis.mean[dim] + offsets * spread[dim]

    codes = np.concatenate([grid, rows]).reshape(-1, mu.shape[1]).astype(np.float32)
    owners = np.concatenate([np.repeat(seeds, steps), np.full(dims * steps, seeds[0])])
    decoded = decode(codes, owners)
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
        positions=positions,
        dim_positions=in_deviations(own[seeds[0]] - axis.mean, spread),
        direction=axis.direction,
        std=axis.std,
        explained=axis.explained,
        effect=float(np.abs(images - middle[:, None]).mean()),
    )


def nearest_columns(offsets: Array, positions: Array) -> list[int | None]:
    """The index of the evenly spaced offset (T,) nearest to each position (K,).

    None for a position more than half a step beyond the first or last offset: no column shows it.

    >>> nearest_columns(np.linspace(-3, 3, 7), np.array([0.4, -3.2, 3.6]))
    [3, 0, None]
    """
    found = np.abs(positions[:, None] - offsets).argmin(axis=1)
    half = (offsets[-1] - offsets[0]) / (len(offsets) - 1) / 2.0
    beyond = (positions < offsets[0] - half) | (positions > offsets[-1] + half)
    return [None if outside else int(column) for column, outside in zip(found, beyond, strict=True)]
