"""Cross-attention maps of a factor-slot model, laid over the images and in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from acc_assets.analysis.figures import heat_overlay

Array = np.ndarray


@dataclass(frozen=True)
class FactorAttention:
    """How one factor attends: mean share of all attention; its spread over positions; its link to the ink.

    share: in [0, 1], and 1 / F for each when none is preferred; entropy: of the mean map over positions, as a
    share of the highest possible, so 1 is an even map; ink: correlation in [-1, 1] of the map with the
    brightness under it; variation: standard deviation of the maps over images, mean over positions (0: the
    map never changes).
    """

    name: str
    share: float
    entropy: float
    ink: float
    variation: float


def attention_summary(maps: Array, images: Array, names: Sequence[str]) -> list[FactorAttention]:
    """Describe attention maps (B, F, h, w) over images (B, C, H, W) in [0, 1], one record per factor."""
    _check(maps, images, names)
    small = _shrink(images.mean(axis=1), (maps.shape[2], maps.shape[3]))  # (B, h, w)
    records = []
    for index, name in enumerate(names):
        own = maps[:, index].astype(np.float64)
        mean = own.mean(axis=0)
        shares = mean / mean.sum() if mean.sum() > 0.0 else np.full(mean.shape, 1.0 / mean.size)
        positive = shares[shares > 0.0]
        records.append(
            FactorAttention(
                name=name,
                share=float(mean.mean()),
                entropy=float(-(positive * np.log(positive)).sum() / np.log(max(2, mean.size))),
                ink=_correlation(own.ravel(), small.ravel()),
                variation=float(own.std(axis=0).mean()),
            )
        )
    return records


def attention_overlays(maps: Array, images: Array, names: Sequence[str]) -> Array:
    """Lay every factor's map over every image: (B, 1 + F, 3, H, W) uint8, the plain image in the first column.

    Each map is scaled by the largest value that any factor reaches, so that columns can be compared.
    """
    _check(maps, images, names)
    plain = np.repeat(images, 3, axis=1) if images.shape[1] == 1 else images[:, :3]
    columns = [np.rint(plain * 255.0).astype(np.uint8)]
    top = float(maps.max())
    columns += [heat_overlay(images, maps[:, index], top=top) for index in range(len(names))]
    return np.stack(columns, axis=1)


def _check(maps: Array, images: Array, names: Sequence[str]) -> None:
    if maps.ndim != 4 or images.ndim != 4 or len(maps) != len(images) or maps.shape[1] != len(names):
        raise ValueError(
            f"attention: maps {maps.shape}, images {images.shape} and {len(names)} factor names do not fit; "
            "expected (B, F, h, w), (B, C, H, W) and F names"
        )


def _shrink(images: Array, size: tuple[int, int]) -> Array:
    """Mean brightness in each cell of an h x w grid: (B, H, W) -> (B, h, w)."""
    rows, columns = (
        np.linspace(0, full, part + 1).round().astype(int)
        for full, part in zip(images.shape[1:], size, strict=True)
    )
    cells = np.add.reduceat(np.add.reduceat(images, rows[:-1], axis=1), columns[:-1], axis=2)
    shrunk: Array = cells / np.outer(np.diff(rows), np.diff(columns))
    return shrunk


def _correlation(x: Array, y: Array) -> float:
    """Pearson correlation; 0 when one side is constant."""
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt(np.square(x).sum() * np.square(y).sum()))
    return float((x * y).sum() / norm) if norm > 1e-12 else 0.0
