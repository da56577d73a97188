"""The grounding story: what keeps classes apart in the latents, branch by branch, with controls."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from acc_assets.families import RunArtifacts
from acc_assets.families.manifold import FAMILY, knn_name, label_sets, measured_value, split_of
from acc_assets.families.words import CLASSIFIERS, DIVERGENCES, RECONSTRUCTIONS, is_number
from acc_assets.report.cells import Cell
from acc_assets.report.columns import RAW_PIXELS
from acc_assets.report.recipe import RecipeView
from acc_assets.report.vocabulary import show, show_spread
from acc_assets.tree import TreeNode

if TYPE_CHECKING:
    from acc_assets.report.session import Session

OWN_TRAINING = "the labels of its own training images"
PIXELS = {
    "label": RAW_PIXELS,
    "tag": "",
    "control": True,
    "color": -1,
    "note": "Control: no network at all.",
    "images": "",
    "steps": "",
    "parameters": "",
}
Judged = tuple[int, Mapping[str, Any]]  # a seed and its manifold.json
# Tasks that read the image alone, and tasks that read a target: by their kinds, as artifacts name them.
LABEL_FREE = (*RECONSTRUCTIONS, "self_augmented", *DIVERGENCES)
LABELLED = (*CLASSIFIERS, "regression")
TOPS = {"accuracy": 1.0, "score": 100.0}


def story(session: Session, colors: Mapping[str, int]) -> dict[str, Any] | None:
    """Return rows (controls, then branches) and one panel for each label set and score; None without analyses."""
    recipe = session.recipe
    rows: list[dict[str, Any]] = []
    documents: list[list[Judged]] = []
    pixels: list[Judged] = []
    evaluated = [node for node in recipe if node.evaluated]
    for node in sorted(evaluated, key=lambda node: node.kind != "root"):
        runs = [run for run in recipe.runs(node.tag) if label_sets(run.document(FAMILY))]
        if not runs:
            continue
        found: list[Judged] = [(run.seed, run.document(FAMILY)) for run in runs]
        pixels = (
            pixels or [(seed, document["pixels"]) for seed, document in found if document.get("pixels")][:1]
        )
        rows.append(_row(node, runs, colors))
        documents.append(found)
    if not rows:
        return None
    if pixels:
        rows.insert(0, PIXELS)
        documents.insert(0, pixels)
    shared = _shared_sets(documents)
    own = all(
        [name for name, _ in label_sets(d)] == [d["dataset"]]
        for found in documents
        for _, d in found
        if "dataset" in d
    )
    panels = [
        _panel(
            "accuracy",
            f"with the same {size:,} labels for every row"
            if shared
            else f"with {OWN_TRAINING if own else 'labelled images of its own'}",
            documents,
            place,
            "accuracy",
        )
        for place, size in enumerate(shared or [0])
    ]
    panels.append(_panel("score", "manifold score, 0 to 100", documents, 0, "score"))
    references = {node: one.tag for node, one in session.comparison.references.items()}
    for panel in panels if shared else ():
        _add_changes(panel, rows, references)
    draws = [_draws(found) for found in documents]
    seeds = {dot["seed"] for panel in panels for cell in panel["cells"] if cell for dot in cell["dots"]}
    return {
        "sentences": [_against_pixels(panel, rows) for panel in panels[:-1]] if pixels and shared else [],
        "labels": trained_with_labels(recipe, [row["tag"] for row in rows if row["tag"]]),
        "seeds": len(seeds),
        "own": own,
        "split": " or ".join(sorted({split_of(d) for found in documents for _, d in found if "split" in d}))
        or "test",
        "drawn": max(
            (int(d["draws"]["draws"]) for found in documents for _, d in found if _drawn(d)), default=0
        ),
        "rows": rows,
        "panels": panels,
        "shared": shared,
        "draws": draws if any(draws) else [],
    }


def _row(node: TreeNode, runs: Sequence[RunArtifacts], colors: Mapping[str, int]) -> dict[str, Any]:
    first = runs[0]
    facts: Mapping[str, Any] = (first.config.get("datasets") or {}).get(
        first.config.get("primary_dataset")
    ) or {}
    control = node.kind == "root"
    parameters = (first.document(FAMILY).get("parameters") or {}).get("total")
    return {
        "label": node.branch if not control and node.branch else node.tag,
        "tag": node.tag,
        "control": control,
        "color": colors[node.tag],
        "note": " ".join(node.notes),
        "images": "" if control else f"{int(facts.get('train') or 0):,}",
        "steps": f"{node.steps:,}" if node.steps else "0",
        "parameters": f"{int(parameters):,}" if parameters is not None and is_number(parameters) else "",
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
        known = [(seed, label_sets(document)) for seed, document in found]
        values = {
            seed: value
            for seed, sets in known
            if place < len(sets) and (value := measured_value(sets[place][1].get(key))) is not None
        }
        if not values:
            cells.append(None)
            continue
        cell = Cell.of(values)
        sizes = sorted({sets[place][1]["size"] for seed, sets in known if seed in values})
        cells.append(
            {
                "text": show_spread(metric, cell.mean, cell.sd),
                "mean": round(100 * cell.mean / top, 2),
                "dots": [
                    {
                        "seed": seed,
                        "at": round(100 * value / top, 2),
                        "value": show(metric, value),
                        "raw": value,
                    }
                    for seed, value in values.items()
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


def trained_with_labels(recipe: RecipeView, tags: Sequence[str]) -> str:
    """Say which rows were trained on targets, themselves or before they were forked; "" where a task is not known."""
    tasks: dict[str, set[str]] = {}
    for tag in tags:
        kinds: dict[str, str] = {}
        for node in recipe.lineage(tag):
            known = [run.summary.get("tasks") or {} for run in recipe.runs(node.tag)]
            if node.kind == "trained" and not any(known):
                return ""
            kinds |= {name: str(task.get("kind")) for each in known for name, task in each.items()}
        if not set(kinds.values()) <= set(LABEL_FREE) | set(LABELLED):
            return ""
        tasks[tag] = {name for name, kind in kinds.items() if kind in LABELLED}
    found = {tag: names for tag, names in tasks.items() if names}
    if not found:
        return "Nothing was trained with labels."
    named = "; ".join(f"{tag} ({', '.join(sorted(names))})" for tag, names in found.items())
    others = "" if len(found) == len(tasks) else ", and nothing else was"
    return f"Trained with labels: {named}{others}."


def _add_changes(
    panel: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], references: Mapping[str, str]
) -> None:
    """Tell each branch's cell how far it is from the branch that it changes."""
    places = {row["tag"]: place for place, row in enumerate(rows)}
    for tag, reference in references.items():
        cells = [panel["cells"][places[one]] if one in places else None for one in (tag, reference)]
        if cells[0] is None or cells[1] is None:
            continue
        theirs = {dot["seed"]: dot["raw"] for dot in cells[1]["dots"]}
        gaps = [dot["raw"] - theirs[dot["seed"]] for dot in cells[0]["dots"] if dot["seed"] in theirs]
        if gaps:
            mean = math.fsum(gaps) / len(gaps)
            agreed = all(g > 0 for g in gaps) or all(g < 0 for g in gaps)
            sure = ", one seed" if len(gaps) == 1 else "" if agreed else ", seeds disagree"
            label = rows[places[reference]]["label"]
            cells[0]["change"] = f"{show(panel['metric'], mean, signed=True)} on {label}{sure}"


