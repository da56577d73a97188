"""The counts behind tau, what follows from them, and the evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from acc_assets.models import ModelOutput
from acc_assets.tasks.class_evaluator import CalibratedEvaluator
from acc_assets.tasks.view import StepView

if TYPE_CHECKING:
    from acc_assets.tasks.tau import TauTask

RECENT = 0.99  # of the usage that is kept after a step
TINY = 1e-12  # probability below which a class is as good as impossible


class Tau(nn.Module):
    """Counts s (K, Y) and recent usage (K,) as buffers: see `TauTask`, whose options they follow."""

    counts: Tensor
    usage: Tensor

    def __init__(self, components: int, classes: int, options: TauTask) -> None:
        super().__init__()
        self.options = options
        sides = torch.arange(components) % classes
        self.register_buffer("counts", options.anchor * torch.eye(classes)[sides])
        self.register_buffer("usage", torch.full((components,), 1.0 / components))

    def count(self, shares: Tensor, labelled: Tensor, targets: Tensor) -> None:
        """Take in the responsibilities of a batch (B, K), and those of its labelled images (n, K) of classes (n,)."""
        self.usage.lerp_(shares.mean(0), 1.0 - RECENT)
        self.counts.mul_(self.options.decay ** len(targets))
        self.counts.index_add_(1, targets, labelled.T.to(self.counts.dtype))

    def tau(self) -> Tensor:
        """p(y|c) (K, Y)."""
        smoothed = self.counts + self.options.smoothing
        return smoothed / smoothed.sum(1, keepdim=True)

    def free(self) -> Tensor:
        """Bool (K,): components that stand for no class yet, or that no image uses."""
        chance = 1.0 / self.counts.shape[1]
        sure = (self.tau().amax(1) - chance) / max(1.0 - chance, TINY)
        return (sure < self.options.free_below) | (self.usage < self.options.free_usage)

    def coverage(self) -> Tensor:
        """Share of the classes that are the likeliest one of a component which is not free; scalar."""
        found = torch.zeros(self.counts.shape[1], device=self.counts.device)
        found[self.tau().argmax(1)[~self.free()]] = 1.0
        return found.mean()

    def log_classes(self, shares: Tensor) -> Tensor:
        """log p(y|x) (B, Y) of responsibilities (B, K)."""
        return (shares @ self.tau()).clamp_min(TINY).log()

    def ood(self, shares: Tensor) -> Tensor:
        """OOD score (B,) in [0, 1) of responsibilities (B, K)."""
        return 1.0 - (shares * self.tau().amax(1)).amax(1)


class TauEvaluator(CalibratedEvaluator):
    """As `CalibratedEvaluator` on p(y|x), with tau_coverage, tau_free and the mean OOD score of all images."""

    def __init__(self, task: str, classes: Sequence[str]) -> None:
        super().__init__(task, self._seen, classes)
        self._scores: list[Tensor] = []
        self._head: Tau | None = None

    def _seen(self, view: StepView) -> Tensor:
        assert isinstance(view.head, Tau)
        self._head, shares = view.head, view.outputs[ModelOutput.COMPONENT_LOGITS].softmax(1)
        self._scores.append(self._head.ood(shares).cpu())
        return self._head.log_classes(shares)

    def compute(self) -> dict[str, float]:
        found = super().compute()
        assert self._head is not None  # it has seen an image
        return {
            **found,
            "tau_coverage": float(self._head.coverage()),
            "tau_free": float(self._head.free().sum()),
            "ood": float(torch.cat(self._scores).double().mean()),
        }
