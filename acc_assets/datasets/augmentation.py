"""Random distortion of a batch of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from acc_assets.tree.config import Amount, Pair, PositiveNumber, config

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@config
class Augmentation:
    """Shift, rotate, scale, dim, add noise, mask, clamp: in this order, each with its own draw for every image.

    shift_px: each axis uniform in +-shift_px. rotation_degrees: uniform in +-rotation_degrees, about the centre.
    scale: factor uniform in (low, high). The three are one affine resampling, bilinear, black outside.
    intensity: factor uniform in (low, high), one per image. noise_std: of N(0, 1) noise per pixel, images in 0-1.
    mask_probability: of a pixel to turn black. The defaults change nothing, and steps that change nothing cost nothing.
    """

    shift_px: Amount = 0.0
    rotation_degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    scale: Pair[PositiveNumber] = (1.0, 1.0)
    intensity: Pair[PositiveNumber] = (1.0, 1.0)
    noise_std: Amount = 0.0
    mask_probability: Annotated[float, Field(ge=0, le=1)] = 0.0

    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        for field in ("scale", "intensity"):
            low, high = getattr(self, field)
            if low > high:
                raise ValueError(f"{field} is {(low, high)}; allowed is (low, high) with 0 < low <= high")

    def apply(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return distorted copies of images (B, C, H, W) float in [0, 1], clamped to [0, 1].

        All randomness comes from `generator`; it may live on another device than the images, at the cost of a copy.
        """
        from acc_assets.datasets.augment import augment

        return augment(images, self, generator)
