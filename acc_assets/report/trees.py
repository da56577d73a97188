"""A recipe's tree, as the client draws it: nodes, their health, and the metrics that can colour them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from acc_assets.families.artifacts import worst_health
from acc_assets.families.words import words
from acc_assets.report.cells import finite
from acc_assets.report.columns import Column
from acc_assets.report.recipe import RecipeView
from acc_assets.report.specs import tasks_of
from acc_assets.report.table import cells_of, columns_of
from acc_assets.report.vocabulary import show_spread
from acc_assets.tree import TreeNode

if TYPE_CHECKING:
    from pandas import DataFrame


def branch_colors(recipe: RecipeView) -> dict[str, int]:
    """Return each node's colour number: that of its branch, -1 for the root, the same on every chart."""
    if recipe.colors is not None:
        return dict(recipe.colors)
    order = {branch: number for number, branch in enumerate(recipe.branches)}
    return {n.tag: -1 if n.kind == "root" else order.get(n.branch or "", -1) for n in recipe}


def tree_payload(recipe: RecipeView, table: DataFrame, href: Callable[[str], str]) -> dict[str, Any]:
    """Return {recipe, nodes, metrics, initial} from the recipe's metrics; values are means over seeds."""
    colors = branch_colors(recipe)
    shown = columns_of(table)
    columns = {column.key: column for column in shown}
    cells = cells_of(table)
    nodes = []
    for node in recipe:
        runs = [run for run in recipe.runs(node.tag) if run.built]
        nodes.append(
            {
                "tag": node.tag,
                "kind": node.kind,
                "parent": node.parent,
                "branch": node.branch or "",
                "color": colors[node.tag],
                "href": href(node.tag),
                "steps": node.steps,
                "tasks": [str(task.get("name", "")) for task in tasks_of(node)],
                "built": len(runs),
                "seeds": len(recipe.seeds),
                "health": worst_health([run.health() for run in runs]) if node.kind == "trained" else "",
                "start": start_of(recipe, node) if node.kind == "root" else "",
                "stale": any(run.withheld for run in runs),
                "metrics": {
                    key: {
                        "mean": cell.mean,
                        "sd": finite(cell.sd),
                        "error": finite(columns[key].error(cell.mean)),
                        "text": show_spread(columns[key].metric, cell.mean, cell.sd),
                    }
                    for key, cell in cells.get(node.tag, {}).items()
                    if math.isfinite(cell.mean)
                },
            }
        )
    metrics = [
        {"key": c.key, "label": c.label, "better": c.better, "percent": words(c.metric).style == "percent"}
        for c in shown
    ]
    return {
        "recipe": recipe.name,
        "nodes": nodes,
        "metrics": metrics,
        "initial": initial(shown, nodes),
    }


def start_of(recipe: RecipeView, root: TreeNode) -> str:
    """Say which branches start from a root: of a recipe's only root all of them do."""
    branches = {
        node.branch or node.tag
        for node in recipe
        if node.kind != "root" and recipe.lineage(node.tag)[0].tag == root.tag
    }
    if not branches:
        return "nothing starts from it"
    if len(branches) == 1:
        return f"start of {branches.pop()}"
    alone = sum(node.kind == "root" for node in recipe) == 1
    return "the common start" if alone else f"start of {len(branches)} branches"


def initial(columns: Sequence[Column], nodes: list[dict[str, Any]]) -> str | None:
    """Return the metric that colours a tree first: the first in rank among those that most nodes have."""
    telling = [column for column in columns if column.better] or columns
    having = {column.key: sum(column.key in node["metrics"] for node in nodes) for column in telling}
    return max(telling, key=lambda column: having[column.key]).key if telling else None
