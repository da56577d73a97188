"""What a run came to: loss summaries and loss health, for `summary.json`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from acc_assets.datasets import ImageData
from acc_assets.tasks import Health
from acc_assets.tasks.health import final_loss, worst
from acc_assets.training.history import History

TREND_SHARE = 0.2  # of the curve, at its end, compared with as much before it
TREND_CHANGE = 0.02  # relative change below which a curve is flat
CURVE_POINTS = 100


def summarize_tasks(
    tasks: Sequence[Any], history: History, datasets: Mapping[str, ImageData], model: nn.Module
) -> dict[str, dict[str, Any]]:
    """By task name: kind, unit, mean, final, min, max, trend, health with reason and thresholds, and a thinned curve.

    Losses are the unweighted training losses of the last phase in which the task was trained and those before;
    final is the mean over the last tenth of the curve. `diagnostics` holds final, min and max of each that the task
    told beside its loss.
    """
    summaries: dict[str, dict[str, Any]] = {}
    for task in tasks:
        curve = history.curve(task.name)
        if not curve:
            continue
        losses = [loss for _, loss in curve]
        health = task.health(losses, task.baseline(datasets[task.dataset.name]), model)
        summaries[task.name] = {
            "kind": task.kind,
            "unit": task.unit,
            "mean": sum(losses) / len(losses),
            "final": final_loss(losses),
            "min": min(losses),
            "max": max(losses),
            "trend": trend(losses),
            "health": str(health.level),
            "reason": health.reason,
            "thresholds": dict(health.thresholds),
            "curve": _thin(curve),
            "diagnostics": {
                name: {"final": final_loss(told), "min": min(told), "max": max(told)}
                for name, told in history.diagnostics(task.name).items()
            },
        }
    return summaries


def worst_health(summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """The worst health of any task; "not trained" where no task has a loss."""
    return worst([Health(summary["health"]) for summary in summaries.values()])


def trend(losses: Sequence[float]) -> str:
    """improving, worsening or flat: the mean of the last fifth of a curve against the fifth before it.

    A relative change of less than 2 % is flat.
    """
    share = max(1, int(len(losses) * TREND_SHARE))
    if len(losses) < 2 * share or len(losses) < 2:
        return "flat"
    before = math.fsum(losses[-2 * share : -share]) / share
    last = math.fsum(losses[-share:]) / share
    scale = max(abs(before), abs(last), 1e-12)
    change = (last - before) / scale
    return "flat" if abs(change) < TREND_CHANGE else "improving" if change < 0 else "worsening"


def _thin(curve: Sequence[tuple[int, float]]) -> list[list[float]]:
    stride = max(1, math.ceil(len(curve) / CURVE_POINTS))
    kept = list(curve[::stride])
    if kept[-1] != curve[-1]:
        kept.append(curve[-1])
    return [[step, loss] for step, loss in kept]
