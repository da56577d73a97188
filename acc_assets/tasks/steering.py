"""Tasks that steer a training and learn nothing themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from acc_assets.tasks.base import Task
from acc_assets.tasks.health import Health, LossHealth
from acc_assets.tasks.view import Loss, StepView
from acc_assets.tree.config import config


@config
class SteeringTask(Task):
    """A task whose loss is 0: what it changes are labels or parts of the model, and its state lies in its head.

    reads: the output of the model that it cannot do without.
    """

    reads: ClassVar[str]
    unit = "nothing"

    def needs(self) -> frozenset[str]:
        """What it reads."""
        return frozenset({self.reads})

    def loss(self, view: StepView) -> Loss:
        """Zero."""
        return Loss(0.0 * view.outputs[self.reads].sum())

    def baseline(self, dataset: Any) -> dict[str, float]:
        """Zero: there is no loss."""
        return {"loss": 0.0}

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """Always healthy."""
        return LossHealth(Health.HEALTHY, f"the task {self.name} steers, and has no loss of its own")
