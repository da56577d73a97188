"""The Dagster instance that the CLI, the UI and the tests share: one home under the store."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from pathlib import Path

import dagster as dg
from filelock import FileLock

from acc_assets.assets.resources import shares_gpu
from acc_assets.storage import Store

HOME_VARIABLE = "DAGSTER_HOME"
TRAINING_POOL = "training"
UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)

_OPENING_SECONDS = 120.0  # creating the databases takes a few

_CONFIG = """\
# Written once by acc; yours to change. Runs and events are kept beside this file.
# All limits are here: `acc build`, the UI, schedules and sensors start the same runs through the same queue.
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 25
    tag_concurrency_limits:
      - key: dagster/partition  # runs of seeds side by side
        limit: {cores}
  pools:
    granularity: op
    default_limit: {trainings}  # trainings side by side; 1 where they share a GPU
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    dequeue_interval_seconds: 1
{launcher}run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  poll_interval_seconds: 20
  free_slots_after_run_end_seconds: 10  # of a run that was killed: its place in the pool
"""


def dagster_home(store: Store) -> Path:
    """The folder of the instance: DAGSTER_HOME where it is set, else `dagster` in the store."""
    configured = os.environ.get(HOME_VARIABLE)
    return Path(configured) if configured else store.root.absolute() / "dagster"


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_LAUNCHER = """\
run_launcher:  # runs are processes of their own, which outlive the UI
  module: acc_assets.assets.run_launcher
  class: ForkingRunLauncher
"""


def configuration(side_by_side: int) -> str:
    """A `dagster.yaml` with which so many seeds, and trainings, go on at once; one training where they share a GPU."""
    launcher = _LAUNCHER if sys.platform == "linux" else ""  # elsewhere a process with torch cannot be forked
    return _CONFIG.format(
        cores=side_by_side, trainings=1 if shares_gpu() else side_by_side, launcher=launcher
    )


def prepare_home(store: Store) -> Path:
    """Make the instance's folder with its configuration, and point DAGSTER_HOME at it."""
    home = dagster_home(store)
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.exists():
        config.write_text(configuration(cores()), encoding="utf-8")
    os.environ[HOME_VARIABLE] = str(home)
    return home


def open_instance(store: Store) -> dg.DagsterInstance:
    """The persistent instance.

    One process at a time opens it: two that create Dagster's SQLite files together leave them unusable.
    """
    home = prepare_home(store)
    with FileLock(home / ".opening.lock", timeout=_OPENING_SECONDS):
        return dg.DagsterInstance.get()


def explained(error: BaseException, store: Store) -> str | None:
    """What is wrong with Dagster's own files, in a sentence with a remedy; None where an error is something else."""
    home, seen = dagster_home(store), set[int]()
    texts = []
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        texts.append(f"{type(cause).__module__} {cause}")
        cause = cause.__cause__ or cause.__context__
    said = "\n".join(texts)
    if "disk is full" in said or "No space left" in said:
        return f"the disk that holds {home} is full. Make room and run the same command again. {_SAFE}"
    damaged = _damaged_database(home)
    if damaged is not None:
        return (
            f"{damaged} is no whole database, so Dagster cannot tell what ran. {_SAFE} Move {home / 'history'} away; "
            "the next `acc build` records in a new one what lies in the store, and builds nothing of it again."
        )
    if "yaml" in said or "DagsterInvalidConfigError" in type(error).__name__:
        first = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        return f"{home / 'dagster.yaml'} is not valid: {first} Mend it, or delete it and acc writes a new one. {_SAFE}"
    return None


_SAFE = "The artifacts are safe."


def _damaged_database(home: Path) -> Path | None:
    for path in sorted(home.rglob("*.db")):
        try:
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
                if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                    return path
        except sqlite3.DatabaseError as error:
            if "locked" not in str(error):
                return path
    return None
