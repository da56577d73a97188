"""One phase of training: the step, its losses and the state that a snapshot needs to go on exactly."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from acc_assets.datasets import ImageData
from acc_assets.tasks import Loss, StepView, Task
from acc_assets.training.batches import BatchSource
from acc_assets.training.early_stopping import EarlyStop
from acc_assets.training.evaluation import evaluate
from acc_assets.training.history import LossWindow, named_diagnostics
from acc_assets.training.objective import TaskGroup, task_scales, to_float32
from acc_assets.training.optimization import (
    MovingAverage,
    build_optimizer,
    clip_gradients,
    lr_factor,
    set_rates,
)
from acc_assets.training.randomness import derived_seed, seed_device
from acc_assets.tree import TrainPhase

_AUTOCAST = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class PhaseTrainer:
    """Trains a model and its heads for one phase, a step at a time.

    Every random draw of a step is seeded by (seed, step, data set), so a step depends on the weights and its
    number alone: branches of one root see the same batches and noise, and a resumed run repeats them.
    Each phase starts its optimizer afresh.
    """

    def __init__(
        self,
        phase: TrainPhase,
        model: nn.Module,
        heads: Mapping[str, nn.Module],
        groups: Sequence[TaskGroup],
        datasets: Mapping[str, ImageData],
        *,
        seed: int,
        device: torch.device,
        positions: dict[str, int],
    ) -> None:
        check_precision(phase.precision, device)
        self.phase = phase
        self.model = model
        self.heads = {task.name: heads[task.name] for task in phase.tasks if task.name in heads}
        self.positions = positions
        self.step_in_phase = 0
        self._datasets = datasets
        self._seed = seed
        self._device = device
        self.groups = groups
        self.scales = task_scales(phase.tasks, datasets)
        self._sources = {
            group.dataset: BatchSource(
                group.dataset,
                datasets[group.dataset],
                batch_size=phase.batch_size,
                seed=seed,
                device=device,
                position=positions.get(group.dataset, 0),
                columns=group.columns,
            )
            for group in self.groups
        }
        self.optimizer = build_optimizer(phase, model, self.heads, device)
        self._parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.window = LossWindow([task.name for task in phase.tasks], phase.log_every, device)
        self.average = MovingAverage(phase.ema_decay, self._parameters) if phase.ema_decay else None
        self.early_stop = EarlyStop(phase.early_stopping) if phase.early_stopping else None
        self._scaler = torch.amp.GradScaler(device.type) if phase.precision == "float16" else None
        self._stateful = {task.name for task in phase.tasks if type(task).after_step is not Task.after_step}
        self._changing_rate = phase.lr_schedule != "constant" or phase.warmup_steps > 0
        self.model.train()
        for head in self.heads.values():
            head.train()

    @property
    def images_per_step(self) -> int:
        """Images that one step takes from all data sets together."""
        return len(self.groups) * self.phase.batch_size

    @property
    def lr(self) -> float:
        """The model's learning rate at the last step."""
        return self.phase.lr * lr_factor(self.phase, max(0, self.step_in_phase - 1))

    def step(self, step: int) -> None:
        """One optimizer step; `step` is its number along the lineage, counted from 0."""
        phase_step = self.step_in_phase
        if self._changing_rate:
            set_rates(self.optimizer, lr_factor(self.phase, phase_step))
        chosen = self._draw_task(step)
        losses: dict[str, Tensor] = {}
        diagnostics: dict[str, Tensor | float] = {}
        kept: list[tuple[Any, StepView]] = []
        total: Tensor | None = None
        for group in self.groups:
            tasks = [task for task in group.tasks if chosen is None or task.name == chosen]
            for task, view, loss in self._group_losses(group, tasks, step):
                if loss.diagnostics:
                    diagnostics |= named_diagnostics(task.name, loss.diagnostics)
                if task.name in self._stateful:
                    kept.append((task, view))
                losses[task.name] = loss.value
                weighted = loss.value * (task.weight_at(phase_step) * self.scales[task.name])
                total = weighted if total is None else total + weighted
        assert total is not None  # a phase has at least one task
        self._update(total)
        self.window.push(losses, total, diagnostics)
        with torch.no_grad():
            for task, view in kept:
                task.after_step(view)
        self.step_in_phase += 1
        for name, source in self._sources.items():
            self.positions[name] = source.position

    def _draw_task(self, step: int) -> str | None:
        """The one task of a step with task_sampling="one", drawn uniformly; None when all are summed."""
        if self.phase.task_sampling != "one":
            return None
        tasks = self.phase.tasks
        name: str = tasks[derived_seed(self._seed, "task", step) % len(tasks)].name
        return name

    def _group_losses(
        self, group: TaskGroup, tasks: list[Any], step: int
    ) -> list[tuple[Any, StepView, Loss]]:
        source = self._sources[group.dataset]
        if not tasks:
            source.skip()
            return []
        batch = source.next(step, self.phase.augment)
        seed_device(self._device, self._seed, "noise", group.dataset, step)
        with self._precision():
            outputs = group.forward(self.model, batch.inputs)
        if self.phase.precision != "float32":
            outputs = to_float32(outputs)
        seen = []
        for task in tasks:
            view = StepView(outputs, batch, self.heads.get(task.name), self.model, self.step_in_phase)
            loss = task.loss(view)
            seen.append((task, view, loss if isinstance(loss, Loss) else Loss(loss)))
        return seen

    def _update(self, total: Tensor) -> None:
        for parameter in self._parameters:  # as optimizer.zero_grad does, without its profiler hooks
            parameter.grad = None
        if self._scaler is None:
            total.backward()
            self._clip()
            self.optimizer.step()
        else:
            self._scaler.scale(total).backward()
            self._scaler.unscale_(self.optimizer)
            self._clip()
            self._scaler.step(self.optimizer)
            self._scaler.update()
        if self.average is not None:
            self.average.update()

    def _clip(self) -> None:
        if self.phase.clip_norm is not None:
            clip_gradients(self._parameters, self.phase.clip_norm)

    def _precision(self) -> contextlib.AbstractContextManager[Any]:
        kind = _AUTOCAST.get(self.phase.precision)
        return torch.autocast(self._device.type, dtype=kind) if kind else contextlib.nullcontext()

    def validate(self) -> dict[str, dict[str, float]]:
        """Metrics of the phase's tasks on the validation split, with the averaged weights where there are any."""
        with self.averaged():
            return evaluate(
                self.model, self.heads, self.phase.tasks, self._datasets, "validation", device=self._device
            )

    def after_validation(self, metrics: Mapping[str, Mapping[str, float]]) -> None:
        """Let the tasks change their state by what a validation showed."""
        for task in self.phase.tasks:
            task.after_validation(metrics, self.heads.get(task.name), self.model)

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """Inside the block, model and heads hold the weights that a reader should get."""
        return self.average.applied() if self.average is not None else contextlib.nullcontext()

    def weights_finite(self) -> bool:
        """Whether every weight is a finite number; reads one value back from the device."""
        with torch.no_grad():
            return bool(torch.isfinite(torch.stack(torch._foreach_norm(self._parameters)).sum()))

    def finish(self) -> None:
        """Leave in the modules the weights that the phase ends with: the best, or the average, or the last."""
        if self.early_stop is not None and self.early_stop.best is not None:
            self.early_stop.restore(trained_modules(self.model, self.heads))
        elif self.average is not None:
            self.average.adopt()

    def state(self) -> dict[str, Any]:
        """What a snapshot must hold beside the weights to go on exactly; take it outside `averaged()`."""
        return {
            "phase_step": self.step_in_phase,
            "optimizer": self.optimizer.state_dict(),
            "window": self.window.state(),
            "average": self.average.state() if self.average is not None else None,
            "early_stop": self.early_stop.state() if self.early_stop is not None else None,
            "scaler": self._scaler.state_dict() if self._scaler is not None else None,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a snapshot whose weights the modules hold."""
        self.step_in_phase = int(state["phase_step"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.window.restore(state["window"])
        if self.average is not None:
            self.average.restore(state["average"])
        if self.early_stop is not None:
            self.early_stop.load(state["early_stop"])
        if self._scaler is not None:
            self._scaler.load_state_dict(state["scaler"])


def trained_modules(model: nn.Module, heads: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """Model and heads under the names that a snapshot gives them."""
    return {"model": model, **{f"heads/{name}": head for name, head in heads.items()}}


def check_precision(precision: str, device: torch.device) -> None:
    """Raise ValueError for a precision that the device cannot train in."""
    if precision == "float16" and device.type != "cuda":
        raise ValueError(
            f"precision='float16' needs a CUDA device, and this build runs on {device.type}; "
            "use 'bfloat16' or 'float32', or device='cuda'."
        )
