"""Clusters that stay what they are when an image is shifted or turned a little: self-augmented training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from acc_assets.datasets.augmentation import Augmentation
from acc_assets.models import ModelOutput
from acc_assets.tasks.base import NATS, Task
from acc_assets.tasks.health import Health, LossHealth, against_baseline, final_loss
from acc_assets.tasks.view import Evaluator, Loss, StepView
from acc_assets.tree.config import Amount, config

if TYPE_CHECKING:
    from torch import Tensor


@config
class SelfAugmentedTask(Task):
    """Asks q(c|x) to be the same for a distorted image, certain for each image, and even over a batch. No labels.

        invariance + entropy_weight * entropy + balance_weight * imbalance - (1 + entropy_weight) * log K

    in nats per image, with invariance = CE(q(c|x), q(c|Tx)) and entropy = H(q(c|x)), the means over the batch, and
    imbalance = log K - H(p) of the batch's mean p of q(c|x). The constant makes it 0 for a uniform q(c|x), which knows
    nothing; the least it can be is -(1 + entropy_weight) * log K. T is a fresh draw of `augment` on the clean images,
    for which the encoder runs once more. In the cross-entropy q(c|x) is a constant. Hu et al., "Learning Discrete
    Representations via Information Maximizing Self-Augmented Training" (2017), section 3, with lambda =
    `entropy_weight` and lambda mu = `balance_weight`. The draws come from torch's generator of the images' device,
    which the trainer seeds for each step.

    Diagnostics, over the batch: the parts `invariance`, `entropy` and `imbalance`, in nats. Metrics: loss and
    `qc_information`, H(mean q(c|x)) - mean H(q(c|x)) in nats, at most log K; over the split, as is the mean q(c|x) of
    both; `qc_stable`, the share of images that keep their likeliest component when distorted, by fixed draws.
    """

    augment: Augmentation = Augmentation(shift_px=3.0, rotation_degrees=20.0, scale=(0.8, 1.2))
    entropy_weight: Amount = 0.4
    balance_weight: Amount = 1.6

    kind: ClassVar[str] = "self_augmented"
    unit = NATS

    def needs(self) -> frozenset[str]:
        """The logits of q(c|x)."""
        return frozenset({ModelOutput.COMPONENT_LOGITS})

    def loss(self, view: StepView) -> Loss:
        """Scalar, nats per image, with its parts."""
        from acc_assets.tasks import mixture_terms
        from acc_assets.tasks.distortion import drawn_seed

        seed = drawn_seed(view)
        logits = view.outputs[ModelOutput.COMPONENT_LOGITS]
        distorted = self.distorted_logits(view, seed)
        parts = mixture_terms.assignment_parts(logits, distorted)
        return Loss(self.total(parts, logits.shape[1]), {name: part.detach() for name, part in parts.items()})

    def total(self, parts: Mapping[str, Any], components: int) -> Any:
        """The loss of its `invariance`, `entropy` and `imbalance`, all in nats."""
        weighted = self.entropy_weight * parts["entropy"] + self.balance_weight * parts["imbalance"]
        return parts["invariance"] + weighted - self._most(components)

    def _most(self, components: int) -> float:
        """Nats that a uniform q(c|x) loses against one that is certain, even and always the same."""
        return (1.0 + self.entropy_weight) * math.log(components)

    def distorted_logits(self, view: StepView, seed: int) -> Tensor:
        """The logits (B, K) of q(c|Tx), where the seed draws T."""
        from acc_assets.tasks.distortion import distorted_outputs

        return distorted_outputs(view, self.augment, seed, ModelOutput.COMPONENT_LOGITS)[
            ModelOutput.COMPONENT_LOGITS
        ]

    def evaluator(self) -> Evaluator:
        """Evaluator of loss, qc_information and qc_stable."""
        from acc_assets.tasks.mixture_terms import StabilityEvaluator

        return StabilityEvaluator(self.name, self.distorted_logits, self.total)

    def baseline(self, dataset: Any) -> dict[str, float]:
        """What a uniform q(c|x) knows of an image: nothing."""
        return {"loss": 0.0, "qc_information": 0.0}

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """By where it lies between the least it can be and 0; a model that does not say its K is judged by its sign."""
        known = getattr(model, "components", None)
        if known is not None:
            return against_baseline(losses, baseline["loss"], -self._most(known), unit=self.unit)
        final = final_loss(losses)
        level = Health.HEALTHY if final < 0.0 else Health.CRITICAL
        return LossHealth(level, f"{final:.3g} nats, where 0 knows nothing of the image")
