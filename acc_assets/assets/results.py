"""What the report is told about a recipe: its traced tree, and the versions that Dagster knows."""

from __future__ import annotations

from collections.abc import Iterable

from acc_assets.assets.plans import plans
from acc_assets.assets.status import AssetStatus
from acc_assets.report import AssetView, RecipeView
from acc_assets.storage import Store
from acc_assets.tree import Tree


def recipe_view(tree: Tree, store: Store, states: Iterable[AssetStatus] = ()) -> RecipeView:
    """A tree as the report sees it: what is stored, as far as `states` say that it is what the recipe says now."""
    versions: dict[tuple[str, str], dict[int | None, str]] = {}
    withheld: dict[tuple[str, int], dict[str, str]] = {}
    for one in states:
        if one.plan.node is None:
            continue
        tag, family = one.plan.node.tag, one.plan.family
        if one.state in ("fresh", "unregistered") and one.version is not None:
            versions.setdefault((tag, family), {})[one.seed] = one.version
        elif one.state != "missing" and one.seed is not None:
            withheld.setdefault((tag, one.seed), {})[family] = one.why
    assets: dict[str, dict[str, AssetView]] = {node.tag: {} for node in tree}
    for plan in plans(tree):
        if plan.node is not None:
            tag, family = plan.node.tag, plan.family
            assets[tag][family] = AssetView(
                key="/".join(plan.key.path),
                code_version=plan.code_version,
                data_versions=versions.get((tag, family), {}),
            )
    return RecipeView.of(tree, store, assets, withheld)
