"""Small real parts for the tests of tasks: a batch by hand, a data set by hand, references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from acc_assets.datasets import Batch, Digits, Shapes, Slant, Split
from acc_assets.tasks import StepView
from acc_assets.tree import DatasetRef

DIGITS = DatasetRef("digits", Digits(image_size=16))
SLANT = DatasetRef("slant", Slant(n=64, image_size=16))
SHAPES = DatasetRef("shapes", Shapes(n=64, image_size=16, targets=("x", "y", "scale")))


def batch(images: Tensor | None = None, targets: Tensor | None = None, **facts: Any) -> Batch:
    """A batch as the trainer makes it."""
    targets = torch.zeros(0 if images is None else len(images)) if targets is None else targets
    images = torch.zeros(len(targets), 1, 2, 2) if images is None else images
    return Batch(images=images, inputs=images, targets=targets, **facts)


def view(outputs: Mapping[str, Tensor], seen: Batch | None = None, head: nn.Module | None = None) -> StepView:
    """What a task sees of a batch."""
    return StepView(outputs, seen or batch(), head, nn.Identity(), step=0)


def split(images: np.ndarray | None, targets: np.ndarray, **facts: Any) -> Split:
    """One split of a data set."""
    return Split(np.zeros((len(targets), 1, 2, 2), np.uint8) if images is None else images, targets, **facts)
