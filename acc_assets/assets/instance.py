"""The Dagster instance that the CLI, the UI and the tests share: one home under the store."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import dagster as dg

from acc_assets.storage import Store

HOME_VARIABLE = "DAGSTER_HOME"
TRAINING_POOL = "training"
PROCESS_TAG = "acc/process"  # "<host>:<pid>" of the process that carries a run out

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
    """The persistent instance; `training_slots` sets how many trainings may run side by side."""
    prepare_home(store)
    instance = dg.DagsterInstance.get()
    if training_slots is not None:
        instance.event_log_storage.set_concurrency_slots(TRAINING_POOL, training_slots)
    return instance


def process_tag() -> str:
    """The value of `PROCESS_TAG` for this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def clear_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Close runs whose process is gone (killed, or the machine went down) and give their pool slots back.

    Only runs that were started on this host by `acc build` are judged; Dagster's own run monitoring looks after those
    that its daemon launched. Returns the ids of the runs that were closed.
    """
    closed = []
    unfinished = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED]
    )
    for run in instance.get_runs(filters=unfinished):
        host, _, pid = run.tags.get(PROCESS_TAG, "").partition(":")
        if not pid or host != socket.gethostname() or _alive(int(pid)):
            continue
        instance.report_run_failed(
            run, message="The process that carried this run out is gone; build again to go on."
        )
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        closed.append(run.run_id)
    return closed


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
