"""Values of several seeds as one: their mean and spread."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """One node's value of a column over seeds; `sd` (n - 1 in the denominator) needs two seeds."""

    values: Mapping[int, float]
    mean: float
    sd: float | None

    @staticmethod
    def of(values: Mapping[int, float]) -> Cell:
        """Summarise values by seed (at least one); an infinite value makes the mean infinite, and NaN makes it NaN."""
        numbers = list(values.values())
        if not all(map(math.isfinite, numbers)):
            return Cell(dict(values), sum(numbers), None)
        mean = math.fsum(value / len(numbers) for value in numbers)
        if len(numbers) < 2:
            return Cell(dict(values), mean, None)
        reach = max(abs(value - mean) for value in numbers)  # squares of it cannot overflow
        squares = math.fsum(((value - mean) / reach) ** 2 for value in numbers) if reach else 0.0
        return Cell(dict(values), mean, reach * math.sqrt(squares / (len(numbers) - 1)))


def finite(value: float | None) -> float | None:
    """Return the value, or None where JSON has no word for it."""
    return value if value is not None and math.isfinite(value) else None
