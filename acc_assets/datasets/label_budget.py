"""A data set of which only some training images have their label: a budget, the same for all branches of a seed."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from acc_assets.datasets.arrays import ImageData, SplitName
from acc_assets.datasets.data import load_dataset
from acc_assets.datasets.partly_labelled import PartlyLabelled
from acc_assets.tree.config import Positive, config


@config
class LabelBudget(PartlyLabelled):
    """Another data set, of whose training images `labels` have their class; the classes of the others are taken out.

    Which ones depends on the seed of the run alone, so that all branches of a seed have the same images, and a larger
    budget of a seed holds the smaller ones. Every class has the same number of them, or one more: the images are taken
    in rounds, one of each class a round. `labelled_only`: as in `PartlyLabelled`.
    """

    labels: Positive = 100

    name: ClassVar[str] = "label_budget"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.labels > self.of.sizes["train"]:
            raise ValueError(
                f"labels is {self.labels}; allowed is a whole number up to the {self.of.sizes['train']} training images"
            )

    @property
    def source(self) -> str:
        which = (
            "training images, those with a label" if self.labelled_only else "training images with a label"
        )
        return f"{self.of.source}; {self.labels} {which}"

    @property
    def sizes(self) -> dict[SplitName, int]:
        return {**self.of.sizes, "train": self.labels} if self.labelled_only else self.of.sizes

    def load(self, seed: int) -> ImageData:  # type: ignore[override]
        """The arrays of a seed; raises ValueError where a class has too few images for its share."""
        whole = load_dataset(self.of, seed)
        classes = whole.train.targets
        labelled = np.zeros(len(classes), bool)
        labelled[in_rounds(classes, np.random.default_rng(seed))[: self.labels]] = True
        return self._with_labels(whole, classes, labelled)


def in_rounds(classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All indices of classes (N,) in random order by rounds: each round has one of each class that is not used up."""
    shuffled = rng.permutation(len(classes))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]  # (N,) class after class, random within
    counts = np.bincount(classes)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    turn = np.arange(len(classes)) - starts  # how many of its class come before
    return by_class[np.lexsort((rng.random(len(classes)), turn))]
