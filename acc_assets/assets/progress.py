"""What a build is doing now, told by the assets while they run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import dagster as dg


@dataclass(frozen=True)
class ProgressEvent:
    """One message of an asset at work; `done` and `total` count training steps."""

    kind: Literal["started", "training", "finished", "failed", "interrupted"]
    asset: str
    seed: int | None
    seconds: float = 0.0
    done: int = 0
    total: int = 0
    note: str = ""


Listener = Callable[[ProgressEvent], None]
_listener: Listener | None = None


def listen(listener: Listener | None) -> None:
    """Send the progress of assets that run in this process to `listener`; None: to nobody."""
    global _listener
    _listener = listener


def tell(event: ProgressEvent) -> None:
    """Pass an event on."""
    if _listener is not None:
        _listener(event)


@contextmanager
def telling(asset: str, seed: int | None) -> Iterator[None]:
    """Tell start, end and duration of an asset's body."""
    start = time.perf_counter()
    tell(ProgressEvent("started", asset, seed))
    try:
        yield
    except BaseException as error:
        kind: Literal["failed", "interrupted"] = "failed" if isinstance(error, Exception) else "interrupted"
        tell(ProgressEvent(kind, asset, seed, time.perf_counter() - start))
        raise
    tell(ProgressEvent("finished", asset, seed, time.perf_counter() - start))


class TrainingProgress:
    """Reports training to the listener, to Dagster's log, and as observations that the UI plots."""

    LOG_SECONDS = 10.0  # between two lines of the log
    OBSERVATIONS = 10  # of one training; each is a row in the instance's database

    def __init__(self, context: dg.AssetExecutionContext, asset: str, seed: int) -> None:
        self._context = context
        self._asset = asset
        self._seed = seed
        self._total = 0
        self._logged = time.monotonic()
        self._observed = 0

    def started(self, total: int) -> None:
        """Training begins; `total` steps are to do."""
        self._total = total
        tell(ProgressEvent("training", self._asset, self._seed, done=0, total=total))

    def advanced(self, step: int, metrics: Mapping[str, float], rate: float) -> None:
        """`step` steps are done; `rate` is in steps a second."""
        note = " ".join(f"{name} {value:.4g}" for name, value in metrics.items())
        tell(ProgressEvent("training", self._asset, self._seed, done=step, total=self._total, note=note))
        now = time.monotonic()
        if now - self._logged >= self.LOG_SECONDS:
            self._logged = now
            self._context.log.info(f"step {step}/{self._total}, {rate:.1f} steps/s: {note}")
        tenth = step * self.OBSERVATIONS // max(1, self._total)
        if tenth > self._observed and step < self._total:
            self._observed = tenth
            self._context.log_event(
                dg.AssetObservation(
                    asset_key=self._context.asset_key,
                    partition=self._context.partition_key,
                    metadata={
                        "step": step,
                        "steps per second": rate,
                        **{f"loss {k}": v for k, v in metrics.items()},
                    },
                )
            )

    def message(self, text: str) -> None:
        """Something that a person should read."""
        self._context.log.info(text)
