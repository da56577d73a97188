"""The terms that make a reconstruction the objective of a Gaussian mixture VAE, and the schedules that control it."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from acc_assets.models import ModelOutput
from acc_assets.tasks.base import NATS, Task
from acc_assets.tasks.health import Health, LossHealth, final_loss
from acc_assets.tasks.kl_divergence import COLLAPSED_BELOW, posterior_health
from acc_assets.tasks.schedules import LinearRamp, WeightSchedule, weight_at
from acc_assets.tasks.view import Evaluator, Loss, StepView
from acc_assets.tree.config import Amount, Positive, config
from acc_assets.tree.epochs import Epochs
from acc_assets.tree.references import Dataset

if TYPE_CHECKING:
    from torch import Tensor


@config
class MixtureTerm(Task):
    """A term of the objective, in nats per image: a sum over components and dimensions, the mean over the batch."""

    unit = NATS

    @abstractmethod
    def nats_per_image(self, view: StepView) -> Tensor:
        """The term (B,) of each image, nats."""

    def loss(self, view: StepView) -> Tensor | Loss:
        """Scalar, nats per image."""
        return self.nats_per_image(view).mean()

    def baseline(self, dataset: Any) -> dict[str, float]:
        """Zero: the term of an encoder that ignores its input."""
        return {"loss": 0.0, "kl": 0.0}


@config
class CategoricalKLTask(MixtureTerm):
    """KL(q(c|x) || uniform) = log K - H(q(c|x)), in nats per image.

    Diagnostics of training, over the batch: `cat_kl_weight`, the weight with which the term stands in the loss;
    `qc_entropy_mean`, the mean of H(q(c|x)) in nats; with p the mean of q(c|x), `qc_neff` = exp H(p), the effective
    number of components, and `qc_pmax`, the largest p; `qc_argmax_counts` (K,), the images whose likeliest
    component each is. Metrics: kl, and loss (the same); the same of q(c|x) over the split, with `qc_argmax_neff`, the
    effective number of components by those counts, in the place of the counts; `qc_active`, components with p above
    0.01; `qc_confidence`, the mean of the largest q(c|x); `qc_hardness` = 1 - mean H(q(c|x)) / log K, 1 where each
    image has one component and 0 where q(c|x) is uniform. Where the targets are classes, how well the likeliest
    components agree with them: cluster_accuracy (each class has one component at most), nmi, ari.
    """

    kind: ClassVar[str] = "categorical_kl"
    version: ClassVar[int] = 2  # 2: the counts are one diagnostic

    def needs(self) -> frozenset[str]:
        """The logits of q(c|x)."""
        return frozenset({ModelOutput.COMPONENT_LOGITS})

    def nats_per_image(self, view: StepView) -> Tensor:
        """KL (B,), nats."""
        from acc_assets.tasks import mixture_terms

        return mixture_terms.categorical_kl(view.outputs[ModelOutput.COMPONENT_LOGITS])

    def loss(self, view: StepView) -> Loss:
        """Scalar KL in nats per image, with the diagnostics of the batch."""
        from acc_assets.tasks import mixture_terms

        usage = mixture_terms.batch_usage(view.outputs[ModelOutput.COMPONENT_LOGITS])
        weight = weight_at(self.weight, view.step)
        return Loss(self.nats_per_image(view).mean(), {"cat_kl_weight": weight, **usage})

    def evaluator(self) -> Evaluator:
        """Evaluator of kl, loss, usage of the components and agreement with the classes."""
        from acc_assets.tasks.mixture_terms import ComponentEvaluator

        return ComponentEvaluator(self.name, self.nats_per_image)

    def baseline(self, dataset: Any) -> dict[str, float]:
        """No KL; where the targets are classes, the agreement of a single cluster with those of the test split."""
        from acc_assets.tasks.clusters import class_labels, cluster_scores

        labels = class_labels(dataset.test.targets, dataset.test.labelled)
        agreement = {} if labels is None else cluster_scores(labels, 0 * labels)
        return super().baseline(dataset) | agreement

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """Critical below 0.01 nats, where no image prefers a component; else healthy.

        Whether all images prefer the same one is not seen in this loss but in `qc_neff`.
        """
        final, thresholds = final_loss(losses), {"collapsed_below": COLLAPSED_BELOW}
        if not math.isfinite(final):
            return LossHealth(Health.CRITICAL, "the loss is not finite", thresholds)
        if final < COLLAPSED_BELOW:
            return LossHealth(Health.CRITICAL, "q(c|x) is uniform: no image prefers a component", thresholds)
        known = getattr(model, "components", None)
        most = "" if known is None else f" of at most {math.log(known):.3g}"
        return LossHealth(Health.HEALTHY, f"{final:.3g} nats{most}", thresholds)


@config
class MixtureKLTask(MixtureTerm):
    """E_q(c|x) KL(q(z|x) || p(z|c)) with p(z|c) = N(mu_c, diag sigma_c^2), in nats per image.

    sum_c q(c|x) 1/2 sum_d [log(sigma_c^2 / sigma^2) + (sigma^2 + (mu - mu_c)^2) / sigma_c^2 - 1]: Jiang et al.,
    "Variational Deep Embedding" (2017), equation 12, with an encoder's q(c|x). Metrics: kl, and loss (the same).
    """

    kind: ClassVar[str] = "mixture_kl"

    def needs(self) -> frozenset[str]:
        """The posterior of z, the logits of q(c|x), and the components."""
        return frozenset(
            {
                ModelOutput.MU,
                ModelOutput.LOGVAR,
                ModelOutput.COMPONENT_LOGITS,
                ModelOutput.COMPONENT_MEANS,
                ModelOutput.COMPONENT_LOGVARS,
            }
        )

    def nats_per_image(self, view: StepView) -> Tensor:
        """KL (B,), nats."""
        from acc_assets.tasks import losses, mixture_terms

        outputs = view.outputs
        kl = mixture_terms.kl_to_components(
            *losses.posterior(outputs),
            outputs[ModelOutput.COMPONENT_MEANS],
            outputs[ModelOutput.COMPONENT_LOGVARS],
        )
        return (outputs[ModelOutput.COMPONENT_LOGITS].softmax(1) * kl).sum(1)

    def evaluator(self) -> Evaluator:
        """Evaluator of kl and loss."""
        from acc_assets.tasks.evaluators import KLEvaluator

        return KLEvaluator(self.name, self.nats_per_image)

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """By nats per dimension, as `KLDivergenceTask`."""
        return posterior_health(losses, getattr(model, "latent_dim", None) or 1)


@config
class EntropyBonusTask(MixtureTerm):
    """-H(q(c|x)), in nats per image: rewards an encoder that does not settle on a component.

    It differs from the categorical KL by the constant log K alone, so that the gradient of both together is that of a
    categorical KL with the sum of their weights. Diagnostic: `entropy_bonus_weight`, the weight with which the term
    stands in the loss. Metrics: loss (at least -log K, at most 0).
    """

    kind: ClassVar[str] = "entropy_bonus"

    def needs(self) -> frozenset[str]:
        """The logits of q(c|x)."""
        return frozenset({ModelOutput.COMPONENT_LOGITS})

    def nats_per_image(self, view: StepView) -> Tensor:
        """-H (B,), nats."""
        from acc_assets.tasks import mixture_terms

        return -mixture_terms.assignment_entropy(view.outputs[ModelOutput.COMPONENT_LOGITS])

    def loss(self, view: StepView) -> Loss:
        """Scalar, nats per image, with its weight as a diagnostic."""
        return Loss(
            self.nats_per_image(view).mean(), {"entropy_bonus_weight": weight_at(self.weight, view.step)}
        )

    def evaluator(self) -> Evaluator:
        """Evaluator of the loss."""
        from acc_assets.tasks.evaluators import MeanEvaluator

        return MeanEvaluator(self.name, self.nats_per_image)

    def baseline(self, dataset: Any) -> dict[str, float]:
        """Zero: one component for every image."""
        return {"loss": 0.0}

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """Critical where it is not finite; an entropy is neither good nor bad by itself."""
        final = final_loss(losses)
        if not math.isfinite(final):
            return LossHealth(Health.CRITICAL, "the loss is not finite")
        return LossHealth(Health.HEALTHY, f"q(c|x) has an entropy of {-final:.3g} nats")


@config
class GaussianMixtureObjective:
    """What stands beside the reconstruction in the loss of a Gaussian mixture VAE:

        kld_weight * (w_cat(t) * KL(q(c|x) || uniform) + E_q(c|x) KL(q(z|x) || p(z|c))) - w_ent(t) * H(q(c|x))

    Each term is in nats per image: summed over components and dimensions, the mean over the batch; beside a
    reconstruction in nats, `kld_weight` 1 is the ELBO. w_cat is `categorical_kl_max_weight`; with
    `categorical_kl_anneal` it rises to it from 0 in a straight line over `categorical_kl_anneal_epochs`. With
    `entropy_bonus_enable`, w_ent falls from `entropy_bonus_weight` to 0 in a straight line over
    `entropy_bonus_epochs`; without it there is no such term. Both lines have their first value at the first step of
    the phase and their last one at the step after the window, which has the length of `Epochs`, and stay there.
    """

    kld_weight: Amount = 1.0
    categorical_kl_anneal: bool = False
    categorical_kl_anneal_epochs: Positive = 10
    categorical_kl_max_weight: Amount = 1.0
    entropy_bonus_enable: bool = False
    entropy_bonus_weight: Amount = 1.0
    entropy_bonus_epochs: Positive = 10

    def tasks(self, dataset: Dataset) -> tuple[Task, ...]:
        """The terms as tasks named categorical_kl, mixture_kl and, where enabled, entropy_bonus."""
        most = self.kld_weight * self.categorical_kl_max_weight
        categorical: float | WeightSchedule = most
        if self.categorical_kl_anneal:
            categorical = LinearRamp(0.0, most, steps=Epochs(self.categorical_kl_anneal_epochs))
        terms: list[Task] = [
            CategoricalKLTask("categorical_kl", dataset, weight=categorical),
            MixtureKLTask("mixture_kl", dataset, weight=self.kld_weight),
        ]
        if self.entropy_bonus_enable:
            bonus = LinearRamp(self.entropy_bonus_weight, 0.0, steps=Epochs(self.entropy_bonus_epochs))
            terms.append(EntropyBonusTask("entropy_bonus", dataset, weight=bonus))
        return tuple(terms)
