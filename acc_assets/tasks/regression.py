"""Regression by a linear probe on the latent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from acc_assets.models import Outputs
from acc_assets.tasks.base import ProbeTask, dataset_fact
from acc_assets.tasks.health import LossHealth, against_baseline
from acc_assets.tasks.view import Evaluator, StepView
from acc_assets.tree.config import Positive, PositiveNumber, Several, config

if TYPE_CHECKING:
    from torch import Tensor, nn


@config
class RegressionTask(ProbeTask):
    """Gaussian negative log-likelihood of a linear probe, without its constant, in nats per image.

    The loss is sum_t (y_t - p_t)^2 / (2 sigma^2) with the fixed deviation `sigma` in units of the target; `weight` is
    relative to the reconstruction (see `ProbeTask`), so beside one `sigma` decides the unit of the loss alone.
    `target_names` picks columns of the data set's targets (None: all) or of its named factors, so that one data set
    with classes serves a regression too; `output_dim`, when given, must be their number. Metrics: loss, mae, r2
    (both the mean over columns).
    """

    output_dim: Positive | None = None
    target_names: Several[str] | None = None
    sigma: PositiveNumber = 0.1

    kind: ClassVar[str] = "regression"

    def check(self, model_config: Any, dataset_config: Any) -> None:
        """Also raise ValueError when the targets are not real, a name is unknown, or `output_dim` is wrong."""
        super().check(model_config, dataset_config)
        if self.target_names is None and getattr(dataset_config, "kind_of_target", "real") != "real":
            numbers = [name for name, classes in self._factors(dataset_config).items() if classes is None]
            remedy = f"name some of its factors {', '.join(numbers)} in target_names, " if numbers else ""
            raise ValueError(
                f"regression task '{self.name}' needs real targets, but data set '{self.dataset.name}' has "
                f"classes: {remedy}use ClassificationTask, or a data set with real targets"
            )
        if self.target_names is not None and getattr(dataset_config, "target_names", None) is not None:
            self._check_names(dataset_config)
        width = self._width(dataset_config)
        if self.output_dim is not None and width is not None and self.output_dim != width:
            raise ValueError(
                f"task '{self.name}' has output_dim={self.output_dim}, but it reads {width} target(s) of data set "
                f"'{self.dataset.name}': set output_dim={width} or leave it out"
            )

    def build_head(self, model: Any, dataset: Any) -> nn.Module:
        """Linear probe from the slice's width to the number of targets."""
        return self._build_probe(model, dataset, self._width(dataset) or _columns_of(dataset.train.targets))

    def loss(self, view: StepView) -> Tensor:
        """Scalar negative log-likelihood, nats per image with a target."""
        from acc_assets.tasks import losses

        prediction = self._probe(view.head)(losses.latent(view.outputs))
        return losses.gaussian_nll(prediction, self.select(view.batch), view.batch, self.sigma, self.name)

    def evaluator(self) -> Evaluator:
        """Evaluator of loss, mae and r2, on the posterior mean."""
        from acc_assets.tasks.evaluators import RegressionEvaluator

        return RegressionEvaluator(self.name, self._point_prediction, self.select, self.sigma)

    def predict(self, outputs: Outputs, head: nn.Module | None) -> Tensor:
        """Predicted targets (B, T), from the posterior mean."""
        from acc_assets.tasks import losses

        prediction: Tensor = self._probe(head)(losses.point_latent(outputs))
        return prediction

    def baseline(self, dataset: Any) -> dict[str, float]:
        """Metrics on the test split of the mean training target."""
        from acc_assets.tasks import baselines

        return baselines.mean_target(self.select, self.sigma, dataset)

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        """Healthy below half of the mean target's loss, warning below 0.9 of it, else critical."""
        return against_baseline(losses, baseline["loss"], unit=self.unit)

    @property
    def columns(self) -> tuple[str, ...]:
        """The named factors of the data set that the task reads beside, or in place of, its targets."""
        known = self._target_columns()
        return tuple(name for name in self.target_names or () if name not in known)

    def select(self, source: Any) -> Any:
        """What the task reads (B, T) of a batch or split: columns of `targets` (B,) or (B, T'), or of `factors`."""
        targets = source.targets
        columns = targets if targets.ndim == 2 else targets[:, None]
        if self.target_names is None:
            return columns
        known = self._target_columns()
        parts = [
            columns[:, known.index(name)] if name in known else source.factors[name]
            for name in self.target_names
        ]
        if isinstance(targets, np.ndarray):
            return np.stack(parts, axis=1).astype(np.float32)
        import torch

        return torch.stack(parts, dim=1).float()

    def output_names(self, count: int) -> list[str]:
        """The names of the predicted columns."""
        return list(self.target_names) if self.target_names is not None else super().output_names(count)

    def _width(self, dataset: Any) -> int | None:
        if self.target_names is not None:
            return len(self.target_names)
        width: int | None = dataset_fact(self, dataset, "target_dim")
        return width

    def _target_columns(self) -> list[str]:
        """Names of the columns of real targets; none where the targets are classes or have no names."""
        config = self.dataset.config
        real = getattr(config, "kind_of_target", "real") == "real"
        return list(getattr(config, "target_names", None) or ()) if real else []

    @staticmethod
    def _factors(dataset: Any) -> dict[str, Any]:
        return dict(getattr(dataset, "factors", None) or {})

    def _check_names(self, dataset: Any) -> None:
        factors = self._factors(dataset)
        numbers = [name for name, classes in factors.items() if classes is None]
        known = list(dict.fromkeys([*self._target_columns(), *numbers]))
        unknown = sorted(set(self.target_names or ()) - set(known))
        if unknown:
            raise ValueError(
                f"task '{self.name}' asks for the target(s) {', '.join(unknown)}, but data set "
                f"'{self.dataset.name}' has {', '.join(known) or 'no numbers'}: use these names"
            )


def _columns_of(targets: Any) -> int:
    return 1 if targets.ndim == 1 else int(targets.shape[1])
