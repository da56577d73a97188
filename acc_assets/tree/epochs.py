"""Epochs where steps are counted: turned into steps while a recipe is traced, so that a tree knows steps alone."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from acc_assets.tree.config import PositiveNumber, Steps, config
from acc_assets.tree.references import DatasetRef


@config(kw_only=False)
class Epochs:
    """Passes over the training images of a data set: ceil(epochs * images / batch size) steps.

    Batches follow each other without a gap, over the end of an epoch too, so that this is the step whose batch holds
    the last image of the last pass. In a task's schedule the task's own data set counts, in an option of a phase that
    of the task that was attached first.

    >>> Epochs(2).in_steps(images=100, batch_size=32)
    7
    >>> Epochs(0.07).in_steps(images=100, batch_size=1)
    7
    """

    epochs: PositiveNumber

    def in_steps(self, images: int, batch_size: int) -> int:
        """Steps of `batch_size` images until so many passes over `images` are done."""
        return math.ceil(round(self.epochs * images / batch_size, 9))  # 0.07 * 100 is 7.000000000000001


Count = Steps | Epochs  # of a field that `resolved` has turned into steps before anything is trained


def resolved(value: Any, dataset: DatasetRef, batch_size: int) -> Any:
    """The value with steps for `Epochs`, also in the fields of a configuration and of those inside it.

    Raises ValueError for a data set that does not say how many training images it has.
    """
    if isinstance(value, Epochs):
        images = getattr(dataset.config, "train_size", None)
        if images is None:
            raise ValueError(
                f"{value} needs the number of training images, and the data set '{dataset.name}' has no train_size: "
                "give steps"
            )
        return value.in_steps(images, batch_size)
    if not dataclasses.is_dataclass(value) or isinstance(value, type | DatasetRef):
        return value
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
    changed = {
        name: new for name, old in fields.items() if (new := resolved(old, dataset, batch_size)) is not old
    }
    return dataclasses.replace(value, **changed) if changed else value
