"""scikit-learn's digits: real handwriting that needs no download."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from acc_assets.datasets.arrays import PenRule, Split, SplitName
from acc_assets.datasets.data import DatasetConfig, draw, stratified_draw
from acc_assets.tree.config import Natural, config

TOTAL, TEST, VALIDATION = 1_797, 360, 180
TRAIN = TOTAL - TEST - VALIDATION
# NIST's form reader and Alpaydin's blocks (NISTIR 5469, 1994; UCI "Optical recognition of handwritten digits"): every
# digit fills 20 x 32 pixels of a bitmap of 32 x 32, its stroke is brought to one weight, and 4 x 4 pixels are counted.
# The pen is the one with which drawings have the mean ink of the data, 31 %.
PEN_RULE = PenRule(
    field=32,
    box=(20, 32),
    pen=5.2,
    stretch=1.5,
    center="box",
    blocks=4,
    words="fitted into 20 x 32 pixels in black and white, then counted in 8 x 8 blocks, as these digits were",
)
SPLIT_SEED = 0  # fixed: every recipe and seed sees the same test digits


@config
class Digits(DatasetConfig):
    """1,797 handwritten digits of 8x8 pixels and 17 grey levels (Alpaydin and Kaynak, 1998), scaled up bilinearly.

    The splits are fixed and stratified by digit: 1,257 train, 180 validation, 360 test. image_size: pixels, 8-64.
    train_samples, stratified, seed: how many training images to draw and how, as in `Mnist`.
    """

    image_size: Annotated[int, Field(ge=8, le=64)] = 16
    train_samples: Annotated[int, Field(ge=1, le=TRAIN)] | None = None
    stratified: bool = False
    seed: Natural = 0

    name: ClassVar[str] = "digits"
    handwritten: ClassVar[bool] = True
    pen_rule: ClassVar[PenRule | None] = PEN_RULE
    if_missing: ClassVar[str] = "Install scikit-learn again."

    @property
    def source(self) -> str:
        return "digits (real handwritten digits, 8x8), embedded in scikit-learn"

    @property
    def sizes(self) -> dict[SplitName, int]:
        return {"train": self.train_samples or TRAIN, "validation": VALIDATION, "test": TEST}

    @property
    def target_names(self) -> tuple[str, ...]:
        return tuple("0123456789")

    def files(self) -> tuple[Path, ...]:
        """scikit-learn's own file, so that only a version with other digits counts as other data."""
        package = find_spec("sklearn")
        assert package is not None
        assert package.origin is not None
        return (Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz",)

    def _read(self) -> Mapping[SplitName, Split]:
        from sklearn.datasets import load_digits

        from acc_assets.datasets.resize import resize_images

        pixels, labels = load_digits(return_X_y=True)  # (1797, 64) in 0..16, (1797,)
        levels = np.rint(pixels * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
        images = resize_images(levels, self.image_size)
        labels = labels.astype(np.int64)

        rng = np.random.default_rng(SPLIT_SEED)
        test = stratified_draw(labels, TEST, rng)
        rest = np.setdiff1d(np.arange(TOTAL), test)
        validation = rest[stratified_draw(labels[rest], VALIDATION, rng)]
        train = rng.permutation(np.setdiff1d(rest, validation))
        if self.train_samples is not None:
            train = train[draw(labels[train], self.train_samples, self.stratified, self.seed)]
        indices: dict[SplitName, np.ndarray] = {"train": train, "validation": validation, "test": test}
        return {name: Split(images[chosen], labels[chosen]) for name, chosen in indices.items()}
