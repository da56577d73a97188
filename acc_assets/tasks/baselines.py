"""What the best constant prediction scores: known from the training split, measured on the test split."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from acc_assets.datasets import Batch
from acc_assets.models import ModelOutput
from acc_assets.tasks.scores import r2_score
from acc_assets.tasks.view import Evaluator, StepView

CHUNK = 2048
FIXED_DRAW = 0  # seed of the draw of dynamic images


def on_training_images(dataset: Any) -> Any:
    """The data set with training images, at most 4,095 evenly spaced ones, in the place of the test split.

    Where not all images have a target, as many evenly spaced ones that have one are among them. Of dynamic images it
    is one draw, always the same.
    """
    train = dataset.train
    chosen = np.arange(0, len(train.images), max(1, len(train.images) // CHUNK))
    if train.labelled is not None:
        labelled = np.flatnonzero(train.labelled)
        chosen = np.union1d(chosen, labelled[:: max(1, len(labelled) // CHUNK)])
    return SimpleNamespace(train=train, test=train.take(chosen).drawn(FIXED_DRAW))


def mean_image(evaluator: Callable[[], Evaluator], dataset: Any) -> dict[str, float]:
    """Metrics of the mean training image; `loss_floor` is the loss of a perfect copy of each test image."""
    mean = torch.from_numpy(dataset.train.images.mean(0, dtype=np.float64) / 255.0).float()
    constant, perfect = evaluator(), evaluator()
    for start in range(0, len(dataset.test.images), CHUNK):
        images = torch.from_numpy(dataset.test.images[start : start + CHUNK]).float() / 255.0
        for measured, shown in ((constant, mean.expand_as(images)), (perfect, images)):
            batch = Batch(images=images, inputs=images, targets=torch.empty(len(images), 0))
            measured.update(StepView({ModelOutput.RECONSTRUCTION: shown}, batch, None, nn.Identity()))
    return {**constant.compute(), "loss_floor": perfect.compute()["loss"]}


def class_frequencies(dataset: Any) -> dict[str, float]:
    """Accuracy of the most frequent class and cross-entropy (nats) of the class frequencies, add-one smoothed."""
    train, test = (split.of_labelled().targets for split in (dataset.train, dataset.test))
    counts = np.bincount(train, minlength=int(test.max()) + 1)
    frequencies = (counts + 1.0) / (counts.sum() + len(counts))
    return {
        "loss": float(-np.log(frequencies[test]).mean()),
        "accuracy": float((test == counts.argmax()).mean()),
    }


def mean_target(select: Callable[[Any], Any], sigma: float, dataset: Any) -> dict[str, float]:
    """loss, mae and r2 of the mean training target; `select` picks the targets (N, T) of a split."""
    targets = select(dataset.test.of_labelled()).astype(np.float64)
    mean = select(dataset.train.of_labelled()).astype(np.float64).mean(0)
    error = targets - mean
    return {
        "loss": float(np.square(error).sum(1).mean() / (2.0 * sigma**2)),
        "mae": float(np.abs(error).mean()),
        "r2": r2_score(targets, np.broadcast_to(mean, targets.shape)),
    }
