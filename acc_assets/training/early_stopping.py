"""Stopping when a validation metric has stopped improving, with the best weights kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from acc_assets.training.checkpoint import Weights, weights_of
from acc_assets.tree import EarlyStopping


class EarlyStop:
    """Watches one validation metric over a phase; `patience` counts validations without improvement."""

    def __init__(self, rule: EarlyStopping) -> None:
        self.rule = rule
        self.best: float | None = None
        self.best_step: int | None = None
        self.waited = 0
        self._weights: dict[str, Weights] = {}

    @property
    def should_stop(self) -> bool:
        """Whether patience has run out."""
        return self.waited >= self.rule.patience

    def update(
        self, step: int, metrics: Mapping[str, Mapping[str, float]], modules: Mapping[str, nn.Module]
    ) -> bool:
        """Take in a validation; on an improvement the modules' weights are kept, and True is returned.

        Raises ValueError when the task does not report the metric.
        """
        rule = self.rule
        values = metrics[rule.task]
        if rule.metric not in values:
            raise ValueError(
                f"early_stopping.metric={rule.metric!r} is not a metric of task '{rule.task}'; "
                f"it must be one of {sorted(values)}."
            )
        value = values[rule.metric]
        sign = 1.0 if rule.mode == "max" else -1.0
        if self.best is not None and not sign * (value - self.best) > rule.min_delta:
            self.waited += 1
            return False
        self.best, self.best_step, self.waited = value, step, 0
        self._weights = {name: weights_of(module) for name, module in modules.items()}
        return True

    def restore(self, modules: Mapping[str, nn.Module]) -> None:
        """Put the best weights into the modules."""
        for name, module in modules.items():
            module.load_state_dict(self._weights[name])

    def state(self) -> dict[str, Any]:
        """What a snapshot must hold."""
        return {
            "best": self.best,
            "best_step": self.best_step,
            "waited": self.waited,
            "weights": self._weights,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from a snapshot."""
        self.best = state["best"]
        self.best_step = state["best_step"]
        self.waited = int(state["waited"])
        self._weights = {name: dict(weights) for name, weights in state["weights"].items()}
