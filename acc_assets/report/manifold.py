"""The grounding story: what keeps classes apart in the latents, branch by branch, with controls."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acc_assets.report.artifacts import RunArtifacts
from acc_assets.report.specs import steps_of
from acc_assets.report.views import NodeView, RecipeView
from acc_assets.report.vocabulary import duration, show, show_spread

if TYPE_CHECKING:
    from acc_assets.report.session import Session
    from acc_assets.storage import Store

OWN_LABELS = "own labels"  # where each branch is judged by the labels of its own training images
RAW_PIXELS = "raw pixels"
PIXELS = {
    "label": RAW_PIXELS,
    "tag": "",
    "root": "",
    "control": True,
    "color": -1,
    "note": "Control: no network at all.",
    "images": "",
    "steps": "",
    "parameters": "",
    "wall": "—",
}
Judged = tuple[int, Mapping[str, Any]]  # a seed and its manifold.json
TOPS = {"accuracy": 1.0, "score": 100.0}
MEASURES = (
    "trustworthiness",
    "neighbor_agreement",
    "silhouette",
    "davies_bouldin",
    "calinski_harabasz",
    "fisher_ratio",
)


@dataclass(frozen=True)
class Number:
    """One number of a manifold analysis and how the comparison calls it."""

    task: str
    metric: str
    label: str
    value: float
    rank: int


def manifold_numbers(document: Mapping[str, Any]) -> Iterator[Number]:
    """Yield accuracy and score for each label set, the headline's first, then the other measures.

    A measure without an upper end may be infinite, which JSON spells "Infinity"; one that is null is left out.
    """
    sets = label_sets(document)
    for place, (name, found) in enumerate(sets):
        suffix = "" if place == 0 else f"_{name}"
        labels = f"{found['size']:,} labels"
        accuracy = float(found["accuracy"])
        yield Number(
            f"{knn_task(document)}{suffix}", "accuracy", f"{knn_name(document)}, {labels}", accuracy, 0
        )
        if found["score"] is not None:
            rank = 1 if place == 0 else 10
            yield Number(f"manifold{suffix}", "score", f"score, {labels}", float(found["score"]), rank)
    for metric in MEASURES if sets else ():
        value = document["metrics"][metric]
        if value is not None:
            yield Number("manifold", metric, metric.replace("_", " "), float(value), 12)


def knn_task(document: Mapping[str, Any]) -> str:
    """Return the name that a document's classifiers have among tasks: other distances are other columns."""
    metric = document.get("metric", "euclidean")
    return "knn" if metric == "euclidean" else f"knn_{metric}"


def knn_name(document: Mapping[str, Any]) -> str:
    """Return what the accuracy of a document's classifiers is called: by which distance, unless it is Euclidean."""
    metric = document.get("metric", "euclidean")
    return "k-NN accuracy" if metric == "euclidean" else f"k-NN accuracy by {metric} distance"


