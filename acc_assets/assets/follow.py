"""Following runs from outside: what the event log and the run directories say of them, for the progress display."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import dagster as dg

from acc_assets.assets.daemon import Daemon
from acc_assets.assets.status import AssetStatus
from acc_assets.storage import Store
from acc_assets.tree import Tree

POLL_SECONDS = 0.3


@dataclass(frozen=True)
class ProgressEvent:
    """One message of an asset at work; `done` and `total` count training steps."""

    kind: Literal["started", "training", "finished", "failed"]
    asset: str
    seed: int | None
    seconds: float = 0.0
    done: int = 0
    total: int = 0


Listener = Callable[[ProgressEvent], None]


@dataclass(frozen=True)
class Outcomes:
    """What became of assets, by run and name: seconds of those that were made, errors of those that were not."""

    seconds: dict[tuple[str, str], float] = field(default_factory=dict)
    errors: dict[tuple[str, str], str] = field(default_factory=dict)


def follow(
    instance: dg.DagsterInstance,
    store: Store,
    tree: Tree,
    runs: Mapping[str, Sequence[AssetStatus]],
    daemon: Daemon | None,
    listener: Listener | None,
) -> Outcomes:
    """Tell what runs do until all have ended."""
    outcomes = Outcomes()
    followed = [
        _Followed(instance, store, tree, run_id, units, listener, outcomes) for run_id, units in runs.items()
    ]
    while any(not one.ended for one in followed):
        if daemon is not None:
            daemon.ensure()
        time.sleep(POLL_SECONDS)
        for one in followed:
            one.look()
    return outcomes


class _Followed:
    """One run: the events seen so far."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        store: Store,
        tree: Tree,
        run_id: str,
        units: Sequence[AssetStatus],
        listener: Listener | None,
        outcomes: Outcomes,
    ) -> None:
        self.ended = False
        self._instance = instance
        self._store = store
        self._tree = tree
        self._run_id = run_id
        self._plans = {one.plan.name: one.plan for one in units}
        self._seed = next((one.seed for one in units if one.seed is not None), None)
        self._tell = listener or (lambda event: None)
        self._outcomes = outcomes
        self._cursor: str | None = None
        self._at_work: dict[str, float] = {}  # step -> when it or its last asset began
        self._told: dict[str, int] = {}  # checkpoint -> training steps that were told

    def look(self) -> None:
        """Take in what happened since the last look."""
        if self.ended:
            return
        run = self._instance.get_run_by_id(self._run_id)
        finished = run is None or run.is_finished  # asked before the log, so that nothing is missed
        while True:
            page = self._instance.get_records_for_run(self._run_id, cursor=self._cursor, limit=500)
            self._cursor = page.cursor
            for record in page.records:
                self._take(record.event_log_entry)
            if not page.has_more:
                break
        for step in self._at_work:
            self._training(step)
        if finished:
            self.ended = True
            self._end(run)

    def _take(self, entry: dg.EventLogEntry) -> None:
        event, step = entry.dagster_event, self._name(entry.step_key)
        if event is None or not step:
            return
        if event.is_step_start:
            self._at_work[step] = entry.timestamp
            self._tell(ProgressEvent("started", step, self._seed))
        elif event.is_step_materialization and event.asset_key is not None:
            name = event.asset_key.path[-1]
            seconds = entry.timestamp - self._at_work.get(step, entry.timestamp)
            self._outcomes.seconds[self._run_id, name] = seconds
            if step.endswith("__analyses"):
                self._at_work[step] = entry.timestamp
                self._tell(ProgressEvent("finished", name, self._seed, seconds))
        elif event.is_step_success or event.is_step_failure:
            seconds = entry.timestamp - self._at_work.pop(step, entry.timestamp)
            self._tell(
                ProgressEvent("finished" if event.is_step_success else "failed", step, self._seed, seconds)
            )
            if event.is_step_failure:
                self._failed(step, event)

    def _failed(self, step: str, event: dg.DagsterEvent) -> None:
        told = _last_cause(event)
        own = [name for name in self._plans if step in (name, f"{self._node(name)}__analyses")]
        by_name = dict(line.split(": ", 1) for line in told.splitlines() if ": " in line)
        for name in own:
            if (self._run_id, name) in self._outcomes.seconds:
                continue
            if len(by_name.keys() & set(own)) == 0 or name in by_name:
                self._outcomes.errors[self._run_id, name] = by_name.get(name, told)

    def _end(self, run: dg.DagsterRun | None) -> None:
        """A run that ended without having reached an asset leaves the reason with it."""
        if run is None or run.is_success:
            return
        known = {**self._outcomes.seconds, **self._outcomes.errors}
        left = [name for name in self._plans if (self._run_id, name) not in known]
        if run.status == dg.DagsterRunStatus.CANCELED or len(left) == len(self._plans):
            why = f"the run {self._run_id} {_ENDS.get(run.status, 'failed')}{_engine_error(self._instance, run)}"
            for name in left:
                self._outcomes.errors[self._run_id, name] = why

    def _training(self, step: str) -> None:
        plan = self._plans.get(step)
        if (
            plan is None
            or plan.node is None
            or plan.request is not None
            or not plan.node.steps
            or self._seed is None
        ):
            return
        event: dict[str, Any] = self._store.run(self._tree.name, plan.node.tag, self._seed).last_event() or {}
        start = self._tree.start_step(plan.node.tag)
        done = max(0, int(event.get("step") or 0) - start)
        if done and self._told.get(step) != done:
            self._told[step] = done
            self._tell(ProgressEvent("training", step, self._seed, done=done, total=plan.node.steps))

    def _node(self, name: str) -> str:
        plan = self._plans[name]
        return plan.node.tag if plan.node is not None and plan.request is not None else ""

    def _name(self, step_key: str | None) -> str:
        """A step's name without the recipe's."""
        _, own, name = (step_key or "").partition(f"{self._tree.name}__")
        return name if own else (step_key or "").rpartition("__")[2]


_ENDS = {dg.DagsterRunStatus.CANCELED: "was terminated", dg.DagsterRunStatus.FAILURE: "failed"}


def _last_cause(event: dg.DagsterEvent) -> str:
    """The message of the error that a step raised, without Dagster's frames; our own errors need no class name."""
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    return _innermost(data.error)


def _innermost(error: Any) -> str:
    """The first cause that is an error of ours, else the innermost."""
    while error is not None and error.cause is not None and not error.message.startswith("acc_assets."):
        error = error.cause
    if error is None:
        return "unknown error"
    kind, _, message = error.message.strip().partition(": ")
    return message if kind.startswith("acc_assets.") else f"{kind}: {message}" if message else kind


def _engine_error(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    for entry in reversed(instance.all_logs(run.run_id)):
        error = getattr(getattr(entry.dagster_event, "event_specific_data", None), "error", None)
        if error is not None:
            return f": {_innermost(error)}"
    return ""
