"""Scores of predictions, on arrays."""

from __future__ import annotations

import math

import numpy as np

MSE_FLOOR = 1e-10  # keeps the PSNR of a perfect copy finite: 100 dB


def psnr(mse: float) -> float:
    """Peak signal-to-noise ratio in dB of images in [0, 1]: -10 log10(mse), at most 100.

    >>> psnr(0.01)
    20.0
    """
    return -10.0 * math.log10(max(mse, MSE_FLOOR))


def r2_score(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Coefficient of determination, 1 - residual / total sum of squares, of (N,) or (N, T); the mean over columns.

    A constant column counts 0: it leaves nothing to explain.
    """
    truth, predicted = (
        np.asarray(values, np.float64).reshape(len(values), -1) for values in (truth, predicted)
    )
    residual = np.square(truth - predicted).sum(axis=0)
    total = np.square(truth - truth.mean(axis=0)).sum(axis=0)
    missed = np.divide(residual, total, out=np.ones_like(total), where=total > 0.0)
    return float((1.0 - missed).mean())
