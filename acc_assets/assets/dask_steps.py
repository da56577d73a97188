"""Steps as tasks of a Dask cluster: the executor `dask`, for any Dagster job.

It stands in place of dagster-dask's, which cannot carry out these jobs (0.29.27 with Dagster 1.13.27): an asset's `pool`
stops it at once (`RunOpConcurrency` is not iterable), since it runs each step as a plan of its own in which nobody
claims a place in the pool; it calls a task `<job>.<step>`, so that two seeds on one cluster are one task; it carries a
step out in a thread of the worker, where no signal can end a training; and it has no retries. Here Dagster's own
`StepDelegatingExecutor`, on which dagster-k8s stands too, keeps order, pools and retries, and Dask says where a step
goes: a worker starts it as a process of its own, so `--nthreads` is how many steps a worker has at a time, each with
torch's global state and signals to itself.

Whatever dies, one side has it: Dask gives the tasks of a worker that is gone to another one, and repeats a step whose
process was killed; Dagster retries a step that raised. A training goes on from its last snapshot each time.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import Any

import dagster as dg
from dagster._cli.api import _execute_step_command_body  # what `dagster api execute_step` does, which k8s' pods run
from dagster._core.definitions.executor_definition import multiple_process_executor_requirements
from dagster._core.events import EngineEventData
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode, get_retries_config
from dagster._core.execution.stats import StepEventStatus
from dagster._core.executor.step_delegating import (
    CheckStepHealthResult,
    StepDelegatingExecutor,
    StepHandler,
    StepHandlerContext,
)
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import deserialize_value, serialize_value
from dagster._utils.interrupts import capture_interrupts
from distributed import Client, Future

from acc_assets.assets.engine import PRELOADED

RESOURCES_TAG = "dagster-dask/resource_requirements"  # dagster-dask's name for it: {"GPU": 1}
RETRIES = 1  # of a step whose process was killed, while its worker lives
CONNECT_SECONDS = 15
POLL_SECONDS = 0.5  # between two looks at whether the run was terminated, and at its events
HEALTH_SECONDS = 5
DONE = (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE)


class DaskError(RuntimeError):
    """The cluster cannot carry a step out."""


@dg.executor(
    name="dask",
    config_schema={
        "address": dg.Field(dg.StringSource, description="Of the scheduler, such as tcp://host:8786."),
        "max_concurrent": dg.Field(dg.IntSource, is_required=False, description="Steps of one run side by side."),
        "retries": get_retries_config(),
    },
    requirements=multiple_process_executor_requirements(),
)
def dask_executor(init: dg.InitExecutorContext) -> DaskExecutor:
    """Steps on the workers of a Dask scheduler, as many at a time as these have threads."""
    config: Any = init.executor_config
    return DaskExecutor(
        config["address"], RetryMode.from_config(config["retries"]) or RetryMode.ENABLED, config.get("max_concurrent")
    )


class DaskExecutor(StepDelegatingExecutor):
    """Dagster's step-delegating executor, connected to a scheduler while a run lasts."""

    def __init__(self, address: str, retries: RetryMode, max_concurrent: int | None) -> None:
        self._address = address
        self._tasks = _Tasks()
        super().__init__(
            self._tasks,
            retries,
            sleep_seconds=POLL_SECONDS,
            check_step_health_interval_seconds=HEALTH_SECONDS,
            max_concurrent=max_concurrent,
        )

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[Any]:
        """Carry a run out."""
        try:
            client = Client(self._address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise DaskError(
                f"no Dask scheduler answers at {self._address} ({error}). Start one (`dask scheduler`) with workers "
                "(`dask worker ADDRESS --no-nanny`), or unset ACC_EXECUTOR to run on this machine."
            ) from None
        with client:
            self._tasks.client = client
            yield from super().execute(plan_context, execution_plan)


class _Tasks(StepHandler):
    """The steps of one run, each a task; nothing here knows on which worker."""

    def __init__(self) -> None:
        self.client: Client
        self._futures: dict[str, Future] = {}

    @property
    def name(self) -> str:
        return "dask"

    def launch_step(self, step_handler_context: StepHandlerContext) -> Iterator[dg.DagsterEvent]:
        args = step_handler_context.execute_step_args
        step = _step_key(args)
        attempt = args.known_state.get_retry_state().get_attempt_count(step) if args.known_state else 0
        key = f"{args.run_id}-{step}-{attempt}"
        needs = json.loads(step_handler_context.step_tags[step].get(RESOURCES_TAG, "{}"))
        self._futures[step] = self.client.submit(
            carry_out, serialize_value(args), key=key, resources=needs, retries=RETRIES
        )
        yield dg.DagsterEvent.step_worker_starting(
            step_handler_context.get_step_context(step),
            message=f"Step {step} waits for a Dask worker.",
            metadata={"task": dg.MetadataValue.text(key), "needs": dg.MetadataValue.json(needs)},
        )

    def check_step_health(self, step_handler_context: StepHandlerContext) -> CheckStepHealthResult:
        future = self._futures.get(_step_key(step_handler_context.execute_step_args))
        if future is None or future.status in ("cancelled", "lost"):
            return CheckStepHealthResult.unhealthy("the Dask scheduler does not know it any more")
        if future.status == "error":
            return CheckStepHealthResult.unhealthy(str(future.exception()))
        return CheckStepHealthResult.healthy()

    def terminate_step(self, step_handler_context: StepHandlerContext) -> Iterator[dg.DagsterEvent]:
        """Take a task back that still waits; one at work sees by itself that its run was terminated."""
        step = _step_key(step_handler_context.execute_step_args)
        if step in self._futures:
            self._futures[step].cancel()
        yield dg.DagsterEvent.engine_event(
            step_handler_context.get_step_context(step), "Taken back from Dask.", EngineEventData()
        )


def _step_key(args: ExecuteStepArgs) -> str:
    (step,) = args.step_keys_to_execute or ()
    return str(step)


def carry_out(packed: str) -> None:
    """Carry out a step in a process of its own; what a Dask worker does.

    The process ends with a snapshot when the run is terminated, and at once when the worker dies, wherever they are:
    the instance's database and the operating system say so, no file and no process number.
    """
    if multiprocessing.current_process().daemon:
        raise DaskError(
            "this Dask worker runs under a nanny, which forbids it processes of its own. Start it with --no-nanny."
        )
    args = deserialize_value(packed, ExecuteStepArgs)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED, "dask.__main__", __name__])
    resource_tracker.ensure_running()
    process = context.Process(target=_step, args=(packed,), name=_step_key(args))
    process.start()
    terminated = False
    try:
        with dg.DagsterInstance.from_ref(args.instance_ref) as instance:
            while process.is_alive():
                process.join(POLL_SECONDS)
                run = instance.get_run_by_id(args.run_id)
                if not terminated and (run is None or run.status in DONE):
                    process.terminate()
                    terminated = True
    finally:
        process.kill()
        process.join()
    if process.exitcode and not terminated:
        raise DaskError(f"its process ended with {_told(process.exitcode)}, on the worker {os.uname().nodename}")


def _told(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def _step(packed: str) -> None:
    threading.Thread(target=_die_with_worker, daemon=True).start()
    args = deserialize_value(packed, ExecuteStepArgs)
    with capture_interrupts(), dg.DagsterInstance.from_ref(args.instance_ref) as instance:
        run = instance.get_run_by_id(args.run_id)
        # A worker may have died between the step's last event and its answer to the scheduler.
        (known,) = instance.get_run_step_stats(args.run_id, [_step_key(args)]) or (None,)
        if run is None or (known is not None and known.status in (StepEventStatus.SUCCESS, StepEventStatus.FAILURE)):
            return
        try:
            for _ in _execute_step_command_body(args, instance, run):
                pass
        except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
            pass  # told to the run already


def _die_with_worker() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)
