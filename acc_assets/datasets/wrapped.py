"""What data sets share that are another one, seen in a certain way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import WithJsonSchema

from acc_assets.datasets.arrays import PenRule, SplitName
from acc_assets.datasets.data import DatasetConfig, sees_seed
from acc_assets.datasets.digits import Digits
from acc_assets.tree.config import config


@config
class Wrapped(DatasetConfig):
    """Another data set with classes (`of`), whose facts it has; a subclass says what is different by `_read` or `load`.

    One that is the same for all seeds cannot be made of one that each seed sees differently.
    """

    of: Annotated[
        DatasetConfig,
        WithJsonSchema({"description": "a data set with classes, such as Mnist(image_size=28)"}),
    ] = Digits()

    def __post_init__(self) -> None:
        if self.of.kind_of_target != "class":
            raise ValueError(
                f"of is {self.of!r}, whose targets are numbers; allowed is a data set with classes"
            )
        if sees_seed(self.of) and not sees_seed(self):
            raise ValueError(
                f"of is {self.of!r}, which each seed sees differently; put it outside: "
                f"{type(self.of).__name__}(of={type(self).__name__}(...))"
            )

    @property
    def image_size(self) -> int:  # type: ignore[override]
        """Of the data set behind it."""
        return self.of.image_size

    @property
    def in_channels(self) -> int:  # type: ignore[override]
        """Of the data set behind it."""
        return self.of.in_channels

    @property
    def handwritten(self) -> bool:  # type: ignore[override]
        """Of the data set behind it."""
        return self.of.handwritten

    @property
    def pen_rule(self) -> PenRule | None:  # type: ignore[override]
        """Of the data set behind it."""
        return self.of.pen_rule

    @property
    def if_missing(self) -> str:  # type: ignore[override]
        """Of the data set behind it."""
        return self.of.if_missing

    @property
    def parts(self) -> tuple[Any, ...]:
        """Those of the data set behind it."""
        return self.of.parts

    @property
    def sizes(self) -> dict[SplitName, int]:
        return self.of.sizes

    @property
    def target_names(self) -> tuple[str, ...]:
        return self.of.target_names

    @property
    def factors(self) -> dict[str, tuple[str, ...] | None]:
        return self.of.factors

    def files(self) -> tuple[Path, ...]:
        """Those of the data set behind it."""
        return self.of.files()

    def _fetch(self) -> None:
        self.of._fetch()
