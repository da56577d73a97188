"""Steps as tasks of a Dask cluster: the executor `dask`, for any Dagster job.

It stands in place of dagster-dask's, which cannot carry out these jobs (0.29.27 with Dagster 1.13.27): an asset's
`pool` stops it at once (`RunOpConcurrency` is not iterable), since it runs each step as a plan of its own in which
nobody claims a place in the pool; it calls a task `<job>.<step>`, so that two seeds on one cluster are one task; it
carries a step out in a thread of the worker, where no signal can end a training; and it has no retries. Here Dagster's
own `StepDelegatingExecutor`, on which dagster-k8s stands too, keeps order, pools and retries, and Dask says where a
step goes: a worker starts it as a process of its own, so `--nthreads` is how many steps a worker has at a time, each
with torch's global state and signals to itself.

Whatever dies, one side has it: Dask gives the tasks of a worker that is gone to another one, and repeats a step whose
process was killed; Dagster retries a step that raised. A training goes on from its last snapshot each time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster._core.definitions.executor_definition import multiple_process_executor_requirements
from dagster._core.events import EngineEventData
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode, get_retries_config
from dagster._core.executor.step_delegating import (
    CheckStepHealthResult,
    StepDelegatingExecutor,
    StepHandler,
    StepHandlerContext,
)
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import serialize_value
from distributed import Client, Future

from acc_assets.assets.dask_worker import DaskError, carry_out
from acc_assets.assets.run_host import PRELOADED

RESOURCES_TAG = "dagster-dask/resource_requirements"  # dagster-dask's name for it: {"GPU": 1}
RETRIES = 1  # of a step whose process was killed, while its worker lives
CONNECT_SECONDS = 15
POLL_SECONDS = 0.5  # between two looks at the events of a run
HEALTH_SECONDS = 5


@dg.executor(
    name="dask",
    config_schema={
        "address": dg.Field(dg.StringSource, description="Of the scheduler, such as tcp://host:8786."),
        "max_concurrent": dg.Field(
            dg.IntSource, is_required=False, description="Steps of one run side by side."
        ),
        "retries": get_retries_config(),
    },
    requirements=multiple_process_executor_requirements(),
)
def dask_executor(init: dg.InitExecutorContext) -> DaskExecutor:
    """Steps on the workers of a Dask scheduler, as many at a time as these have threads."""
    config: Any = init.executor_config
    return DaskExecutor(
        config["address"],
        RetryMode.from_config(config["retries"]) or RetryMode.ENABLED,
        config.get("max_concurrent"),
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
            carry_out, serialize_value(args), step, list(PRELOADED), key=key, resources=needs, retries=RETRIES
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
