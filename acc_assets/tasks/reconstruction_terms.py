"""The formulas behind `ExpectedReconstructionTask`, and its evaluator."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from acc_assets.models import ModelOutput, Outputs
from acc_assets.tasks.evaluators import MeanEvaluator, ReconstructionEvaluator
from acc_assets.tasks.view import StepView


def component_errors(outputs: Outputs, images: Tensor, error: str) -> Tensor:
    """Error (B, J) of each component's image for images (B, C, H, W), summed over pixels: see the task for `error`."""
    logits = outputs[ModelOutput.COMPONENT_RECONSTRUCTION_LOGITS]  # (B, J, C, H, W)
    truth = images[:, None].expand_as(logits)
    if error == "bce":
        each = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    elif error == "l1":
        each = (logits.sigmoid() - truth).abs()
    else:
        each = (logits.sigmoid() - truth).square()
    if error == "gaussian":
        sigma = outputs[ModelOutput.COMPONENT_SIGMA]
        sigma = sigma[:, :, None, None, None] if sigma.ndim == 2 else sigma
        each = each / (2.0 * sigma.square()) + sigma.log()  # one log sigma for each pixel
    return each.flatten(2).sum(2)


def expected_error(outputs: Outputs, images: Tensor, error: str, weights: Tensor) -> Tensor:
    """sum_k w_k L(x, x_k) (B,) with weights (B, K) that sum to 1; where all components decode alike, L itself."""
    errors = component_errors(outputs, images, error)
    return errors[:, 0] if errors.shape[1] == 1 else (weights * errors).sum(1)


def gumbel_weights(logits: Tensor, temperature: float, straight_through: bool) -> Tensor:
    """Weights (B, K) drawn by torch's generator: see `GumbelSelection`. Masked logits have a weight of exactly 0."""
    noise = -torch.empty_like(logits).exponential_().log()
    soft = ((logits + noise) / temperature).softmax(1)
    if not straight_through:
        return soft
    hard = F.one_hot(soft.argmax(1), logits.shape[1]).to(soft.dtype)
    return hard + (soft - soft.detach())


class ExpectedEvaluator:
    """loss over a split, and l1, mse and psnr of the reconstruction. per_image: the loss (B,) of a view."""

    def __init__(self, task: str, per_image: Callable[[StepView], Tensor]) -> None:
        self._loss = MeanEvaluator(task, per_image)
        self._pictures = ReconstructionEvaluator(task, "mse", 1.0, lambda images: len(images))

    def update(self, view: StepView) -> None:
        self._loss.update(view)
        self._pictures.update(view)

    def compute(self) -> dict[str, float]:
        return {**self._pictures.compute(), **self._loss.compute()}
