"""Random distortion of a batch of images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Shift, rotate, scale, dim, add noise, mask, clamp: in this order, each with its own draw for every image.

    shift_px: each axis uniform in +-shift_px. rotation_degrees: uniform in +-rotation_degrees, about the centre.
    scale: factor uniform in (low, high). The three are one affine resampling, bilinear, black outside.
    intensity: factor uniform in (low, high), one per image. noise_std: of N(0, 1) noise per pixel, images in 0-1.
    mask_probability: of a pixel to turn black. The defaults change nothing, and steps that change nothing cost nothing.
    """

    shift_px: float = 0.0
    rotation_degrees: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    intensity: tuple[float, float] = (1.0, 1.0)
    noise_std: float = 0.0
    mask_probability: float = 0.0

    def __post_init__(self) -> None:
        for field, high in (
            ("shift_px", math.inf),
            ("rotation_degrees", 180.0),
            ("noise_std", math.inf),
            ("mask_probability", 1.0),
        ):
            value = getattr(self, field)
            if not isinstance(value, int | float) or not 0 <= value <= high or math.isinf(value):
                raise ValueError(f"Augmentation: {field} is {value!r}; allowed is a number from 0 to {high}.")
        for field in ("scale", "intensity"):
            bounds = getattr(self, field)
            pair = isinstance(bounds, tuple | list) and len(bounds) == 2
            numbers = pair and all(isinstance(bound, int | float) for bound in bounds)
            if not numbers or not 0 < bounds[0] <= bounds[1] < math.inf:
                raise ValueError(
                    f"Augmentation: {field} is {bounds!r}; allowed is (low, high) with 0 < low <= high."
                )

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return distorted copies of images (B, C, H, W) float in [0, 1], clamped to [0, 1].

        All randomness comes from `generator`; it may live on another device than the images, at the cost of a copy.
        """
        from acc_assets.datasets.augment import augment

        return augment(images, self, generator)
