"""What a recipe declares open of the forks of a checkpoint: settings with their ranges, and the metric that judges."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from acc_assets.tree.config import PositiveNumber, Several, config
from acc_assets.tree.forks import trained_as
from acc_assets.tree.growth import Growth
from acc_assets.tree.nodes import TreeNode

MAX_OPTIONS = 100
_Counted = Annotated[int, Field(ge=-(2**53), le=2**53)]  # what is whole as a float too


class _Between:
    """What lies from `low` to `high`, both included."""

    low: Any
    high: Any

    def __post_init__(self) -> None:
        if not (self.low < self.high and math.isfinite(self.high - self.low)):
            raise ValueError(f"low is {self.low!r} and high is {self.high!r}; low must be below high")


@config(kw_only=False)
class Linear(_Between):
    """A number from `low` to `high`, both included."""

    low: float
    high: float


@config(kw_only=False)
class Log(_Between):
    """A number from `low` to `high`, both included, of which factors count and not differences."""

    low: PositiveNumber
    high: PositiveNumber


@config(kw_only=False)
class Whole(_Between):
    """A whole number from `low` to `high`, both included."""

    low: _Counted
    high: _Counted


@config(kw_only=False)
class Choice:
    """One of 2 to 100 values, each as a YAML recipe writes it."""

    options: Several[Any]

    def __post_init__(self) -> None:
        try:
            plain = json.loads(json.dumps(self.options, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise ValueError(f"options are {list(self.options)!r}, which no file can hold: {error}") from None
        object.__setattr__(self, "options", tuple(plain))
        if not 2 <= len(self.options) <= MAX_OPTIONS or any(
            one in self.options[:at] for at, one in enumerate(self.options)
        ):
            told = reprlib.repr(list(self.options))
            raise ValueError(f"options are {told}; give 2 to {MAX_OPTIONS}, each once")


Range: TypeAlias = Linear | Log | Whole | Choice
RANGES: Mapping[str, type] = {"linear": Linear, "log": Log, "whole": Whole, "choice": Choice}


@dataclass(frozen=True)
class Opened:
    """What may be proposed of the forks of `checkpoint`.

    settings: as a fork takes them, each with its range. metric: the number that a fork is judged by, `<task>.<metric>`
    as tables of metrics name it. maximise: whether more of it is better; None: as the metric itself says.
    """

    checkpoint: str
    settings: Mapping[str, Range]
    metric: str
    maximise: bool | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.settings, Mapping) or not self.settings:
            raise ValueError("settings must be a mapping of at least one setting to its range")
        for key, one in self.settings.items():
            if not isinstance(one, Linear | Log | Whole | Choice):
                raise ValueError(f"{key} is {one!r}; ranges are Linear, Log, Whole and Choice")
        if not isinstance(self.metric, str) or not self.metric:
            raise ValueError(f"metric is {self.metric!r}; name one such as 'recon.psnr'")
        if self.maximise is not None and not isinstance(self.maximise, bool):
            raise ValueError(f"maximise is {self.maximise!r}; allowed is True, False or None")

    def corners(self) -> Iterator[dict[str, Any]]:
        """Settings in which every end of a range, and every value of a choice, stands once."""
        ends = {
            key: list(one.options) if isinstance(one, Choice) else [one.low, one.high]
            for key, one in self.settings.items()
        }
        for at in range(max(map(len, ends.values()))):
            yield {key: values[min(at, len(values) - 1)] for key, values in ends.items()}


def present(nodes: Mapping[str, TreeNode], checkpoint: str, key: str) -> Any:
    """What a fork of a checkpoint has where it does not name a setting; the setting is one that it may name."""
    part, *path = key.split(".")
    node = nodes[checkpoint]
    found: Any = trained_as(nodes, checkpoint)
    if part == "task":
        name = path.pop(0)
        found = next(task for task in node.tasks if task.name == name)
    elif part == "grow":
        found = Growth(before=node.model) if path == ["noise"] else node.model
    for name in path:
        found = getattr(found, name)
    return found
