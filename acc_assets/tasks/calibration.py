"""Whether a classifier is right as often as it is sure, on arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 15


@dataclass(frozen=True)
class Reliability:
    """Bins of equal width over confidence 0-1. counts, confidence and accuracy: (bins,), the last two NaN where empty.

    ece: the expected calibration error, sum_b n_b / N |accuracy_b - confidence_b| (Guo et al., "On Calibration of
    Modern Neural Networks", 2017, equation 3).
    """

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    ece: float


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> Reliability:
    """How confidence (N,) in (0, 1] and correctness, bool (N,), agree; a bin holds its upper edge.

    >>> found = reliability(np.array([0.95, 0.95, 0.55, 0.55]), np.array([True, True, True, False]), bins=10)
    >>> round(found.ece, 4), found.counts.tolist()
    (0.05, [0, 0, 0, 0, 0, 2, 0, 0, 0, 2])
    """
    place = np.clip(np.ceil(np.asarray(confidence, np.float64) * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    sums = [np.bincount(place, weights=values, minlength=bins) for values in (confidence, correct)]
    sure, right = (np.divide(total, counts, out=np.full(bins, np.nan), where=counts > 0) for total in sums)
    gaps = np.abs(sums[0] - sums[1])
    return Reliability(counts, sure, right, float(gaps.sum() / max(1, len(place))))


def wilson(right: np.ndarray, count: np.ndarray, z: float = 1.96) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the share right / count, by default of a 95 % interval (Wilson 1927); 0 to 1 where nothing was counted.

    >>> low, high = wilson(np.array([8]), np.array([10]))
    >>> round(float(low[0]), 3), round(float(high[0]), 3)
    (0.49, 0.943)
    """
    n = np.maximum(np.asarray(count, np.float64), 1.0)
    share = np.asarray(right, np.float64) / n
    middle = share + z**2 / (2 * n)
    reach = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    known = np.asarray(count) > 0
    return np.where(known, (middle - reach) / scale, 0.0), np.where(known, (middle + reach) / scale, 1.0)
