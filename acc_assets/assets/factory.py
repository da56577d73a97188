"""A traced tree becomes Dagster assets, checks and jobs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg

from acc_assets.assets import checkpoint, comparison, dataset, site
from acc_assets.assets.instance import TRAINING_POOL
from acc_assets.assets.kinds import Check, NodeWork, Outcome
from acc_assets.assets.partitions import seed_partitions
from acc_assets.assets.plans import AssetPlan, plans
from acc_assets.assets.progress import TrainingProgress, telling
from acc_assets.assets.resources import MachineResource, StoreResource
from acc_assets.assets.views import all_views, recipe_view
from acc_assets.storage import Store
from acc_assets.tree import BrokenRecipe, Tree

OWNERS = ["team:acc_assets"]


def recipe_assets(tree: Tree) -> list[dg.AssetsDefinition]:
    """All assets of one recipe."""
    return [
        _node_asset(tree, plan) if plan.node is not None else _recipe_asset(tree, plan)
        for plan in plans(tree)
    ]


def recipe_job(tree: Tree) -> Any:
    """A job that materializes a whole recipe, one seed a run."""
    return dg.define_asset_job(
        tree.name,
        selection=dg.AssetSelection.groups(tree.name),
        description=f"Build everything of {tree.title}, one seed a run.",
        tags={"acc/recipe": tree.name},
    )


def branch_jobs(tree: Tree) -> list[Any]:
    """A job for each branch off the root: what it starts from, its fork, all made from it, and their analyses."""
    jobs = []
    for node in tree:
        if node.kind != "fork" or node.parent is None or tree[node.parent].kind != "root":
            continue
        tags = {below.tag for below in tree.subtree(node.tag)}
        above = {one.tag for one in tree.ancestors(node.tag)}
        data = {name for tag in tags for name in tree[tag].datasets}
        keys = [
            plan.key
            for plan in plans(tree)
            if (plan.node is not None and plan.node.tag in tags)
            or (plan.node is not None and plan.node.tag in above and plan.kind is None)
            or (plan.dataset is not None and plan.dataset.name in data)
        ]
        jobs.append(
            dg.define_asset_job(
                f"{tree.name}__branch__{node.tag}",  # `<recipe>__<tag>` is the op of the asset
                selection=dg.AssetSelection.assets(*keys),
                description=f"Build the branch {node.tag} of {tree.title}.",
                tags={"acc/recipe": tree.name, "acc/branch": node.tag},
            )
        )
    return jobs


def broken_recipe_asset(broken: BrokenRecipe) -> dg.AssetSpec:
    """A recipe that could not be read, as something that one sees in the catalog."""
    return dg.AssetSpec(
        # The whole file name: x.py and x.yaml may both be broken.
        key=["broken_recipes", broken.path.parent.name, broken.path.name],
        group_name="broken_recipes",
        description=f"This recipe file has an error, so it gives no assets.\n\n```\n{broken}\n```",
        kinds={"error"},
        metadata={"file": dg.MetadataValue.path(str(broken.path)), "error": str(broken)},
        tags={"acc/broken": "true"},
    )


def _node_asset(tree: Tree, plan: AssetPlan) -> dg.AssetsDefinition:
    """A checkpoint or an analysis: one node, partitioned by seed."""
    node = plan.node
    assert node is not None
    kind = plan.kind
    trained = kind is None and node.kind == "trained"
    checks = kind.checks if kind else checkpoint.CHECKS if trained else ()

    @dg.asset(
        **_common(plan, checks),
        partitions_def=seed_partitions(tree),
        kinds=set(kind.kinds) if kind else {"pytorch", node.kind},
        description=kind.description if kind else checkpoint.describe(node),
        metadata={"spec": dg.MetadataValue.json(node.spec), "spec_hash": node.spec_hash},
        pool=TRAINING_POOL if trained else None,
        tags={"acc/recipe": tree.name, "acc/branch": node.branch, "acc/node": node.tag},
    )
    def node_asset(
        context: dg.AssetExecutionContext, store: StoreResource, machine: MachineResource
    ) -> dg.MaterializeResult:
        seed = int(context.partition_key)
        work = NodeWork(
            tree=tree,
            node=node,
            seed=seed,
            store=store.open(),
            device=machine.device,
            threads=machine.threads,
            progress=TrainingProgress(context, plan.name, seed),
        )
        with telling(plan.name, seed):
            return _result(plan, kind.run(work) if kind else checkpoint.run(work), checks)

    return node_asset


def _recipe_asset(tree: Tree, plan: AssetPlan) -> dg.AssetsDefinition:
    """A data set, the comparison or the site: what belongs to the whole recipe."""
    checks: Sequence[Check] = ()
    run: Callable[[Store, dg.DagsterInstance], Outcome]
    if plan.dataset is not None:
        ref = plan.dataset
        kinds, description = {"numpy"}, dataset.describe(ref)

        def run(store: Store, instance: dg.DagsterInstance) -> Outcome:
            return dataset.run(tree.name, ref, store)
    elif plan.family == comparison.FAMILY:
        kinds, description = {"table"}, comparison.__doc__ or ""

        def run(store: Store, instance: dg.DagsterInstance) -> Outcome:
            return comparison.run(recipe_view(tree), store)
    else:
        kinds, description, checks = {"html", "typescript"}, site.__doc__ or "", site.CHECKS

        def run(store: Store, instance: dg.DagsterInstance) -> Outcome:
            return site.run(all_views(tree, instance), store)

    @dg.asset(**_common(plan, checks), kinds=kinds, description=description, tags={"acc/recipe": tree.name})
    def recipe_asset(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:
        with telling(plan.name, None):
            return _result(plan, run(store.open(), context.instance), checks)

    return recipe_asset


def _common(plan: AssetPlan, checks: Sequence[Check]) -> dict[str, Any]:
    return {
        "key": plan.key,
        "deps": list(plan.deps),
        "group_name": plan.recipe,
        "code_version": plan.code_version,
        "owners": OWNERS,
        "check_specs": [
            dg.AssetCheckSpec(
                check.name, asset=plan.key, description=check.description, blocking=check.blocking
            )
            for check in checks
        ],
    }


def _result(plan: AssetPlan, outcome: Outcome, checks: Sequence[Check]) -> dg.MaterializeResult:
    verdicts: Mapping[str, Any] = outcome.verdicts
    return dg.MaterializeResult(
        data_version=dg.DataVersion(outcome.data_version),
        metadata=outcome.metadata,
        check_results=[
            dg.AssetCheckResult(
                check_name=check.name,
                passed=verdicts[check.name].passed,
                severity=check.severity,
                description=verdicts[check.name].reason,
                metadata=dict(verdicts[check.name].numbers),
            )
            for check in checks
        ],
    )
