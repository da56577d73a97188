"""A data set of which only some training images have a label: those of a budget, those that people gave, or both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from acc_assets.datasets.arrays import ImageData, PenRule, SplitName, TargetKind
from acc_assets.datasets.data import DatasetConfig, load_dataset, stratified_draw
from acc_assets.datasets.files import DatasetError, source_digest
from acc_assets.storage import LabelFile, Labels, StorageError, Store, digest_of
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
        return (self.file.path,)

    def content(self, until: int | None = None) -> str:
        """sha256 (hex) of its lines; that of no lines where nobody has given a label."""
        try:
            return digest_of(self.file.lines(until))
        except StorageError as error:
            raise DatasetError(f"{error}. Mend the label file, or put it back.") from error


@config
class Labelled(DatasetConfig):
    """Another data set with labels for some of its training images; validation and test images keep all of theirs.

    images: the data set. budget: so many of its own labels are given, drawn with its class shares by the run's seed.
    people: the recipe whose label file gives the others; on an image of the budget too, people are believed.
    stopped: the file counts up to this line; None: all of it. It is no part of what makes a node stale, since a round
    (`acc label --retrain`) stops the file where the node has read it to.
    """

    images: DatasetConfig
    budget: Natural = 0
    people: Name | None = None
    stopped: Natural | None = field(default=None, metadata={"hashed": False})

    name: ClassVar[str] = "labelled"

    def __post_init__(self) -> None:
        if self.kind_of_target != "class":
            raise ValueError(f"images is {self.images!r}; allowed is a data set with classes")
        if self.budget > self.images.sizes["train"]:
            raise ValueError(f"budget is {self.budget}; allowed is a number to {self.images.sizes['train']}")
        if not self.budget and self.people is None:
            raise ValueError(
                "budget is 0 and people is None; allowed is a number of labels, a recipe, or both"
            )

    def stopped_at(self, line: int | None) -> Labelled:
        """The same data set with the labels up to a line of the label file, or with all (None)."""
        if self.people is None:
            raise ValueError("it reads no label file")
        return replace(self, stopped=line)

    def load(self, seed: int) -> ImageData:  # type: ignore[override]
        """The arrays as a seed sees them; raises `DatasetError` where no image has a label."""
        return _load(self, seed, source_digest(self))

    def labels(self) -> Labels | None:
        """What the label file says; None where none is read."""
        if self.people is None:
            return None
        file = GivenLabels(self.people).file
        return file.read(self.target_names, self.sizes["train"], self.stopped)

    @property
    def parts(self) -> tuple[Any, ...]:
        """What may change of what it reads; a file that is stopped is no part of it any more."""
        reads_on = self.people is not None and self.stopped is None
        return (self.images, *([GivenLabels(str(self.people))] if reads_on else []))

    def files(self) -> tuple[Path, ...]:
        """Those of the data set and the label file."""
        return (*self.images.files(), *(GivenLabels(self.people).files() if self.people else ()))

    def content(self) -> str | None:
        """The digest of the data set's files and of the lines that are read."""
        own = source_digest(self.images)
        return own if self.people is None else f"{own}-{GivenLabels(self.people).content(self.stopped)[:16]}"

    @property
    def source(self) -> str:
        labels = [f"{self.budget} of its labels"] if self.budget else []
        labels += [f"those that people gave for {self.people}"] if self.people else []
        return f"{self.images.source}, with {' and '.join(labels)}"

    @property
    def sizes(self) -> dict[SplitName, int]:
        return self.images.sizes

    @property
    def kind_of_target(self) -> TargetKind:
        return self.images.kind_of_target

    @property
    def target_names(self) -> tuple[str, ...]:
        return self.images.target_names

    @property
    def factors(self) -> dict[str, tuple[str, ...] | None]:
        return self.images.factors

    @property
    def image_size(self) -> int:  # type: ignore[override]
        """Of the data set."""
        return self.images.image_size

    @property
    def in_channels(self) -> int:  # type: ignore[override]
        """Of the data set."""
        return self.images.in_channels

    @property
    def handwritten(self) -> bool:  # type: ignore[override]
        """Of the data set."""
        return self.images.handwritten

    @property
    def pen_rule(self) -> PenRule | None:  # type: ignore[override]
        """Of the data set."""
        return self.images.pen_rule


@lru_cache(maxsize=8)
def _load(config: Labelled, seed: int, content: str | None) -> ImageData:
    whole = load_dataset(config.images, seed)
    train = whole.train
    labelled = np.zeros(len(train), bool) if train.labelled is None else train.labelled.copy()
    targets = train.targets.copy()
    if config.budget:
        labelled[stratified_draw(targets, config.budget, np.random.default_rng(seed))] = True
    facts: Mapping[str, Any] = {}
    if (read := config.labels()) is not None:
        for index, label in read.given.items():
            targets[index], labelled[index] = label, True
        told = {"people": config.people, "lines": read.lines, "sha256": read.digest, "given": len(read.given)}
        facts = {"labels": {**told, "problems": len(read.problems)}}
    if not labelled.any():
        raise DatasetError(
            f"The data set '{config.name}' of '{config.people}' has no label yet: give some (acc serve, acc label), or "
            "a budget."
        )
    train = replace(train, targets=targets, labelled=labelled)
    return replace(whole, name=config.name, source=config.source, train=train, facts=facts)
