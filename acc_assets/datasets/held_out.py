"""A data set without some of its classes, which stand for what a model has never seen."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from acc_assets.datasets.arrays import SPLITS, ImageData, Split, SplitName
from acc_assets.datasets.wrapped import Wrapped
from acc_assets.tree.config import Several, Share, config


@config
class HeldOut(Wrapped):
    """Another data set without the images of some classes, in no split; `unseen` gives those of the test split.

    classes: the names of those held out; the others keep their number, so that a classifier has an output that is
    never right. share: each class that stays has the first so many of its images, as a share of what it would have if
    all were equally frequent: so every class has the same number, which is known without loading.
    """

    classes: Several[str]
    share: Share = 0.8

    name: ClassVar[str] = "held_out"

    def __post_init__(self) -> None:
        super().__post_init__()
        names = self.of.target_names
        if not {*self.classes} < {*names} or len({*self.classes}) < len(self.classes):
            raise ValueError(
                f"classes is {self.classes}; allowed are some of {', '.join(names)}, each once, and not all"
            )

    @property
    def source(self) -> str:
        return f"{self.of.source}; without the classes {', '.join(self.classes)}"

    @property
    def sizes(self) -> dict[SplitName, int]:
        kept = len(self.of.target_names) - len(self.classes)
        return {split: kept * self._of_each(split) for split in SPLITS}

    def load(self) -> ImageData:
        """The arrays without the classes; raises ValueError where one that stays has too few images."""
        whole = self.of.load()
        train, validation, test = (self._kept(getattr(whole, split), split) for split in SPLITS)
        return replace(
            whole, name=self.name, source=self.source, train=train, validation=validation, test=test
        )

    def unseen(self) -> Split:
        """The test images of the classes held out."""
        test = self.of.load().test
        numbers = [self.of.target_names.index(name) for name in self.classes]
        return test.take(np.flatnonzero(np.isin(test.targets, numbers)))

    def _of_each(self, split: SplitName) -> int:
        return max(1, int(self.share * self.of.sizes[split] / len(self.of.target_names)))

    def _kept(self, whole: Split, split: SplitName) -> Split:
        count, chosen = self._of_each(split), []
        for label, name in enumerate(self.of.target_names):
            if name in self.classes:
                continue
            found = np.flatnonzero(whole.targets == label)[:count]
            if len(found) < count:
                raise ValueError(
                    f"share is {self.share}, which asks for {count} {split} images of each class; class {name} has "
                    f"{len(found)}: ask for a smaller share"
                )
            chosen.append(found)
        return whole.take(np.sort(np.concatenate(chosen)))
