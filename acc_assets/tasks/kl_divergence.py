"""KL divergence of the posterior from the standard normal prior."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from acc_assets.models import ModelOutput
from acc_assets.tasks.base import NATS, LatentTask
from acc_assets.tasks.health import Health, LossHealth, final_loss
from acc_assets.tasks.view import Evaluator, StepView
from acc_assets.tree.config import config

if TYPE_CHECKING:
    from torch import Tensor, nn

COLLAPSED_BELOW = 0.01  # nats per dimension
WARNING_ABOVE = 5.0
EXPLODED_ABOVE = 15.0


@config
class KLDivergenceTask(LatentTask):
    """KL(q(z|x) || N(0, I)) over the slice, in nats per image; its weight is the beta of beta-VAE.

    -1/2 sum_d (1 + logvar - mu^2 - exp(logvar)), the mean over the batch: Kingma and Welling,
    "Auto-Encoding Variational Bayes" (2014), appendix B; with the sum over dimensions, weight 1.0 beside a
    reconstruction in nats is the standard VAE. Metrics: kl, and loss (the same).
    """

    kind: ClassVar[str] = "kl"
    unit = NATS

    def needs(self) -> frozenset[str]:
        """The posterior's mean and log-variance."""
        return frozenset({ModelOutput.MU, ModelOutput.LOGVAR})

    def check(self, model_config: Any, dataset_config: Any) -> None:
        """Also raise ValueError for a model that is not variational."""
        if getattr(model_config, "variational", None) is False:
            raise ValueError(
                f"kl task '{self.name}' needs a variational model, and {type(model_config).__name__} is not: "
                "set variational=True where the model has it, use FactorSlotAutoencoder, or detach the task"
            )
        super().check(model_config, dataset_config)

    def build_head(self, model: Any, dataset: Any) -> nn.Module | None:
        """With `factor_name`, a parameter-free module that keeps the factor's slice; else None."""
        if self.factor_name is None:
            self.resolve_slice(model)
            return None
        from acc_assets.tasks.probes import LatentSlice

        bounds = self.resolve_slice(model)
        assert bounds is not None  # a factor always has bounds
        return LatentSlice(*bounds)

    def loss(self, view: StepView) -> Tensor:
        """Scalar KL, nats per image."""
        return self.kl_per_image(view).mean()

    def kl_per_image(self, view: StepView) -> Tensor:
        """KL (B,) of each image over the slice, nats."""
        from acc_assets.tasks import losses

        mu, logvar = losses.posterior(view.outputs)
        if self.factor_name is not None:
            if view.head is None:
                raise ValueError(
                    f"task '{self.name}' has no head: pass what build_head(model, dataset) returned"
                )
            mu, logvar = view.head(mu), view.head(logvar)
        elif self.latent_slice is not None:
            start, stop = self.latent_slice
            mu, logvar = mu[:, start:stop], logvar[:, start:stop]
        return losses.kl_standard_normal(mu, logvar)

    def evaluator(self) -> Evaluator:
        """Evaluator of kl and loss."""
        from acc_assets.tasks.evaluators import KLEvaluator

        return KLEvaluator(self.name, self.kl_per_image)

    def baseline(self, dataset: Any) -> dict[str, float]:
        """Zero: the KL of a posterior that ignores its input."""
        return {"loss": 0.0, "kl": 0.0}

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """By nats per dimension of the slice: below 0.01 collapsed and above 15 exploded, both critical; above 5
        a warning; else healthy. Without a model that knows its `latent_dim`, the slice counts as one dimension.
        """
        bounds = self.resolve_slice(model) if model is not None else self.latent_slice
        return posterior_health(losses, bounds[1] - bounds[0] if bounds is not None else 1)


def posterior_health(losses: Sequence[float], dims: int) -> LossHealth:
    """Judge a curve of KL divergences (nats per image) of a posterior over so many dimensions."""
    final = final_loss(losses)
    thresholds = {
        "collapsed_below": COLLAPSED_BELOW * dims,
        "warning_above": WARNING_ABOVE * dims,
        "exploded_above": EXPLODED_ABOVE * dims,
    }
    if not math.isfinite(final):
        return LossHealth(Health.CRITICAL, "the loss is not finite", thresholds)
    per_dim = f"{final / dims:.3g} nats per dimension"
    if final < thresholds["collapsed_below"]:
        return LossHealth(Health.CRITICAL, f"the posterior collapsed: {per_dim}", thresholds)
    if final > thresholds["exploded_above"]:
        return LossHealth(Health.CRITICAL, f"the posterior is far from its prior: {per_dim}", thresholds)
    if final > thresholds["warning_above"]:
        return LossHealth(Health.WARNING, f"the posterior strays from its prior: {per_dim}", thresholds)
    return LossHealth(Health.HEALTHY, per_dim, thresholds)
