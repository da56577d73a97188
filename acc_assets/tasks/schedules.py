"""Weights that change over the steps of a training phase."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Constant:
    """The same weight at every step."""

    value: float

    def __post_init__(self) -> None:
        check_weight(self.value, "Constant value")

    def at(self, step: int | None) -> float:
        """Weight at a step of the phase, counted from 0; its last one where `step` is None."""
        return self.value


@dataclass(frozen=True)
class LinearRamp:
    """From `start` to `end` in a straight line over `steps` steps, then `end`.

    >>> LinearRamp(0.0, 1.0, steps=4).at(1)
    0.25
    """

    start: float
    end: float
    steps: int

    def __post_init__(self) -> None:
        _check_ramp(self)

    def at(self, step: int | None) -> float:
        """Weight at a step of the phase, counted from 0; its last one where `step` is None."""
        return self.start + (self.end - self.start) * _progress(step, self.steps)


@dataclass(frozen=True)
class CosineRamp:
    """From `start` to `end` along half a cosine over `steps` steps, then `end`.

    >>> CosineRamp(1.0, 0.0, steps=10).at(5)
    0.5
    """

    start: float
    end: float
    steps: int

    def __post_init__(self) -> None:
        _check_ramp(self)

    def at(self, step: int | None) -> float:
        """Weight at a step of the phase, counted from 0; its last one where `step` is None."""
        half = (1.0 - math.cos(math.pi * _progress(step, self.steps))) / 2.0
        return self.start + (self.end - self.start) * half


WeightSchedule = Constant | LinearRamp | CosineRamp
SCHEDULES: dict[str, type] = {"constant": Constant, "linear_ramp": LinearRamp, "cosine_ramp": CosineRamp}


def weight_at(weight: float | WeightSchedule, step: int | None) -> float:
    """Value of a weight or a schedule at a step of the phase; None: after its end."""
    return weight.at(step) if isinstance(weight, WeightSchedule) else float(weight)


def check_weight(value: object, what: str) -> None:
    """Raise ValueError unless `value` is a finite number from 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{what} is {value!r}: it must be a finite number from 0")


def _check_ramp(ramp: LinearRamp | CosineRamp) -> None:
    name = type(ramp).__name__
    check_weight(ramp.start, f"{name} start")
    check_weight(ramp.end, f"{name} end")
    if not isinstance(ramp.steps, int) or ramp.steps < 1:
        raise ValueError(f"{name} steps is {ramp.steps!r}: it must be a positive integer")


def _progress(step: int | None, steps: int) -> float:
    return 1.0 if step is None else min(max(step, 0), steps) / steps
