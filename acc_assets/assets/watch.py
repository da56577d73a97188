"""What Dagster's daemon does for a project: it keeps the verdicts true, and watches files and failures."""

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

# What says of which materialization a verdict is, and what asks by partition: neither has a public name yet.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.storage.event_log.base import PartitionKeyFilter

from acc_assets.assets.dataset import sources_of
from acc_assets.assets.factory import MADE_FROM_RECIPE, MATCHES
from acc_assets.assets.failures import record_failure
from acc_assets.assets.home import home_plan
from acc_assets.assets.launched import SEED_TAG, VERSION_TAG, Project
from acc_assets.assets.plans import AssetPlan, plans
from acc_assets.assets.resources import StoreResource
from acc_assets.assets.status import AssetStatus, home_status, recipe_status
from acc_assets.datasets import DatasetError, source_digest
from acc_assets.storage import Store
from acc_assets.tree import Tree

WATCH_SECONDS = 5
TELLING_SECONDS = (
    20.0  # in one tick: Dagster waits for it for a minute, and begins another one beside it then
)
REGISTERED = "registered"  # stands for a run where artifacts were found in the store


def sensors(project: Project, stored: StoreResource) -> list[Any]:
    """The sensors of a code location; the one that starts runs is off until somebody wants it."""
    name = "_".join(["acc", *project.prefix])

    @dg.sensor(
        name=f"{name}_watch",
        description="Says on every asset and seed whether it is what the recipe says now, and what its files hold.",
        minimum_interval_seconds=WATCH_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def watch(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        observed = observe_files(project, context.instance)
        seen = f"{project.to_json()} {context.instance.event_log_storage.get_maximum_record_id()}"
        if context.cursor == seen:
            return dg.SkipReason("nothing changed")
        store, until = stored.open(), time.monotonic() + TELLING_SECONDS
        told = sum(
            tell_verdicts(project, tree, context.instance, store, until) for tree in project.trees.values()
        )
        if time.monotonic() < until:  # else the next tick goes on
            context.update_cursor(seen)
        return dg.SkipReason(f"{told} verdicts and {observed} data sources changed")

    up_to_date = dg.AutomationConditionSensorDefinition(
        f"{name}_bring_up_to_date",
        target=dg.AssetSelection.assets(*(plan.key for plan in _all_plans(project))),
        description="Rebuilds whatever is missing or not what its recipe says, as soon as that is known.",
        default_status=dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=10,
    )

    @dg.run_failure_sensor(
        name=f"{name}_failures",
        description="Leaves the reason with every node that a run was working on when it ended without telling it.",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=WATCH_SECONDS,
    )
    def failures(context: dg.RunFailureSensorContext) -> None:
        tell_failure(project, context.instance, stored.open(), context.dagster_run)

    return [watch, up_to_date, failures]


def tell_failure(project: Project, instance: dg.DagsterInstance, store: Store, run: dg.DagsterRun) -> None:
    """Leave the reason with every node that a run was working on when it failed without telling it; once."""
    at_work, why = set[str](), "it failed"
    for entry in instance.all_logs(run.run_id):
        event = entry.dagster_event
        if event is None:
            continue
        if event.is_run_failure and event.message:
            why = event.message
        if event.step_key is not None:
            if event.is_step_start:
                at_work.add(event.step_key)
            elif event.is_step_success or event.is_step_failure:
                at_work.discard(event.step_key)
    seed = run.tags.get(SEED_TAG)
    for plan in _all_plans(project):
        alone = plan.request is None and "__".join(plan.key.path) in at_work
        if alone and (seed or not plan.by_seed):
            own_seed = int(str(seed)) if plan.by_seed else None
            known = (event.get("run") for event in plan.folder(store, own_seed).events())
            if run.run_id not in known:
                told = f"the run ended while it was at work: {why}"
                record_failure(store, plan, own_seed, told, run.run_id)


def tell_verdicts(
    project: Project, tree: Tree, instance: dg.DagsterInstance, store: Store, until: float = math.inf
) -> int:
    """Bring the verdicts of `matches_recipe` up to date; returns how many were told anew.

    until: when to stop, by the monotonic clock; a large recipe that changed has tens of thousands of verdicts.
    """
    states = [
        *recipe_status(tree, instance, store, prefix=project.prefix),
        home_status(project, instance, store),
    ]
    recorded = [one for one in states if one.state not in ("missing", "unregistered")]
    told = 0
    for seed in {one.seed: None for one in recorded}:
        own = [one for one in recorded if one.seed == seed]
        known = _known_verdicts(instance, [one.plan.key for one in own], seed)
        for one in own:
            verdict = (one.state == "fresh", _why(one))
            if known.get(one.plan.key, ()) not in (verdict, None):
                if time.monotonic() >= until:
                    return told
                _tell(instance, one)
                told += 1
    return told


def observe_files(project: Project, instance: dg.DagsterInstance) -> int:
    """Observe the files that data sets are read from, where they hold something new; returns how many did."""
    told = 0
    for key, config in _sources(project).items():
        try:
            digest = str(source_digest(config))
        except DatasetError:  # missing files are told by whatever needs them
            continue
        record = instance.fetch_observations(key, limit=1).records
        observation = record[0].asset_observation if record else None
        if observation is None or observation.data_version != digest:
            tags = {VERSION_TAG: digest}
            instance.report_runless_asset_event(dg.AssetObservation(asset_key=key, tags=tags))
            told += 1
    return told


def file_sources(project: Project) -> list[Any]:
    """The files outside that data sets are read from, each an asset that can be observed."""
    return [_file_source(key, config) for key, config in _sources(project).items()]


def _file_source(key: dg.AssetKey, config: Any) -> Any:
    told = f"The files of {type(config).__name__}, outside the store; other files make other data."

    @dg.observable_source_asset(key=key, description=getattr(config, "about", told), group_name="files")
    def files() -> dg.DataVersion:
        return dg.DataVersion(str(source_digest(config)))

    return files


def _sources(project: Project) -> dict[dg.AssetKey, Any]:
    found: dict[dg.AssetKey, Any] = {}
    for tree in project.trees.values():
        for ref in tree.datasets.values():
            found |= sources_of(ref, project.prefix)
    return found


def _known_verdicts(
    instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey], seed: int | None
) -> dict[dg.AssetKey, tuple[bool, str] | None]:
    """What Dagster says last of `matches_recipe`: passed, and why; None where a run is about to say it."""
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [dg.AssetCheckKey(key, MATCHES) for key in keys],
        PartitionKeyFilter(key=None if seed is None else str(seed)),
    )
    found: dict[dg.AssetKey, tuple[bool, str] | None] = {}
    for check, record in records.items():
        if isinstance(record.evaluation, dg.AssetCheckEvaluation):
            found[check.asset_key] = (record.evaluation.passed, record.evaluation.description or "")
        elif (run := instance.get_run_by_id(record.run_id)) is not None and not run.is_finished:
            found[check.asset_key] = None
    return found


