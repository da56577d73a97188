"""Dagster's runs as processes of their own, which go on whatever becomes of the UI, its daemon or a code server."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from typing import Any

from dagster import DagsterRun
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, serialize_value
from dagster._serdes.config_class import ConfigurableClassData

from acc_assets.assets.run_host import ALIVE_TAG, TERMINATE_TAG
from acc_assets.assets.run_process import Job, Worker, carry_out

WORKER_TAG = ".dagster/acc_worker"  # of a run, hidden in the UI: host, process and when that began
LOST_SECONDS = 120.0  # a run of another machine that has not been heard of for so long is gone


class ForkingRunLauncher(RunLauncher[Any], ConfigurableClass):
    """Forks each run from a process that has imported what a run needs; on Linux."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__()
        self._inst_data = inst_data

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """How `dagster.yaml` names it."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """There is nothing to configure."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> ForkingRunLauncher:
        """Make one from `dagster.yaml`."""
        return cls(inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Begin to carry a run out; raises `HostError` where no process could be started."""
        run = context.dagster_run
        assert run.job_code_origin is not None, "a run says where its code is"
        arguments = ExecuteRunArgs(run.job_code_origin, run.run_id, self._instance.get_ref())
        home = {"DAGSTER_HOME": self._instance.root_directory}
        job = Job(run.run_id, serialize_value(arguments), {**os.environ, **home}, os.getcwd())
        worker = carry_out(job)
        where = json.dumps([socket.gethostname(), worker.pid, worker.began])
        self._instance.add_run_tags(run.run_id, {WORKER_TAG: where, ALIVE_TAG: str(time.time())})

    def terminate(self, run_id: str) -> bool:
        """Ask a run to end; its training ends the batch and writes a snapshot. False where it has ended."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        host, worker = _worker(run)
        if host != socket.gethostname():  # it looks for this tag
            self._instance.add_run_tags(run_id, {TERMINATE_TAG: socket.gethostname()})
            return True
        if worker is None or not worker.interrupt():
            self._instance.report_engine_event("The process of the run is not there.", run)
            return False
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """So that the daemon's monitoring finds runs whose process was lost with its host."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a run's process is there; one of another machine tells it in the database from time to time."""
        host, worker = _worker(run)
        if worker is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if host != socket.gethostname():
            silent = time.time() - float(run.tags.get(ALIVE_TAG, 0))
            if silent < LOST_SECONDS:
                return CheckRunHealthResult(WorkerStatus.RUNNING)
            return CheckRunHealthResult(WorkerStatus.FAILED, f"{host} was not heard of for {silent:.0f} s")
        if worker.alive:
            return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=str(worker.pid))
        return CheckRunHealthResult(WorkerStatus.FAILED, f"the process {worker.pid} of the run is gone")


def _worker(run: DagsterRun) -> tuple[str, Worker | None]:
    told = run.tags.get(WORKER_TAG)
    if told is None:  # it is just being started
        return socket.gethostname(), None
    host, pid, when = json.loads(told)
    return host, Worker(pid, when)
