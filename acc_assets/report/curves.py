"""Learning curves: histories of several runs as a few points each, ready to be drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from acc_assets.families import RunArtifacts
from acc_assets.families.words import words

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


def curve_panels(runs: Sequence[RunArtifacts], colors: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return one panel for each recorded quantity: {id, group, title, unit, better, series[{node, seed, x, y}]}.

    `colors` gives each node the number of its branch's colour.
    """
    panels: dict[str, dict[str, Any]] = {}
    for run in runs:
        history = run.history
        for key in sorted(history):
            axis = "val_step" if key.startswith("val/") else "step"
            if key in ("step", "val_step") or axis not in history or history[key].ndim != 1:
                continue
            xs, ys = thin(history[axis], history[key])
            if not xs:
                continue
            panel = panels.setdefault(key, panel_of(key, task_facts(run)))
            panel["series"].append(
                {"node": run.node, "seed": run.seed, "color": colors.get(run.node, 0), "x": xs, "y": ys}
            )
    order = {"Training loss": 0, "Diagnostics": 1, "Validation": 2, "Optimizer": 3}
    return sorted(panels.values(), key=lambda panel: (order[panel["group"]], panel["rank"], panel["id"]))


def task_facts(run: RunArtifacts) -> dict[str, Mapping[str, Any]]:
    """Return what the summary says of each task of a run: its kind and the unit of its loss, among others."""
    return {str(name): task for name, task in (run.summary.get("tasks") or {}).items()}


def panel_of(key: str, tasks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return an empty panel for a key of `history.npz`."""
    if key.startswith("val/"):
        _, task, metric = key.split("/", 2)
        word = words(metric)
        title, group, unit, rank = f"{task} {word.label}", "Validation", word.unit, word.rank
        unit = str(tasks.get(task, {}).get("unit", "")) if metric == "loss" else unit
        better, percent = word.better, word.style == "percent"
    elif "/" in key and not key.startswith("loss/"):
        title, group, unit, rank = key.replace("/", " ").replace("_", " "), "Diagnostics", "", 0
        better, percent = None, False
    else:
        group = "Optimizer" if key == "lr" else "Training loss"
        title = {"lr": "learning rate", "total": "total loss"}.get(key, key.removeprefix("loss/") + " loss")
        own = tasks.get(key.removeprefix("loss/"), {})
        units = {str(facts.get("unit", "")) for facts in (tasks.values() if key == "total" else [own])}
        unit, percent = units.pop() if key != "lr" and len(units) == 1 else "", False
        neutral = key == "lr" or own.get("kind") == "kl"  # less KL is not better by itself
        better = None if neutral else "lower"
        rank = 0 if key == "total" else 1
    return {
        "id": key, "group": group, "title": title, "unit": unit, "better": better, "percent": percent,
        "rank": rank, "series": [],
    }  # fmt: skip