def _against_pixels(panel: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Say which branches do better than raw pixels in every seed, in none, or in some."""
    groups: dict[str, list[str]] = {"every": [], "some": [], "no": []}
    control = panel["cells"][0]
    seeds: set[int] = set()
    for row, cell in zip(rows, panel["cells"], strict=True):
        if cell is None or control is None or row["control"]:
            continue
        seeds |= {dot["seed"] for dot in cell["dots"]}
        wins = [dot["raw"] > control["dots"][0]["raw"] for dot in cell["dots"]]
        groups["every" if all(wins) else "some" if any(wins) else "no"].append(row["label"])
    if control is None:
        return ""
    words = {"every": f"in every one of {len(seeds)} seeds", "some": "in some seeds", "no": "in no seed"}
    if len(seeds) == 1:
        words = {"every": "with the one seed there is", "no": "not better"}
    parts = [f"{words[key]}: {', '.join(labels)}" for key, labels in groups.items() if labels]
    sentence = f"{panel['labels']} labels: raw pixels reach {control['text']}."
    return f"{sentence} Better than that {'; '.join(parts)}." if parts else sentence


def _drawn(document: Mapping[str, Any]) -> bool:
    spread = document.get("draws") or {}
    return all(is_number(spread.get(key)) for key in ("mean", "sd", "draws"))


def _draws(found: Sequence[Judged]) -> str:
    """Accuracy over other draws of the labelled images, averaged over seeds: mean and standard deviation."""
    spreads = [document["draws"] for _, document in found if _drawn(document)]
    if not spreads:
        return ""
    mean = math.fsum(spread["mean"] for spread in spreads) / len(spreads)
    return show_spread("accuracy", mean, math.fsum(spread["sd"] for spread in spreads) / len(spreads))
