"""Classification by a perceptron on the latent, with the calibration of what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from acc_assets.datasets.augmentation import Augmentation
from acc_assets.models import ModelOutput
from acc_assets.tasks.classification import ClassificationTask
from acc_assets.tasks.view import Evaluator, StepView
from acc_assets.tree.config import AnyNumberOf, Positive, config

if TYPE_CHECKING:
    from torch import Tensor, nn


@config
class HeadClassifierTask(ClassificationTask):
    """Cross-entropy of a perceptron with ReLU layers `hidden` on the latent, in nats per image with a label.

    augment: train it on the latents of distorted images, for which the encoder runs once more; without it on those of
    the batch. Metrics: loss, accuracy, ece (15 bins) and accuracy_<class>, on the posterior mean of undistorted images.
    """

    hidden: AnyNumberOf[Positive] = (64,)
    augment: Augmentation | None = None

    kind: ClassVar[str] = "head_classifier"

    def build_head(self, model: Any, dataset: Any) -> nn.Module:
        """Perceptron from the slice's width to the number of classes."""
        from acc_assets.tasks.probes import PerceptronProbe

        linear: Any = super().build_head(model, dataset)
        return PerceptronProbe(linear.start, linear.stop, self.hidden, linear.linear.out_features)

    def loss(self, view: StepView) -> Tensor:
        """Scalar cross-entropy, nats per image with a label."""
        if self.augment is None:
            return super().loss(view)
        from acc_assets.tasks import losses
        from acc_assets.tasks.distortion import distorted_outputs, drawn_seed

        outputs = distorted_outputs(view, self.augment, drawn_seed(view), ModelOutput.LATENT)
        logits = self._probe(view.head)(losses.latent(outputs))
        return losses.cross_entropy(logits, view.batch, self.name)

    def evaluator(self) -> Evaluator:
        """Evaluator of loss, accuracy, calibration and accuracy by class."""
        from acc_assets.tasks.class_evaluator import CalibratedEvaluator

        return CalibratedEvaluator(self.name, self._point_prediction, self.dataset.config.target_names)
