"""How far a training is: lines of the log and observations in Dagster (the curves lie in the run directory)."""

from __future__ import annotations

import time
from collections.abc import Mapping

import dagster as dg


class TrainingProgress:
    """Reports a training to Dagster's log, and as observations that the UI plots."""

    LOG_SECONDS = 10.0  # between two lines of the log
    OBSERVATIONS = 10  # of one training; each is a row in the instance's database

    def __init__(self, context: dg.AssetExecutionContext, key: dg.AssetKey) -> None:
        self._context = context
        self._key = key
        self._total = 0
        self._logged = time.monotonic()
        self._observed = 0

    def started(self, total: int) -> None:
        """Training begins; `total` steps are to do."""
        self._total = total

    def advanced(self, step: int, metrics: Mapping[str, float], rate: float) -> None:
        """`step` steps are done; `rate` is in steps a second."""
        now = time.monotonic()
        if now - self._logged >= self.LOG_SECONDS:
            self._logged = now
            note = " ".join(f"{name} {value:.4g}" for name, value in metrics.items())
            self._context.log.info(f"step {step}/{self._total}, {rate:.1f} steps/s: {note}")
        tenth = step * self.OBSERVATIONS // max(1, self._total)
        if tenth > self._observed and step < self._total:
            self._observed = tenth
            self._context.log_event(
                dg.AssetObservation(
                    asset_key=self._key,
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
