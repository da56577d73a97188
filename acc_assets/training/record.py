"""What a build leaves for readers while it runs and at its end: events, curves, configuration, summary."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from acc_assets.storage import RunDirectory, StorageError, StoreUnreachable
from acc_assets.training.history import History, with_vectors
from acc_assets.training.progress import ProgressSink
from acc_assets.training.snapshots import FAMILY as CHECKPOINTS

HISTORY_SCHEMA = 1


class RunRecord:
    """Writes `events.jsonl`, `history/`, `config.json` and `summary.json` of one build, and tells its progress.

    An event of a step is written before the snapshot of that step, so what stands of a resumed run has neither gaps nor
    doubles.
    """

    def __init__(self, run: RunDirectory, progress: ProgressSink, *, start: int, total: int) -> None:
        self.run = run
        self.history = History()
        self._progress = progress
        self._start, self._total = start, total
        self._before = 0.0  # seconds spent on this run before this process
        self._images = 0
        self._began = self._last_time = time.monotonic()
        self._first_step = self._last_step = start
        self._started = _now()

    @property
    def elapsed(self) -> float:
        """Seconds spent on the run, interrupted parts included."""
        return self._before + time.monotonic() - self._began

    def begin(self, config: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        """A run starts from nothing: from here on, old events stand no more."""
        self.run.write_json("config.json", config)
        self.event("run.created", **facts)
        self.event("run.started", step=self._start)
        self._summary("running", self._start, {})
        self._progress.started(self._total)

    def resume(
        self, config: Mapping[str, Any], step: int, history: Mapping[str, Any], told: Mapping[str, Any]
    ) -> None:
        """A run goes on from a snapshot, of which its event says `told`: what was recorded after it stands no more."""
        self.history.restore(history)
        self.event("run.resumed", step=step)
        events = self.run.events()
        self._started = next((e["time"] for e in events if e.get("event") == "run.started"), self._started)
        clocks = [e["elapsed_s"] for e in events if "elapsed_s" in e]
        self._before = float(clocks[-1]) if clocks else 0.0
        self.run.write_json("config.json", config)
        # The process may have died between an artifact and its event, or between snapshot and curves.
        self.run.announce(CHECKPOINTS, **told)
        self.write_history(step)
        self._first_step = self._last_step = step
        self._began = self._last_time = time.monotonic()
        self._summary("running", step, {})
        self._progress.started(self._total)
        self._progress.message(f"continues from step {step}")

    def event(self, name: str, **facts: Any) -> None:
        """Append one event."""
        self.run.append_event({"event": name, **facts})

    def message(self, text: str) -> None:
        """Tell a remark to whoever watches, and keep it as an event."""
        self.event("run.message", text=text)
        self._progress.message(text)

    def logged(self, step: int, phase: str, row: Mapping[str, float], images_per_step: int) -> None:
        """The means over the last steps are known."""
        now = time.monotonic()
        steps = step - self._last_step
        rate = steps / max(now - self._last_time, 1e-9)
        self._images += steps * images_per_step
        self._last_step, self._last_time = step, now
        losses = {
            name.removeprefix("loss/"): value for name, value in row.items() if name.startswith("loss/")
        }
        told = with_vectors(row)
        facts: dict[str, Any] = {"diagnostics": told} if told else {}
        self.event(
            "train.metrics",
            step=step,
            phase=phase,
            total=row["total"],
            lr=row["lr"],
            losses=losses,
            **facts,
        )
        done = step - self._start
        self.event(
            "train.progress",
            step=step,
            done=done,
            of=self._total,
            elapsed_s=round(self.elapsed, 3),
            steps_per_s=round(rate, 3),
            remaining_s=round((self._total - done) / rate, 1),
        )
        self._progress.advanced(done, {**losses, "total": row["total"], "lr": row["lr"]}, rate)

    def validated(self, step: int, metrics: Mapping[str, Mapping[str, float]]) -> None:
        """A pass over the validation split is done."""
        self.history.add_validation(step, metrics)
        self.event("train.validated", step=step, metrics=metrics)

    def write_history(self, step: int) -> None:
        """Write the curves up to a step, where there are any."""
        if not self.history.train and not self.history.validation:
            return
        with self.run.family("history", HISTORY_SCHEMA, told={"step": step}) as out:
            out.npz("history.npz", self.history.arrays())

    def completed(self, step: int, facts: Mapping[str, Any]) -> dict[str, Any]:
        """The node is trained; returns the summary."""
        summary = self._summary("completed", step, facts)
        self.event("run.completed", step=step, elapsed_s=round(self.elapsed, 3))
        return summary

    def cancelled(self, step: int, facts: Mapping[str, Any]) -> None:
        """Training stopped as it was asked to."""
        self._summary("cancelled", step, facts)
        self.event("run.cancelled", step=step, elapsed_s=round(self.elapsed, 3))

    def failed(self, step: int, error: BaseException, facts: Mapping[str, Any]) -> None:
        """The build failed; a full disk must not hide why, so what cannot be written is let go."""
        text = f"{type(error).__name__}: {error}"
        with contextlib.suppress(StorageError, StoreUnreachable):
            self._summary("failed", step, {**facts, "error": text})
            self.event("run.failed", step=step, error=text)

    def _summary(self, status: str, step: int, facts: Mapping[str, Any]) -> dict[str, Any]:
        seconds = time.monotonic() - self._began
        summary = {
            "status": status,
            "step": step,
            "started": self._started,
            "ended": None if status == "running" else _now(),
            "wall_s": self.elapsed,
            "steps_per_s": (self._last_step - self._first_step) / max(seconds, 1e-9),
            "images_per_s": self._images / max(seconds, 1e-9),
            "tasks": {},
            "health": None,
            "error": None,
            **facts,
        }
        self.run.write_json("summary.json", summary)
        return summary


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
