"""The terms beside the reconstruction of a mixture VAE with any prior, in nats per image where images are counted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from acc_assets.models import ModelOutput
from acc_assets.tasks.base import Task
from acc_assets.tasks.gaussian_mixture import CategoricalKLTask, MixtureTerm
from acc_assets.tasks.health import Health, LossHealth, final_loss
from acc_assets.tasks.kl_divergence import posterior_health
from acc_assets.tasks.schedules import WeightSchedule
from acc_assets.tasks.view import Evaluator, Loss, StepView
from acc_assets.tree.config import PositiveNumber, config

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

FIXED_DRAWS = 0  # seeds the samples of z of an evaluation


@config
class PriorTerm(MixtureTerm):
    """A term of a posterior and the prior that the model has: a PriorNet as its `prior`, and a method `asks_for`.

    When it is first trained, a prior that begins with training images is given them.
    """

    asks_for: ClassVar[str]
    instead: ClassVar[str]  # a model that has both

    def build_head(self, model: Any, dataset: Any) -> nn.Module | None:
        """None; lets the prior begin with training images, where it asks for any.

        Raises ValueError for a module without the two.
        """
        if not (hasattr(model, "prior") and hasattr(model, self.asks_for)):
            raise ValueError(
                f"{self.kind} task '{self.name}' needs a module with a PriorNet as its 'prior' and a method "
                f"'{self.asks_for}', and {type(model).__name__} lacks them: use {self.instead}, or give it both"
            )
        model.prior.start(lambda: dataset.train.images)
        return None


@config
class PosteriorKLTask(PriorTerm):
    """KL of q(z|x) from the prior's p(z|c), in nats per image: summed over the dimensions of z, mean over the batch.

    over "responsibilities": sum_c r_c KL(q(z|x, c) || p(z|c)) with r = q(c|x), the term of the ELBO; where neither the
    posterior nor the prior depends on c that is one KL. over "components": the plain sum over c, in the decentralized
    layout, where r then has no part in it. In closed form for a prior of Gaussians, else a Monte Carlo mean (see
    `VampPrior`), in evaluation with fixed draws. When it is first trained, a prior that begins with training images is
    given those of its data set. Metrics: kl, and loss (the same).
    """

    over: Literal["responsibilities", "components"] = "responsibilities"

    kind: ClassVar[str] = "posterior_kl"
    asks_for: ClassVar[str] = "by_component"
    instead: ClassVar[str] = "MixtureVAE"

    def needs(self) -> frozenset[str]:
        """The posterior of z and the logits of q(c|x)."""
        return frozenset({ModelOutput.MU, ModelOutput.LOGVAR, ModelOutput.COMPONENT_LOGITS})

    def check(self, model_config: Any, dataset_config: Any) -> None:
        """Also raise ValueError for a model without a prior of its own, or a sum over what is one posterior."""
        super().check(model_config, dataset_config)
        if getattr(model_config, "outputs", None) is not None and not hasattr(model_config, "prior"):
            raise ValueError(
                f"posterior_kl task '{self.name}' needs a model with a prior of its own, and "
                f"{type(model_config).__name__} has none: use MixtureVAE, or MixtureKLTask or KLDivergenceTask"
            )
        if self.over == "components" and getattr(model_config, "layout", None) == "shared":
            raise ValueError(
                f"posterior_kl task '{self.name}' has over='components', which sums the KL of one posterior for each "
                "component, and in the shared layout there is one for all: use over='responsibilities', or "
                "layout='decentralized'"
            )

    def nats_per_image(self, view: StepView) -> Tensor:
        """KL (B,), nats."""
        import torch

        from acc_assets.tasks import mixture_terms

        logits = view.outputs[ModelOutput.COMPONENT_LOGITS]
        draws: torch.Generator | None = None
        if view.step is None:
            draws = torch.Generator(device=logits.device).manual_seed(FIXED_DRAWS)
        kl = mixture_terms.posterior_kl(view.outputs, view.model, draws=draws)  # (B, 1 or K)
        if kl.shape[1] == 1:
            return kl[:, 0]
        if self.over == "components":
            return (kl * mixture_terms.active_components(view.outputs)).sum(1)
        return (logits.softmax(1) * kl).sum(1)

    def evaluator(self) -> Evaluator:
        """Evaluator of kl and loss."""
        from acc_assets.tasks.evaluators import KLEvaluator

        return KLEvaluator(self.name, self.nats_per_image)

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """By nats per dimension of z, as `KLDivergenceTask`."""
        dims = "z_dim" if self.over == "responsibilities" else "latent_dim"
        return posterior_health(losses, getattr(model, dims, None) or 1)


@config
class ComponentKLTask(CategoricalKLTask):
    """KL(q(c|x) || p(c)) = sum_c r_c (log r_c - log p(c)) with the prior's weights p(c), in nats per image.

    Over the components in play; with uniform weights it is `CategoricalKLTask`, whose diagnostics and metrics it has.
    """

    kind: ClassVar[str] = "component_kl"
    version: ClassVar[int] = 1

    def needs(self) -> frozenset[str]:
        """The logits of q(c|x) and the prior's weights."""
        return frozenset({ModelOutput.COMPONENT_LOGITS, ModelOutput.COMPONENT_LOG_WEIGHTS})

    def nats_per_image(self, view: StepView) -> Tensor:
        """KL (B,), nats."""
        from acc_assets.tasks import mixture_terms

        outputs = view.outputs
        return mixture_terms.component_kl(
            outputs[ModelOutput.COMPONENT_LOGITS], outputs[ModelOutput.COMPONENT_LOG_WEIGHTS]
        )


