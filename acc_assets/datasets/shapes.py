"""Filled shapes with known place and size."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from acc_assets.datasets.arrays import Split, TargetKind
from acc_assets.datasets.drawing import to_uint8
from acc_assets.datasets.generated import REFERENCE_SIZE, GeneratedConfig
from acc_assets.tree.config import Several, config

SHAPES = ("square", "ellipse", "triangle")
TARGETS = ("shape", "x", "y", "scale")
MIN_SIDE, MAX_SIDE = 5.0, 11.0  # pixels at 32x32: side of the square of the same area
MARGIN = 11.0  # the largest triangle reaches 9.65 px from its centre; the same for all, so that place tells nothing
ELLIPSE_ASPECT = 0.55

ShapeTarget = Literal["shape", "x", "y", "scale"]


@config
class Shapes(GeneratedConfig):
    """One square, ellipse or triangle per picture, white on black.

    targets: `("shape",)` for the class, or any of `x`, `y` and `scale` for real numbers scaled to 0-1; x grows to the
    right, y downward, both of the centre of mass; scale is the side of the square of the same area, 5-11 px at 32x32.
    All four factors are uniform and independent, and shapes of one scale have one area: ink does not tell the shape.
    `Split.factors` holds all four whatever the targets are, so that one data set serves a class and numbers:
    `RegressionTask("place", shapes, target_names=("x", "y"))` reads its columns beside the class.
    """

    targets: Several[ShapeTarget] = ("shape",)

    name: ClassVar[str] = "shapes"

    def __post_init__(self) -> None:
        mixed = "shape" in self.targets and len(self.targets) > 1
        if mixed or len(set(self.targets)) < len(self.targets):
            raise ValueError(
                f"targets is {self.targets}; allowed is ('shape',) or a selection of 'x', 'y' and 'scale', each once. "
                "For numbers beside the class keep ('shape',) and name them in the task: "
                "RegressionTask(..., target_names=('x', 'y'))"
            )

    @property
    def kind_of_target(self) -> TargetKind:
        return "class" if self.targets == ("shape",) else "real"

    @property
    def target_names(self) -> tuple[str, ...]:
        return SHAPES if self.kind_of_target == "class" else self.targets

    @property
    def factors(self) -> dict[str, tuple[str, ...] | None]:
        return {name: SHAPES if name == "shape" else None for name in TARGETS}

    def _generate(self, count: int, rng: np.random.Generator) -> Split:
        shape = rng.integers(0, len(SHAPES), count)
        x, y, scale = rng.uniform(0, 1, (3, count)).astype(np.float32)
        free = REFERENCE_SIZE - 2 * MARGIN
        pixel = (np.arange(self.image_size, dtype=np.float32) + 0.5) / self.scale
        side = (MIN_SIDE + scale * (MAX_SIDE - MIN_SIDE))[:, None, None]
        across = np.abs(
            pixel[None, None, :] - (MARGIN + x * free)[:, None, None]
        )  # (N, 1, W); all are symmetric
        down = pixel[None, :, None] - (MARGIN + y * free)[:, None, None]  # (N, H, 1)
        distance = np.empty((count, self.image_size, self.image_size), dtype=np.float32)
        for value, signed_distance in enumerate((_square, _ellipse, _triangle)):
            chosen = shape == value
            distance[chosen] = signed_distance(across[chosen], down[chosen], side[chosen])
        coverage = np.clip(0.5 - distance * self.scale, 0, 1)
        factors = {"shape": shape.astype(np.int64), "x": x, "y": y, "scale": scale}
        if self.kind_of_target == "class":
            target = factors["shape"]
        else:
            target = np.stack([factors[name] for name in self.targets], axis=1)
        return Split(to_uint8(coverage, np.ones(count)), target, factors)


def _square(across: np.ndarray, down: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Signed distance (N, H, W) to a square of the given side; exact inside and along the edges."""
    return np.maximum(across, np.abs(down)) - side / 2


def _ellipse(across: np.ndarray, down: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Signed distance to a flat ellipse of area side², to first order at its outline: k (k - 1) / |grad k²| / 2.

    k is the scaled radius |p / axes|; see Quilez, "Distance functions", ellipsoid.
    """
    wide = side / np.sqrt(np.pi * ELLIPSE_ASPECT)
    high = wide * ELLIPSE_ASPECT
    k = np.hypot(across / wide, down / high)
    gradient = np.hypot(across / wide**2, down / high**2)
    return k * (k - 1) / np.maximum(gradient, 1e-6)


def _triangle(across: np.ndarray, down: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Signed distance to an equilateral triangle of area side² that points up, about its centre of mass."""
    inradius = side / np.sqrt(3 * np.sqrt(3))
    return np.maximum(down, across * np.sqrt(3) / 2 - down / 2) - inradius
