"""Where progress goes: a terminal's bar, observations in Dagster, or nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class ProgressSink(Protocol):
    """Receives the progress of one build; steps count from the node's own start."""

    def started(self, total: int) -> None:
        """`total` steps lie ahead, those of an interrupted run that are done already included."""

    def advanced(self, step: int, metrics: Mapping[str, float], rate: float) -> None:
        """`step` of the total are done; losses by task, `total` and `lr`; `rate` in steps/s."""

    def message(self, text: str) -> None:
        """A remark for the person who waits."""


class NoProgress:
    """Tells nobody."""

    def started(self, total: int) -> None:
        """Do nothing."""

    def advanced(self, step: int, metrics: Mapping[str, float], rate: float) -> None:
        """Do nothing."""

    def message(self, text: str) -> None:
        """Do nothing."""
