"""From tasks to one loss: tasks that read the same data set share one batch and one forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from acc_assets.datasets import ImageData
from acc_assets.models import ModelOutput
from acc_assets.models.abilities import named_outputs

Outputs = dict[ModelOutput, Tensor]


@dataclass(frozen=True)
class TaskGroup:
    """Tasks that read one data set; `encode_only` where none of them needs what the decoder makes."""

    dataset: str
    tasks: tuple[Any, ...]
    encode_only: bool

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
        groups.append(TaskGroup(name, members, encode_only))
    return groups


def as_images(pixels: Tensor, device: torch.device) -> Tensor:
    """uint8 (B, C, H, W) as float32 in [0, 1] on the device."""
    return pixels.to(device).to(torch.float32).div_(255.0)


def to_float32(outputs: Mapping[ModelOutput, Tensor]) -> Outputs:
    """Outputs of a pass in reduced precision as float32, so that losses are summed in full precision."""
    return {key: value.float() for key, value in outputs.items()}


def _probe(model: nn.Module, tasks: Sequence[Any], images: Tensor) -> tuple[bool, Outputs]:
    needs = frozenset[ModelOutput]().union(*(task.needs() for task in tasks))
    training = model.training
    devices = [images.device] if images.device.type == "cuda" else []
    with torch.no_grad(), torch.random.fork_rng(devices):
        model.eval()
        try:
            if callable(getattr(model, "encode", None)):
                encoded = named_outputs(model.encode(images), model, "encode")  # type: ignore[operator]
                if needs <= encoded.keys():
                    return True, encoded
            return False, named_outputs(model(images), model, "forward")
        finally:
            model.train(training)
