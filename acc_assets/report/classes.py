"""What classifiers of different branches say of each class, and how well they know what they know, over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acc_assets.families import RunArtifacts
from acc_assets.families.metrics import BY_CLASS
from acc_assets.families.words import is_number, words
from acc_assets.report.cells import Cell
from acc_assets.report.comparison import finite
from acc_assets.report.recipe import RecipeView
from acc_assets.report.vocabulary import show, show_spread
from acc_assets.tree import TreeNode

WORST = "worst class"
SHOWN = ("accuracy", "ece", "tau_coverage")


def class_charts(
    recipe: RecipeView, nodes: Sequence[TreeNode], colors: Mapping[str, int]
) -> dict[str, Any] | None:
    """Return the charts of accuracy by class and of calibration, by branch; None where no task measures classes.

    Of a branch with several such classifiers the first counts, whatever it is called, so that branches with different
    ones stand side by side.
    """
    by_node = {node.tag: _measured(recipe.runs(node.tag)) for node in nodes}
    cells = {tag: found for tag, found in by_node.items() if found}
    classes = list(
        dict.fromkeys(key for found in cells.values() for key in found if key.startswith(BY_CLASS))
    )
    if not classes:
        return None
    names = [f"{tag} ({found['task']})" for tag, found in cells.items()]
    rows = [[found.get(key) for key in classes] for found in cells.values()]
    panel = {
        "title": "accuracy",
        "unit": "%",
        "digits": 1,
        "values": [
            [None if cell is None else finite(round(100 * cell.mean, 3)) for cell in row] for row in rows
        ],
        "notes": [[_told(cell) for cell in row] for row in rows],
    }
    columns = [key.removeprefix(BY_CLASS) for key in classes]
    heat = {"kind": "heat", "rows": names, "columns": columns, "row": "branch", "column": "class", "panels": [panel],
            "floor": "least"}  # fmt: skip
    metrics = [_strip(key, words(key).label, cells, colors) for key in SHOWN]
    metrics.append(_strip(WORST, "accuracy of the worst class", cells, colors))
    dots = {"kind": "dots", "nodes": list(cells), "metrics": [one for one in metrics if one["rows"]]}
    return {"heat": heat, "dots": dots}


def _measured(runs: Sequence[RunArtifacts]) -> dict[str, Any]:
    """The values over seeds of a node's first classifier that measures classes, by metric; its name as `task`."""
    found: dict[str, dict[int, float]] = {}
    task = ""
    for run in runs:
        for name, entry in run.task_metrics().items():
            metrics = {key: value for key, value in (entry.get("metrics") or {}).items() if is_number(value)}
            by_class = [value for key, value in metrics.items() if key.startswith(BY_CLASS)]
            if by_class and name == (task or name):
                task = name
                for key, value in {**metrics, WORST: min(by_class)}.items():
                    found.setdefault(key, {})[run.seed] = float(value)
    return {"task": task, **{key: Cell.of(values) for key, values in found.items()}} if found else {}


def _told(cell: Cell | None) -> str:
    """What a cell says when it is pointed at: mean and spread, and each seed."""
    if cell is None:
        return ""
    seeds = ", ".join(f"seed {seed}: {show('accuracy', value)}" for seed, value in cell.values.items())
    return f"{show_spread('accuracy', cell.mean, cell.sd)}\n{seeds}"


def _strip(
    key: str, label: str, cells: Mapping[str, Mapping[str, Any]], colors: Mapping[str, int]
) -> dict[str, Any]:
    """One metric of every branch, as dot plots have it."""
    word = words("accuracy" if key == WORST else key)
    rows = [
        {
            "node": tag,
            "color": colors[tag],
            "values": [[seed, finite(value)] for seed, value in found[key].values.items()],
            "mean": finite(found[key].mean),
            "sd": finite(found[key].sd),
        }
        for tag, found in cells.items()
        if key in found
    ]
    return {
        "key": key, "label": label, "unit": word.unit, "better": word.better, "percent": word.style == "percent",
        "digits": word.digits, "baseline": None, "rows": rows,
    }  # fmt: skip
