"""The tensor operations behind `Augmentation`: no step looks at a single image."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from acc_assets.datasets.augmentation import Augmentation

UNCHANGED = (1.0, 1.0)


def augment(images: Tensor, config: Augmentation, generator: torch.Generator) -> Tensor:
    """Apply `config` to images (B, C, H, W) float in [0, 1]; see `Augmentation` for the order and the ranges."""
    moved = bool(config.shift_px or config.rotation_degrees or config.scale != UNCHANGED)
    result = _resample(images, config, generator) if moved else images.clone()
    if config.intensity != UNCHANGED:
        result *= _uniform((len(images), 1, 1, 1), config.intensity, generator, images)
    if config.noise_std:
        noise = torch.empty(images.shape, device=generator.device, dtype=images.dtype)
        result.add_(noise.normal_(generator=generator).to(images.device), alpha=config.noise_std)
    if config.mask_probability:
        result *= _kept(images, config.mask_probability, generator)
    return result.clamp_(0, 1)


def _resample(images: Tensor, config: Augmentation, generator: torch.Generator) -> Tensor:
    count, _, height, width = images.shape
    limit = config.shift_px
    shift = _uniform((2, count), (-limit, limit), generator, images)
    turn = math.radians(config.rotation_degrees)
    angle = _uniform((count,), (-turn, turn), generator, images)
    factor = _uniform((count,), config.scale, generator, images)
    # For an output pixel the place in the input: undo scale, then rotation, then shift. grid_sample counts in half
    # widths and half heights, hence the aspect ratio in the mixed terms.
    cos, sin = torch.cos(angle) / factor, torch.sin(angle) / factor
    from_x = torch.stack([cos, -sin * (width / height)])  # (2, B)
    from_y = torch.stack([sin * (height / width), cos])
    offset = shift * shift.new_tensor([[-2 / width], [-2 / height]])
    x, y = _pixel_centres(width, images), _pixel_centres(height, images)
    # A sum of a row and a column: the matrix product of torch's affine_grid takes ten times as long.
    rows = from_x[:, :, None] * x  # (2, B, W)
    columns = from_y[:, :, None] * y + offset[:, :, None]  # (2, B, H)
    grid = (rows[:, :, None, :] + columns[:, :, :, None]).permute(1, 2, 3, 0)  # (B, H, W, 2)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _pixel_centres(count: int, like: Tensor) -> Tensor:
    """Coordinates of `count` pixel centres on an axis whose borders are -1 and 1."""
    centres: Tensor = (torch.arange(count, device=like.device, dtype=like.dtype) * 2 + 1) / count - 1
    return centres


def _kept(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Bool (B, C, H, W), False with the probability given, which is rounded to a multiple of 2^-16.

    Sixteen random bits a pixel are enough and cost a third of a uniform float.
    """
    words = torch.empty(-(-images.numel() // 4), device=generator.device, dtype=torch.int64)
    words.random_(-(2**63), None, generator=generator)
    bits = words.view(torch.int16)[: images.numel()].view(images.shape).to(images.device)
    lowest = max(1, round(probability * 2**16)) - 2**15
    return bits > lowest - 1


def _uniform(
    shape: tuple[int, ...], bounds: tuple[float, float], generator: torch.Generator, like: Tensor
) -> Tensor:
    draw = torch.empty(shape, device=generator.device, dtype=like.dtype)
    return draw.uniform_(*bounds, generator=generator).to(like.device)
