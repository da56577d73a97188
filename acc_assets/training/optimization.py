"""Optimizers, learning-rate schedules, gradient clipping and the moving average of the weights."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from acc_assets.tree import TrainPhase

HEAD_LR = 10.0  # learning rate of a head without its own, in units of the model's


def build_optimizer(
    phase: TrainPhase, model: nn.Module, heads: Mapping[str, nn.Module], device: torch.device
) -> torch.optim.Optimizer:
    """An optimizer with one parameter group for the model and one for each head with parameters.

    A head learns with its task's `head_lr`, else with ten times the phase's `lr`; `base_lr` in a group is the rate
    before the schedule.
    """
    groups: list[dict[str, Any]] = [{"params": trainable(model), "lr": phase.lr, "base_lr": phase.lr}]
    for task in phase.tasks:
        params = trainable(heads[task.name]) if task.name in heads else []
        if params:
            rate = getattr(task, "head_lr", None) or HEAD_LR * phase.lr
            groups.append({"params": params, "lr": rate, "base_lr": rate})
    groups = [group for group in groups if group["params"]]
    fused = device.type in ("cpu", "cuda")
    if phase.optimizer == "sgd":
        return torch.optim.SGD(
            groups, lr=phase.lr, momentum=phase.momentum, weight_decay=phase.weight_decay, fused=fused
        )
    kind = torch.optim.AdamW if phase.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=phase.lr, weight_decay=phase.weight_decay, fused=fused)


def lr_factor(phase: TrainPhase, step: int) -> float:
    """What the base rates are multiplied by at a step of the phase, counted from 0.

    Warm-up rises linearly to 1 over `warmup_steps`. Then "cosine" falls to 0 at the phase's end along half a
    cosine (Loshchilov and Hutter, "SGDR", 2017, equation 5, one cycle), and "step" multiplies by `lr_gamma`
    every `lr_step_size` steps.
    """
    if step < phase.warmup_steps:
        return (step + 1) / phase.warmup_steps
    done, total = step - phase.warmup_steps, max(1, phase.steps - phase.warmup_steps)
    if phase.lr_schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * min(1.0, done / total)))
    if phase.lr_schedule == "step":
        return float(phase.lr_gamma ** (done // phase.lr_step_size))
    return 1.0


def set_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Scale the rate of every group from its base rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor


def clip_gradients(parameters: Sequence[Tensor], max_norm: float) -> None:
    """Scale all gradients so that their joint L2 norm is at most `max_norm`; nothing is read back from the device."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    if norm.device.type == "cpu" and norm <= max_norm:
        return  # on another device the comparison would wait for it, and scaling by 1 is cheaper
    torch._foreach_mul_(gradients, torch.clamp(max_norm / (norm + 1e-6), max=1.0))


def trainable(module: nn.Module) -> list[nn.Parameter]:
    """Parameters that receive gradients."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


class MovingAverage:
    """Exponential moving average of the weights: a <- decay * a + (1 - decay) * w after every step.

    For the first steps the decay is min(decay, (1 + n) / (10 + n)), n the updates so far, so that the average
    does not remember the start of the phase for long (as in TensorFlow's ExponentialMovingAverage).
    Buffers are not averaged.
    """

    def __init__(self, decay: float, parameters: Iterable[Tensor]) -> None:
        self.decay = decay
        self.updates = 0
        self._parameters = list(parameters)
        self.average = [parameter.detach().clone() for parameter in self._parameters]

    def update(self) -> None:
        """Take the present weights into the average."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, [p.detach() for p in self._parameters], 1.0 - decay)
        self.updates += 1

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Inside the block the modules hold the average instead of the weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def adopt(self) -> None:
        """Put the average in the place of the weights, for good."""
        self._swap()

    def state(self) -> dict[str, Any]:
        """What a snapshot needs beside the average, which it holds as the model's weights."""
        return {"updates": self.updates, "weights": [p.detach().cpu().clone() for p in self._parameters]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a snapshot whose averaged weights the modules hold now."""
        self.updates = int(state["updates"])
        with torch.no_grad():
            for parameter, average, weights in zip(
                self._parameters, self.average, state["weights"], strict=True
            ):
                average.copy_(parameter)
                parameter.copy_(weights)

    def _swap(self) -> None:
        with torch.no_grad():
            for parameter, average in zip(self._parameters, self.average, strict=True):
                kept = parameter.detach().clone()
                parameter.copy_(average)
                average.copy_(kept)
