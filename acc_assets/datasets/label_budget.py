"""A data set of which only some training images have their label."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import WithJsonSchema

from acc_assets.datasets.arrays import ImageData, SplitName
from acc_assets.datasets.data import DatasetConfig, load_dataset
from acc_assets.datasets.digits import Digits
from acc_assets.tree.config import Positive, config


@config
class LabelBudget(DatasetConfig):
    """Another data set, of whose training images `labels` have their class; the classes of the others are taken out.

    Which ones depends on the seed of the run alone, so that all branches of a seed have the same images, and a larger
    budget of a seed holds the smaller ones. Every class has the same number of them, or one more: the images are taken
    in rounds, one of each class a round. `labelled_only`: those images are all there are to train on, so that every
    batch is full of labels; a recipe may train on both, each with batches of its own. Validation and test stay whole.
    """

    of: Annotated[
        DatasetConfig,
        WithJsonSchema({"description": "a data set with classes, such as Mnist(image_size=28)"}),
    ] = Digits()
    labels: Positive = 100
    labelled_only: bool = False

    name: ClassVar[str] = "label_budget"

    def __post_init__(self) -> None:
        if self.of.kind_of_target != "class":
            raise ValueError(
                f"of is {self.of!r}, whose targets are numbers; allowed is a data set with classes"
            )
        if self.labels > self.of.sizes["train"]:
            raise ValueError(
                f"labels is {self.labels}; allowed is a whole number up to the {self.of.sizes['train']} training images"
            )

    @property
    def image_size(self) -> int:  # type: ignore[override]
        """Of the data set behind it."""
        return self.of.image_size

    @property
    def in_channels(self) -> int:  # type: ignore[override]
        """Of the data set behind it."""
        return self.of.in_channels

    @property
    def handwritten(self) -> bool:  # type: ignore[override]
        """Of the data set behind it."""
        return self.of.handwritten

    @property
    def pen_rule(self):  # type: ignore[no-untyped-def,override]
        """Of the data set behind it."""
        return self.of.pen_rule

    @property
    def if_missing(self) -> str:  # type: ignore[override]
        """Of the data set behind it."""
        return self.of.if_missing

    @property
    def read_from(self) -> DatasetConfig:
        """The data set behind it."""
        return self.of.read_from

    @property
    def source(self) -> str:
        which = (
            "training images, those with a label" if self.labelled_only else "training images with a label"
        )
        return f"{self.of.source}; {self.labels} {which}"

    @property
    def sizes(self) -> dict[SplitName, int]:
        return {**self.of.sizes, "train": self.labels} if self.labelled_only else self.of.sizes

    @property
    def target_names(self) -> tuple[str, ...]:
        return self.of.target_names

    @property
    def factors(self) -> dict[str, tuple[str, ...] | None]:
        return self.of.factors

    def files(self) -> tuple[Path, ...]:
        """Those of the data set behind it."""
        return self.of.files()

    def load(self, seed: int) -> ImageData:  # type: ignore[override]
        """The arrays of a seed; raises ValueError where a class has too few images for its share."""
        whole = load_dataset(self.of, seed)
        train = whole.train
        labelled = np.zeros(len(train), bool)
        labelled[in_rounds(train.targets, np.random.default_rng(seed))[: self.labels]] = True
        if self.labelled_only:
            given = replace(train.take(np.flatnonzero(labelled)), labelled=None)
        else:
            given = replace(train, targets=np.where(labelled, train.targets, 0), labelled=labelled)
        return replace(whole, name=self.name, source=self.source, train=given)


def in_rounds(classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All indices of classes (N,) in random order by rounds: each round has one of each class that is not used up."""
    shuffled = rng.permutation(len(classes))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]  # (N,) class after class, random within
    counts = np.bincount(classes)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    turn = np.arange(len(classes)) - starts  # how many of its class come before
    return by_class[np.lexsort((rng.random(len(classes)), turn))]
