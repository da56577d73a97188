"""Loaded data sets: arrays in three splits, and what they say of themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
from pydantic import InstanceOf

from acc_assets.tree.config import AnyNumberOf, config

TargetKind = Literal["class", "real"]
SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)


@dataclass(frozen=True)
class Split:
    """One split in memory.

    images: uint8 (N, C, H, W), white strokes on black. targets: int64 (N,) classes or float32 (N, T) in 0-1.
    factors: named columns beside the targets, each (N,), such as the ground truth of every generative factor; a
    regression reads one by its name, the viewer colours by each. None for photographed or scanned data.
    labelled: bool (N,), False where a target is not given: tasks neither learn from it nor are judged by it. None:
    all are given. dynamic: pixels are probabilities of white, times 255, and training sees a new
    Bernoulli draw of them each time.
    """

    images: np.ndarray
    targets: np.ndarray
    factors: dict[str, np.ndarray] | None = None
    labelled: np.ndarray | None = None
    dynamic: bool = False

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: np.ndarray) -> Split:
        """The examples with these indices (M,), in this order."""
        factors = {name: values[indices] for name, values in (self.factors or {}).items()} or None
        labelled = None if self.labelled is None else self.labelled[indices]
        return Split(self.images[indices], self.targets[indices], factors, labelled, self.dynamic)

    def drawn(self, seed: int) -> Split:
        """The images as one Bernoulli draw of black and white pixels, where the split is dynamic."""
        if not self.dynamic:
            return self
        noise = np.random.default_rng(seed).random(self.images.shape, np.float32)
        white = noise < self.images / np.float32(255)
        return replace(self, images=np.where(white, 255, 0).astype(np.uint8), dynamic=False)

    def of_labelled(self) -> Split:
        """The examples whose target is given."""
        return self if self.labelled is None else self.take(np.flatnonzero(self.labelled))


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


class DataFacts:
    """What follows from a data set's targets and sizes, whether it is loaded or only configured."""

    if TYPE_CHECKING:  # as properties, so that one class may have a field and another compute it

        @property
        def target_names(self) -> tuple[str, ...]: ...

        @property
        def kind_of_target(self) -> TargetKind: ...

        @property
        def sizes(self) -> dict[SplitName, int]: ...

    handwritten: ClassVar[bool] = False  # pen strokes, whose thickness and slant can be measured
    pen_rule: ClassVar[PenRule | None] = None  # None: a drawing is only scaled

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

    def describe(self) -> dict[str, Any]:
        """What a page and `config.json` say about the data set, known without loading it."""
        data: Any = self
        return {
            "dataset": data.name,
            "source": data.source,
            "image_size": data.image_size,
            "in_channels": data.in_channels,
            "kind_of_target": self.kind_of_target,
            "num_classes": self.num_classes,
            "target_names": list(self.target_names),
            "factors": data.factors,
            "pen_rule": asdict(self.pen_rule) if self.pen_rule else None,
            **{str(split): count for split, count in self.sizes.items()},
        }


