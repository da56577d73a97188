"""What every data set is: a frozen configuration that loads arrays with fixed train, validation and test splits."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from acc_assets.datasets.arrays import DataFacts, ImageData, Split, SplitName, TargetKind
from acc_assets.datasets.files import source_digest

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """One batch on the device: `images` are the clean targets (B, C, H, W) in [0, 1], `inputs` what the encoder sees.

    Without augmentation `inputs` is `images`. targets: int64 (B,) or float32 (B, T). factors: the named columns (B,)
    that the tasks of the batch read. labelled: bool (B,), False where the target is not given; None: all are given.
    labelled_share: of all images of the split that the batch is from.
    """

    images: Tensor
    inputs: Tensor
    targets: Tensor
    factors: Mapping[str, Tensor] = field(default_factory=dict)
    labelled: Tensor | None = None
    labelled_share: float = 1.0

    def of_labelled(self) -> Batch:
        """The examples whose target is given, as a batch of these alone."""
        chosen = self.labelled
        if chosen is None:
            return self
        factors = {name: values[chosen] for name, values in self.factors.items()}
        return Batch(self.images[chosen], self.inputs[chosen], self.targets[chosen], factors)


class DatasetConfig(DataFacts, ABC):
    """Base of the data set configurations: frozen, hashable, and usable without torch until `load`.

    A subclass is a frozen dataclass with the field `image_size`, names itself in `name`, and fills in `_read`,
    `source`, `sizes` and, where they differ from the defaults, the facts about its targets. One whose arrays depend on
    the seed of a run (which images are labelled, say) overrides `load` as `load(self, seed)`: see `load_dataset`.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1  # to be raised where the same fields come to mean other images
    in_channels: ClassVar[int] = 1
    if_missing: ClassVar[str] = "Put it back."  # what to do about a file that is not there
    image_size: int

    @property
    @abstractmethod
    def source(self) -> str:
        """Where the data comes from, in words that a page can show."""

    @property
    @abstractmethod
    def sizes(self) -> dict[SplitName, int]:
        """Number of images of each split, known without loading."""

    @property
    def kind_of_target(self) -> TargetKind:
        """`class` for a label, `real` for numbers in 0-1."""
        return "class"

    @property
    @abstractmethod
    def target_names(self) -> tuple[str, ...]:
        """Names of the classes, or of the columns of a real target."""

    @property
    def factors(self) -> dict[str, tuple[str, ...] | None]:
        """The names of `Split.factors`, known without loading, each with its class names; None where it is a number."""
        return {}

    @property
    def parts(self) -> tuple[Any, ...]:
        """What its `files` are those of: itself, or what it is made of where that is something else."""
        return (self,)

    def files(self) -> tuple[Path, ...]:
        """The files that `load` reads, whether they are there or not; empty for data that need none."""
        return ()

    def load(self) -> ImageData:
        """Read or generate the arrays; once per process for equal configurations and unchanged files.

        Raises `DatasetError` when files are missing and cannot be downloaded, or are damaged.
        """
        self._fetch()
        return _load_once(self, self.files(), source_digest(self))

    def _fetch(self) -> None:
        """Bring files that are missing, where they can be had."""

    def _read(self) -> Mapping[SplitName, Split]:
        raise NotImplementedError(f"{type(self).__name__} must define _read() or load()")


def sees_seed(config: Any) -> bool:
    """Whether a configuration's `load` takes the seed, so that every seed of a recipe has data of its own."""
    return "seed" in inspect.signature(config.load).parameters


def load_dataset(config: Any, seed: int | None) -> ImageData:
    """The arrays behind a configuration; the seed goes to a `load` that takes it.

    Raises ValueError for a `load` that gives anything but an `ImageData`.
    """
    loaded = config.load(seed=seed) if sees_seed(config) else config.load()
    if not isinstance(loaded, ImageData):
        raise ValueError(
            f"{config!r} gave a {type(loaded).__name__}; a data set must be an ImageData: return one from the loader."
        )
    return loaded


# Large enough for the data sets of one recipe, small enough that a long-lived process does not keep them all.
@lru_cache(maxsize=8)
def _load_once(config: DatasetConfig, files: tuple[Path, ...], content: str | None) -> ImageData:
    splits = config._read()
    return ImageData(
        name=config.name,
        source=config.source,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        target_names=config.target_names,
    )


def draw(labels: np.ndarray, count: int, stratified: bool, seed: int) -> np.ndarray:
    """Draw `count` different indices of labels (N,), with their class shares where `stratified`, in random order."""
    rng = np.random.default_rng(seed)
    if stratified:
        return stratified_draw(labels, count, rng)
    return rng.choice(len(labels), size=count, replace=False)


def stratified_draw(labels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `count` indices whose class shares equal those of `labels` to within one image, in random order.

    labels: int (N,). Largest remainders get the images that rounding down leaves over.
    """
    classes, totals = np.unique(labels, return_counts=True)
    exact = count * totals / totals.sum()
    counts = np.floor(exact).astype(int)
    leftover = np.argsort(-(exact - counts), kind="stable")[: count - counts.sum()]
    counts[leftover] += 1
    chosen = [
        rng.choice(np.flatnonzero(labels == label), size=n, replace=False)
        for label, n in zip(classes, counts, strict=True)
    ]
    return rng.permutation(np.concatenate(chosen))
