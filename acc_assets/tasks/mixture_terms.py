"""The formulas behind a Gaussian mixture VAE's tasks, and the evaluators of its components."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from acc_assets.models import ModelOutput, Outputs
from acc_assets.models.layers import MASKED, masked
from acc_assets.models.prior_nets import log_normal
from acc_assets.tasks.clusters import class_labels, cluster_scores
from acc_assets.tasks.evaluators import KLEvaluator, require_examples
from acc_assets.tasks.losses import posterior
from acc_assets.tasks.view import StepView

NEVER = 1e-30
ACTIVE_ABOVE = 0.01  # mean responsibility of a component that counts as used


def assignment_entropy(logits: Tensor) -> Tensor:
    """H(q(c|x)) (B,) of logits (B, K), nats."""
    logs = logits.log_softmax(1)
    return -(logs.exp() * logs).sum(1)


def categorical_kl(logits: Tensor) -> Tensor:
    """KL(q(c|x) || uniform) (B,) of logits (B, K), nats."""
    return math.log(logits.shape[1]) - assignment_entropy(logits)


def component_kl(logits: Tensor, log_weights: Tensor) -> Tensor:
    """KL(q(c|x) || p(c)) (B,) of logits (B, K) and log p(c) (K,), nats."""
    return -assignment_entropy(logits) - (logits.softmax(1) * log_weights).sum(1)


def kl_to_components(mu: Tensor, logvar: Tensor, means: Tensor, logvars: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(mu_c, sigma_c^2)) (B, K), nats, of posteriors and components (K, D).

    Posteriors are (B, D), one for all components, or (B, K, D), one for each.
    """
    if mu.ndim == 2:
        mu, logvar = mu[:, None], logvar[:, None]  # (B, 1, D)
    apart = (logvar.exp() + (mu - means).square()) / logvars.exp()  # (B, K, D)
    return 0.5 * (logvars - logvar + apart - 1.0).sum(2)


def posterior_kl(outputs: Outputs, model: Any, *, draws: torch.Generator | None) -> Tensor:
    """KL(q(z|x, c) || p(z|c)) (B, 1) or (B, K), nats, of a model with a `prior` (see `PriorNet`).

    In closed form where the prior is Gaussian, else the mean over the prior's `samples` of log q(z|x) - log p(z) with z
    drawn from q(z|x), by `draws`, or by torch's own generator where that is None.
    """
    mu, logvar = (model.by_component(part) for part in posterior(outputs))  # (B, 1 or K, D)
    gaussians = model.prior.gaussians()
    if gaussians is not None:
        return kl_to_components(mu, logvar, *gaussians)
    shape = (model.prior.samples, *mu.shape)
    noise = torch.randn(shape, device=mu.device, generator=draws)
    z = mu + (0.5 * logvar).exp() * noise  # (S, B, 1 or K, D)
    return (log_normal(z, mu, logvar) - model.prior.log_density(z, model)).mean(0)


def logit_penalty(logits: Tensor, active: Tensor, corner: float, sigma: float) -> Tensor:
    """-log 1/A sum_k N(y; corner e_k, sigma^2 I) (B,) over the A active components of logits (B, K), nats."""
    count, y = int(active.sum()), torch.where(active, logits, 0.0)
    squared = y.square().sum(1, keepdim=True) - 2.0 * corner * y + corner**2  # (B, K): |y - corner e_k|^2
    each = masked(-squared / (2.0 * sigma**2), active)
    constant = math.log(count) + 0.5 * count * math.log(2.0 * math.pi * sigma**2)
    return constant - each.logsumexp(1)


def usage_entropy(shares: Tensor) -> Tensor:
    """H of the mean of responsibilities (B, K): scalar, nats."""
    mean = shares.mean(0).clamp_min(
        NEVER
    )  # a component that is masked has 0, where the slope of -p log p is infinite
    return torch.special.entr(mean).sum()


def active_components(outputs: Outputs) -> Tensor:
    """Bool (K,): False for components that are masked; all True for a model that does not say."""
    weights = outputs.get(ModelOutput.COMPONENT_LOG_WEIGHTS)
    if weights is None:
        logits = outputs[ModelOutput.COMPONENT_LOGITS]
        return torch.ones(logits.shape[1], dtype=torch.bool, device=logits.device)
    return weights > MASKED / 2


def batch_usage(logits: Tensor) -> dict[str, Tensor]:
    """How a batch uses the components, of logits (B, K): see `CategoricalKLTask`."""
    with torch.no_grad():
        shares = logits.softmax(1).mean(0)  # (K,)
        counts = torch.bincount(logits.argmax(1), minlength=logits.shape[1])
        return {
            "qc_entropy_mean": assignment_entropy(logits).mean(),
            "qc_neff": torch.special.entr(shares).sum().exp(),
            "qc_pmax": shares.max(),
            "qc_argmax_counts": counts,
        }


def assignment_parts(logits: Tensor, distorted: Tensor) -> dict[str, Tensor]:
    """The parts of `SelfAugmentedTask` of logits (B, K) of images and of the same images distorted; scalars, nats."""
    log_shares = logits.log_softmax(1)
    shares = log_shares.exp()
    return {
        "invariance": -(shares.detach() * distorted.log_softmax(1)).sum(1).mean(),
        "entropy": -(shares * log_shares).sum(1).mean(),
        "imbalance": math.log(logits.shape[1]) - usage_entropy(shares),
    }


