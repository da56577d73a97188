"""The KL of a VAE with two stochastic layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from acc_assets.models import ModelOutput
from acc_assets.tasks.component_terms import FIXED_DRAWS, PriorTerm
from acc_assets.tasks.health import LossHealth
from acc_assets.tasks.kl_divergence import posterior_health
from acc_assets.tasks.view import Evaluator, StepView
from acc_assets.tree.config import config

if TYPE_CHECKING:
    from torch import Tensor


@config
class HierarchicalKLTask(PriorTerm):
    """log q(z2|x) - log p(z2) + KL(q(z1|x, z2) || p(z1|z2)) at one z2 drawn from q(z2|x), in nats per image.

    Its mean is KL(q(z2, z1|x) || p(z2, z1)), the term of the ELBO of a `HierarchicalVAE`; in evaluation the draws are
    fixed. When it is first trained, a prior that begins with training images is given them. Metrics: kl, and loss (the
    same).
    """

    kind: ClassVar[str] = "hierarchical_kl"
    asks_for: ClassVar[str] = "divergence"
    instead: ClassVar[str] = "HierarchicalVAE"

    def needs(self) -> frozenset[str]:
        """The posteriors of both layers."""
        return frozenset({ModelOutput.LATENT, ModelOutput.MU, ModelOutput.LOGVAR})

    def check(self, model_config: Any, dataset_config: Any) -> None:
        """Also raise ValueError for a model of one layer."""
        super().check(model_config, dataset_config)
        outputs = getattr(model_config, "outputs", None)
        if outputs is not None and "lower_mu" not in outputs:
            raise ValueError(
                f"hierarchical_kl task '{self.name}' needs a model with two stochastic layers, and "
                f"{type(model_config).__name__} has one: use HierarchicalVAE, or PosteriorKLTask or KLDivergenceTask"
            )

    def nats_per_image(self, view: StepView) -> Tensor:
        """The term (B,), nats."""
        import torch

        model: Any = view.model
        if view.step is not None:
            term: Tensor = model.divergence(view.outputs)
            return term
        draws = torch.Generator(device=view.batch.inputs.device).manual_seed(FIXED_DRAWS)
        fixed: Tensor = model.divergence(model.encode(view.batch.inputs, draws))
        return fixed

    def evaluator(self) -> Evaluator:
        """Evaluator of kl and loss."""
        from acc_assets.tasks.evaluators import KLEvaluator

        return KLEvaluator(self.name, self.nats_per_image)

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """By nats per dimension of both layers, as `KLDivergenceTask`."""
        return posterior_health(losses, getattr(model, "latent_dim", None) or 1)
