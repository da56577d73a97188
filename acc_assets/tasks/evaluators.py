"""Example-weighted metrics, accumulated over batches of any size in double precision on the host."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from acc_assets.datasets import Batch
from acc_assets.tasks import losses
from acc_assets.tasks.scores import psnr, r2_score
from acc_assets.tasks.view import StepView


class ReconstructionEvaluator:
    """loss (as the task defines it), l1 and mse per pixel, psnr of the MSE pooled over all pixels.

    error, scale and denominator: of the loss, the summed error times `scale` over `denominator(images)`.
    """

    def __init__(self, task: str, error: str, scale: float, denominator: Callable[[Tensor], int]) -> None:
        self._task, self._error, self._scale, self._count = task, error, scale, denominator
        self._loss = self._absolute = self._squared = 0.0
        self._denominator = self._pixels = 0

    def update(self, view: StepView) -> None:
        images = view.batch.images
        with torch.no_grad():
            self._loss += float(losses.reconstruction_error(view.outputs, images, self._error))
            self._absolute += float(losses.reconstruction_error(view.outputs, images, "l1"))
            self._squared += float(losses.reconstruction_error(view.outputs, images, "mse"))
        self._denominator += self._count(images)
        self._pixels += images.numel()

    def compute(self) -> dict[str, float]:
        require_examples(self._pixels, self._task)
        mse = self._squared / self._pixels
        return {
            "loss": self._loss * self._scale / self._denominator,
            "l1": self._absolute / self._pixels,
            "mse": mse,
            "psnr": psnr(mse),
        }


class ClassificationEvaluator:
    """loss in nats per image, and accuracy in [0, 1], of logits (B, K), over the images with a label."""

    def __init__(self, task: str, logits: Callable[[StepView], Tensor]) -> None:
        self._task, self._logits = task, logits
        self._loss = 0.0
        self._correct = self._examples = 0

    def update(self, view: StepView) -> None:
        with torch.no_grad():
            self._take(*only_labelled(view, self._logits(view)))

    def _take(self, logits: Tensor, batch: Batch) -> None:
        """Take in the logits of images that all have a label."""
        count = len(logits)
        if count:
            self._loss += float(losses.cross_entropy(logits, batch, self._task)) * count
        self._correct += int((logits.argmax(1) == batch.targets).sum())
        self._examples += count

    def compute(self) -> dict[str, float]:
        require_examples(self._examples, self._task)
        return {"loss": self._loss / self._examples, "accuracy": self._correct / self._examples}


class RegressionEvaluator:
    """loss in nats per image; mae in units of the target and r2, each the mean over target columns.

    predict: values (B, T) of a view; select: the targets (B, T) of a batch; sigma: of the likelihood. Over the images
    with a target.
    """

    def __init__(
        self,
        task: str,
        predict: Callable[[StepView], Tensor],
        select: Callable[[Batch], Tensor],
        sigma: float,
    ) -> None:
        self._task, self._predict, self._select, self._sigma = task, predict, select, sigma
        self._targets: list[np.ndarray] = []
        self._predictions: list[np.ndarray] = []
        self._loss = 0.0
        self._examples = 0

    def update(self, view: StepView) -> None:
        with torch.no_grad():
            prediction, batch = only_labelled(view, self._predict(view))
            targets = self._select(batch)
            count = len(targets)
            if count:
                loss = losses.gaussian_nll(prediction, targets, batch, self._sigma, self._task)
                self._loss += float(loss) * count
        self._examples += count
        self._targets.append(targets.cpu().double().numpy())
        self._predictions.append(prediction.cpu().double().numpy())

    def compute(self) -> dict[str, float]:
        require_examples(self._examples, self._task)
        targets, predictions = np.concatenate(self._targets), np.concatenate(self._predictions)
        return {
            "loss": self._loss / self._examples,
            "mae": float(np.abs(targets - predictions).mean()),
            "r2": r2_score(targets, predictions),
        }


class MeanEvaluator:
    """loss, the mean over the examples. per_image: the loss (B,) of each image of a view."""

    def __init__(self, task: str, per_image: Callable[[StepView], Tensor]) -> None:
        self._task, self._per_image = task, per_image
        self._total = 0.0
        self._examples = 0

    def update(self, view: StepView) -> None:
        with torch.no_grad():
            losses = self._per_image(view)
        self._total += float(losses.sum())
        self._examples += len(losses)

    def compute(self) -> dict[str, float]:
        require_examples(self._examples, self._task)
        return {"loss": self._total / self._examples}


class KLEvaluator(MeanEvaluator):
    """kl in nats per image; loss is the same. per_image: nats (B,) of a view."""

    def compute(self) -> dict[str, float]:
        mean = super().compute()
        return {**mean, "kl": mean["loss"]}


def only_labelled(view: StepView, predicted: Tensor) -> tuple[Tensor, Batch]:
    """Predictions (B, ...) and batch, both cut to the images with a target."""
    chosen = view.batch.labelled
    return (predicted, view.batch) if chosen is None else (predicted[chosen], view.batch.of_labelled())


def require_examples(count: int, task: str) -> None:
    """Raise ValueError when an evaluator is asked before it has seen anything."""
    if count == 0:
        raise ValueError(f"the evaluator of task '{task}' saw no example: call update() before compute()")
