"""Metrics and codes of a whole split: batched, without gradients, from posterior means and never from samples."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from acc_assets.datasets import Batch, ImageData, Split, SplitName
from acc_assets.models import ModelOutput
from acc_assets.models.abilities import coded, every_output, point_latent
from acc_assets.tasks import StepView
from acc_assets.training.batches import chosen_factors
from acc_assets.training.objective import as_images, group_tasks

BATCH_SIZE = 512


@dataclass(frozen=True)
class EncodedSplit:
    """What one pass over N images gives.

    mu: (N, D) float32, the latent of a model that is not variational. logvar: (N, D) or None. predictions: by
    task, (N,) class indices or (N, T) values. error: (N,) float32, the squared error of the reconstruction,
    mean over pixels; None for a model without decoder.
    """

    mu: np.ndarray
    logvar: np.ndarray | None
    predictions: dict[str, np.ndarray]
    error: np.ndarray | None


def evaluate(
    model: nn.Module,
    heads: Mapping[str, nn.Module],
    tasks: Sequence[Any],
    datasets: Mapping[str, ImageData],
    split: SplitName = "test",
    batch_size: int = BATCH_SIZE,
    device: torch.device | None = None,
) -> dict[str, dict[str, float]]:
    """Metrics of every task on one split of its data set, by task name; each example counts once.

    Tasks of one data set share their forward passes. Modules are left in evaluation mode.
    """
    device = device or device_of(model)
    metrics: dict[str, dict[str, float]] = {}
    with evaluating(model, heads):
        for group in group_tasks(model, tasks, datasets, device):
            evaluators = {task.name: task.evaluator() for task in group.tasks}
            shown = getattr(datasets[group.dataset], split)
            for batch in _batches(shown, batch_size, device, group.columns):
                outputs = group.forward(model, batch.images)
                for name, evaluator in evaluators.items():
                    evaluator.update(StepView(outputs, batch, heads.get(name), model))
            metrics |= {name: evaluator.compute() for name, evaluator in evaluators.items()}
    return {task.name: metrics[task.name] for task in tasks}


def encode_split(
    model: nn.Module,
    heads: Mapping[str, nn.Module],
    tasks: Sequence[Any],
    images: np.ndarray,
    batch_size: int = BATCH_SIZE,
    device: torch.device | None = None,
    *,
    decode: bool = True,
) -> EncodedSplit:
    """Codes, predictions and errors of uint8 images (N, C, H, W) in one pass; without `decode` no errors.

    Raises ValueError when the model gives no flat latent.
    """
    device = device or device_of(model)
    outputs_of = every_output if decode else coded
    columns: dict[str, list[np.ndarray]] = {}

    def add(name: str, values: Tensor) -> None:
        columns.setdefault(name, []).append(values.detach().cpu().numpy())

    with evaluating(model, heads):
        for start in range(0, len(images), batch_size):
            pixels = as_images(torch.from_numpy(images[start : start + batch_size]), device)
            outputs = outputs_of(model, pixels)
            latent = point_latent(outputs)
            if latent is None:
                raise ValueError(
                    f"{type(model).__name__} returns no flat latent (B, D): return one under ModelOutput.LATENT."
                )
            add("mu", latent.float())
            if ModelOutput.LOGVAR in outputs:
                add("logvar", outputs[ModelOutput.LOGVAR].float())
            if decode and ModelOutput.RECONSTRUCTION in outputs:
                add("error", (outputs[ModelOutput.RECONSTRUCTION] - pixels).square().flatten(1).mean(1))
            for task in tasks:
                prediction = task.predict(outputs, heads.get(task.name))
                if prediction is not None:
                    add(f"pred/{task.name}", prediction)
    arrays = {name: np.concatenate(parts) for name, parts in columns.items()}
    predictions = {name[5:]: values for name, values in arrays.items() if name.startswith("pred/")}
    return EncodedSplit(arrays["mu"], arrays.get("logvar"), predictions, arrays.get("error"))


@contextlib.contextmanager
def evaluating(model: nn.Module, heads: Mapping[str, nn.Module]) -> Iterator[None]:
    """Evaluation mode and no gradients inside the block; torch's generators are left as they were."""
    model.eval()
    for head in heads.values():
        head.eval()
    with torch.no_grad(), torch.random.fork_rng(enabled=device_of(model).type == "cpu", devices=[]):
        yield


def device_of(module: nn.Module) -> torch.device:
    """Where a module's parameters lie; the CPU for one without any."""
    tensor = next(iter(module.parameters()), None)
    return torch.device("cpu") if tensor is None else tensor.device


def _batches(split: Split, batch_size: int, device: torch.device, columns: Sequence[str]) -> Iterator[Batch]:
    named = chosen_factors(split, columns)
    for start in range(0, len(split.images), batch_size):
        images = as_images(torch.from_numpy(split.images[start : start + batch_size]), device)
        targets = torch.from_numpy(split.targets[start : start + batch_size]).to(device)
        factors = {
            name: torch.from_numpy(values[start : start + batch_size]).to(device)
            for name, values in named.items()
        }
        labelled = split.labelled
        given = (
            None if labelled is None else torch.from_numpy(labelled[start : start + batch_size]).to(device)
        )
        yield Batch(images=images, inputs=images, targets=targets, factors=factors, labelled=given)
