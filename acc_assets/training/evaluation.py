"""Metrics and codes of a whole split: batched, without gradients, from posterior means and never from samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from acc_assets.datasets import Batch, ImageData, Split, SplitName
from acc_assets.models import ModelOutput
from acc_assets.models.abilities import coded, every_output, kept_outputs, point_latent, shared_outputs
from acc_assets.models.layer_calls import device_of, evaluating
from acc_assets.tasks import StepView
from acc_assets.training.batches import chosen_factors
from acc_assets.training.objective import as_images, group_tasks

BATCH_SIZE = 512


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
    device = device or device_of(model)
    outputs_of = every_output if decode else coded
    columns: dict[str, list[Tensor]] = {}
    shared: dict[str, Tensor] = {}
    with evaluating(model, heads.values()):
        for start in range(0, len(images), batch_size):
            pixels = as_images(torch.from_numpy(images[start : start + batch_size]), device)
            outputs = outputs_of(model, pixels)
            if point_latent(outputs) is None:
                raise ValueError(
                    f"{type(model).__name__} returns no flat latent (B, D): return one under ModelOutput.LATENT."
                )
            found = kept_outputs(model, outputs)
            if decode and ModelOutput.RECONSTRUCTION in outputs:
                found["error"] = (outputs[ModelOutput.RECONSTRUCTION] - pixels).square().flatten(1).mean(1)
            for task in tasks:
                prediction = task.predict(outputs, heads.get(task.name))
                if prediction is not None:
                    found[f"pred/{task.name}"] = prediction
                for score, values in task.scores(outputs, heads.get(task.name)).items():
                    found[f"score/{task.name}/{score}"] = values
            for name, values in found.items():
                columns.setdefault(name, []).append(values.cpu())
            shared = shared_outputs(model, outputs)
    arrays = {name: torch.cat(parts) for name, parts in columns.items()} | shared
    return {
        name: (values.float() if values.is_floating_point() else values).detach().cpu().numpy()
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
    device = device_of(model)
    told: dict[str, list[Tensor]] = {}
    errors: list[Tensor] = []
    with evaluating(model, heads.values()):
        for start in range(0, len(images), batch_size):
            pixels = as_images(torch.from_numpy(images[start : start + batch_size]), device)
            outputs = every_output(model, pixels)
            for task in tasks:
                told.setdefault(task.name, []).append(task.probabilities(outputs, heads.get(task.name)).cpu())
            logits = outputs.get(ModelOutput.COMPONENT_RECONSTRUCTION_LOGITS)  # (B, J, C, H, W)
            if logits is not None and logits.shape[1] > 1:
                errors.append((logits.sigmoid() - pixels[:, None]).square().flatten(2).mean(2).cpu())
    probabilities = {name: torch.cat(parts).double().numpy() for name, parts in told.items()}
    return probabilities, torch.cat(errors).numpy() if errors else None


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
