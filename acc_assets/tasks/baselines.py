"""What the best constant prediction scores: known from the training split, measured on the test split."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from acc_assets.models.outputs import ModelOutput
from acc_assets.tasks.evaluators import r2_score

if TYPE_CHECKING:
    from acc_assets.tasks.reconstruction import ReconstructionTask
    from acc_assets.tasks.regression import RegressionTask

CHUNK = 2048


def on_training_images(dataset: Any) -> Any:
    """The data set with training images, at most 4,095 evenly spaced ones, in the place of the test split."""
    train = dataset.train
    every = max(1, len(train.images) // CHUNK)
    factors = {name: values[::every] for name, values in (train.factors or {}).items()} or None
    shown = SimpleNamespace(images=train.images[::every], targets=train.targets[::every], factors=factors)
    return SimpleNamespace(train=train, test=shown)


def mean_image(task: ReconstructionTask, dataset: Any) -> dict[str, float]:
    """Metrics of the mean training image; `loss_floor` is the loss of a perfect copy of each test image."""
    mean = torch.from_numpy(dataset.train.images.mean(0, dtype=np.float64) / 255.0).float()
    constant, perfect = task.evaluator(), task.evaluator()
    for start in range(0, len(dataset.test.images), CHUNK):
        images = torch.from_numpy(dataset.test.images[start : start + CHUNK]).float() / 255.0
        batch = SimpleNamespace(images=images, targets=None)
        constant.update({ModelOutput.RECONSTRUCTION: mean.expand_as(images)}, batch)
        perfect.update({ModelOutput.RECONSTRUCTION: images}, batch)
    return {**constant.compute(), "loss_floor": perfect.compute()["loss"]}


def class_frequencies(dataset: Any) -> dict[str, float]:
    """Accuracy of the most frequent class and cross-entropy (nats) of the class frequencies, add-one smoothed."""
    train, test = dataset.train.targets, dataset.test.targets
    counts = np.bincount(train, minlength=int(test.max()) + 1)
    frequencies = (counts + 1.0) / (counts.sum() + len(counts))
    return {
        "loss": float(-np.log(frequencies[test]).mean()),
        "accuracy": float((test == counts.argmax()).mean()),
    }


def mean_target(task: RegressionTask, dataset: Any) -> dict[str, float]:
    """loss, mae and r2 of the mean training target."""
    targets = torch.from_numpy(task.select(dataset.test)).double()
    mean = torch.from_numpy(task.select(dataset.train)).double().mean(0).expand_as(targets)
    error = targets - mean
    return {
        "loss": float(error.square().sum(1).mean() / (2.0 * task.sigma**2)),
        "mae": float(error.abs().mean()),
        "r2": r2_score(targets, mean),
    }