@config(kw_only=False)
class ImageData(DataFacts):
    """A loaded data set. It can stand for itself in a recipe, where its digest says which data it is.

    source: in words, where it came from. target_names: of the classes, or of the columns of a real target; numbers
    where none are given. facts: what else a run writes down of it. digest: `data_digest` of the arrays.
    Raises `ValueError` for arrays that are not as `Split` describes them, or images of differing shapes.
    """

    name: str
    source: str
    train: InstanceOf[Split] = field(repr=False, compare=False, metadata={"hashed": False})
    validation: InstanceOf[Split] = field(repr=False, compare=False, metadata={"hashed": False})
    test: InstanceOf[Split] = field(repr=False, compare=False, metadata={"hashed": False})
    target_names: AnyNumberOf[str] = ()
    facts: Mapping[str, Any] = field(
        default_factory=dict, repr=False, compare=False, metadata={"hashed": False}
    )
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        splits: dict[SplitName, Split] = {
            "train": self.train,
            "validation": self.validation,
            "test": self.test,
        }
        for split_name, split in splits.items():
            _check_split(f"data set '{self.name}', {split_name} split", split, self.train)
        count = self.train.targets.shape[1] if self.kind_of_target == "real" else 0
        if self.kind_of_target == "class":
            count = 1 + max(int(split.targets.max()) for split in splits.values())
        names = self.target_names or tuple(str(number) for number in range(count))
        too_few = len(names) < count or (self.kind_of_target == "real" and len(names) > count)
        if too_few:
            raise ValueError(
                f"data set '{self.name}': target_names is {names!r}, but there are {count} "
                f"{'classes' if self.kind_of_target == 'class' else 'columns'}; allowed is one text each."
            )
        object.__setattr__(self, "target_names", names)
        object.__setattr__(self, "digest", data_digest(splits))

    @property
    def factors(self) -> dict[str, tuple[str, ...] | None]:
        """As `DatasetConfig.factors`; the classes of a column have no names here."""
        return dict.fromkeys(self.train.factors or ())

    @property
    def image_size(self) -> int:
        """Width and height in pixels."""
        return int(self.train.images.shape[-1])

    @property
    def in_channels(self) -> int:
        """1 for grey, 3 for colour."""
        return int(self.train.images.shape[1])

    @property
    def kind_of_target(self) -> TargetKind:
        """`class` for a label, `real` for numbers."""
        return "class" if self.train.targets.ndim == 1 else "real"

    @property
    def sizes(self) -> dict[SplitName, int]:
        """Number of images of each split."""
        return {"train": len(self.train), "validation": len(self.validation), "test": len(self.test)}

    def files(self) -> tuple[Path, ...]:
        """None: the arrays are here."""
        return ()

    def load(self) -> ImageData:
        """The data set itself."""
        return self


def _check_split(where: str, split: Split, train: Split) -> None:
    images, targets = split.images, split.targets
    if images.dtype != np.uint8 or images.ndim != 4 or not len(images):
        raise ValueError(
            f"{where}: images are {images.dtype} {images.shape}; allowed is uint8 (N, C, H, W) with N of at least 1."
        )
    if (
        images.shape[1:] != train.images.shape[1:]
        or images.shape[1] not in (1, 3)
        or images.shape[2] != images.shape[3]
    ):
        raise ValueError(
            f"{where}: images are {images.shape[1:]} and those of the train split {train.images.shape[1:]}; allowed "
            "are square images of 1 or 3 channels, alike in all splits."
        )
    classes = targets.dtype == np.int64 and targets.ndim == 1 and targets.min(initial=0) >= 0
    real = targets.dtype == np.float32 and targets.ndim == 2 and bool(np.isfinite(targets).all())
    if not (classes or real) or len(targets) != len(images) or targets.shape[1:] != train.targets.shape[1:]:
        raise ValueError(
            f"{where}: targets are {targets.dtype} {targets.shape}; allowed is, alike in all splits and one for each "
            f"of the {len(images)} images, int64 (N,) with classes from 0, or finite float32 (N, T)."
        )
    labelled = split.labelled
    if labelled is not None and (
        labelled.dtype != np.bool_ or labelled.shape != (len(images),) or not labelled.any()
    ):
        raise ValueError(
            f"{where}: labelled is {labelled.dtype} {labelled.shape}, True {int(labelled.sum())} times; allowed is "
            f"None or bool ({len(images)},) with one target given or more."
        )


def data_digest(splits: Mapping[SplitName, Split]) -> str:
    """sha256 (hex) over names, types, shapes and little-endian bytes of all arrays, in a fixed order."""
    digest = hashlib.sha256()
    for split_name in sorted(splits):
        split = splits[split_name]
        arrays = {"images": split.images, "targets": split.targets, **(split.factors or {})}
        if split.labelled is not None:
            arrays["/labelled"] = split.labelled  # no column has this name
        if split.dynamic:
            digest.update(f"{split_name}/dynamic\n".encode())
        for name in sorted(arrays):
            array = np.ascontiguousarray(arrays[name])
            array = array.astype(array.dtype.newbyteorder("<"), copy=False)
            digest.update(f"{split_name}/{name}:{array.dtype.str}{array.shape}\n".encode())
            digest.update(array.data)
    return digest.hexdigest()
