"""Metrics and codes of a whole split: batched, without gradients, from posterior means and never from samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from acc_assets.datasets import Batch, ImageData, Split, SplitName
from acc_assets.models import ModelOutput
from acc_assets.models.abilities import (
    Outputs,
    coded,
    every_output,
    flat_latent,
    kept_outputs,
    shared_outputs,
)
from acc_assets.models.layer_calls import device_of, evaluating
from acc_assets.tasks import StepView
from acc_assets.training.batches import chosen_factors
from acc_assets.training.objective import as_images, group_tasks

BATCH_SIZE = 512
ERRORS = ""  # no task has this name


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

    Tasks of one data set share their forward passes.
    """
    device = device or device_of(model)
    metrics: dict[str, dict[str, float]] = {}
    with evaluating(model, heads.values()):
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
) -> dict[str, np.ndarray]:
    """What a model makes of uint8 images (N, C, H, W) in one pass, as arrays by name; without `decode` no errors.

    `mu` (N, D): the posterior mean, the latent of a model that is not variational. Each other output of an example by
    its own name (N, ...), such as `logvar`, maps left out; each shared one as it is, without N. `error` (N,): squared
    error of the reconstruction, mean over pixels, where there is one. `pred/<task>`: class indices (N,) or values
    (N, T). `score/<task>/<what>` (N,): how unsure a task is (`Task.scores`). Floats are float32. Raises ValueError when
    the model gives no flat latent.
    """
    shared: dict[str, Tensor] = {}

    def told(outputs: Outputs, pixels: Tensor) -> dict[str, Tensor]:
        flat_latent(model, outputs)
        found = kept_outputs(model, outputs)
        if decode and ModelOutput.RECONSTRUCTION in outputs:
            found["error"] = (outputs[ModelOutput.RECONSTRUCTION] - pixels).square().flatten(1).mean(1)
        for task in tasks:
            prediction = task.predict(outputs, heads.get(task.name))
            if prediction is not None:
                found[f"pred/{task.name}"] = prediction
            for score, values in task.scores(outputs, heads.get(task.name)).items():
                found[f"score/{task.name}/{score}"] = values
        shared.update({name: values.cpu() for name, values in shared_outputs(model, outputs).items()})
        return found

    arrays = by_image(model, heads, images, told, batch_size, device, decode=decode) | shared
    return {
        name: (values.float() if values.is_floating_point() else values).detach().numpy()
        for name, values in arrays.items()
    }


def judge_images(
    model: nn.Module,
    heads: Mapping[str, nn.Module],
    tasks: Sequence[Any],
    images: np.ndarray,
    batch_size: int = BATCH_SIZE,
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """Of uint8 images (N, C, H, W), class probabilities (N, Y) by task and the error (N, K) of each component.

    The error is that of a component's own reconstruction, squared, the mean over pixels; None for a model whose
    components have no reconstructions of their own. tasks: those with a method `probabilities`.
    """

    def told(outputs: Outputs, pixels: Tensor) -> dict[str, Tensor]:
        found = {task.name: task.probabilities(outputs, heads.get(task.name)) for task in tasks}
        logits = outputs.get(ModelOutput.COMPONENT_RECONSTRUCTION_LOGITS)  # (B, J, C, H, W)
        if logits is not None and logits.shape[1] > 1:
            found[ERRORS] = (logits.sigmoid() - pixels[:, None]).square().flatten(2).mean(2)
        return found

    found = by_image(model, heads, images, told, batch_size)
    errors = found.pop(ERRORS, None)
    return {name: values.double().numpy() for name, values in found.items()}, (
        None if errors is None else errors.numpy()
    )


def by_image(
    model: nn.Module,
    heads: Mapping[str, nn.Module],
    images: np.ndarray,
    told: Callable[[Outputs, Tensor], Mapping[str, Tensor]],
    batch_size: int = BATCH_SIZE,
    device: torch.device | None = None,
    *,
    decode: bool = True,
) -> dict[str, Tensor]:
    """What `told` makes of the outputs of uint8 images (N, C, H, W) and their pixels in 0 .. 1, as tensors (N, ...).

    Without `decode` the outputs are those of the encoder alone.
    """
    device = device or device_of(model)
    outputs_of = every_output if decode else coded
    columns: dict[str, list[Tensor]] = {}
    with evaluating(model, heads.values()):
        for start in range(0, len(images), batch_size):
            pixels = as_images(torch.from_numpy(images[start : start + batch_size]), device)
            for name, values in told(outputs_of(model, pixels), pixels).items():
                columns.setdefault(name, []).append(values.cpu())
    return {name: torch.cat(parts) for name, parts in columns.items()}


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
