"""A recipe's part of the pages that all recipes share: its card on the first one, its data sets, how to rebuild."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from acc_assets.families.artifacts import worst_health
from acc_assets.families.dataset import GRID, TARGETS, DatasetFamily, class_names
from acc_assets.report.provenance import of_dataset, of_run
from acc_assets.report.recipe import RecipeView
from acc_assets.report.recipe_context import headline, tree_of
from acc_assets.report.session import DATASETS, HOME, REPRODUCE, Session
from acc_assets.report.specs import text_of
from acc_assets.report.trees import branch_colors
from acc_assets.report.verdict import verdict
from acc_assets.report.vocabulary import build_command


def card_context(session: Session) -> dict[str, Any]:
    """Return the recipe with its tree, its state and its few numbers."""
    recipe, comparison = session.recipe, session.comparison
    levels = [level for by_seed in comparison.health.values() for level in by_seed.values()]
    return {
        "page": HOME,
        "recipe": recipe,
        "tree": tree_of(session, HOME),
        "colors": branch_colors(recipe),
        "headline": headline(comparison, recipe.shown()),
        "verdict": verdict(comparison),
        "levels": Counter(level for level in levels if level),
        "health": worst_health(levels),
        "built": sum(run.built for node in recipe for run in recipe.runs(node.tag)),
        "total": len(recipe.nodes) * len(recipe.seeds),
        "command": build_command(recipe.name),
    }


def datasets_context(session: Session) -> dict[str, Any]:
    """Return every data set of the recipe: source, sizes, sample grid, histogram of the target."""
    recipe = session.recipe
    described: dict[str, dict[str, Any]] = {}
    for node in recipe:
        for run in recipe.runs(node.tag):
            for name, entry in (run.config.get("datasets") or {}).items():
                described.setdefault(name, dict(entry))
    cards = []
    shared = recipe.shared(recipe.seeds[0])
    for name, entry in described.items():
        family = DatasetFamily(name)
        facts = {**entry, **family.facts_of(shared)}
        grid = shared.bytes(family.path(GRID))
        path = f"figures/{recipe.name}/data/{name}.png"
        cards.append(
            {
                "name": name,
                "source": str(facts.get("source", "")),
                "digest": str(facts.get("digest", ""))[:12],
                "sizes": [(split, facts.get(split)) for split in ("train", "validation", "test")],
                "target": str(facts.get("kind_of_target", "")),
                "classes": class_names(facts),
                "grid": session.writer.write(path, grid) if grid is not None else None,
                "histograms": histograms(shared.json(family.path(TARGETS))),
                "provenance": of_dataset(recipe, name, shared, str(facts.get("source", ""))),
                "command": build_command(recipe.name),
            }
        )
    return {"page": DATASETS, "recipe": recipe, "cards": cards}


def histograms(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the counts of a training split's targets: one bar a class, or bins of each real target."""
    counts, names = facts.get("counts") or [], [str(label) for label in facts.get("names") or []]
    if not counts:
        return []
    if facts.get("kind") == "class":
        labels = names if len(names) == len(counts) else [str(i) for i in range(len(counts))]
        bars = [{"label": label, "count": count} for label, count in zip(labels, counts, strict=True)]
        return [{"kind": "histogram", "label": "class", "bars": bars}]
    ranges = list(pairwise(facts.get("edges") or []))
    columns = [(names[i] if i < len(names) else f"target {i}", column) for i, column in enumerate(counts)]
    return [
        {
            "kind": "histogram",
            "label": label,
            "bars": [{"x0": a, "x1": b, "count": n} for (a, b), n in zip(ranges, column, strict=True)],
        }
        for label, column in columns
        if len(column) == len(ranges)
    ]


def reproduce_context(session: Session) -> dict[str, Any]:
    """Return the command that rebuilds each figure of the recipe, and what is not built."""
    recipe = session.recipe
    figures = []
    for node in recipe.shown():
        runs = [run for run in recipe.runs(node.tag) if run.built]
        drawn = {figure.family for run in runs for figure in session.figures(run)}
        for run in runs[:1]:
            for family in recipe.families(node):
                if family.name in drawn or (family.document and run.digest(family.name) is not None):
                    line = of_run(recipe, run, family.name)
                    figures.append({"what": family.title, "node": node.tag, "line": line})
    return {
        "page": REPRODUCE,
        "recipe": recipe,
        "figures": figures,
        "missing": session.comparison.missing,
        "parameters": {key: text_of(value) for key, value in recipe.parameters.items()},
        "versions": versions_of(recipe),
        "command": build_command(recipe.name),
    }


def versions_of(recipe: RecipeView) -> dict[str, str]:
    """Return the library versions that the first built run recorded."""
    for node in recipe:
        for run in recipe.runs(node.tag):
            versions = run.config.get("versions")
            if isinstance(versions, dict):
                return {str(name): str(value) for name, value in versions.items()}
    return {}
