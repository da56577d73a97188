"""A data set with the labels that people gave, over those that it has."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from acc_assets.datasets.arrays import ImageData
from acc_assets.datasets.data import load_dataset
from acc_assets.datasets.files import DatasetError, source_digest
from acc_assets.datasets.partly_labelled import PartlyLabelled
from acc_assets.storage import LabelFile, StorageError, Store, digest_of
from acc_assets.tree.config import Name, Natural, config


@dataclass(frozen=True)
class GivenLabels:
    """The label file of a recipe as something that data are read from."""

    recipe: str
    source_name: ClassVar[str] = "labels"
    about: ClassVar[str] = "The labels that people gave; more of them make other data."

    @property
    def name(self) -> str:
        """What an asset that stands for it is called."""
        return self.recipe

    @property
    def file(self) -> LabelFile:
        """The file, in the store of ACC_STORAGE."""
        return LabelFile(Store(), self.recipe)

    def files(self) -> tuple[Path, ...]:
        """The file, whether it is there or not."""
        return (Path(self.file.shown),)

    def content(self, until: int | None = None) -> str:
        """sha256 (hex) of its lines; that of no lines where nobody has given a label."""
        try:
            return digest_of(self.file.lines(until))
        except StorageError as error:
            raise DatasetError(f"{error}. Mend the label file, or put it back.") from error


@config
class Labelled(PartlyLabelled):
    """Another data set, of whose training images those have a class that people gave one, or that had one already.

    people: the recipe whose label file is read. of: such as Digits(), of which nothing is known then but what people
    say, or a `LabelBudget` to begin with; where both say something, people are believed. stopped: the file counts up
    to this line; None: all of it. It is no part of what makes a node stale, since a round (`acc label --retrain`)
    stops the file where the node has read it to.
    """

    people: Name
    stopped: Natural | None = field(default=None, metadata={"hashed": False})

    name: ClassVar[str] = "labelled"

    def stopped_at(self, line: int | None) -> Labelled:
        """The same data set with the labels up to a line of the label file, or with all (None)."""
        return replace(self, stopped=line)

    def load(self, seed: int) -> ImageData:  # type: ignore[override]
        """The arrays as a seed sees them; raises `DatasetError` where no image has a label."""
        return _load(self, seed, source_digest(self))

    @property
    def train_size(self) -> int:
        """Number of training images; raises AttributeError where that is the number of labels, which files say."""
        if self.labelled_only:
            raise AttributeError("the number of labelled images is known when they are loaded")
        return self.of.train_size

    @property
    def parts(self) -> tuple[Any, ...]:
        """Those of the data set behind it, and the label file; one that is stopped changes no more."""
        return (*self.of.parts, *([GivenLabels(self.people)] if self.stopped is None else []))

    def files(self) -> tuple[Path, ...]:
        """Those of the data set behind it, and the label file."""
        return (*self.of.files(), *GivenLabels(self.people).files())

    def content(self) -> str:
        """The digest of the data set's files and of the lines that are read."""
        return f"{source_digest(self.of)}-{GivenLabels(self.people).content(self.stopped)[:16]}"

    @property
    def source(self) -> str:
        only = ", those alone" if self.labelled_only else ""
        return f"{self.of.source}; with the labels that people gave for {self.people}{only}"


@lru_cache(maxsize=8)
def _load(config: Labelled, seed: int, content: str | None) -> ImageData:
    whole = load_dataset(config.of, seed)
    targets = whole.train.targets.copy()
    known = whole.train.labelled
    labelled = np.zeros(len(targets), bool) if known is None else known.copy()
    read = GivenLabels(config.people).file.read(config.target_names, len(targets), config.stopped)
    for index, label in read.given.items():
        targets[index], labelled[index] = label, True
    if not labelled.any():
        raise DatasetError(
            f"No image of '{config.people}' has a label yet: give some (acc serve, acc label --add), or begin with "
            "a LabelBudget."
        )
    told = {"people": config.people, "lines": read.lines, "sha256": read.digest, "given": len(read.given)}
    facts = {"labels": {**told, "problems": len(read.problems)}}
    return replace(config._with_labels(whole, targets, labelled), facts=facts)
