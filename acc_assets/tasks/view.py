"""What a task sees of one batch, what it gives back, and what accumulates its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn

    from acc_assets.datasets import Batch
    from acc_assets.models import Outputs


@dataclass(frozen=True, slots=True)
class StepView:
    """One batch as a task sees it, in training and in evaluation alike.

    outputs: what the model's forward gave, or its encode where no task of the data set needs more. head: what the
    task's `build_head` returned, on the device. model: so that a loss can decode or encode once more by itself (a
    sampled selection, pseudo-inputs). step: of the training phase, counted from 0; None in evaluation, where every
    schedule stands at its end, so that a metric means the same whenever it is taken.
    """

    outputs: Outputs
    batch: Batch
    head: nn.Module | None
    model: nn.Module
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """A scalar loss with named diagnostics: numbers that are told and not differentiated.

    diagnostics: tensors, scalars or vectors (n,), which stay on the device until the next log, or floats. They are
    averaged over the steps of a log as losses are, and become the series `<task>/<name>` of events, curves and summary;
    of a vector `<task>/<name>[<i>]`, and one list in events.
    """

    value: Tensor
    diagnostics: Mapping[str, Tensor | float] = field(default_factory=dict)


class Evaluator(Protocol):
    """Accumulates example-weighted metrics over batches of any size."""

    def update(self, view: StepView) -> None: ...

    def compute(self) -> dict[str, float]: ...
