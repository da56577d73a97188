"""tau: what class each component of a mixture stands for, counted over the labelled images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from acc_assets.datasets.augmentation import Augmentation
from acc_assets.models import ModelOutput, Outputs
from acc_assets.tasks.base import NATS, Task, dataset_fact, require_classes
from acc_assets.tasks.health import LossHealth, against_baseline
from acc_assets.tasks.view import Evaluator, Loss, StepView
from acc_assets.tree.config import Amount, PositiveNumber, Share, config

if TYPE_CHECKING:
    from torch import Tensor, nn

    from acc_assets.tasks.tau_terms import Tau


@config
class TauTask(Task):
    """-log p(y|x) with p(y|x) = sum_c r_c tau[c, y], r = q(c|x), in nats per image with a label. tau has no gradient.

    tau[c, y] = (s[c, y] + smoothing) / sum_y' (s[c, y'] + smoothing). After each step, s[c, y] is multiplied by
    `decay` for each of the batch's n labelled images (by decay^n) and gains the sum of r_c over those of class y; so
    its total tends to 1 / (1 - decay), and what was counted early fades. Several components may stand for one class.
    anchor: s[c, c mod Y] begins with it, 0 elsewhere. Without it the rows of tau are alike as long as r is even, and
    components are slow to take sides.

    A component is free, to be given a class, where no class is more than `free_below` of the way from chance to
    certain, (max_y tau[c, y] - 1/Y) / (1 - 1/Y) < free_below, or where its mean r over recent batches is below
    `free_usage`. So one that no label has reached is free whatever smoothing and number of classes are. An image's OOD
    score is 1 - max_c r_c max_y tau[c, y].

    augment: train on r of distorted images, for which the encoder runs once more; s counts undistorted ones. s and the
    recent usage are buffers of the head, so that they are in every checkpoint, resume bit for bit, and go back to the
    best step with early stopping; a moving average of the weights leaves them as they are, and its r belongs to the
    same components. Diagnostics: `coverage` (share of classes that a component which is not free stands for), `free`,
    `certainty` (mean of max_c r_c max_y tau[c, y]). Metrics: loss, accuracy, ece (15 bins), accuracy_<class>,
    `tau_coverage`, `tau_free`, and `ood`, the mean OOD score.
    """

    smoothing: PositiveNumber = 1.0
    decay: Share = 0.999
    anchor: Amount = 0.0
    free_below: Share = 0.05
    free_usage: Amount = 1e-3
    augment: Augmentation | None = None

    kind: ClassVar[str] = "tau"

    @property
    def unit(self) -> str:
        """Nats per image."""
        return NATS

    def needs(self) -> frozenset[str]:
        """The logits of q(c|x)."""
        return frozenset({ModelOutput.COMPONENT_LOGITS})

    def check(self, model_config: Any, dataset_config: Any) -> None:
        """Also raise ValueError when the data set's targets are not classes."""
        super().check(model_config, dataset_config)
        require_classes(self, dataset_config)

    def build_head(self, model: Any, dataset: Any) -> nn.Module:
        """The counts, 0 but for the anchors."""
        from acc_assets.tasks.tau_terms import Tau

        components = getattr(model, "components", None)
        if components is None:
            raise ValueError(
                f"tau task '{self.name}' needs to know K: give {type(model).__name__} the attribute 'components'"
            )
        classes = dataset_fact(self, dataset, "num_classes") or int(dataset.train.targets.max()) + 1
        return Tau(components, classes, self)

    def loss(self, view: StepView) -> Loss:
        """Scalar, nats per image with a label, with its diagnostics."""
        from acc_assets.tasks import losses

        outputs: Outputs = view.outputs
        if self.augment is not None:
            from acc_assets.tasks.distortion import distorted_outputs, drawn_seed

            outputs = distorted_outputs(view, self.augment, drawn_seed(view), ModelOutput.COMPONENT_LOGITS)
        head = _tau(self, view.head)
        free = head.free()
        told = {
            "coverage": head.coverage(),
            "free": free.sum().float(),
            "certainty": 1.0 - head.ood(_shares(view.outputs)).mean().detach(),
        }
        return Loss(losses.cross_entropy(head.log_classes(_shares(outputs)), view.batch, self.name), told)

    def after_step(self, view: StepView) -> None:
        """Count the labelled images."""
        head, shares = _tau(self, view.head), _shares(view.outputs)
        labelled = view.batch.labelled
        given = slice(None) if labelled is None else labelled
        head.count(shares, shares[given], view.batch.targets[given])

    def predict(self, outputs: Outputs, head: nn.Module | None) -> Tensor:
        """Class index (B,) int64."""
        return _tau(self, head).log_classes(_shares(outputs)).argmax(1)

    def probabilities(self, outputs: Outputs, head: nn.Module | None) -> Tensor:
        """p(y|x), (B, Y)."""
        return _tau(self, head).log_classes(_shares(outputs)).exp()

    def scores(self, outputs: Outputs, head: nn.Module | None) -> Mapping[str, Tensor]:
        """`uncertainty`: 1 - max_y p(y|x); `ood`: the OOD score."""
        shares = _shares(outputs)
        return {
            "uncertainty": 1.0 - self.probabilities(outputs, head).amax(1),
            "ood": _tau(self, head).ood(shares),
        }

    def evaluator(self) -> Evaluator:
        """Evaluator of loss, accuracy, calibration, accuracy by class, and what tau is like."""
        from acc_assets.tasks.tau_terms import TauEvaluator

        return TauEvaluator(self.name, self.dataset.config.target_names)

    def baseline(self, dataset: Any) -> dict[str, float]:
        """Accuracy of the most frequent training class, loss of the training frequencies, on the test split."""
        from acc_assets.tasks import baselines

        return baselines.class_frequencies(dataset)

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """Healthy below half of the loss at chance, warning below 0.9 of it, else critical."""
        return against_baseline(losses, baseline["loss"], unit=self.unit)


def _shares(outputs: Outputs) -> Tensor:
    return outputs[ModelOutput.COMPONENT_LOGITS].softmax(1)


def _tau(task: TauTask, head: nn.Module | None) -> Tau:
    from acc_assets.tasks.tau_terms import Tau

    if not isinstance(head, Tau):
        raise ValueError(f"task '{task.name}' has no counts: pass what build_head(model, dataset) returned")
    return head
