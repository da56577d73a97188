"""Batched resizing of image arrays."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

CHUNK = 8192  # images; bounds the memory of the float copies


def resize_images(images: np.ndarray, size: int) -> np.ndarray:
    """Resize square images (N, 1, H, W) uint8 to (N, 1, size, size): bilinear, antialiased, rounded to uint8."""
    if images.shape[-1] == size:
        return images
    resized = np.empty((len(images), images.shape[1], size, size), dtype=np.uint8)
    for start in range(0, len(images), CHUNK):
        chunk = torch.from_numpy(images[start : start + CHUNK]).float()
        chunk = F.interpolate(chunk, size=(size, size), mode="bilinear", align_corners=False, antialias=True)
        resized[start : start + CHUNK] = chunk.round_().clamp_(0, 255).to(torch.uint8).numpy()
    return resized
