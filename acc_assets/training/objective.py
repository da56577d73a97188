"""From tasks to one loss: tasks that read the same data set share one batch and one forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from acc_assets.datasets import ImageData
from acc_assets.models import Outputs
from acc_assets.models.abilities import named_outputs
from acc_assets.models.layer_calls import evaluating


@dataclass(frozen=True)
class TaskGroup:
    """Tasks that read one data set; `encode_only` where none of them needs what the decoder makes.

    columns: the data set's named factors that the tasks read beside its targets.
    """

    dataset: str
    tasks: tuple[Any, ...]
    encode_only: bool
    columns: tuple[str, ...] = ()

    def forward(self, model: nn.Module, images: Tensor) -> Outputs:
        """One pass over images (B, C, H, W) that gives every output that the group's tasks read."""
        outputs: Outputs = model.encode(images) if self.encode_only else model(images)  # type: ignore[operator]
        return outputs


def group_tasks(
    model: nn.Module, tasks: Sequence[Any], datasets: Mapping[str, ImageData], device: torch.device
) -> list[TaskGroup]:
    """Group tasks by data set and check each against what the model really returns.

    Raises ValueError from a task that does not fit. Leaves torch's generators as they were.
    """
    groups = []
    for name in dict.fromkeys(task.dataset.name for task in tasks):
        members = tuple(task for task in tasks if task.dataset.name == name)
        images = as_images(torch.from_numpy(datasets[name].train.images[:2]), device)
        encode_only, outputs = _probe(model, members, images)
        for task in members:
            task.check_outputs(outputs)
        columns = dict.fromkeys(column for task in members for column in getattr(task, "columns", ()))
        groups.append(TaskGroup(name, members, encode_only, tuple(columns)))
    return groups


def task_scales(tasks: Sequence[Any], datasets: Mapping[str, ImageData]) -> dict[str, float]:
    """By task name, what its loss is multiplied by beside its weight.

    1 for every task whose weight counts nats, so that reconstruction and KL with weight 1.0 are exactly the ELBO. For
    one whose weight is relative, the largest reach of a reconstruction of the phase over the task's own; 1 where the
    phase has no reconstruction, or a constant prediction is perfect already.
    """
    reaches = [task.reach(datasets[task.dataset.name]) for task in tasks if task.sets_scale]
    scales = {}
    for task in tasks:
        own = task.reach(datasets[task.dataset.name]) if task.relative and reaches else 0.0
        # Rounded, so that the last bits of a sum, which depend on the number of threads, do not reach the weights.
        scales[task.name] = float(f"{max(reaches) / own:.4g}") if own > 0.0 else 1.0
    return scales


def as_images(pixels: Tensor, device: torch.device) -> Tensor:
    """uint8 (B, C, H, W) as float32 in [0, 1] on the device."""
    return pixels.to(device).to(torch.float32).div_(255.0)


def to_float32(outputs: Outputs) -> Outputs:
    """Outputs of a pass in reduced precision as float32, so that losses are summed in full precision."""
    return {key: value.float() for key, value in outputs.items()}


def _probe(model: nn.Module, tasks: Sequence[Any], images: Tensor) -> tuple[bool, Outputs]:
    needs = frozenset[str]().union(*(task.needs() for task in tasks))
    with evaluating(model):
        if callable(getattr(model, "encode", None)):
            encoded = named_outputs(model.encode(images), model, "encode")  # type: ignore[operator]
            if needs <= encoded.keys():
                return True, encoded
        return False, named_outputs(model(images), model, "forward")
