"""Counting how many points are closer than given neighbours, compiled by numba.

A file of its own, because importing it imports numba.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def count_closer(squared: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Count, for each row and limit, the entries of the row strictly below the limit.

    squared: (R, N) float64; limits: (R, K) float64, ascending within a row; returns (R, K) int32. One pass
    over each row: most entries lie above the last limit and cost one comparison.
    """
    rows, n = squared.shape
    k = limits.shape[1]
    counts = np.zeros((rows, k), dtype=np.int32)
    for row in range(rows):
        last = limits[row, k - 1]
        for column in range(n):
            value = squared[row, column]
            if value < last:
                counts[row, np.searchsorted(limits[row], value, side="right")] += 1
        for column in range(1, k):
            counts[row, column] += counts[row, column - 1]
    return counts
