"""Reconstruction as a likelihood of the image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from acc_assets.models import ModelOutput
from acc_assets.tasks.base import NATS, Task
from acc_assets.tasks.health import LossHealth, against_baseline
from acc_assets.tasks.view import Evaluator, Loss, StepView
from acc_assets.tree.config import PositiveNumber, config

if TYPE_CHECKING:
    from torch import Tensor

ErrorKind = Literal["bce", "mse", "l1"]
Reduction = Literal["sum", "mean"]
DEFAULT_SIGMA = {"mse": 0.1, "l1": 0.05}
PER_PIXEL = {"bce": "nats per pixel", "mse": "squared error per pixel", "l1": "absolute error per pixel"}


@config
class ReconstructionTask(Task):
    """Negative log-likelihood of the clean image under the decoder, without its constant, in nats per image.

    `error` names the likelihood; the sum runs over the pixels and the mean over the batch:

    * "bce": Bernoulli in the continuous form, -sum x log p + (1 - x) log(1 - p);
    * "mse": Gaussian of fixed deviation `sigma` (default 0.1), sum (x - p)^2 / (2 sigma^2);
    * "l1": Laplace of fixed scale `sigma` (default 0.05), sum |x - p| / sigma.

    The defaults of `sigma` are near the error of a good reconstruction, where the likelihood is calibrated
    (Rybkin et al., "Simple and Effective VAE Training with Calibrated Decoders", 2021, equation 3).
    `reduction="mean"` is the plain mean over pixels, with no `sigma`: for autoencoders without a KL term,
    where only the learning rate sees the scale. Metrics: loss, l1, mse, psnr (dB, of the pooled MSE).
    """

    error: ErrorKind = "bce"
    sigma: PositiveNumber | None = None
    reduction: Reduction = "sum"

    kind: ClassVar[str] = "reconstruction"
    sets_scale: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.sigma is not None and (self.error == "bce" or self.reduction == "mean"):
            raise ValueError(
                f"sigma is {self.sigma}, which error={self.error!r} with reduction={self.reduction!r} does not use; "
                "leave sigma out"
            )

    @property
    def nats_per_error(self) -> float:
        """Factor from the summed error to nats; 1 with reduction="mean", which is not in nats."""
        if self.error == "bce" or self.reduction == "mean":
            return 1.0
        sigma = self.sigma or DEFAULT_SIGMA[self.error]
        return 1.0 / (2.0 * sigma**2) if self.error == "mse" else 1.0 / sigma

    @property
    def unit(self) -> str:
        """Nats per image; with reduction="mean" the error itself, per pixel."""
        return PER_PIXEL[self.error] if self.reduction == "mean" else NATS

    def needs(self) -> frozenset[str]:
        """The reconstruction; logits, where the model returns them too, make "bce" exact."""
        return frozenset({ModelOutput.RECONSTRUCTION})

    def loss(self, view: StepView) -> Tensor | Loss:
        """Scalar, in the task's unit."""
        from acc_assets.tasks import losses

        error = losses.reconstruction_error(view.outputs, view.batch.images, self.error)
        return error * self.nats_per_error / self.denominator(view.batch.images)

    def denominator(self, images: Any) -> int:
        """What the summed error of images (B, C, H, W) is divided by: B, or all their pixels."""
        return math.prod(images.shape) if self.reduction == "mean" else int(images.shape[0])

    def evaluator(self) -> Evaluator:
        """Evaluator of loss, l1, mse and psnr."""
        from acc_assets.tasks.evaluators import ReconstructionEvaluator

        return ReconstructionEvaluator(self.name, self.error, self.nats_per_error, self.denominator)

    def baseline(self, dataset: Any) -> dict[str, float]:
        """Metrics of the mean training image on the test split; `loss_floor` is the loss of a perfect copy."""
        from acc_assets.tasks import baselines

        return baselines.mean_image(self.evaluator, dataset)

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """Healthy below half of the mean image's loss above the floor, warning below 0.9 of it, else critical."""
        return against_baseline(losses, baseline["loss"], baseline["loss_floor"], unit=self.unit)
