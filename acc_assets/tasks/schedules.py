"""Weights that change over the steps of a training phase."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import AfterValidator

from acc_assets.tree.config import Amount, config
from acc_assets.tree.epochs import Count, Epochs


@config(kw_only=False)
class Constant:
    """The same weight at every step."""

    value: float

    def at(self, step: int | None) -> float:
        """Weight at a step of the phase, counted from 0; its last one where `step` is None."""
        return self.value


@config(kw_only=False)
class LinearRamp:
    """From `start` to `end` in a straight line over `steps` steps or `Epochs`, then `end`.

    >>> LinearRamp(0.0, 1.0, steps=4).at(1)
    0.25
    """

    start: float
    end: float
    steps: Count

    def at(self, step: int | None) -> float:
        """Weight at a step of the phase, counted from 0; its last one where `step` is None."""
        return self.start + (self.end - self.start) * _progress(step, self.steps)


@config(kw_only=False)
class CosineRamp:
    """From `start` to `end` along half a cosine over `steps` steps or `Epochs`, then `end`.

    >>> CosineRamp(1.0, 0.0, steps=10).at(5)
    0.5
    """

    start: float
    end: float
    steps: Count

    def at(self, step: int | None) -> float:
        """Weight at a step of the phase, counted from 0; its last one where `step` is None."""
        half = (1.0 - math.cos(math.pi * _progress(step, self.steps))) / 2.0
        return self.start + (self.end - self.start) * half


WeightSchedule = Constant | LinearRamp | CosineRamp


def ends(schedule: WeightSchedule) -> tuple[float, float]:
    """The first and the last value, between which all others lie."""
    return (
        (schedule.value, schedule.value) if isinstance(schedule, Constant) else (schedule.start, schedule.end)
    )


def _not_negative(schedule: WeightSchedule) -> WeightSchedule:
    if min(ends(schedule)) < 0.0:
        raise ValueError("a schedule from 0 up")
    return schedule


Weight = Amount | Annotated[WeightSchedule, AfterValidator(_not_negative)]  # of a task, from 0
SCHEDULES: dict[str, type] = {"constant": Constant, "linear_ramp": LinearRamp, "cosine_ramp": CosineRamp}


def weight_at(weight: float | WeightSchedule, step: int | None) -> float:
    """Value of a weight or a schedule at a step of the phase; None: after its end."""
    return weight.at(step) if isinstance(weight, WeightSchedule) else float(weight)


def _progress(step: int | None, steps: int | Epochs) -> float:
    if step is None:
        return 1.0
    if isinstance(steps, Epochs):
        raise ValueError(f"a schedule over {steps} has steps in a phase of a recipe alone; give it steps")
    return min(max(step, 0), steps) / steps
