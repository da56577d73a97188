"""What the report is told about a recipe: its traced tree, and the versions that Dagster knows."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import dagster as dg

from acc_assets.assets.plans import AssetPlan, plans
from acc_assets.recipes import find_recipes
from acc_assets.report import AssetView, NodeView, RecipeView
from acc_assets.tree import BrokenRecipe, Tree, TreeNode, canonical

_CHECKOUT = Path(__file__).resolve().parents[2]


def recipe_view(tree: Tree, instance: dg.DagsterInstance | None = None) -> RecipeView:
    """A tree as the report sees it; with an instance, each asset carries its data versions by seed."""
    by_node: dict[str, dict[str, AssetView]] = {node.tag: {} for node in tree}
    for plan in plans(tree):
        if plan.node is not None:
            view = AssetView(
                key="/".join(plan.key.path),
                code_version=plan.code_version,
                data_versions=_data_versions(plan, instance) if instance is not None else {},
            )
            by_node[plan.node.tag][plan.family] = view
    return RecipeView(
        name=tree.name,
        title=tree.title,
        description=tree.description,
        question=tree.question,
        hypothesis=tree.hypothesis,
        source=_shown_path(Path(tree.source)),
        parameters=dict(tree.parameters),
        seeds=tree.seeds,
        nodes=[_node_view(node, by_node[node.tag]) for node in tree],
    )


def all_views(tree: Tree, instance: dg.DagsterInstance | None = None) -> list[RecipeView]:
    """Every recipe that is found, with `tree` standing for its own; broken files come last."""
    found = find_recipes()
    trees = {**found.trees, tree.name: tree}
    views = [recipe_view(one, instance) for one in trees.values()]
    return [*views, *(broken_view(one) for one in found.broken)]


def broken_view(broken: BrokenRecipe) -> RecipeView:
    """A recipe file with an error, as the report sees it."""
    return RecipeView(name=broken.name, source=_shown_path(broken.path), error=str(broken))


def _node_view(node: TreeNode, assets: dict[str, AssetView]) -> NodeView:
    phases = [
        {
            "name": phase.name,
            **canonical(dataclasses.replace(phase, tasks=())),
            "tasks": canonical(phase.tasks),
        }
        for phase in node.phases
    ]
    return NodeView(
        tag=node.tag,
        kind=node.kind,
        parent=node.parent,
        branch=node.branch,
        evaluated=node.evaluated,
        spec=node.spec,
        model=canonical(node.model),
        tasks=canonical(node.tasks),
        phases=phases,
        assets=assets,
        notes=node.notes,
    )


def _data_versions(plan: AssetPlan, instance: dg.DagsterInstance) -> dict[int, str]:
    """The data version of every seed's latest materialization."""
    tags = instance.event_log_storage.get_latest_tags_by_partition(
        plan.key, dg.DagsterEventType.ASSET_MATERIALIZATION, ["dagster/data_version"]
    )
    return {int(key): found["dagster/data_version"] for key, found in tags.items() if key is not None}


def _shown_path(path: Path) -> str:
    return str(path.relative_to(_CHECKOUT)) if path.is_relative_to(_CHECKOUT) else path.name