def label_sets(document: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the label sets that a classifier was fitted on, the headline's first."""
    sets: Mapping[str, Any] = document.get("label_sets") or {}
    headline = document.get("headline")
    return sorted(sets.items(), key=lambda item: (item[0] != headline, item[1]["size"]))


def controls(store: Store, recipe: RecipeView) -> dict[str, dict[str, dict[int, float]]]:
    """Return what raw pixels and untrained networks reach: control -> the comparison's column key -> seed -> value."""
    found: dict[str, dict[str, dict[int, float]]] = {}

    def add(name: str, seed: int, document: Mapping[str, Any]) -> None:
        for number in manifold_numbers(document):
            by_seed = found.setdefault(name, {}).setdefault(f"{number.task}.{number.metric}", {})
            by_seed[seed] = number.value

    for node in recipe.nodes:
        for seed in recipe.seeds if node.evaluated else ():
            document = RunArtifacts(store, recipe.name, node.tag, seed).manifold
            add(RAW_PIXELS, seed, document.get("pixels") or {})
            if node.kind == "root":
                add(node.tag, seed, document)
    return found


def story(session: Session, recipe: RecipeView, colors: Mapping[str, int]) -> dict[str, Any] | None:
    """Return rows (controls, then branches) and one panel for each label set and score; None without analyses."""
    rows: list[dict[str, Any]] = []
    documents: list[list[Judged]] = []
    pixels: list[Judged] = []
    evaluated = [node for node in recipe.nodes if node.evaluated]
    for node in sorted(evaluated, key=lambda node: node.kind != "root"):
        runs = [run for run in session.runs(recipe, node.tag) if label_sets(run.manifold)]
        if not runs:
            continue
        found: list[Judged] = [(run.seed, run.manifold) for run in runs]
        pixels = (
            pixels or [(seed, document["pixels"]) for seed, document in found if document.get("pixels")][:1]
        )
        rows.append(_row(recipe, node, runs, colors))
        documents.append(found)
    if not rows:
        return None
    if pixels:
        rows.insert(0, PIXELS)
        documents.insert(0, pixels)
    shared = _shared_sets(documents)
    panels = [
        _panel(
            "accuracy",
            f"with the same {size:,} labels for every row"
            if shared
            else "with the labels of its own training images",
            documents,
            place,
            "accuracy",
        )
        for place, size in enumerate(shared or [0])
    ]
    panels.append(_panel("score", "manifold score, 0 to 100", documents, 0, "score"))
    for panel in panels if shared else ():
        _add_changes(panel, rows)
    draws = [_draws(found) for found in documents]
    return {
        "sentences": [_against_pixels(panel, rows) for panel in panels[:-1]] if pixels and shared else [],
        "rows": rows,
        "panels": panels,
        "shared": shared,
        "draws": draws if any(draws) else [],
        "protocol": str(recipe.parameters.get("protocol", "")),
    }


def _row(
    recipe: RecipeView, node: NodeView, runs: Sequence[RunArtifacts], colors: Mapping[str, int]
) -> dict[str, Any]:
    first = runs[0]
    facts: Mapping[str, Any] = (first.config.get("datasets") or {}).get(
        first.config.get("primary_dataset")
    ) or {}
    walls = [float(run.summary["wall_s"]) for run in runs if run.summary.get("wall_s")]
    control = node.kind == "root"
    return {
        "label": node.branch if not control and node.branch else node.tag,
        "tag": node.tag,
        "control": control,
        "root": recipe.lineage(node.tag)[0].tag,
        "color": colors[node.tag],
        "note": " ".join(node.notes),
        "images": "" if control else f"{int(facts.get('train') or 0):,}",
        "steps": f"{steps_of(node):,}" if steps_of(node) else "0",
        "parameters": f"{int(first.manifold['parameters']['total']):,}",
        "wall": duration(sum(walls) / len(walls)) if walls and not control else "—",
    }


def _shared_sets(documents: Sequence[Sequence[Judged]]) -> list[int]:
    """Sizes of the label sets, when every row was judged by the same ones; else []."""
    named = {tuple(name for name, _ in label_sets(d)) for found in documents for _, d in found}
    return [found["size"] for _, found in label_sets(documents[-1][0][1])] if len(named) == 1 else []


def _panel(
    metric: str,
    title: str,
    documents: Sequence[Sequence[Judged]],
    place: int,
    key: str,
) -> dict[str, Any]:
    """One column of the figure: for each row its seeds, mean and text, and where they lie in percent of the width."""
    top = TOPS[metric]
    cells: list[dict[str, Any] | None] = []
    for found in documents:
        values = [
            (seed, float(label_sets(document)[place][1][key]))
            for seed, document in found
            if place < len(label_sets(document)) and label_sets(document)[place][1][key] is not None
        ]
        if not values:
            cells.append(None)
            continue
        mean = math.fsum(value for _, value in values) / len(values)
        sd = (
            math.sqrt(math.fsum((value - mean) ** 2 for _, value in values) / (len(values) - 1))
            if len(values) > 1
            else None
        )
        sizes = sorted({label_sets(document)[place][1]["size"] for _, document in found})
        cells.append(
            {
                "text": show_spread(metric, mean, sd),
                "mean": round(100 * mean / top, 2),
                "dots": [
                    {
                        "seed": seed,
                        "at": round(100 * value / top, 2),
                        "value": show(metric, value),
                        "raw": value,
                    }
                    for seed, value in values
                ],
                "labels": ", ".join(f"{size:,}" for size in sizes),
                "change": "",
            }
        )
    called = dict.fromkeys(knn_name(document) for found in documents for _, document in found)
    name = " or ".join(called) if metric == "accuracy" else "Score"
    first = cells[0]
    return {
        "name": name,
        "metric": metric,
        "title": title,
        "cells": cells,
        "labels": first["labels"] if first else "",
        "control": first["mean"] if first else None,
    }


def _add_changes(panel: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Tell each branch's cell how far it is from the last earlier branch of the same root, else from the row above."""
    branches = [place for place, row in enumerate(rows) if not row["control"]]
    for number, place in enumerate(branches):
        earlier = branches[:number]
        same = [other for other in earlier if rows[other]["root"] == rows[place]["root"]]
        cell = panel["cells"][place]
        if cell is None or not earlier:
            continue
        reference = (same or earlier)[-1]
        theirs = {dot["seed"]: dot["raw"] for dot in (panel["cells"][reference] or {"dots": []})["dots"]}
        gaps = [dot["raw"] - theirs[dot["seed"]] for dot in cell["dots"] if dot["seed"] in theirs]
        if gaps:
            mean = math.fsum(gaps) / len(gaps)
            sure = "" if all(g > 0 for g in gaps) or all(g < 0 for g in gaps) else ", seeds disagree"
            cell["change"] = f"{show(panel['metric'], mean, signed=True)} on {rows[reference]['label']}{sure}"


def _against_pixels(panel: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Say which branches do better than raw pixels in every seed, in none, or in some."""
    groups: dict[str, list[str]] = {"every": [], "some": [], "no": []}
    control = panel["cells"][0]
    for row, cell in zip(rows, panel["cells"], strict=True):
        if cell is None or row["control"]:
            continue
        wins = [dot["at"] > control["mean"] for dot in cell["dots"]]
        groups["every" if all(wins) else "some" if any(wins) else "no"].append(row["label"])
    parts = [f"in {word} seed: {', '.join(labels)}" for word, labels in groups.items() if labels]
    return (
        f"{panel['labels']} labels: raw pixels reach {control['text']}. Better than that {'; '.join(parts)}."
    )


def _draws(found: Sequence[Judged]) -> str:
    """Accuracy over other draws of the labelled images, averaged over seeds: mean and standard deviation."""
    spreads = [document["draws"] for _, document in found if document.get("draws")]
    if not spreads:
        return ""
    mean = math.fsum(spread["mean"] for spread in spreads) / len(spreads)
    return show_spread("accuracy", mean, math.fsum(spread["sd"] for spread in spreads) / len(spreads))
