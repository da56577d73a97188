"""Stroke thickness and slant measured on images of handwriting.

Definitions after Castro et al. (2019), "Morpho-MNIST" (JMLR 20:178), section 3: thickness is twice the mean
distance transform along the skeleton of the enlarged, binarised image; slant is the shear given by the
image's second moments.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray

ENLARGE = 4  # the images are enlarged before binarisation, as in Morpho-MNIST
CHUNK = 500  # images measured at once


def stroke_thickness(images: Array) -> Array:
    """Mean stroke width in pixels (N,) of bright strokes on a dark ground; NaN where an image shows none.

    images: (N, C, H, W), uint8 or floats in [0, 1]. The skeleton is taken as the ridge of the distance
    transform: the ink pixels at least as far from the ground as each of their eight neighbours. Ink is what
    exceeds half of the image's brightest value.
    """
    from scipy.ndimage import distance_transform_edt, maximum_filter

    gray = _gray(images)
    thickness = np.full(len(gray), np.nan)
    for start in range(0, len(gray), CHUNK):
        ink = _enlarged_ink(gray[start : start + CHUNK])  # (n, h, w) with a dark frame
        n, height, width = ink.shape
        sheet = ink.reshape(n * height, width)  # the frames keep neighbours apart
        distance = distance_transform_edt(sheet).reshape(n, height, width)
        ridge = ink & (distance >= maximum_filter(distance, size=(1, 3, 3)))
        counts = ridge.sum(axis=(1, 2))
        total = np.where(ridge, distance, 0.0).sum(axis=(1, 2))
        some = counts > 0
        # a stroke of m pixels has twice its ridge distance m or m + 1, for an even or odd m
        thickness[start : start + n][some] = (2.0 * total[some] / counts[some] - 0.5) / ENLARGE
    return thickness


def slant(images: Array) -> Array:
    """Slant in degrees (N,), positive where strokes lean to the right; NaN for an empty image.

    images: (N, C, H, W), uint8 or floats in [0, 1]. atan(-mu11 / mu02) with central moments of the brightness
    and y pointing down: the horizontal shear that would make the image upright.
    """
    gray = _gray(images)
    mass = gray.sum(axis=(1, 2))
    y, x = np.mgrid[: gray.shape[1], : gray.shape[2]].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        off_x = x - ((gray * x).sum(axis=(1, 2)) / mass)[:, None, None]
        off_y = y - ((gray * y).sum(axis=(1, 2)) / mass)[:, None, None]
        mixed = (gray * off_x * off_y).sum(axis=(1, 2))
        vertical = (gray * np.square(off_y)).sum(axis=(1, 2))
        return np.where(vertical > 0.0, np.degrees(np.arctan(-mixed / vertical)), np.nan)


def _gray(images: Array) -> Array:
    """Brightness (N, H, W) in [0, 1] as float64."""
    if images.ndim != 4:
        raise ValueError(f"stroke properties: expected images (N, C, H, W), got shape {images.shape}")
    scale = 255.0 if images.dtype == np.uint8 else 1.0
    gray: Array = images.astype(np.float64).mean(axis=1) / scale
    return gray


def _enlarged_ink(gray: Array) -> Array:
    """Enlarge bilinearly, add a dark frame and binarise at half of each image's brightest value: bool."""
    import torch
    from torch.nn.functional import interpolate

    large = interpolate(torch.from_numpy(gray).float()[:, None], scale_factor=ENLARGE, mode="bilinear")[
        :, 0
    ].numpy()
    framed = np.pad(large, ((0, 0), (1, 1), (1, 1)))
    top = framed.max(axis=(1, 2), keepdims=True)
    ink: Array = (framed > top / 2.0) & (top > 0.0)
    return ink
