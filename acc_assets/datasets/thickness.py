"""Strokes of known width."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from acc_assets.datasets.arrays import Split, TargetKind
from acc_assets.datasets.drawing import (
    arc_points,
    box_centre,
    box_extent,
    draw_strokes,
    rotate,
    to_uint8,
    zigzag_points,
)
from acc_assets.datasets.generated import REFERENCE_SIZE, GeneratedConfig
from acc_assets.tree.config import config

MIN_WIDTH, MAX_WIDTH = 1.0, 8.0  # pixels at 32x32, like all lengths here
MARGIN = MAX_WIDTH / 2 + 1  # the same for every width, so that the position tells nothing about it
BOX = REFERENCE_SIZE - 2 * MARGIN
LINE, ARC, ZIGZAG = range(3)
LENGTHS = {LINE: (3.0, 22.0), ARC: (5.0, 55.0), ZIGZAG: (12.0, 60.0)}
ARC_SEGMENTS = 16
MAX_ZIGZAG_TURNS = 3
FACTORS = ("width", "kind", "length", "direction", "x", "y", "brightness")
MIN_ZIGZAG_SEGMENT = 6.0  # shorter ones would melt into a blob under a thick stroke


@config
class Thickness(GeneratedConfig):
    """One line, arc or zigzag per picture, white on black; target (width - 1) / 7 for widths of 1-8 px.

    Width is uniform; kind, length, curvature, direction, position and brightness are drawn independently of it.
    Thicker strokes have more ink, unavoidably, but length varies so much that a straight-line fit on ink explains
    less than half of the target's variance (R² about 0.47; every other factor: below 0.01).
    Pixels are those of a 32x32 picture; other sizes scale everything.
    """

    name: ClassVar[str] = "thickness"

    @property
    def kind_of_target(self) -> TargetKind:
        return "real"

    @property
    def target_names(self) -> tuple[str, ...]:
        return ("thickness",)

    @property
    def factors(self) -> dict[str, tuple[str, ...] | None]:
        return dict.fromkeys(FACTORS)

    def _generate(self, count: int, rng: np.random.Generator) -> Split:
        width = rng.uniform(MIN_WIDTH, MAX_WIDTH, count)
        kind = rng.integers(0, len(LENGTHS), count)
        direction = rng.uniform(0, 2 * np.pi, count)
        place = rng.uniform(-0.5, 0.5, (count, 2))
        brightness = rng.uniform(0.6, 1.0, count)
        paths = {
            LINE: _lines(int(np.count_nonzero(kind == LINE)), rng),
            ARC: _arcs(int(np.count_nonzero(kind == ARC)), rng),
            ZIGZAG: _zigzags(int(np.count_nonzero(kind == ZIGZAG)), rng),
        }
        images = np.zeros((count, 1, self.image_size, self.image_size), dtype=np.uint8)
        length, centre = np.zeros(count), np.zeros((count, 2))
        for value, points in paths.items():
            chosen = np.flatnonzero(kind == value)
            points = _into_box(rotate(points, direction[chosen]))
            length[chosen] = np.hypot(*np.moveaxis(np.diff(points, axis=1), -1, 0)).sum(axis=1)
            centre[chosen] = REFERENCE_SIZE / 2 + place[chosen] * (BOX - box_extent(points))
            points = points + centre[chosen][:, None]
            coverage = draw_strokes(points * self.scale, width[chosen] * self.scale, self.image_size)
            images[chosen] = to_uint8(coverage, brightness[chosen])
        factors = {
            "width": width,
            "kind": kind,
            "length": length,
            "direction": direction,
            "x": centre[:, 0],
            "y": centre[:, 1],
            "brightness": brightness,
        }
        target = (width - MIN_WIDTH) / (MAX_WIDTH - MIN_WIDTH)
        return Split(images, target[:, None].astype(np.float32), _as_float32(factors))


def generate_thickness(n: int = 5_000, image_size: int = 32, seed: int = 0) -> Thickness:
    """Strokes of known width, as `Thickness` describes them; drawn when they are needed."""
    return Thickness(n=n, image_size=image_size, seed=seed)


def _lines(count: int, rng: np.random.Generator) -> np.ndarray:
    return arc_points(_log_uniform(*LENGTHS[LINE], count, rng), np.zeros(count), segments=1)


def _arcs(count: int, rng: np.random.Generator) -> np.ndarray:
    """Arcs of 40-300 degrees whose radius stays above 5 px, so that the thickest strokes leave a hole."""
    length = _log_uniform(*LENGTHS[ARC], count, rng)
    sweep = np.minimum(np.radians(rng.uniform(40, 300, count)), length / 5)
    return arc_points(length, sweep * rng.choice([-1, 1], count), ARC_SEGMENTS)


def _zigzags(count: int, rng: np.random.Generator) -> np.ndarray:
    """Two to four segments with turns of 40-110 degrees to alternating sides."""
    length = _log_uniform(*LENGTHS[ZIGZAG], count, rng)
    most = np.clip(length // MIN_ZIGZAG_SEGMENT - 1, 1, MAX_ZIGZAG_TURNS).astype(int)
    wanted = rng.integers(1, most + 1)
    turns = np.radians(rng.uniform(40, 110, (count, MAX_ZIGZAG_TURNS)))
    turns *= np.where(np.arange(MAX_ZIGZAG_TURNS) % 2, -1, 1) * rng.choice([-1, 1], (count, 1))
    # A turn of zero prolongs the last segment: that is how a zigzag gets fewer of them.
    turns[np.arange(MAX_ZIGZAG_TURNS) >= wanted[:, None]] = 0
    return zigzag_points(length, turns)


def _into_box(points: np.ndarray) -> np.ndarray:
    """Centre paths (N, P, 2) on the origin and shrink those that do not fit."""
    shrink = np.minimum(1, BOX / np.maximum(box_extent(points).max(axis=1), 1e-9))
    fitted: np.ndarray = (points - box_centre(points)[:, None]) * shrink[:, None, None]
    return fitted


def _log_uniform(low: float, high: float, count: int, rng: np.random.Generator) -> np.ndarray:
    return np.exp(rng.uniform(np.log(low), np.log(high), count))


def _as_float32(factors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: values.astype(np.float32) for name, values in factors.items()}
