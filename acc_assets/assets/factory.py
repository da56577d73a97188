"""A traced tree becomes Dagster assets: one step a checkpoint, one for all analyses of a node and seed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from acc_assets.assets import catalog, checkpoint, comparison, dataset, site
from acc_assets.assets.automation import WHEN_STALE
from acc_assets.assets.failures import StepFailures, record_failed_checks
from acc_assets.assets.instance import TRAINING_POOL
from acc_assets.assets.kinds import NOT_READ, NodeWork, Outcome
from acc_assets.assets.launched import Project
from acc_assets.assets.partitions import seed_partitions
from acc_assets.assets.plans import COMPARISON, AssetPlan, Unit, inputs_of, plans, read_by
from acc_assets.assets.progress import TrainingProgress
from acc_assets.assets.recorded import recorded_versions
from acc_assets.assets.resources import MachineResource
from acc_assets.assets.status import (
    named_inputs,
    recipe_status,
    shown,
    wanted_inputs,
)
from acc_assets.assets.views import all_views, recipe_view
from acc_assets.storage import MadeFrom, Store
from acc_assets.tree import Tree

OWNERS = ["team:acc_assets"]
MATCHES = "matches_recipe"
MADE_FROM_RECIPE = "made from the recipe as it is"


def recipe_assets(project: Project, tree: Tree) -> list[dg.AssetsDefinition]:
    """All assets of one recipe."""
    made: list[dg.AssetsDefinition] = []
    analyses: dict[str, list[AssetPlan]] = {}
    for plan in plans(tree, project.prefix):
        if plan.kind is not None and plan.node is not None:
            analyses.setdefault(plan.node.tag, []).append(plan)
        else:
            made.append(_step(project, tree, [plan], "__".join(plan.key.path)))
    for tag, own in analyses.items():
        name = "__".join([*own[0].key.path[:-1], tag, "analyses"])
        made.append(_step(project, tree, own, name, can_subset=True))
    return made


def _step(
    project: Project, tree: Tree, own: Sequence[AssetPlan], name: str, *, can_subset: bool = False
) -> dg.AssetsDefinition:
    """One step: a checkpoint, the analyses of a node, a data set, the comparison or the site."""
    first = own[0]
    trains = first.kind is None and first.node is not None and first.node.kind == "trained"

    @dg.multi_asset(
        name=name,
        specs=[_spec(project, tree, plan, skippable=can_subset) for plan in own],
        check_specs=[spec for plan in own for spec in _check_specs(tree, plan)],
        partitions_def=seed_partitions(tree) if first.scope == "node" else None,
        can_subset=can_subset,
        pool=TRAINING_POOL if trains else None,
        required_resource_keys=set(project.keys.of(tree.name)),
    )
    def step(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        wanted = [plan.key for plan in own if plan.key in context.selected_asset_keys]
        yield from _carry_out(project, tree.name, context, wanted)

    return step


def _spec(project: Project, tree: Tree, plan: AssetPlan, *, skippable: bool) -> dg.AssetSpec:
    tags = {"acc/recipe": tree.name}
    if plan.node is not None:
        tags |= {"acc/branch": plan.node.branch, "acc/node": plan.node.tag}
    return dg.AssetSpec(
        plan.key,
        deps=[*plan.deps, *([plan.source] if plan.source is not None else [])],
        group_name=project.group(plan),
        code_version=plan.code_version,
        owners=OWNERS,
        description=catalog.describe(tree, plan),
        kinds=catalog.kinds_of(plan),
        metadata=catalog.metadata_of(tree, plan),
        tags=tags,
        skippable=skippable,
        automation_condition=WHEN_STALE,
    )


def _check_specs(tree: Tree, plan: AssetPlan) -> list[dg.AssetCheckSpec]:
    by_seed = seed_partitions(tree) if plan.scope == "node" else None
    matches = dg.AssetCheckSpec(
        MATCHES,
        asset=plan.key,
        description="It was made from the recipe and the inputs as they are now.",
        blocking=True,
        partitions_def=by_seed,
    )
    own = [
        dg.AssetCheckSpec(
            check.name,
            asset=plan.key,
            description=check.description,
            blocking=check.blocking,
            partitions_def=by_seed,
        )
        for check in plan.checks
    ]
    return [matches, *own]


def _carry_out(
    project: Project, recipe: str, context: dg.AssetExecutionContext, wanted: Sequence[dg.AssetKey]
) -> Iterator[dg.MaterializeResult[Any]]:
    """Make the wanted assets one after another; one that fails leaves those that do not need it."""
    store: Store = getattr(context.resources, project.keys.store).open()
    failures = StepFailures(context, store)
    tree = project.trees[recipe]
    own = {plan.key: plan for plan in plans(tree, project.prefix)}
    with failures.caught(own[wanted[0]], _seed(context, own[wanted[0]])):
        tree = project.in_run(recipe, context)
    failures.raise_any()
    every = {plan.key: plan for plan in plans(tree, project.prefix)}
    loaded: dict[str, Any] = {}
    for key in wanted:
        plan = every[key]
        if failures.bars(plan):
            continue
        outcome: Outcome | None = None
        seed = _seed(context, plan)
        with failures.caught(plan, seed):
            if plan.scope == "recipe":
                outcome = _read_all(project, tree, plan, context.instance, store)
            else:
                made_from = _made_from(plan, seed, context.instance, every)
                if plan.dataset is not None:
                    outcome = dataset.run(plan.dataset, plan.folder(store, None), made_from)
                elif plan.node is not None and seed is not None:
                    machine: MachineResource = getattr(context.resources, project.keys.machine)
                    work = NodeWork(
                        tree=tree,
                        node=plan.node,
                        seed=seed,
                        store=store,
                        device=machine.device,
                        threads=machine.threads,
                        progress=TrainingProgress(context, plan.key),
                        made_from=made_from,
                        loaded=loaded,
                    )
                    outcome = plan.kind.run(work) if plan.kind is not None else checkpoint.run(work)
        if outcome is not None:
            record_failed_checks(store, plan, seed, outcome, context.run.run_id)
            yield _result(plan, own.get(key), outcome)
    failures.raise_any()


def _seed(context: dg.AssetExecutionContext, plan: AssetPlan) -> int | None:
    return int(context.partition_key) if plan.scope == "node" else None


def _made_from(
    plan: AssetPlan, seed: int | None, instance: dg.DagsterInstance, every: Mapping[dg.AssetKey, AssetPlan]
) -> MadeFrom:
    """The code and the data versions that a unit is made from now."""
    versions: dict[Unit, str | None] = {}
    if plan.dataset is not None:
        plan.dataset.config.load()  # files that are missing are downloaded, or named by the error
    recorded = recorded_versions(instance, plan.deps)
    for key, unit in zip(plan.deps, inputs_of(plan, seed, every), strict=True):
        versions[unit] = recorded.get((key, unit[1]))
    return MadeFrom(plan.code_version, named_inputs(plan, versions))


def _read_all(
    project: Project, tree: Tree, plan: AssetPlan, instance: dg.DagsterInstance, store: Store
) -> Outcome:
    """The comparison or the site: they read what matches the recipe, and say what is left out."""
    states = recipe_status(tree, instance, store, prefix=project.prefix)
    read = set(read_by(plan, tree, plans(tree, project.prefix)))
    inputs = wanted_inputs(plan, [one for one in states if one.unit in read])
    damaged = [shown(one.unit) for one in states if one.unit in read and one.state == "damaged"]
    if damaged:
        inputs[NOT_READ] = ", ".join(damaged)
    made_from = MadeFrom(plan.code_version, inputs)
    if plan.name == COMPARISON:
        return comparison.run(recipe_view(tree, states), store, plan.folder(store, None).stamped(made_from))
    views = all_views(project, tree, instance, store)
    return site.run(tree.name, views, store, plan.folder(store, None), made_from)


def _result(plan: AssetPlan, says: AssetPlan | None, outcome: Outcome) -> dg.MaterializeResult[Any]:
    """What Dagster is told; `says` is the asset as the recipe has it, where the run has other parameters."""
    same = says is not None and says.code_version == plan.code_version
    matches = dg.AssetCheckResult(
        check_name=MATCHES,
        asset_key=plan.key,
        passed=same,
        severity=dg.AssetCheckSeverity.WARN,  # an error would hold up the rest of the run
        description=MADE_FROM_RECIPE if same else "made with other parameters than the recipe's",
    )
    verdicts: Mapping[str, Any] = outcome.verdicts
    own = [
        dg.AssetCheckResult(
            check_name=check.name,
            asset_key=plan.key,
            passed=verdicts[check.name].passed,
            severity=check.severity,
            description=verdicts[check.name].reason,
            metadata=dict(verdicts[check.name].numbers),
        )
        for check in plan.checks
    ]
    return dg.MaterializeResult(
        asset_key=plan.key,
        data_version=dg.DataVersion(outcome.data_version),
        metadata={name: _shown_metadata(name, value) for name, value in outcome.metadata.items()},
        check_results=[matches, *own],
    )


def _shown_metadata(name: str, value: Any) -> Any:
    """Places on this machine as places, not as text."""
    return dg.MetadataValue.path(value) if name in ("path", "open") else value
