"""Health: is what a task learned good, doubtful or broken, does it hold on new images, and by which thresholds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

HEALTHY_BELOW = 0.5  # of the baseline's loss
WARNING_BELOW = 0.9
GAP_HEALTHY_UP_TO = 0.1  # of what there is to win: the same tenth and half that judge a loss
GAP_WARNING_UP_TO = 0.5
NOT_TRAINED = "not trained"  # what stands in the place of a level where nothing has been learned


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


def against_baseline(
    losses: Sequence[float], baseline_loss: float, floor: float = 0.0, *, unit: str
) -> LossHealth:
    """Judge the final loss by its distance to the best possible one, in units of the baseline's distance.

    With r = (final - floor) / (baseline - floor): healthy below 0.5, warning below 0.9, else critical; a loss
    that is not finite is critical. `baseline_loss` is what a constant prediction scores (class frequencies,
    mean image, mean target), `floor` what a perfect one scores; all in the task's `unit`.
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
        level,
        f"final loss {final:.4g} {unit} is {ratio:.0%} of the way from perfect to the baseline",
        thresholds,
    )


@dataclass(frozen=True)
class Generalisation:
    """How much of what a task learned holds on images it was not trained on.

    train and test: share of what there is to win, (baseline - loss) / (baseline - perfect), 1 at best, 0 for a
    constant prediction, negative when worse than one; gap: train - test.
    """

    level: Health
    reason: str
    train: float
    test: float
    thresholds: dict[str, float] = field(default_factory=dict)

    @property
    def gap(self) -> float:
        """The share that is won on training images and not on test images."""
        return self.train - self.test


def generalisation(
    train_loss: float,
    train_baseline: Mapping[str, float],
    test_loss: float,
    test_baseline: Mapping[str, float],
) -> Generalisation | None:
    """Judge the loss on training images against the loss on test images, both evaluated in the same way.

    Each is measured in units of its own split's baseline (what `Task.baseline` gives), so that the gap of a
    cross-entropy and that of a reconstruction can be compared. Healthy up to a gap of 0.1, a warning up to 0.5, else
    critical: a conv autoencoder that learned 100 images by heart has 0.58. A loss that is not finite is critical.
    None where there is nothing to win: a KL divergence, or a constant prediction that is perfect already.
    """
    if min(_reach(train_baseline), _reach(test_baseline)) <= 0.0:
        return None
    train, test = _share_won(train_loss, train_baseline), _share_won(test_loss, test_baseline)
    thresholds = {"healthy_up_to": GAP_HEALTHY_UP_TO, "warning_up_to": GAP_WARNING_UP_TO}
    if not (math.isfinite(train) and math.isfinite(test)):
        return Generalisation(Health.CRITICAL, "the loss is not finite", train, test, thresholds)
    gap = train - test
    level = (
        Health.HEALTHY
        if gap <= GAP_HEALTHY_UP_TO
        else Health.WARNING
        if gap <= GAP_WARNING_UP_TO
        else Health.CRITICAL
    )
    reason = f"wins {train:.0%} of what the baseline leaves on training images, {test:.0%} on test images"
    return Generalisation(level, reason, train, test, thresholds)


def worst(levels: Sequence[Health]) -> str:
    """The worst of several levels; "not trained" without any."""
    order = list(Health)
    return str(max(levels, key=order.index)) if levels else NOT_TRAINED


def _reach(baseline: Mapping[str, float]) -> float:
    return baseline["loss"] - baseline.get("loss_floor", 0.0)


def _share_won(loss: float, baseline: Mapping[str, float]) -> float:
    return (baseline["loss"] - loss) / _reach(baseline)
