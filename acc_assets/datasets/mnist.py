"""MNIST and Fashion-MNIST, at any size and with any number of training images."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from acc_assets.datasets.arrays import PenRule, Split, SplitName
from acc_assets.datasets.data import DatasetConfig, draw
from acc_assets.datasets.files import file_digest, source_digest
from acc_assets.datasets.mnist_source import (
    DATA_DIR_VARIABLE,
    OFFICIAL_TEST,
    OFFICIAL_TRAIN,
    PUBLISHED_SHA256,
    TORCHVISION_NAMES,
    data_dir,
)
from acc_assets.tree.config import Natural, Positive, config

# LeCun et al. (1998), section III-A: 20 x 20 pixels with the proportions kept, the centre of mass in the middle of 28.
# The pen is the one with which drawings have the mean ink of the data, 13 %.
PEN_RULE = PenRule(
    field=28,
    box=(20, 20),
    pen=2.9,
    stretch=None,
    center="mass",
    blocks=1,
    words="fitted into 20 x 20 of 28 x 28 pixels around its centre of mass, as MNIST's digits were",
)


@config
class _MnistLike(DatasetConfig):
    """The splits that MNIST and Fashion-MNIST share; see `Mnist`."""

    title: ClassVar[str]
    class_names: ClassVar[tuple[str, ...]]
    if_missing: ClassVar[str] = (
        "It is downloaded when the data set is first loaded, where the network allows; or set the environment variable "
        f"{DATA_DIR_VARIABLE} to a folder that holds it in torchvision's layout."
    )
    image_size: Annotated[int, Field(ge=8, le=256)] = 32
    train_samples: Positive | None = None
    validation_samples: Annotated[int, Field(ge=1, lt=OFFICIAL_TRAIN)] = 5_000
    stratified: bool = False
    seed: Natural = 0

    def __post_init__(self) -> None:
        left = OFFICIAL_TRAIN - self.validation_samples
        if self.train_samples is not None and self.train_samples > left:
            raise ValueError(
                f"train_samples is {self.train_samples}; allowed is a whole number from 1 to {left}"
            )

    @property
    def source(self) -> str:
        folder = f"${DATA_DIR_VARIABLE}" if os.environ.get(DATA_DIR_VARIABLE) else "storage/datasets"
        published = self._published
        if published is None:
            return f"{self.title}, through torchvision, not in {folder} yet"
        if published:
            return f"{self.title}, through torchvision, from {folder}"
        digest = (source_digest(self) or "")[:12]
        return f"files of unknown content in the layout of {self.name}, sha256 {digest}, from {folder}"

    @property
    def target_names(self) -> tuple[str, ...]:
        # What the classes of other files mean is not known.
        return tuple("0123456789") if self._published is False else self.class_names

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def _published(self) -> bool | None:
        """Whether the files are the published ones, by their bytes; None where they are not there."""
        if not all(path.is_file() for path in self.files()):
            return None
        known = PUBLISHED_SHA256[self.name]
        return all(file_digest(self, path) == known[path.name] for path in self.files())

    @property
    def sizes(self) -> dict[SplitName, int]:
        everything = OFFICIAL_TRAIN - self.validation_samples
        return {
            "train": everything if self.train_samples is None else self.train_samples,
            "validation": self.validation_samples,
            "test": OFFICIAL_TEST,
        }

    def files(self) -> tuple[Path, ...]:
        raw = data_dir().absolute() / TORCHVISION_NAMES[self.name] / "raw"
        return tuple(raw / name for name in PUBLISHED_SHA256[self.name])

    def _fetch(self) -> None:
        if not all(path.is_file() for path in self.files()):
            from acc_assets.datasets.mnist_files import download

            download(self.name, data_dir().absolute())

    def _read(self) -> Mapping[SplitName, Split]:
        from acc_assets.datasets.mnist_files import damaged, read_official

        raw = self.files()[0].parent
        if self.name == "mnist" and not self._published:  # never a stand-in: a byte that differs is damage
            for path in self.files():
                found, expected = file_digest(self, path), PUBLISHED_SHA256[self.name][path.name]
                if found != expected:
                    fact = f"{path.name} has sha256 {found[:12]}..., the published file {expected[:12]}..."
                    raise damaged(self.name, raw, fact)
        train, test = read_official(self.name, raw.parents[1], self.image_size, source_digest(self))
        pool = OFFICIAL_TRAIN - self.validation_samples
        return {
            "train": self._draw(train.images[:pool], train.targets[:pool]),
            "validation": Split(train.images[pool:], train.targets[pool:]),
            "test": test,
        }

    def _draw(self, images: np.ndarray, labels: np.ndarray) -> Split:
        if self.train_samples is None:
            return Split(images, labels)
        chosen = draw(labels, self.train_samples, self.stratified, self.seed)
        return Split(images[chosen], labels[chosen])


@config
class Mnist(_MnistLike):
    """MNIST (LeCun, Cortes and Burges, 1998): 28x28 scans of handwritten digits.

    image_size: pixels; 28 is the original, any other size is resized bilinearly with antialiasing.
    train_samples: how many training images to draw, None for all that validation leaves.
    validation_samples: the last so many of the 60,000 official training images. The test split is the official one.
    stratified: draw with the class shares of the whole pool, exact to one image. seed: of the draw.
    """

    name: ClassVar[str] = "mnist"
    handwritten: ClassVar[bool] = True
    pen_rule: ClassVar[PenRule | None] = PEN_RULE
    title: ClassVar[str] = "MNIST (real handwritten digits)"
    class_names: ClassVar[tuple[str, ...]] = tuple("0123456789")


@config
class FashionMnist(_MnistLike):
    """Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): 28x28 pictures of clothes; fields as in `Mnist`."""

    name: ClassVar[str] = "fashion_mnist"
    title: ClassVar[str] = "Fashion-MNIST (real product photographs)"
    class_names: ClassVar[tuple[str, ...]] = (
        "t-shirt",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    )


def load_mnist(image_size: int = 32, **options: Any) -> Mnist:
    """MNIST at this size, with the other fields of `Mnist` as options; read when it is needed."""
    return Mnist(image_size=image_size, **options)
