"""Loss health: is what a task learned good, doubtful or broken, and by which thresholds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

HEALTHY_BELOW = 0.5  # of the baseline's loss
WARNING_BELOW = 0.9


class Health(str, Enum):
    """Three levels, from good to bad."""

    HEALTHY = "healthy"
    WARNING = "warning"
    CRITICAL = "critical"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class LossHealth:
    """A level, the reason in words, and the thresholds that decided it."""

    level: Health
    reason: str
    thresholds: dict[str, float] = field(default_factory=dict)


def final_loss(losses: Sequence[float]) -> float:
    """Mean of the last tenth of a loss curve (at least one value); NaN when any value is not finite.

    Raises ValueError on an empty curve.
    """
    if len(losses) == 0:
        raise ValueError(
            "the loss curve is empty: record at least one training loss before judging its health"
        )
    if not all(math.isfinite(loss) for loss in losses):
        return math.nan
    last = [float(loss) for loss in losses[-max(1, len(losses) // 10) :]]
    return sum(last) / len(last)


def against_baseline(losses: Sequence[float], baseline_loss: float, floor: float = 0.0) -> LossHealth:
    """Judge the final loss by its distance to the best possible one, in units of the baseline's distance.

    With r = (final - floor) / (baseline - floor): healthy below 0.5, warning below 0.9, else critical; a loss
    that is not finite is critical. `baseline_loss` is what a constant prediction scores (class frequencies,
    mean image, mean target), `floor` what a perfect one scores; all in nats per image.
    """
    final = final_loss(losses)
    thresholds = {
        "healthy_below": floor + HEALTHY_BELOW * (baseline_loss - floor),
        "warning_below": floor + WARNING_BELOW * (baseline_loss - floor),
        "baseline": baseline_loss,
        "floor": floor,
    }
    if not math.isfinite(final):
        return LossHealth(Health.CRITICAL, "the loss is not finite", thresholds)
    if baseline_loss <= floor:
        return LossHealth(Health.HEALTHY, "a constant prediction is perfect on this data", thresholds)
    ratio = (final - floor) / (baseline_loss - floor)
    level = (
        Health.HEALTHY
        if ratio < HEALTHY_BELOW
        else Health.WARNING
        if ratio < WARNING_BELOW
        else Health.CRITICAL
    )
    return LossHealth(
        level, f"final loss {final:.4g} is {ratio:.0%} of the way from perfect to the baseline", thresholds
    )