def _why(one: AssetStatus) -> str:
    return one.why or MADE_FROM_RECIPE


def _tell(instance: dg.DagsterInstance, one: AssetStatus) -> None:
    """Change the verdict on what a run made.

    `report_runless_asset_event` can say a check of a partition once only (Dagster 1.13.27 keeps runless verdicts under
    one key of asset, check and partition, and the second fails); under the run that made it, a verdict is replaced.
    """
    partition = None if one.seed is None else str(one.seed)
    asked = dg.AssetRecordsFilter(
        asset_key=one.plan.key, asset_partitions=None if partition is None else [partition]
    )
    made = instance.fetch_materializations(asked, limit=1).records[0]
    verdict = dg.AssetCheckEvaluation(
        asset_key=one.plan.key,
        check_name=MATCHES,
        passed=one.state == "fresh",
        severity=dg.AssetCheckSeverity.WARN,
        description=_why(one),
        metadata={"state": one.state},
        target_materialization_data=AssetCheckEvaluationTargetMaterializationData(
            storage_id=made.storage_id, run_id=made.run_id, timestamp=made.timestamp
        ),
        blocking=True,
        partition=partition,
    )
    event = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.ASSET_CHECK_EVALUATION.value,
        job_name="",
        event_specific_data=verdict,
        message=f"{one.plan.name}: {_why(one)}",
    )
    instance.report_dagster_event(event, run_id=made.run_id or REGISTERED)


def _all_plans(project: Project) -> Iterator[AssetPlan]:
    for tree in project.trees.values():
        yield from plans(tree, project.prefix)
    yield home_plan(project)
