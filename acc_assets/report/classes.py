"""What classifiers of different branches say of each class, and how well they know what they know, over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acc_assets.families import RunArtifacts
from acc_assets.families.metrics import BY_CLASS
from acc_assets.families.words import is_number, words
from acc_assets.report.cells import Cell, finite
from acc_assets.report.columns import Column, dots
from acc_assets.report.recipe import RecipeView
from acc_assets.report.vocabulary import show, show_spread
from acc_assets.tree import TreeNode

WORST = "worst class"
SHOWN = ("accuracy", "ece", "tau_coverage", WORST)


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
    by_metric = {key: {tag: found[key] for tag, found in cells.items() if key in found} for key in SHOWN}
    metrics = [dots(_column(key), known, colors) for key, known in by_metric.items() if known]
    return {"heat": heat, "dots": {"kind": "dots", "nodes": list(cells), "metrics": metrics}}


def _column(key: str) -> Column:
    """A metric of `_measured`, whatever the task that measured it is called."""
    metric = "accuracy" if key == WORST else key
    word = words(metric)
    label = "accuracy of the worst class" if key == WORST else word.label
    return Column(key, "", metric, label, word.unit, word.better, dataset="", rank=word.rank)


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
