"""Small real parts for the tests of tasks: a batch by hand, a data set by hand, references."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from acc_assets.datasets import Digits, Shapes, Slant
from acc_assets.tree import DatasetRef

DIGITS = DatasetRef("digits", Digits(image_size=16))
SLANT = DatasetRef("slant", Slant(n=64, image_size=16))
SHAPES = DatasetRef("shapes", Shapes(n=64, image_size=16, targets=("x", "y", "scale")))


def batch(images: Tensor | None = None, targets: Tensor | None = None) -> Any:
    """A batch as the trainer makes it."""
    images = torch.zeros(len(targets), 1, 2, 2) if images is None and targets is not None else images
    return SimpleNamespace(images=images, inputs=images, targets=targets)


def split(images: np.ndarray, targets: np.ndarray) -> Any:
    """One split of a data set."""
    return SimpleNamespace(images=images, targets=targets, factors=None)
