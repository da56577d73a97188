"""A round of labels as one click in the UI, and as a sensor for whoever wants it by itself."""

import time
from dataclasses import replace
from typing import Any

import dagster as dg

from acc_assets.assets.jobs import build_in_run
from acc_assets.assets.launched import RECIPE_TAG, Project
from acc_assets.assets.resources import StoreResource
from acc_assets.assets.rounds import is_due, record_round
from acc_assets.storage import LabelFile
from acc_assets.tree import Tree

QUIET_SECONDS = 60.0  # after the last label, before a round begins by itself
EVERY_SECONDS = 30


def round_job(project: Project, tree: Tree) -> Any:
    """The button: record a round of every branch that reads labels, then build what was recorded."""
    name = "__".join([*project.prefix, tree.name])
    choice = {"node": dg.Field(str, is_required=False, description="Only the labels that this node reads.")}

    @dg.op(
        name=f"{name}__label_round_op",
        config_schema=choice,
        required_resource_keys=set(project.keys.of(tree.name)),
    )
    def label_round(context: dg.OpExecutionContext) -> None:
        store = getattr(context.resources, project.keys.store).open()
        now, forks = record_round(store, tree.name, context.op_config.get("node"))
        changed = replace(project, trees={**project.trees, tree.name: now}, hashes={})
        for fork in forks:
            context.log.info(f"recorded {fork.name} off {fork.checkpoint}")
            build_in_run(changed, tree.name, context, store, select=fork.name)

    @dg.job(
        name=f"{name}__label_round",
        description=f"Train the branches of {tree.title} on with the labels that came since, as a new round.",
        executor_def=dg.in_process_executor,
        tags={RECIPE_TAG: tree.name},
    )
    def job() -> None:
        label_round()

    return job


def round_sensor(project: Project, tree: Tree, stored: StoreResource) -> Any:
    """Begins a round where labels came and the last round is trained, once nobody has given one for a minute."""
    name = "__".join([*project.prefix, tree.name])

    @dg.sensor(
        name=f"{name}__label_rounds",
        job_name=f"{name}__label_round",
        description=f"Trains branches of {tree.title} on with new labels, once nobody has given one for a minute.",
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def rounds(context: dg.SensorEvaluationContext) -> Any:
        store = stored.open()
        file = LabelFile(store, tree.name)
        if not is_due(tree, store) or time.time() - file.changed < QUIET_SECONDS:
            return dg.SkipReason("no new label, or somebody is still giving some")
        return dg.RunRequest(run_key=f"{tree.name} {len(file.lines())}")

    return rounds
