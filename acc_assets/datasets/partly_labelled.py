"""What data sets share that are another one with labels for some of its training images alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from acc_assets.datasets.arrays import ImageData
from acc_assets.datasets.data import load_dataset
from acc_assets.datasets.wrapped import Wrapped
from acc_assets.tree.config import config


@config
class PartlyLabelled(Wrapped):
    """Another data set (`of`), of whose training images some have their class; the classes of the others are taken out.

    `labelled_only`: those images are all there are to train on, so that every batch is full of labels; a recipe may
    train on both, each with batches of its own. Validation and test stay whole. A subclass says which by `load(seed)`.
    """

    labelled_only: bool = False

    def revealed(self, indices: np.ndarray, seed: int) -> ImageData:
        """The arrays of a seed with the true classes also of these training images (M,) of the data set behind it."""
        whole = load_dataset(self.of, seed)
        known = load_dataset(replace(self, labelled_only=False), seed).train
        targets = known.targets.copy()
        labelled = np.ones(len(known), bool) if known.labelled is None else known.labelled.copy()
        targets[indices], labelled[indices] = whole.train.targets[indices], True
        return self._with_labels(whole, targets, labelled)

    def _with_labels(self, whole: ImageData, targets: np.ndarray, labelled: np.ndarray) -> ImageData:
        """The data set behind it with these training targets (N,) where `labelled` (N,), which is somewhere."""
        if self.labelled_only:
            train = replace(whole.train, targets=targets, labelled=None).take(np.flatnonzero(labelled))
        else:
            train = replace(whole.train, targets=np.where(labelled, targets, 0), labelled=labelled)
        return replace(whole, name=self.name, source=self.source, train=train)
