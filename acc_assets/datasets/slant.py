"""Strokes of known slant."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from acc_assets.datasets.arrays import Split, TargetKind
from acc_assets.datasets.drawing import arc_points, draw_strokes, rotate, to_uint8
from acc_assets.datasets.generated import REFERENCE_SIZE, GeneratedConfig
from acc_assets.tree.config import config

MAX_SLANT = 45.0  # degrees from the vertical axis
MARGIN = 3.5  # pixels at 32x32, like all lengths here
REACH = REFERENCE_SIZE / 2 - MARGIN
MAX_STROKES = 3
SEGMENTS = 8

FACTORS = ("angle", "strokes", "length", "bow", "width", "x", "y", "brightness")


@config
class Slant(GeneratedConfig):
    """One to three parallel strokes per picture, white on black; target (angle + 45) / 90.

    The angle is measured from the vertical axis, -45 to +45 degrees, positive when the top leans to the right as in
    italics; for a bowed stroke it is the angle of the chord. Number, length, bow, width, gaps, position and brightness
    are drawn independently of it, and strokes are turned, not sheared: ink and centre of mass tell nothing (R² below
    0.01).
    Pixels are those of a 32x32 picture; other sizes scale everything.
    """

    name: ClassVar[str] = "slant"

    @property
    def kind_of_target(self) -> TargetKind:
        return "real"

    @property
    def target_names(self) -> tuple[str, ...]:
        return ("slant",)

    @property
    def factors(self) -> dict[str, tuple[str, ...] | None]:
        return dict.fromkeys(FACTORS)

    def _generate(self, count: int, rng: np.random.Generator) -> Split:
        angle = rng.uniform(-MAX_SLANT, MAX_SLANT, count)
        strokes = rng.integers(1, MAX_STROKES + 1, count)
        width = rng.uniform(1.5, 4.5, count)
        brightness = rng.uniform(0.7, 1.0, count)
        bow = np.radians(rng.uniform(-80, 80, count)) * rng.integers(0, 2, count)  # half of them straight
        length = rng.uniform(10, 22, count)
        gap = width + rng.uniform(2.0, 4.0, count)
        # All strokes of a picture fit into a circle, so that the place is as free at every angle.
        radius = np.hypot(length / 2 + 2, gap * (strokes - 1) / 2)
        shrink = np.minimum(1, REACH / radius)
        length, gap, radius = length * shrink, gap * shrink, radius * shrink
        centre = REFERENCE_SIZE / 2 + rng.uniform(-1, 1, (count, 2)) * (REACH - radius)[:, None]

        coverage = np.zeros((count, self.image_size, self.image_size), dtype=np.float32)
        for stroke in range(MAX_STROKES):
            chosen = np.flatnonzero(strokes > stroke)
            points = arc_points(length[chosen] * rng.uniform(0.7, 1, len(chosen)), bow[chosen], SEGMENTS)
            points[..., 0] += (gap[chosen] * (stroke - (strokes[chosen] - 1) / 2))[:, None]
            points[..., 1] += rng.uniform(-2, 2, len(chosen))[:, None]
            points = rotate(points, np.radians(angle[chosen])) + centre[chosen][:, None]
            drawn = draw_strokes(points * self.scale, width[chosen] * self.scale, self.image_size)
            coverage[chosen] = np.maximum(coverage[chosen], drawn)
        factors = {
            "angle": angle,
            "strokes": strokes,
            "length": length,
            "bow": np.degrees(bow),
            "width": width,
            "x": centre[:, 0],
            "y": centre[:, 1],
            "brightness": brightness,
        }
        target = (angle + MAX_SLANT) / (2 * MAX_SLANT)
        return Split(
            to_uint8(coverage, brightness),
            target[:, None].astype(np.float32),
            {name: values.astype(np.float32) for name, values in factors.items()},
        )


def generate_slant(n: int = 5_000, image_size: int = 32, seed: int = 0) -> Slant:
    """Strokes of known slant, as `Slant` describes them; drawn when they are needed."""
    return Slant(n=n, image_size=image_size, seed=seed)
