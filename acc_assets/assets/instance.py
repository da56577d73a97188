"""The Dagster instance that the CLI, the UI and the tests share: one home under the store."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import dagster as dg
from filelock import FileLock

from acc_assets.storage import Store

HOME_VARIABLE = "DAGSTER_HOME"
TRAINING_POOL = "training"
PROCESS_TAG = "acc/process"  # "<host>:<pid>:<start>" of the process that carries a run out
UNFINISHED = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)

_OPENING_SECONDS = 120.0  # creating the databases takes a few

_CONFIG = """\
# Written once by acc; yours to change. Runs, events and schedules are kept beside this file.
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools:
    granularity: op
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  poll_interval_seconds: 20
  free_slots_after_run_end_seconds: 10  # of a run that was killed: its place in the pool
"""


def dagster_home(store: Store) -> Path:
    """The folder of the instance: DAGSTER_HOME where it is set, else `dagster` in the store."""
    configured = os.environ.get(HOME_VARIABLE)
    return Path(configured) if configured else store.root.absolute() / "dagster"


def prepare_home(store: Store) -> Path:
    """Make the instance's folder with its configuration, and point DAGSTER_HOME at it."""
    home = dagster_home(store)
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.exists():
        config.write_text(_CONFIG, encoding="utf-8")
    os.environ[HOME_VARIABLE] = str(home)
    return home


def open_instance(store: Store, training_slots: int | None = None) -> dg.DagsterInstance:
    """The persistent instance; `training_slots` sets how many trainings may run side by side.

    One process at a time opens it: two that create Dagster's SQLite files together leave them unusable.
    """
    home = prepare_home(store)
    with FileLock(home / ".opening.lock", timeout=_OPENING_SECONDS):
        instance = dg.DagsterInstance.get()
    if training_slots is not None:
        instance.event_log_storage.set_concurrency_slots(TRAINING_POOL, training_slots)
    return instance


def process_tag() -> str:
    """The value of `PROCESS_TAG` for this process: host, process id and the process's start time."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def clear_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Close runs whose process is gone (killed, or the machine went down) and give their pool slots back.

    Only runs that `acc build` started on this host are judged. Returns the ids of the runs that were closed.
    """
    closed = []
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=list(UNFINISHED))):
        host, _, process = run.tags.get(PROCESS_TAG, "").partition(":")
        pid, _, started = process.partition(":")
        if not pid or host != socket.gethostname() or _started(int(pid)) == started:
            continue
        instance.report_run_failed(
            run, message="The process that carried this run out is gone; build again to go on."
        )
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        closed.append(run.run_id)
    return closed


def _started(pid: int) -> str:
    """When a process started, in the system's own unit, so that a reused id is told apart; "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "running"  # a system without /proc
