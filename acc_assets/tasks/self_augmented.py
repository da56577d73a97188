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

        CE(q(c|x), q(c|Tx)) + entropy_weight * H(q(c|x)) + balance_weight * (log K - H(mean_x q(c|x)))

    in nats per image: the means over the batch of the first two, and over its mean q(c|x) the third. T is a fresh draw
    of `augment` on the clean images, for which the encoder runs once more. In the cross-entropy q(c|x) is a constant.
    Hu et al., "Learning Discrete Representations via Information Maximizing Self-Augmented Training" (2017), section
    3, with lambda = `entropy_weight` and lambda mu = `balance_weight`; log K is added, so that 0 is the least it can
    be. The draws come from torch's generator of the images' device, which the trainer seeds for each step.

    Diagnostics, over the batch: the three parts, `invariance`, `entropy` and `imbalance`, in nats. Metrics: loss and
    `qc_information`, H(mean q(c|x)) - mean H(q(c|x)) in nats, at most log K; over the split, as is the mean q(c|x) of
    both; `qc_stable`, the share of images that keep their likeliest component when distorted, by fixed draws.
    """

    augment: Augmentation = Augmentation(shift_px=3.0, rotation_degrees=20.0, scale=(0.8, 1.2))
    entropy_weight: Amount = 0.4
    balance_weight: Amount = 1.6

    kind: ClassVar[str] = "self_augmented"

    @property
    def unit(self) -> str:
        """Nats per image."""
        return NATS

    def needs(self) -> frozenset[str]:
        """The logits of q(c|x)."""
        return frozenset({ModelOutput.COMPONENT_LOGITS})

    def loss(self, view: StepView) -> Loss:
        """Scalar, nats per image, with its parts."""
        import torch

        from acc_assets.tasks import mixture_terms

        images = view.batch.images
        seed = int(torch.randint(2**62, (), device=images.device))
        logits = view.outputs[ModelOutput.COMPONENT_LOGITS]
        distorted = self.distorted_logits(view, seed)
        parts = mixture_terms.assignment_parts(logits, distorted)
        return Loss(self.total(parts), {name: part.detach() for name, part in parts.items()})

    def total(self, parts: Mapping[str, Any]) -> Any:
        """The loss of its `invariance`, `entropy` and `imbalance`, all in nats."""
        return (
            parts["invariance"]
            + self.entropy_weight * parts["entropy"]
            + self.balance_weight * parts["imbalance"]
        )

    def distorted_logits(self, view: StepView, seed: int) -> Tensor:
        """The logits (B, K) of q(c|Tx), where the seed draws T."""
        import torch

        from acc_assets.models.abilities import coded

        images = view.batch.images
        drawn = torch.Generator(device=images.device).manual_seed(seed)
        return coded(view.model, self.augment.apply(images, drawn))[ModelOutput.COMPONENT_LOGITS]

    def evaluator(self) -> Evaluator:
        """Evaluator of loss, qc_information and qc_stable."""
        from acc_assets.tasks.mixture_terms import StabilityEvaluator

        return StabilityEvaluator(self.name, self.distorted_logits, self.total)

    def baseline(self, dataset: Any) -> dict[str, float]:
        """What a constant q(c|x) knows of an image: nothing."""
        return {"qc_information": 0.0}

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """By the loss of the uniform q(c|x), (1 + entropy_weight) * log K, where the model says its K."""
        final, known = final_loss(losses), getattr(model, "components", None)
        if math.isfinite(final) and known is None:
            return LossHealth(Health.HEALTHY, f"{final:.3g} nats")
        uniform = (1.0 + self.entropy_weight) * math.log(known or 1)
        return against_baseline(losses, uniform, unit=self.unit)
