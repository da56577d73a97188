"""A curriculum over components: few in play at first, one more whenever a validation metric has stopped improving."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from acc_assets.models import ModelOutput
from acc_assets.tasks.steering import SteeringTask
from acc_assets.tasks.view import Evaluator, Loss, StepView
from acc_assets.tree.config import Amount, Name, Natural, Positive, PositiveNumber, config
from acc_assets.tree.epochs import Count

if TYPE_CHECKING:
    from torch import Tensor, nn


@config
class ChannelCurriculumTask(SteeringTask):
    """Lets the first `start` components play, and unlocks the next one on each plateau of a validation metric.

    A plateau: `metric` of the task `watch` has not improved by more than `min_delta` for `patience` validations. After
    an unlock, `cooldown` validations are not looked at, and the best value is found anew; for `kick_steps` steps (or
    `Epochs`) the responsibilities in training are softmax(logits / kick_temperature), so that the new component gets
    its share of the images. Components that are not in play have a responsibility of exactly 0 and no gradient.

    Nothing is added to the loss. The state lies in buffers: the components in play and the temperature with the model,
    the rest with this task's head; so it resumes bit for bit, and a fork goes on with it. Diagnostics: `k_active`;
    `unlocked`, how many were unlocked so far; `kick_active`, 1 during a kick. Metrics: k_active, and loss (0).
    """

    watch: Name
    metric: Name = "loss"
    mode: Literal["min", "max"] = "min"
    start: Positive = 1
    patience: Positive = 10
    min_delta: Amount = 1e-3
    cooldown: Natural = 3
    kick_steps: Count = 100
    kick_temperature: PositiveNumber = 5.0

    kind: ClassVar[str] = "curriculum"
    reads: ClassVar[str] = ModelOutput.COMPONENT_LOGITS

    def check(self, model_config: Any, dataset_config: Any) -> None:
        """Also raise ValueError where there is nothing to unlock, or a model that cannot be routed."""
        super().check(model_config, dataset_config)
        components = getattr(model_config, "components", None)
        if components is not None and self.start >= components:
            raise ValueError(
                f"curriculum task '{self.name}' starts with {self.start} of {components} components, so that there is "
                "none to unlock: give the model more, or detach the task"
            )
        if getattr(model_config, "outputs", None) is not None and not hasattr(model_config, "prior"):
            raise ValueError(
                f"curriculum task '{self.name}' needs a model whose components can be masked, and those of "
                f"{type(model_config).__name__} cannot: use MixtureVAE"
            )

    def build_head(self, model: Any, dataset: Any) -> nn.Module:
        """The state of the rule; at its first training the model is left with the components of the start.

        Raises ValueError for a module without `routing`.
        """
        import torch
        from torch import nn

        if not hasattr(model, "routing"):
            raise ValueError(
                f"curriculum task '{self.name}' needs a module with a Routing as its 'routing', and "
                f"{type(model).__name__} has none: use MixtureVAE, or give it one"
            )
        head = nn.Module()
        for name, value in (("best", math.inf), ("waited", 0), ("cooling", 0), ("kick_left", 0)):
            head.register_buffer(
                name, torch.tensor(value, dtype=torch.float64 if name == "best" else torch.int64)
            )
        if not model.routing.governed:
            model.routing.active[self.start :] = False
            model.routing.governed.fill_(True)
        return head

    def loss(self, view: StepView) -> Loss:
        """Zero, with the diagnostics."""
        routing: Any = view.model.routing
        active = routing.active.sum()
        told = {"k_active": active, "unlocked": active - self.start, "kick_active": routing.temperature > 1.0}
        return Loss(super().loss(view).value, told)

    def after_step(self, view: StepView) -> None:
        """Count the kick down, and end it."""
        head: Any = view.head
        routing: Any = view.model.routing
        if head.kick_left > 0:
            head.kick_left -= 1
            if head.kick_left == 0:
                routing.temperature.fill_(1.0)

    def after_validation(
        self, metrics: Mapping[str, Mapping[str, float]], head: nn.Module | None, model: nn.Module
    ) -> None:
        """Unlock a component where the watched metric is on a plateau.

        Raises ValueError where the phase has no such task, or the task no such metric.
        """
        state: Any = head
        routing: Any = model.routing
        value = self._watched(metrics)
        if state.cooling > 0:
            state.cooling -= 1
            return
        if value < float(state.best) - self.min_delta:
            state.best.fill_(value)
            state.waited.fill_(0)
            return
        state.waited += 1
        active = int(routing.active.sum())
        if state.waited < self.patience or active == len(routing.active):
            return
        routing.active[active] = True
        routing.temperature.fill_(self.kick_temperature)
        state.kick_left.fill_(int(self.kick_steps))  # type: ignore[arg-type]
        state.cooling.fill_(self.cooldown)
        state.waited.fill_(0)
        state.best.fill_(math.inf)

    def evaluator(self) -> Evaluator:
        """Evaluator of k_active."""
        return ActiveCount()

    def _watched(self, metrics: Mapping[str, Mapping[str, float]]) -> float:
        found = metrics.get(self.watch, {})
        if self.metric not in found:
            raise ValueError(
                f"curriculum task '{self.name}' watches {self.metric!r} of task '{self.watch}'; what was validated is "
                + "; ".join(f"{task}: {', '.join(values)}" for task, values in metrics.items())
            )
        return found[self.metric] if self.mode == "min" else -found[self.metric]


class ActiveCount:
    """k_active of the model that was seen last."""

    def __init__(self) -> None:
        self._active = 0.0

    def update(self, view: StepView) -> None:
        active: Tensor = view.model.routing.active  # type: ignore[union-attr,assignment]
        self._active = float(active.sum())

    def compute(self) -> dict[str, float]:
        return {"loss": 0.0, "k_active": self._active}
