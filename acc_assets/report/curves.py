"""Learning curves: histories of several runs as a few points each, ready to be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from acc_assets.families import Family, RunArtifacts, metrics
from acc_assets.families.words import MetricWords, words
from acc_assets.report.recipe import RecipeView
from acc_assets.report.table import history_table
from acc_assets.report.trees import branch_colors

GROUPS = ("Training loss", "Diagnostics", "Validation", "Optimizer")  # in the order in which pages show them
TITLES = {  # by the series, or what it begins with: group and title of the panel
    "total": ("Training loss", "total loss"),
    "lr": ("Optimizer", "learning rate"),
    "loss/": ("Training loss", "{task} loss"),
    "val/": ("Validation", "{task} {metric}"),
    "": ("Diagnostics", "{series}"),  # every other one
}
POINTS = 160  # most points of one curve; each is the mean of the values it stands for


def thin(x: np.ndarray, y: np.ndarray, most: int = POINTS) -> tuple[list[float], list[float | None]]:
    """Reduce a curve to at most `most` points by averaging neighbours; values that are not finite become None."""
    x, y = np.asarray(x, np.float64).ravel(), np.asarray(y, np.float64).ravel()
    count = min(len(x), len(y))
    x, y = x[:count], y[:count]
    if count > most:
        edges = np.linspace(0, count, most + 1).astype(int)
        x, y = (np.add.reduceat(values, edges[:-1]) / np.diff(edges) for values in (x, y))
    xs = [round(float(value), 2) for value in x]
    return xs, [float(f"{value:.5g}") if np.isfinite(value) else None for value in y]


def curve_panels(recipe: RecipeView, runs: Sequence[RunArtifacts]) -> list[dict[str, Any]]:
    """Return one panel for each recorded quantity: {id, group, title, unit, better, series[{node, seed, x, y}]}."""
    colors, panels = branch_colors(recipe), []
    for series, rows in history_table(recipe, runs).groupby("series", sort=False):
        panel = panel_of(series, rows.iloc[0])
        for (node, seed), curve in rows.groupby(["node", "seed"], sort=False):
            xs, ys = thin(curve["step"].to_numpy(np.float64), curve["value"].to_numpy())
            panel["series"].append({"node": node, "seed": int(seed), "color": colors[node], "x": xs, "y": ys})
        panels.append(panel)
    return sorted(panels, key=lambda panel: (GROUPS.index(panel["group"]), panel["rank"], panel["id"]))


def panel_of(series: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return an empty panel for a curve, from a row of the history table."""
    word = words(facts["metric"])
    validated = facts["split"] == "validation"
    start = "".join(series.partition("/")[:2])
    group, title = TITLES.get(start, TITLES[""])
    told = series.replace("/", " ").replace("_", " ")
    better = facts["better"] if isinstance(facts["better"], str) else None
    return {
        "id": series,
        "group": group,
        "title": title.format(task=facts["task"], metric=word.label, series=told),
        "unit": facts["unit"],
        "better": better,
        "percent": validated and word.style == "percent",
        "rank": word.rank if validated else int(start == "loss/"),
        "series": [],
    }


def curve_words(families: Iterable[Family] = ()) -> dict[str, Any]:
    """Return what the browser calls a curve that no page was rendered with: as `panel_of` does.

    families: those of the node, whose metrics have words beside those that tasks measure.
    """
    plain = MetricWords("")
    told = {
        metric: {"label": word.label, "percent": word.style == "percent"}
        for family in (metrics.FAMILY, *families)
        for metric, word in family.metrics.items()
        if word.label != metric.replace("_", " ") or word.style != plain.style
    }
    return {"groups": GROUPS, "titles": TITLES, "metrics": told}
