"""What the report is told about a recipe: its traced tree, and the versions that Dagster knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import dagster as dg

from acc_assets.assets.launched import Project
from acc_assets.assets.plans import plans
from acc_assets.assets.status import AssetStatus, recipe_status
from acc_assets.report import AssetView, NodeView, RecipeView
from acc_assets.storage import Store
from acc_assets.tree import BrokenRecipe, Tree, TreeNode, canonical

_CHECKOUT = Path(__file__).resolve().parents[2]


def recipe_view(tree: Tree, states: Iterable[AssetStatus] = ()) -> RecipeView:
    """A tree as the report sees it: what is stored, as far as `states` say that it is what the recipe says now."""
    by_node: dict[str, dict[str, AssetView]] = {node.tag: {} for node in tree}
    for plan in plans(tree):
        if plan.node is not None:
            by_node[plan.node.tag][plan.family] = AssetView(
                key="/".join(plan.key.path), code_version=plan.code_version
            )
    withheld: dict[tuple[str, int], dict[str, str]] = {}
    for one in states:
        if one.seed is None or one.plan.node is None:
            continue
        known = by_node[one.plan.node.tag].get(one.plan.family)
        versions = dict(known.data_versions) if known is not None else {}
        if one.state in ("fresh", "unregistered") and one.version is not None:
            versions[one.seed] = one.version
        elif one.state != "missing":
            withheld.setdefault((one.plan.node.tag, one.seed), {})[one.plan.family] = one.why
        by_node[one.plan.node.tag][one.plan.family] = AssetView(
            key="/".join(one.plan.key.path), code_version=one.plan.code_version, data_versions=versions
        )
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
        withheld=withheld,
    )


def all_views(project: Project, tree: Tree, instance: dg.DagsterInstance, store: Store) -> list[RecipeView]:
    """Every recipe of the project, with `tree` standing for its own; broken files come last."""
    trees = {**project.trees, tree.name: tree}
    views = [
        recipe_view(one, recipe_status(one, instance, store, prefix=project.prefix)) for one in trees.values()
    ]
    return [*views, *(broken_view(one) for one in project.broken)]


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


def _shown_path(path: Path) -> str:
    return str(path.relative_to(_CHECKOUT)) if path.is_relative_to(_CHECKOUT) else path.name