class ComponentEvaluator(KLEvaluator):
    """kl and loss in nats per image, usage of the components, and agreement with classes: see `CategoricalKLTask`."""

    def __init__(self, task: str, per_image: Callable[[StepView], Tensor]) -> None:
        super().__init__(task, per_image)
        self._shares: list[np.ndarray] = []  # (B, K) of each batch
        self._clusters: list[np.ndarray] = []  # (n,) of the examples with a class
        self._labels: list[np.ndarray] = []

    def update(self, view: StepView) -> None:
        super().update(view)
        logits = view.outputs[ModelOutput.COMPONENT_LOGITS].detach().cpu().double()
        self._shares.append(logits.softmax(1).numpy())
        labelled = None if view.batch.labelled is None else view.batch.labelled.cpu().numpy()
        labels = class_labels(view.batch.targets.cpu().numpy(), labelled)
        if labels is not None:
            clusters = logits.argmax(1).numpy()
            self._labels.append(labels)
            self._clusters.append(clusters if labelled is None else clusters[labelled])

    def compute(self) -> dict[str, float]:
        divergence = super().compute()
        shares = np.concatenate(self._shares)
        told, most = component_usage(shares), math.log(shares.shape[1])
        entropy = float(-(shares * np.log(np.where(shares > 0.0, shares, 1.0))).sum(1).mean())
        usage = {
            "qc_entropy_mean": entropy,
            **{f"qc_{name}": told[name] for name in ("neff", "pmax", "argmax_neff")},
            "qc_active": float((shares.mean(0) > ACTIVE_ABOVE).sum()),
            "qc_confidence": float(shares.max(1).mean()),
            "qc_hardness": 1.0 - entropy / most if most else 1.0,
        }
        if not self._labels:
            return {**divergence, **usage}
        agreement = cluster_scores(np.concatenate(self._labels), np.concatenate(self._clusters))
        return {**divergence, **usage, **agreement}


class UsageEvaluator:
    """loss: the entropy of the mean responsibilities over a split, nats."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._shares: list[Tensor] = []

    def update(self, view: StepView) -> None:
        self._shares.append(view.outputs[ModelOutput.COMPONENT_LOGITS].detach().cpu().double().softmax(1))

    def compute(self) -> dict[str, float]:
        require_examples(len(self._shares), self._task)
        return {"loss": float(usage_entropy(torch.cat(self._shares)))}


class StabilityEvaluator:
    """loss, qc_information and qc_stable over a split: see `SelfAugmentedTask`.

    distort: the logits (B, K) of distorted images, of a view and the seed that draws the distortions, which is the
    number of the batch; total: the loss of the parts and K.
    """

    def __init__(
        self,
        task: str,
        distort: Callable[[StepView, int], Tensor],
        total: Callable[[Mapping[str, float], int], float],
    ) -> None:
        self._task, self._distort, self._total = task, distort, total
        self._logits: list[Tensor] = []  # (B, K) of each batch
        self._distorted: list[Tensor] = []

    def update(self, view: StepView) -> None:
        with torch.no_grad():
            distorted = self._distort(view, len(self._distorted))
        self._logits.append(view.outputs[ModelOutput.COMPONENT_LOGITS].detach().cpu().double())
        self._distorted.append(distorted.cpu().double())

    def compute(self) -> dict[str, float]:
        require_examples(len(self._logits), self._task)
        logits, distorted = torch.cat(self._logits), torch.cat(self._distorted)
        parts = {name: float(part) for name, part in assignment_parts(logits, distorted).items()}
        return {
            "loss": self._total(parts, logits.shape[1]),
            "qc_information": math.log(logits.shape[1]) - parts["imbalance"] - parts["entropy"],
            "qc_stable": float((logits.argmax(1) == distorted.argmax(1)).double().mean()),
        }


def component_usage(responsibilities: np.ndarray) -> dict[str, Any]:
    """How responsibilities (N, K) use the K components, as plain values.

    p (K,): the mean responsibility of each component, and psum its sum; entropy: of p, in nats, and neff its
    exponential; pmax: the largest of p, and top its component; argmax_counts (K,): the points whose likeliest component
    each is, of two alike the first; argmax_neff: the effective number by these counts.

    >>> usage = component_usage(np.array([[1.0, 0.0], [0.5, 0.5]]))
    >>> usage["p"], usage["argmax_counts"], usage["argmax_neff"]
    ([0.75, 0.25], [2, 0], 1.0)
    """
    shares = np.asarray(responsibilities, np.float64)
    p, counts = shares.mean(0), np.bincount(shares.argmax(1), minlength=shares.shape[1])
    neff = effective_number(p)
    return {
        "p": p.tolist(),
        "psum": float(p.sum()),
        "entropy": float(np.log(neff)),
        "neff": neff,
        "pmax": float(p.max()),
        "top": int(p.argmax()),
        "argmax_counts": counts.tolist(),
        "argmax_neff": effective_number(counts / counts.sum()),
    }


def effective_number(shares: np.ndarray) -> float:
    """exp of the entropy of shares (K,) that sum to 1: K when they are equal, 1 when one has all.

    >>> round(effective_number(np.array([0.5, 0.5, 0.0])), 6)
    2.0
    """
    used = shares[shares > 0.0]
    return float(np.exp(-(used * np.log(used)).sum()))
