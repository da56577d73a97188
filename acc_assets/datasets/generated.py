"""What the generators share: sizes of the splits, and a random stream for each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import Field

from acc_assets.datasets.arrays import SPLITS, Split, SplitName
from acc_assets.datasets.data import DatasetConfig
from acc_assets.tree.config import Natural, config

REFERENCE_SIZE = (
    32  # lengths in the generators are pixels of a picture of this size, and scale with image_size
)


@config
class GeneratedConfig(DatasetConfig):
    """`n` training images, n // 10 for validation and n // 5 for the test, deterministic in `seed`.

    Every split draws from a stream of its own: a larger test split never changes the training images.
    """

    n: Annotated[int, Field(ge=10)] = 5_000
    image_size: Annotated[int, Field(ge=16, le=256)] = 32
    seed: Natural = 0

    @property
    def source(self) -> str:
        return f"{self.name}, generated here (seed {self.seed})"

    @property
    def sizes(self) -> dict[SplitName, int]:
        return {"train": self.n, "validation": self.n // 10, "test": self.n // 5}

    @property
    def scale(self) -> float:
        """Pixels of this picture to one pixel of a picture of `REFERENCE_SIZE`."""
        return self.image_size / REFERENCE_SIZE

    def _read(self) -> Mapping[SplitName, Split]:
        return {
            split: self._generate(self.sizes[split], np.random.default_rng([self.seed, stream]))
            for stream, split in enumerate(SPLITS)
        }

    @abstractmethod
    def _generate(self, count: int, rng: np.random.Generator) -> Split:
        """So many examples of a split."""
