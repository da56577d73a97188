"""Accuracy, calibration and accuracy by class of a classifier, over the images of a split that have a label."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from acc_assets.datasets.data import Batch
from acc_assets.tasks.calibration import reliability
from acc_assets.tasks.evaluators import ClassificationEvaluator
from acc_assets.tasks.view import StepView


class CalibratedEvaluator(ClassificationEvaluator):
    """loss and accuracy of logits (B, Y), ece with 15 bins, and accuracy_<class> of each class that occurs."""

    def __init__(self, task: str, logits: Callable[[StepView], Tensor], classes: Sequence[str]) -> None:
        super().__init__(task, logits)
        self._classes = classes
        self._probabilities: list[np.ndarray] = []
        self._targets: list[np.ndarray] = []

    def _take(self, logits: Tensor, batch: Batch) -> None:
        super()._take(logits, batch)
        self._probabilities.append(logits.double().softmax(1).cpu().numpy())
        self._targets.append(batch.targets.cpu().numpy())

    def compute(self) -> dict[str, float]:
        found = super().compute()
        probabilities, targets = np.concatenate(self._probabilities), np.concatenate(self._targets)
        correct = probabilities.argmax(1) == targets
        found["ece"] = reliability(probabilities.max(1), correct).ece
        for label in np.unique(targets):
            found[f"accuracy_{self._classes[label]}"] = float(correct[targets == label].mean())
        return found
