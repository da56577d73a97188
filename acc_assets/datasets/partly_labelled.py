"""What data sets share that are another one with labels for some of its training images alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import WithJsonSchema

from acc_assets.datasets.arrays import ImageData, PenRule, SplitName
from acc_assets.datasets.data import DatasetConfig
from acc_assets.datasets.digits import Digits
from acc_assets.tree.config import config


@config
class PartlyLabelled(DatasetConfig):
    """Another data set (`of`), of whose training images some have their class; the classes of the others are taken out.

    `labelled_only`: those images are all there are to train on, so that every batch is full of labels; a recipe may
    train on both, each with batches of its own. Validation and test stay whole. A subclass says which by `load(seed)`.
    """

    of: Annotated[
        DatasetConfig,
        WithJsonSchema({"description": "a data set with classes, such as Mnist(image_size=28)"}),
    ] = Digits()
    labelled_only: bool = False

    def __post_init__(self) -> None:
        if self.of.kind_of_target != "class":
            raise ValueError(
                f"of is {self.of!r}, whose targets are numbers; allowed is a data set with classes"
            )

    def _with_labels(self, whole: ImageData, targets: np.ndarray, labelled: np.ndarray) -> ImageData:
        """The data set behind it with these training targets (N,) where `labelled` (N,), which is somewhere."""
        if self.labelled_only:
            train = replace(whole.train, targets=targets, labelled=None).take(np.flatnonzero(labelled))
        else:
            train = replace(whole.train, targets=np.where(labelled, targets, 0), labelled=labelled)
        return replace(whole, name=self.name, source=self.source, train=train)

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
    def pen_rule(self) -> PenRule | None:  # type: ignore[override]
        """Of the data set behind it."""
        return self.of.pen_rule

    @property
    def if_missing(self) -> str:  # type: ignore[override]
        """Of the data set behind it."""
        return self.of.if_missing

    @property
    def parts(self) -> tuple[Any, ...]:
        """Those of the data set behind it."""
        return self.of.parts

    @property
    def sizes(self) -> dict[SplitName, int]:
        return self.of.sizes

    @property
    def target_names(self) -> tuple[str, ...]:
        return self.of.target_names

    @property
    def factors(self) -> dict[str, tuple[str, ...] | None]:
        return self.of.factors

    def files(self) -> tuple[Path, ...]:
        """Those of the data set behind it."""
        return self.of.files()
