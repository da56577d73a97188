"""Classification by a linear probe on the latent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from acc_assets.models import Outputs
from acc_assets.tasks.base import ProbeTask, dataset_fact, require_classes
from acc_assets.tasks.health import LossHealth, against_baseline
from acc_assets.tasks.view import Evaluator, StepView
from acc_assets.tree.config import config

if TYPE_CHECKING:
    from torch import Tensor, nn


@config
class ClassificationTask(ProbeTask):
    """Cross-entropy of a linear probe, in nats per image. Metrics: loss, accuracy.

    `weight` is relative to the reconstruction (see `ProbeTask`).
    """

    kind: ClassVar[str] = "classification"

    def check(self, model_config: Any, dataset_config: Any) -> None:
        """Also raise ValueError when the data set's targets are not classes."""
        super().check(model_config, dataset_config)
        require_classes(self, dataset_config)

    def build_head(self, model: Any, dataset: Any) -> nn.Module:
        """Linear probe from the slice's width to the number of classes."""
        classes = dataset_fact(self, dataset, "num_classes")
        return self._build_probe(model, dataset, classes or int(dataset.train.targets.max()) + 1)

    def loss(self, view: StepView) -> Tensor:
        """Scalar cross-entropy, nats per image with a label."""
        from acc_assets.tasks import losses

        logits = self._probe(view.head)(losses.latent(view.outputs))
        return losses.cross_entropy(logits, view.batch, self.name)

    def evaluator(self) -> Evaluator:
        """Evaluator of loss and accuracy, on the posterior mean."""
        from acc_assets.tasks.evaluators import ClassificationEvaluator

        return ClassificationEvaluator(self.name, self._point_prediction)

    def predict(self, outputs: Outputs, head: nn.Module | None) -> Tensor:
        """Class index (B,) int64, from the posterior mean."""
        from acc_assets.tasks import losses

        prediction: Tensor = self._probe(head)(losses.point_latent(outputs)).argmax(1)
        return prediction

    def probabilities(self, outputs: Outputs, head: nn.Module | None) -> Tensor:
        """Class probabilities (B, K), from the posterior mean."""
        from acc_assets.tasks import losses

        found: Tensor = self._probe(head)(losses.point_latent(outputs)).softmax(1)
        return found

    def scores(self, outputs: Outputs, head: nn.Module | None) -> Mapping[str, Tensor]:
        """`uncertainty`: 1 - the largest class probability."""
        return {"uncertainty": 1.0 - self.probabilities(outputs, head).amax(1)}

    def baseline(self, dataset: Any) -> dict[str, float]:
        """Accuracy of the most frequent training class, loss of the training frequencies, on the test split."""
        from acc_assets.tasks import baselines

        return baselines.class_frequencies(dataset)

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """Healthy below half of the loss at chance, warning below 0.9 of it, else critical."""
        return against_baseline(losses, baseline["loss"], unit=self.unit)
