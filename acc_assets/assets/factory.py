"""A traced tree becomes Dagster assets: one step a checkpoint, one for all analyses of a node and seed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from acc_assets.assets import catalog
from acc_assets.assets.automation import WHEN_STALE
from acc_assets.assets.engine import Engine, engine
from acc_assets.assets.failures import StepFailures, record_failed_checks
from acc_assets.assets.home import home_inputs, home_plan
from acc_assets.assets.instance import TRAINING_POOL
from acc_assets.assets.kinds import NOT_READ, Outcome
from acc_assets.assets.launched import RECIPE_TAG, Project
from acc_assets.assets.partitions import seed_partitions
from acc_assets.assets.plans import AssetPlan, inputs_of, plans
from acc_assets.assets.progress import TrainingProgress
from acc_assets.assets.recorded import recorded_versions
from acc_assets.assets.resources import MachineResource
from acc_assets.assets.results import recipe_view
from acc_assets.assets.status import (
    named_inputs,
    recipe_status,
    shown,
    wanted_inputs,
)
from acc_assets.assets.work import NodeWork, Work
from acc_assets.datasets import load_dataset
from acc_assets.report import RecipeView
from acc_assets.storage import MadeFrom, Store
from acc_assets.tree import Tree

OWNERS = ["team:acc_assets"]
MATCHES = "matches_recipe"
MADE_FROM_RECIPE = "made from the recipe as it is"


def recipe_assets(project: Project, tree: Tree) -> list[dg.AssetsDefinition]:
    """All assets of one recipe."""
    made: list[dg.AssetsDefinition] = []
    carried_out = engine()
    analyses: dict[str, list[AssetPlan]] = {}
    for plan in plans(tree, project.prefix):
        if plan.request is not None and plan.node is not None and plan.by_seed:
            analyses.setdefault(plan.node.tag, []).append(plan)
        else:
            made.append(_step(project, tree, [plan], "__".join(plan.key.path), carried_out))
    for tag, own in analyses.items():
        name = "__".join([*own[0].key.path[:-1], tag, "analyses"])
        made.append(_step(project, tree, own, name, carried_out, can_subset=True))
    return made


def home_asset(project: Project) -> dg.AssetsDefinition:
    """The pages that all recipes share."""
    plan = home_plan(project)

    @dg.multi_asset(
        name="__".join(plan.key.path),
        specs=[_spec(project, None, plan, skippable=False)],
        check_specs=_check_specs(None, plan),
        required_resource_keys={project.keys.store, project.keys.machine},
    )
    def step(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        store: Store = getattr(context.resources, project.keys.store).open()
        failures = StepFailures(context, store)

        def ready() -> Work:
            made_from = MadeFrom(plan.code_version, home_inputs(project, store))
            return _work(project, None, plan, context, store, made_from)

        yield from _made(context, failures, store, plan, ready, plan)
        failures.raise_any()

    return step


def _step(
    project: Project,
    tree: Tree,
    own: Sequence[AssetPlan],
    name: str,
    carried_out: Engine,
    *,
    can_subset: bool = False,
) -> dg.AssetsDefinition:
    """One step: a checkpoint, the analyses of a node, a data set, the comparison or the site."""
    first = own[0]
    trains = first.request is None and first.node is not None and first.node.kind == "trained"

    @dg.multi_asset(
        name=name,
        specs=[_spec(project, tree, plan, skippable=can_subset) for plan in own],
        check_specs=[spec for plan in own for spec in _check_specs(tree, plan)],
        partitions_def=seed_partitions(tree) if first.by_seed else None,
        can_subset=can_subset,
        pool=TRAINING_POOL if trains else None,
        op_tags=carried_out.training_tags if trains else None,
        retry_policy=carried_out.retry_policy,
        required_resource_keys=set(project.keys.of(tree.name)),
    )
    def step(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        wanted = [plan.key for plan in own if plan.key in context.selected_asset_keys]
        yield from _carry_out(project, tree.name, context, wanted)

    return step


def _spec(project: Project, tree: Tree | None, plan: AssetPlan, *, skippable: bool) -> dg.AssetSpec:
    tags = {RECIPE_TAG: plan.recipe}
    if plan.node is not None:
        tags |= {"acc/branch": plan.node.branch, "acc/node": plan.node.tag}
    return dg.AssetSpec(
        plan.key,
        deps=[*plan.deps, *plan.sources],
        group_name=project.group(plan),
        code_version=plan.code_version,
        owners=OWNERS,
        description=plan.kind.description,
        kinds=set(plan.kind.kinds),
        metadata=catalog.metadata_of(tree, plan),
        tags=tags,
        skippable=skippable,
        automation_condition=WHEN_STALE,
    )


def _check_specs(tree: Tree | None, plan: AssetPlan) -> list[dg.AssetCheckSpec]:
    by_seed = seed_partitions(tree) if tree is not None and plan.by_seed else None
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

        def ready(plan: AssetPlan = plan) -> Work:
            view = None
            if plan.kind.reads_all:
                made_from, view = _seen(project, tree, plan, context.instance, store)
            else:
                made_from = _made_from(tree, plan, _seed(context, plan), context.instance, every)
            return _work(project, tree, plan, context, store, made_from, view=view, loaded=loaded)

        yield from _made(context, failures, store, plan, ready, own.get(key))
    failures.raise_any()


def _made(
    context: dg.AssetExecutionContext,
    failures: StepFailures,
    store: Store,
    plan: AssetPlan,
    ready: Callable[[], Work],
    says: AssetPlan | None,
) -> Iterator[dg.MaterializeResult[Any]]:
    """Make one asset of the work that `ready` prepares, and tell Dagster; a failure of either is kept."""
    seed = _seed(context, plan)
    outcome: Outcome | None = None
    with failures.caught(plan, seed):
        outcome = plan.kind.run(ready())
    if outcome is not None:
        record_failed_checks(store, plan, seed, outcome, _version(plan, store, seed), context.run.run_id)
        yield _result(plan, says, outcome, store, seed)


def _seed(context: dg.AssetExecutionContext, plan: AssetPlan) -> int | None:
    return int(context.partition_key) if plan.by_seed else None


def _work(
    project: Project,
    tree: Tree | None,
    plan: AssetPlan,
    context: dg.AssetExecutionContext,
    store: Store,
    made_from: MadeFrom,
    **more: Any,
) -> Work:
    machine: MachineResource = getattr(context.resources, project.keys.machine)
    fields: dict[str, Any] = {
        "project": project,
        "tree": tree,
        "plan": plan,
        "seed": _seed(context, plan),
        "store": store,
        "device": machine.device,
        "threads": machine.threads,
        "progress": TrainingProgress(context, plan.key),
        "made_from": made_from,
        **more,
    }
    if plan.scope == "node" and plan.node is not None:
        return NodeWork(**fields, node=plan.node)
    return Work(**fields)


def _made_from(
    tree: Tree,
    plan: AssetPlan,
    seed: int | None,
    instance: dg.DagsterInstance,
    every: Mapping[dg.AssetKey, AssetPlan],
) -> MadeFrom:
    """The code and the data versions that a unit is made from now."""
    if plan.dataset is not None:
        load_dataset(
            plan.dataset.config, seed
        )  # files that are missing are downloaded, or named by the error
    units = inputs_of(plan, tree, seed, every)
    recorded = recorded_versions(instance, plan.deps)
    keys = {every[key].name: key for key in plan.deps}
    versions = {(name, own): recorded.get((keys[name], own)) for name, own in units}
    return MadeFrom(plan.code_version, named_inputs(plan, versions))


def _seen(
    project: Project, tree: Tree, plan: AssetPlan, instance: dg.DagsterInstance, store: Store
) -> tuple[MadeFrom, RecipeView]:
    """What an asset that reads whatever is there reads: all that matches the recipe; what is damaged is named."""
    states = recipe_status(tree, instance, store, prefix=project.prefix)
    every = {one.key: one for one in plans(tree, project.prefix)}
    read = set(inputs_of(plan, tree, None, every))
    inputs = wanted_inputs(plan, [one for one in states if one.unit in read])
    damaged = [shown(one.unit) for one in states if one.unit in read and one.state == "damaged"]
    if damaged:
        inputs[NOT_READ] = ", ".join(damaged)
    return MadeFrom(plan.code_version, inputs), recipe_view(tree, store, states)


def _version(plan: AssetPlan, store: Store, seed: int | None) -> str:
    """The data version of what was written."""
    return plan.folder(store, seed).manifest(plan.family).data_version


def _result(
    plan: AssetPlan, says: AssetPlan | None, outcome: Outcome, store: Store, seed: int | None
) -> dg.MaterializeResult[Any]:
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
            severity=dg.AssetCheckSeverity[check.severity],
            description=verdicts[check.name].reason,
            metadata=dict(verdicts[check.name].numbers),
        )
        for check in plan.checks
    ]
    return dg.MaterializeResult(
        asset_key=plan.key,
        data_version=dg.DataVersion(_version(plan, store, seed)),
        metadata={
            "path": dg.MetadataValue.path(plan.folder(store, seed).shown(plan.family)),
            **{name: _shown_metadata(name, value) for name, value in outcome.metadata.items()},
        },
        check_results=[matches, *own],
    )


def _shown_metadata(name: str, value: Any) -> Any:
    """Places on this machine as places, not as text."""
    return dg.MetadataValue.path(value) if name == "open" else value
