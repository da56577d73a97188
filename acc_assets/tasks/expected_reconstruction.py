"""Reconstruction by a mixture: every component decodes, and responsibilities say how much each counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from acc_assets.models import ModelOutput
from acc_assets.tasks.health import LossHealth, against_baseline
from acc_assets.tasks.reconstruction import ReconstructionTask
from acc_assets.tasks.schedules import WeightSchedule, ends, weight_at
from acc_assets.tasks.view import Evaluator, Loss, StepView
from acc_assets.tree.config import PositiveNumber, config

if TYPE_CHECKING:
    from torch import Tensor


@config
class GumbelSelection:
    """Weights of the components drawn for each image and step: softmax((logits + Gumbel noise) / temperature).

    Jang et al., "Categorical Reparameterization with Gumbel-Softmax" (2017), equation 2. straight_through: the weights
    are 1 for the largest and 0 for the others, with the gradient of the soft ones. Evaluation weighs by r = q(c|x).
    """

    temperature: PositiveNumber | WeightSchedule = 1.0
    straight_through: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.temperature, int | float) and min(ends(self.temperature)) <= 0.0:
            raise ValueError(f"temperature is {self.temperature}; allowed is a schedule above 0")


@config
class ExpectedReconstructionTask(ReconstructionTask):
    """sum_k w_k L(x, x_k) over the components' own images x_k, in nats per image, the mean over the batch.

    w is r = q(c|x), so that this is the expectation in the ELBO, or what `selection` draws. `error` names L: "bce",
    "mse" and "l1" as in `ReconstructionTask` ("bce" on the logits of x_k), or "gaussian" of a heteroscedastic model,
    sum over D pixels of (x - m)^2 / (2 sigma^2) + log sigma, without the constant: D log sigma where sigma is one an
    image. Diagnostics: `sigma`, the mean deviation; `temperature`. Metrics: loss, as above with w = r; l1, mse and psnr
    of the model's reconstruction, which is sum_k r_k x_k.
    """

    error: Literal["bce", "mse", "l1", "gaussian"] = "bce"  # type: ignore[assignment]
    selection: GumbelSelection | None = None

    kind: ClassVar[str] = "expected_reconstruction"

    def __post_init__(self) -> None:
        if self.error == "gaussian" and (self.sigma is not None or self.reduction == "mean"):
            raise ValueError(
                f"error='gaussian' has the model's own sigma and sums over pixels, but sigma is {self.sigma} and "
                f"reduction={self.reduction!r}; leave both out"
            )
        ReconstructionTask.__post_init__(self)

    @property
    def nats_per_error(self) -> float:
        """As in `ReconstructionTask`; 1 for "gaussian", which is in nats."""
        return 1.0 if self.error == "gaussian" else super().nats_per_error

    def needs(self) -> frozenset[str]:
        """The components' images and the logits of q(c|x); their sigma for "gaussian"."""
        needed = {
            ModelOutput.RECONSTRUCTION,
            ModelOutput.COMPONENT_RECONSTRUCTION_LOGITS,
            ModelOutput.COMPONENT_LOGITS,
        }
        return frozenset(needed | ({ModelOutput.COMPONENT_SIGMA} if self.error == "gaussian" else set()))

    def check(self, model_config: Any, dataset_config: Any) -> None:
        """Also raise ValueError for a sigma that would not be read, and a selection among images that are alike."""
        if self.error != "gaussian" and getattr(model_config, "heteroscedastic", None) is not None:
            raise ValueError(
                f"expected_reconstruction task '{self.name}' has error={self.error!r}, and the model gives a deviation "
                "of each image: use error='gaussian', or heteroscedastic=None"
            )
        if self.error == "gaussian" and getattr(model_config, "heteroscedastic", True) is None:
            raise ValueError(
                f"expected_reconstruction task '{self.name}' has error='gaussian', which reads the model's own sigma: "
                "set heteroscedastic=Heteroscedastic(), or use error='mse' with a fixed sigma"
            )
        if self.selection is not None and getattr(model_config, "decodings", 2) == 1:
            raise ValueError(
                f"expected_reconstruction task '{self.name}' selects a component's image, and this model decodes one "
                "for all components: set conditioning or layout='decentralized', or selection=None"
            )
        super().check(model_config, dataset_config)

    def loss(self, view: StepView) -> Loss:
        """Scalar, in the task's unit, with its diagnostics."""
        from acc_assets.tasks import reconstruction_terms as terms

        told: dict[str, Tensor | float] = {}
        weights = view.outputs[ModelOutput.COMPONENT_LOGITS].softmax(1)
        if self.selection is not None and view.step is not None:
            temperature = weight_at(self.selection.temperature, view.step)
            told["temperature"] = temperature
            weights = terms.gumbel_weights(
                view.outputs[ModelOutput.COMPONENT_LOGITS], temperature, self.selection.straight_through
            )
        if self.error == "gaussian":
            told["sigma"] = view.outputs[ModelOutput.COMPONENT_SIGMA].mean().detach()
        summed = terms.expected_error(view.outputs, view.batch.images, self.error, weights).sum()
        return Loss(summed * self.nats_per_error / self.denominator(view.batch.images), told)

    def per_image(self, view: StepView) -> Tensor:
        """Loss (B,) of each image, in the task's unit, with w = r."""
        from acc_assets.tasks import reconstruction_terms as terms

        images = view.batch.images
        weights = view.outputs[ModelOutput.COMPONENT_LOGITS].softmax(1)
        each = terms.expected_error(view.outputs, images, self.error, weights)
        return each * self.nats_per_error * len(images) / self.denominator(images)

    def evaluator(self) -> Evaluator:
        """Evaluator of loss, l1, mse and psnr."""
        from acc_assets.tasks.reconstruction_terms import ExpectedEvaluator

        return ExpectedEvaluator(self.name, self.per_image)

    def baseline(self, dataset: Any) -> dict[str, float]:
        """Metrics of the mean training image on the test split, for "gaussian" with the best single sigma."""
        from acc_assets.tasks import baselines

        plain = ReconstructionTask(
            self.name,
            self.dataset,
            error="mse" if self.error == "gaussian" else self.error,
            sigma=self.sigma,
            reduction=self.reduction,
        )
        found = baselines.mean_image(plain.evaluator, dataset)
        if self.error != "gaussian":
            return found
        pixels = math.prod(dataset.test.images.shape[1:])
        low, high = SIGMA_BOUNDS
        sigma = min(max(math.sqrt(found["mse"]), low), high)
        nats = pixels * (found["mse"] / (2.0 * sigma**2) + math.log(sigma))
        return {**found, "loss": nats, "loss_floor": pixels * math.log(low)}

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """Healthy below half of the mean image's loss above the floor, warning below 0.9 of it, else critical."""
        return against_baseline(losses, baseline["loss"], baseline["loss_floor"], unit=self.unit)


SIGMA_BOUNDS = (0.05, 0.5)  # of a heteroscedastic model by default
