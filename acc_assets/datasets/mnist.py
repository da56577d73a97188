"""MNIST and Fashion-MNIST, at any size and with any number of training images."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from acc_assets.datasets.data import DatasetConfig, PenRule, Split, SplitName, check_range, draw

OFFICIAL_TRAIN, OFFICIAL_TEST = 60_000, 10_000
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
DATA_DIR_VARIABLE = "ACC_DATA_DIR"


def data_dir() -> Path:
    """Folder of downloaded data sets: `ACC_DATA_DIR`, else `datasets` in the local storage folder.

    The storage folder is `ACC_STORAGE`, else `storage` in the checkout, or in the working directory without one.
    """
    named = os.environ.get(DATA_DIR_VARIABLE)
    if named:
        return Path(named).expanduser()
    storage = os.environ.get("ACC_STORAGE", "")
    if storage and "://" not in storage:
        return Path(storage).expanduser() / "datasets"
    checkout = Path(__file__).resolve().parents[2]
    root = checkout if (checkout / "pyproject.toml").exists() else Path.cwd()
    return root / "storage" / "datasets"


class _MnistLike(DatasetConfig):
    """The splits that MNIST and Fashion-MNIST share; see `Mnist`."""

    title: ClassVar[str]
    image_size: int
    train_samples: int | None
    validation_samples: int
    stratified: bool
    seed: int

    def _check(self) -> None:
        check_range(self, "image_size", 8, 256)
        check_range(self, "validation_samples", 1, OFFICIAL_TRAIN - 1)
        check_range(self, "seed", 0)
        if self.train_samples is not None:
            check_range(self, "train_samples", 1, OFFICIAL_TRAIN - self.validation_samples)

    @property
    def source(self) -> str:
        folder = f"${DATA_DIR_VARIABLE}" if os.environ.get(DATA_DIR_VARIABLE) else "storage/datasets"
        return f"{self.title}, through torchvision, from {folder}"

    @property
    def sizes(self) -> dict[SplitName, int]:
        everything = OFFICIAL_TRAIN - self.validation_samples
        return {
            "train": everything if self.train_samples is None else self.train_samples,
            "validation": self.validation_samples,
            "test": OFFICIAL_TEST,
        }

    def _location(self) -> Path:
        return data_dir().absolute()

    def _read(self, location: Path | None) -> Mapping[SplitName, Split]:
        from acc_assets.datasets.mnist_files import read_official

        assert location is not None
        train, test = read_official(self.name, location, self.image_size)
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


@dataclass(frozen=True, kw_only=True)
class Mnist(_MnistLike):
    """MNIST (LeCun, Cortes and Burges, 1998): 28x28 scans of handwritten digits.

    image_size: pixels; 28 is the original, any other size is resized bilinearly with antialiasing.
    train_samples: how many training images to draw, None for all that validation leaves.
    validation_samples: the last so many of the 60,000 official training images. The test split is the official one.
    stratified: draw with the class shares of the whole pool, exact to one image. seed: of the draw.
    """

    image_size: int = 32
    train_samples: int | None = None
    validation_samples: int = 5_000
    stratified: bool = False
    seed: int = 0

    name: ClassVar[str] = "mnist"
    handwritten: ClassVar[bool] = True
    pen_rule: ClassVar[PenRule | None] = PEN_RULE
    title: ClassVar[str] = "MNIST (real handwritten digits)"

    def __post_init__(self) -> None:
        self._check()

    @property
    def target_names(self) -> tuple[str, ...]:
        return tuple("0123456789")


@dataclass(frozen=True, kw_only=True)
class FashionMnist(_MnistLike):
    """Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): 28x28 pictures of clothes; fields as in `Mnist`."""

    image_size: int = 32
    train_samples: int | None = None
    validation_samples: int = 5_000
    stratified: bool = False
    seed: int = 0

    name: ClassVar[str] = "fashion_mnist"
    title: ClassVar[str] = "Fashion-MNIST (real product photographs)"

    def __post_init__(self) -> None:
        self._check()

    @property
    def target_names(self) -> tuple[str, ...]:
        return (
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
