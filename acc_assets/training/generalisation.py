"""Does what a model learned hold on new images: the same evaluation on training and on test images, compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from acc_assets.datasets import ImageData
from acc_assets.tasks import Generalisation
from acc_assets.tasks.baselines import on_training_images
from acc_assets.tasks.health import generalisation
from acc_assets.training.evaluation import evaluate


def judge_generalisation(
    model: nn.Module,
    heads: Mapping[str, nn.Module],
    tasks: Sequence[Any],
    datasets: Mapping[str, ImageData],
    test_metrics: Mapping[str, Mapping[str, float]],
    device: torch.device | None = None,
) -> dict[str, Generalisation]:
    """By task name, how the losses on training images compare with those on test images.

    `test_metrics` is what `evaluate` gave for the test split. The training images (all, or some 2,000 evenly spaced
    ones) are evaluated in the same way, without augmentation, dropout or sampling, so that the difference is the
    images alone; the losses written during training would not do, since they were measured with all three and on
    weights that were still moving. Tasks with nothing to win (KL) are left out.
    """
    seen = {name: on_training_images(data) for name, data in datasets.items()}
    measured = evaluate(model, heads, tasks, seen, "test", device=device)
    verdicts = {}
    for task in tasks:
        data = datasets[task.dataset.name]
        verdict = generalisation(
            measured[task.name]["loss"],
            task.training_baseline(data),
            test_metrics[task.name]["loss"],
            task.baseline(data),
        )
        if verdict is not None:
            verdicts[task.name] = verdict
    return verdicts
