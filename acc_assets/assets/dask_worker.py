"""What a Dask worker does with a step: a process of its own for it. Light, since each worker imports it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from typing import Any

WATCH_SECONDS = 0.5
ALSO_PRELOADED = ["dask.__main__", "dagster._cli.api", "dagster._core.storage.sqlite_storage"]


class DaskError(RuntimeError):
    """The cluster cannot carry a step out."""


def carry_out(packed: str, step: str, preloaded: list[str]) -> None:
    """Carry out a step, of which `packed` says all, in a process forked from one that has loaded `preloaded`."""
    if multiprocessing.current_process().daemon:
        raise DaskError("a worker under a nanny can have no processes of its own; start it with --no-nanny")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*preloaded, *ALSO_PRELOADED])
    process = context.Process(target=_step, args=(packed, step), name=step)
    process.start()
    process.join()
    if process.exitcode:
        ended = f"signal {-process.exitcode}" if process.exitcode < 0 else f"exit status {process.exitcode}"
        raise DaskError(f"the step's process ended with {ended} on {os.uname().nodename}")


def _step(packed: str, step: str) -> None:
    import dagster as dg
    from dagster._cli.api import _execute_step_command_body  # `dagster api execute_step`, which k8s' pods run
    from dagster._core.execution.stats import StepEventStatus
    from dagster._grpc.types import ExecuteStepArgs
    from dagster._serdes import deserialize_value
    from dagster._utils.interrupts import capture_interrupts

    args = deserialize_value(packed, ExecuteStepArgs)
    assert args.instance_ref is not None, "an executor says which instance"
    with capture_interrupts(), dg.DagsterInstance.from_ref(args.instance_ref) as instance:
        threading.Thread(target=_watch, args=(instance, args.run_id), daemon=True).start()
        run = instance.get_run_by_id(args.run_id)
        known = instance.get_run_step_stats(args.run_id, [step])
        if run is None or any(
            one.status in (StepEventStatus.SUCCESS, StepEventStatus.FAILURE) for one in known
        ):
            return  # a worker died between the step's last event and its answer to the scheduler
        try:
            for _ in _execute_step_command_body(args, instance, run):
                pass
        except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
            pass  # the run's events tell it


def _watch(instance: Any, run_id: str) -> None:
    """End the step with its worker, at once, and with its run, by the signal that lets a training save.

    The run's record says that it was terminated, so it does not matter on which machine, and whether the process that
    led the run is alive.
    """
    from dagster import DagsterRunStatus

    ended = (DagsterRunStatus.CANCELING, DagsterRunStatus.CANCELED, DagsterRunStatus.FAILURE)
    worker = multiprocessing.parent_process()
    asked = False
    while worker is not None:
        worker.join(WATCH_SECONDS)
        if not worker.is_alive():
            os.kill(os.getpid(), signal.SIGKILL)
        with contextlib.suppress(
            Exception
        ):  # a database that is gone for a while is for the step itself to tell
            run = instance.get_run_by_id(run_id)
            if not asked and (run is None or run.status in ended):
                asked = True
                os.kill(os.getpid(), signal.SIGTERM)
