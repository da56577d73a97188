"""What every data set is: a frozen configuration that loads arrays with fixed train, validation and test splits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

TargetKind = Literal["class", "real"]
SplitName = Literal["train", "validation", "test"]


class DatasetError(Exception):
    """Data that cannot be had: says which data set, where it was looked for and what to do."""


@dataclass(frozen=True)
class Split:
    """One split in memory.

    images: uint8 (N, C, H, W), white strokes on black. targets: int64 (N,) classes or float32 (N, T) in 0-1.
    factors: ground truth of every generative factor, each (N,), or None for photographed or scanned data.
    """

    images: np.ndarray
    targets: np.ndarray
    factors: dict[str, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class PenRule:
    """How a data set's pictures came from pen strokes, so that a drawing in the browser becomes a picture like them.

    The strokes are fitted into `box` (width, height) in the middle of a square of `field` pixels and drawn `pen` pixels
    wide. stretch: how many times as wide as tall a narrow drawing may be scaled to fill the box; None keeps its
    proportions. center: what comes to the middle, the box or the centre of mass. blocks: above 1, pixels are black or
    white and each block of so many pixels square becomes one pixel, by its count of white ones. words: for the page.
    """

    field: int
    box: tuple[int, int]
    pen: float
    stretch: float | None
    center: Literal["box", "mass"]
    blocks: int
    words: str


@dataclass(frozen=True)
class ImageData:
    """A loaded data set; `source` says in words where it came from, `digest` is `data_digest` of its arrays."""

    name: str
    source: str
    digest: str
    train: Split
    validation: Split
    test: Split


@dataclass(frozen=True)
class Batch:
    """One batch on the device: `images` are the clean targets (B, C, H, W) in [0, 1], `inputs` what the encoder sees.

    Without augmentation `inputs` is `images`. targets: int64 (B,) or float32 (B, T).
    """

    images: Tensor
    inputs: Tensor
    targets: Tensor


class DatasetConfig:
    """Base of the data set configurations: frozen, hashable, and usable without torch until `load`.

    A subclass is a frozen dataclass with the field `image_size`, names itself in `name`, and fills in `_read`,
    `source`, `sizes` and, where they differ from the defaults, the facts about its targets.
    """

    name: ClassVar[str]
    in_channels: ClassVar[int] = 1
    handwritten: ClassVar[bool] = False  # pen strokes, whose thickness and slant can be measured
    pen_rule: ClassVar[PenRule | None] = None  # None: a drawing is only scaled
    image_size: int

    @property
    def source(self) -> str:
        """Where the data comes from, in words that a page can show."""
        raise NotImplementedError

    @property
    def sizes(self) -> dict[SplitName, int]:
        """Number of images of each split, known without loading."""
        raise NotImplementedError

    @property
    def kind_of_target(self) -> TargetKind:
        """`class` for a label, `real` for numbers in 0-1."""
        return "class"

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names of the classes, or of the columns of a real target."""
        raise NotImplementedError

    @property
    def num_classes(self) -> int | None:
        """Number of classes, or None for a real target."""
        return len(self.target_names) if self.kind_of_target == "class" else None

    @property
    def target_dim(self) -> int:
        """Columns of a real target; 1 for a class."""
        return len(self.target_names) if self.kind_of_target == "real" else 1

    @property
    def train_size(self) -> int:
        """Number of training images."""
        return self.sizes["train"]

    def load(self) -> ImageData:
        """Read or generate the arrays; once per process for equal configurations.

        Raises `DatasetError` when files are missing and cannot be downloaded, or are damaged.
        """
        return _load_once(self, self._location())

    def describe(self) -> dict[str, Any]:
        """What a page and `config.json` say about the data set, without loading it."""
        return {
            "dataset": self.name,
            "source": self.source,
            "image_size": self.image_size,
            "in_channels": self.in_channels,
            "kind_of_target": self.kind_of_target,
            "num_classes": self.num_classes,
            "target_names": list(self.target_names),
            "pen_rule": asdict(self.pen_rule) if self.pen_rule else None,
            **{str(split): count for split, count in self.sizes.items()},
        }

    def _location(self) -> Path | None:
        """The folder that files are read from, part of the cache's key; None for generated data."""
        return None

    def _read(self, location: Path | None) -> Mapping[SplitName, Split]:
        raise NotImplementedError


# Large enough for the data sets of one recipe, small enough that a long-lived process does not keep them all.
@lru_cache(maxsize=8)
def _load_once(config: DatasetConfig, location: Path | None) -> ImageData:
    splits = config._read(location)
    return ImageData(
        name=config.name,
        source=config.source,
        digest=data_digest(splits),
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
    )


def data_digest(splits: Mapping[SplitName, Split]) -> str:
    """sha256 (hex) over names, types, shapes and little-endian bytes of all arrays, in a fixed order."""
    digest = hashlib.sha256()
    for split_name in sorted(splits):
        split = splits[split_name]
        arrays = {"images": split.images, "targets": split.targets, **(split.factors or {})}
        for name in sorted(arrays):
            array = np.ascontiguousarray(arrays[name])
            array = array.astype(array.dtype.newbyteorder("<"), copy=False)
            digest.update(f"{split_name}/{name}:{array.dtype.str}{array.shape}\n".encode())
            digest.update(array.data)
    return digest.hexdigest()


def check_range(config: DatasetConfig, field: str, low: int, high: int | None = None) -> None:
    """Raise `ValueError` unless the integer field lies in low..high (both included)."""
    value = getattr(config, field)
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= (high or value):
        return
    allowed = f"an integer from {low} to {high}" if high is not None else f"an integer of at least {low}"
    raise ValueError(f"{type(config).__name__}: {field} is {value!r}; allowed is {allowed}.")


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
