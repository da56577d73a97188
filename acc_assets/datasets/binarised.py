"""A data set whose pixels are black or white, drawn with its grey values as probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from acc_assets.datasets.arrays import Split, SplitName
from acc_assets.datasets.wrapped import Wrapped
from acc_assets.tree.config import Natural, config


@config
class Binarised(Wrapped):
    """Another data set (`of`), of which each pixel is white with its grey value as the probability.

    Training draws the pixels anew for every batch (dynamic binarisation: Salakhutdinov and Murray, "On the quantitative
    analysis of deep belief networks", 2008); validation and test images are one draw, with `seed`, for all runs.
    """

    seed: Natural = 0

    name: ClassVar[str] = "binarised"

    @property
    def source(self) -> str:
        return (
            f"{self.of.source}; pixels drawn black or white by their grey values, anew for each training batch and "
            f"once (seed {self.seed}) for validation and test"
        )

    def _read(self) -> Mapping[SplitName, Split]:
        grey = self.of.load()
        validation, test = (replace(split, dynamic=True) for split in (grey.validation, grey.test))
        return {
            "train": replace(grey.train, dynamic=True),
            "validation": validation.drawn(2 * self.seed),
            "test": test.drawn(2 * self.seed + 1),
        }
