"""Example-weighted metrics, accumulated over batches of any size in double precision on the host."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from acc_assets.tasks import losses

if TYPE_CHECKING:
    from acc_assets.tasks.base import Batch, Outputs
    from acc_assets.tasks.classification import ClassificationTask
    from acc_assets.tasks.kl_divergence import KLDivergenceTask
    from acc_assets.tasks.reconstruction import ReconstructionTask
    from acc_assets.tasks.regression import RegressionTask

MSE_FLOOR = 1e-10  # keeps the PSNR of a perfect copy finite: 100 dB


def psnr(mse: float) -> float:
    """Peak signal-to-noise ratio in dB of images in [0, 1]: -10 log10(mse), at most 100.

    >>> psnr(0.01)
    20.0
    """
    return -10.0 * math.log10(max(mse, MSE_FLOOR))


class ReconstructionEvaluator:
    """loss (as the task defines it), l1 and mse per pixel, psnr of the MSE pooled over all pixels."""

    def __init__(self, task: ReconstructionTask) -> None:
        self.task = task
        self._loss = self._absolute = self._squared = 0.0
        self._denominator = self._pixels = 0

    def update(self, outputs: Outputs, batch: Batch) -> None:
        with torch.no_grad():
            images = batch.images
            self._loss += float(losses.reconstruction_error(outputs, images, self.task.error))
            self._absolute += float(losses.reconstruction_error(outputs, images, "l1"))
            self._squared += float(losses.reconstruction_error(outputs, images, "mse"))
        self._denominator += self.task.denominator(images)
        self._pixels += images.numel()

    def compute(self) -> dict[str, float]:
        _require_examples(self._pixels, self.task.name)
        mse = self._squared / self._pixels
        return {
            "loss": self._loss * self.task.nats_per_error / self._denominator,
            "l1": self._absolute / self._pixels,
            "mse": mse,
            "psnr": psnr(mse),
        }


class ClassificationEvaluator:
    """loss in nats per image, and accuracy in [0, 1], of the probe on the posterior mean."""

    def __init__(self, task: ClassificationTask, head: nn.Module) -> None:
        self.task, self.head = task, head
        self._loss = 0.0
        self._correct = self._examples = 0

    def update(self, outputs: Outputs, batch: Batch) -> None:
        with torch.no_grad():
            logits = self.head(losses.point_latent(outputs))
            count = len(batch.targets)
            self._loss += float(losses.cross_entropy(logits, batch.targets, self.task.name)) * count
            self._correct += int((logits.argmax(1) == batch.targets).sum())
        self._examples += count

    def compute(self) -> dict[str, float]:
        _require_examples(self._examples, self.task.name)
        return {"loss": self._loss / self._examples, "accuracy": self._correct / self._examples}


class RegressionEvaluator:
    """loss in nats per image; mae in units of the target and r2, each the mean over target columns."""

    def __init__(self, task: RegressionTask, head: nn.Module) -> None:
        self.task, self.head = task, head
        self._targets: list[Tensor] = []
        self._predictions: list[Tensor] = []
        self._loss = 0.0
        self._examples = 0

    def update(self, outputs: Outputs, batch: Batch) -> None:
        with torch.no_grad():
            prediction = self.head(losses.point_latent(outputs))
            targets = self.task.select(batch)
            count = len(targets)
            self._loss += (
                float(losses.gaussian_nll(prediction, targets, self.task.sigma, self.task.name)) * count
            )
        self._examples += count
        self._targets.append(targets.detach().cpu().double())
        self._predictions.append(prediction.detach().cpu().double())

    def compute(self) -> dict[str, float]:
        _require_examples(self._examples, self.task.name)
        targets, predictions = torch.cat(self._targets), torch.cat(self._predictions)
        return {
            "loss": self._loss / self._examples,
            "mae": float((targets - predictions).abs().mean()),
            "r2": r2_score(targets, predictions),
        }


class KLEvaluator:
    """kl in nats per image over the task's slice; loss is the same."""

    def __init__(self, task: KLDivergenceTask, head: nn.Module | None) -> None:
        self.task, self.head = task, head
        self._total = 0.0
        self._examples = 0

    def update(self, outputs: Outputs, batch: Batch) -> None:
        with torch.no_grad():
            kl = self.task.kl_per_image(outputs, self.head)
        self._total += float(kl.sum())
        self._examples += len(kl)

    def compute(self) -> dict[str, float]:
        _require_examples(self._examples, self.task.name)
        kl = self._total / self._examples
        return {"loss": kl, "kl": kl}


def r2_score(targets: Tensor, predictions: Tensor) -> float:
    """Coefficient of determination of (N, T) predictions, the mean over columns.

    A column of constant targets counts 1 when it is predicted exactly and 0 otherwise.
    """
    residual = (targets - predictions).square().sum(0)
    spread = (targets - targets.mean(0)).square().sum(0)
    constant = (residual > 0).to(targets.dtype)
    missed = torch.where(spread > 0, residual / spread.clamp(min=1e-300), constant)
    return float((1.0 - missed).mean())


def _require_examples(count: int, task: str) -> None:
    if count == 0:
        raise ValueError(f"the evaluator of task '{task}' saw no example: call update() before compute()")