@config
class LogitMixtureTask(MixtureTerm):
    """-log [1/K sum_k N(y; corner e_k, sigma^2 I)] of the logits y of q(c|x), in nats per image, mean over the batch.

    Draws the logits of each image to one of the corners of a simplex, so that they neither grow without bound nor stay
    undecided. Over the components in play, in as many dimensions. Metrics: loss.
    """

    corner: PositiveNumber = 5.0
    sigma: PositiveNumber = 1.0

    kind: ClassVar[str] = "logit_mixture"

    def needs(self) -> frozenset[str]:
        """The logits of q(c|x)."""
        return frozenset({ModelOutput.COMPONENT_LOGITS})

    def nats_per_image(self, view: StepView) -> Tensor:
        """The term (B,), nats."""
        from acc_assets.tasks import mixture_terms

        active = mixture_terms.active_components(view.outputs)
        logits = view.outputs[ModelOutput.COMPONENT_LOGITS]
        return mixture_terms.logit_penalty(logits, active, self.corner, self.sigma)

    def evaluator(self) -> Evaluator:
        """Evaluator of the loss."""
        from acc_assets.tasks.evaluators import MeanEvaluator

        return MeanEvaluator(self.name, self.nats_per_image)

    def baseline(self, dataset: Any) -> dict[str, float]:
        """None that holds for every number of components."""
        return {}

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """Critical where it is not finite; a penalty is neither good nor bad by itself."""
        return finite_health(losses)


@config
class UsageEntropyTask(Task):
    """H(p) with p the mean of q(c|x) over the batch, in nats. A negative weight rewards that all components are used.

    It is of the batch, not of an image: with B images p is a mean of B. Metrics: loss, with p the mean over the split.
    """

    weight: float | WeightSchedule = -1.0

    kind: ClassVar[str] = "usage_entropy"
    unit = "nats per batch"

    def needs(self) -> frozenset[str]:
        """The logits of q(c|x)."""
        return frozenset({ModelOutput.COMPONENT_LOGITS})

    def loss(self, view: StepView) -> Tensor:
        """Scalar, nats."""
        from acc_assets.tasks import mixture_terms

        return mixture_terms.usage_entropy(view.outputs[ModelOutput.COMPONENT_LOGITS].softmax(1))

    def evaluator(self) -> Evaluator:
        """Evaluator of the loss."""
        from acc_assets.tasks.mixture_terms import UsageEvaluator

        return UsageEvaluator(self.name)

    def baseline(self, dataset: Any) -> dict[str, float]:
        """Zero: one component for every image."""
        return {"loss": 0.0}

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """Critical where it is not finite; the components that are used are judged by pages that show them."""
        return finite_health(losses)


@config
class DirichletTask(Task):
    """-(alpha - 1) sum_c log p(c) over the components in play, in nats: Dirichlet(alpha) prior on learned weights.

    It is of the model, not of an image: beside terms in nats per image, a weight of one over the number of training
    images gives the maximum a posteriori weights, and more says how many images' worth the prior counts. Metrics: loss.
    """

    alpha: PositiveNumber = 2.0

    kind: ClassVar[str] = "dirichlet"
    unit = "nats"

    def __post_init__(self) -> None:
        if self.alpha <= 1.0:
            raise ValueError(
                f"alpha is {self.alpha}; allowed is a number above 1: at 1 the term is 0, and below it has no minimum, "
                "since a weight of 0 costs nothing less than minus infinity"
            )

    def check(self, model_config: Any, dataset_config: Any) -> None:
        """Also raise ValueError for a prior whose weights are not learned."""
        super().check(model_config, dataset_config)
        prior = getattr(model_config, "prior", None)
        if prior is not None and not getattr(prior, "learns_weights", True):
            raise ValueError(
                f"dirichlet task '{self.name}' is about weights of components that are learned, and those of "
                f"{type(prior).__name__} are fixed here: use MixturePrior(learn_weights=True), or detach the task"
            )

    def needs(self) -> frozenset[str]:
        """The prior's weights."""
        return frozenset({ModelOutput.COMPONENT_LOG_WEIGHTS})

    def loss(self, view: StepView) -> Loss:
        """Scalar, nats; diagnostic `weights_entropy`, the entropy of p(c)."""
        logs = view.outputs[ModelOutput.COMPONENT_LOG_WEIGHTS]
        return Loss(self._nats(view), {"weights_entropy": -(logs.exp() * logs).sum().detach()})

    def evaluator(self) -> Evaluator:
        """Evaluator of the loss."""
        from acc_assets.tasks.evaluators import MeanEvaluator

        return MeanEvaluator(self.name, lambda view: self._nats(view).expand(len(view.batch.images)))

    def baseline(self, dataset: Any) -> dict[str, float]:
        """None that holds for every number of components."""
        return {}

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """Critical where it is not finite."""
        return finite_health(losses)

    def _nats(self, view: StepView) -> Tensor:
        from acc_assets.tasks import mixture_terms

        logs = view.outputs[ModelOutput.COMPONENT_LOG_WEIGHTS]
        return -(self.alpha - 1.0) * (logs * mixture_terms.active_components(view.outputs)).sum()


def finite_health(losses: Sequence[float]) -> LossHealth:
    """Critical where the last losses are not finite, else healthy: for terms that are neither good nor bad."""
    final = final_loss(losses)
    if not math.isfinite(final):
        return LossHealth(Health.CRITICAL, "the loss is not finite")
    return LossHealth(Health.HEALTHY, f"{final:.3g}, which is neither good nor bad by itself")
