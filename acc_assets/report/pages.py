"""What the remaining pages show: home, latent viewer, playground, data sets, and how to reproduce."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from acc_assets.report.artifacts import worst_health
from acc_assets.report.payloads import class_names, onnx_problem, run_key
from acc_assets.report.provenance import of_dataset, of_run
from acc_assets.report.recipe_context import headline, tree_of
from acc_assets.report.session import (
    DATASETS,
    HOME,
    REPRODUCE,
    Session,
    grounding_page,
    playground_page,
    viewer_page,
)
from acc_assets.report.specs import text_of
from acc_assets.report.trees import branch_colors
from acc_assets.report.verdict import verdict
from acc_assets.report.views import NodeView, RecipeView
from acc_assets.report.vocabulary import FIGURES, build_command, map_words


def home_context(session: Session) -> dict[str, Any]:
    """Return every recipe with its tree, its state and its few numbers; broken recipes with their error."""
    cards = []
    for recipe in session.recipes:
        card: dict[str, Any] = {"recipe": recipe}
        if recipe.error is None:
            comparison = session.comparison(recipe)
            levels = [level for by_seed in comparison.health.values() for level in by_seed.values()]
            total = len(recipe.nodes) * len(recipe.seeds)
            built = sum(run.built for node in recipe.nodes for run in session.runs(recipe, node.tag))
            card |= {
                "tree": tree_of(session, recipe, HOME),
                "colors": branch_colors(recipe),
                "headline": headline(comparison, list(recipe.shown())),
                "verdict": verdict(comparison),
                "health": worst_health(levels),
                "levels": Counter(level for level in levels if level),
                "built": built,
                "total": total,
                "command": build_command(recipe.name),
            }
        cards.append(card)
    cards.sort(key=lambda card: -min(card.get("built", -1), 1))  # built recipes first, broken ones last
    return {"page": HOME, "cards": cards}


def viewer_context(session: Session, recipe: RecipeView, node: NodeView) -> dict[str, Any] | None:
    """Write what the viewer of a node needs, for every seed; None when no seed has latents and coordinates."""
    runs = []
    needs: list[str] = []
    shared = session.shared(recipe)
    for run in session.runs(recipe, node.tag):
        dataset = str(run.config.get("primary_dataset", ""))
        atlas = session.payloads.dataset(recipe.name, dataset, shared) if dataset else None
        points = session.payloads.points(recipe, run, shared) if atlas else None
        coordinates = session.payloads.projections(run) if points else []
        if atlas is None or points is None or not coordinates:
            continue
        needs += [atlas, points, *coordinates, *session.payloads.neighbors(run)]
        runs.append({"key": run_key(run, "").rstrip("/"), "label": f"{node.tag}, seed {run.seed}"})
    if not runs:
        return None
    return {
        "page": viewer_page(recipe.name, node.tag),
        "recipe": recipe,
        "node": node,
        "colors": branch_colors(recipe),
        "parameters": {"runs": runs, "maps": map_words()},
        "needs": list(dict.fromkeys(needs)),
    }


def playground_context(session: Session, recipe: RecipeView, runtime: str) -> dict[str, Any] | None:
    """Write what the playground of a recipe needs; None when no run has models that may be shown."""
    runs, needs, blocked = [], [runtime], []
    shared = session.shared(recipe)
    for node in recipe.shown():
        for run in session.runs(recipe, node.tag):
            problem = onnx_problem(run)
            key = session.payloads.onnx(recipe, run, shared) if problem is None else None
            if key is not None:
                needs.append(key)
                runs.append({"key": run_key(run, "").rstrip("/"), "label": f"{node.tag}, seed {run.seed}"})
            elif run.built:
                never = run.left_out("onnx") or run.onnx.get("no_decoder")  # no build changes that
                command = "" if never else build_command(recipe.name, node.tag, run.seed)
                why = problem or "the sample images of its data set are not built"
                blocked.append({"node": node.tag, "seed": run.seed, "problem": why, "command": command})
    if not runs:
        return None
    return {
        "page": playground_page(recipe.name),
        "recipe": recipe,
        "parameters": {"runs": runs},
        "needs": needs,
        "blocked": blocked,
    }


def grounding_context(session: Session, recipe: RecipeView, runtime: str) -> dict[str, Any] | None:
    """Write what the playground on the manifold needs; None when no run has both a map and models."""
    runs, needs = [], [runtime]
    shared = session.shared(recipe)
    for node in recipe.shown():
        for run in session.runs(recipe, node.tag):
            dataset = str(run.config.get("primary_dataset", ""))
            keys = [
                session.payloads.manifold(run),
                session.payloads.onnx(recipe, run, shared),
                session.payloads.dataset(recipe.name, dataset, shared),
            ]
            if all(keys):
                needs += [key for key in keys if key]
                runs.append({"key": run_key(run, "").rstrip("/"), "label": f"{node.tag}, seed {run.seed}"})
    if not runs:
        return None
    return {
        "page": grounding_page(recipe.name),
        "recipe": recipe,
        "parameters": {"runs": runs, "maps": map_words()},
        "needs": list(dict.fromkeys(needs)),
    }


def datasets_context(session: Session) -> dict[str, Any]:
    """Return every data set of every recipe: source, sizes, sample grid, histogram of the target."""
    cards = []
    for recipe in session.standing:
        shared = session.shared(recipe)
        described: dict[str, dict[str, Any]] = {}
        for node in recipe.nodes:
            for run in session.runs(recipe, node.tag):
                for name, entry in (run.config.get("datasets") or {}).items():
                    described.setdefault(name, dict(entry))
        for name in described:
            family = f"data-{name}"
            facts = {**described[name], **shared.json(f"{family}/dataset.json")}
            grid = shared.bytes(f"{family}/grid.png")
            path = f"figures/{recipe.name}/data/{name}.png"
            cards.append(
                {
                    "recipe": recipe,
                    "name": name,
                    "source": str(facts.get("source", "")),
                    "digest": str(facts.get("digest", ""))[:12],
                    "sizes": [(split, facts.get(split)) for split in ("train", "validation", "test")],
                    "target": str(facts.get("kind_of_target", "")),
                    "classes": class_names(facts),
                    "grid": session.writer.write(path, grid) if grid is not None else None,
                    "histograms": histograms(session, recipe, name),
                    "provenance": of_dataset(recipe, name, shared, str(facts.get("source", ""))),
                    "command": build_command(recipe.name),
                }
            )
    return {"page": DATASETS, "cards": cards}


def histograms(session: Session, recipe: RecipeView, name: str) -> list[dict[str, Any]]:
    """Return the counts of a training split's targets: one bar a class, or bins of each real target."""
    facts = session.shared(recipe).json(f"data-{name}/targets.json")
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
    """Return, for every recipe, the command that rebuilds each figure, and what is not built."""
    recipes = []
    for recipe in session.standing:
        figures = []
        for node in recipe.shown():
            runs = [run for run in session.runs(recipe, node.tag) if run.built]
            titles = {figure.family for run in runs for figure in session.figures(recipe, run)}
            for run in runs[:1]:
                for family in [*[f for f in FIGURES if f in titles], "metrics", "onnx"]:
                    line = of_run(recipe, run, family)
                    figures.append({"what": FIGURES.get(family, family), "node": node.tag, "line": line})
        recipes.append(
            {
                "recipe": recipe,
                "figures": figures,
                "missing": session.comparison(recipe).missing,
                "parameters": {key: text_of(value) for key, value in recipe.parameters.items()},
                "versions": versions_of(session, recipe),
                "command": build_command(recipe.name),
            }
        )
    return {"page": REPRODUCE, "recipes": recipes}


def versions_of(session: Session, recipe: RecipeView) -> dict[str, str]:
    """Return the library versions that the first built run recorded."""
    for node in recipe.nodes:
        for run in session.runs(recipe, node.tag):
            versions = run.config.get("versions")
            if isinstance(versions, dict):
                return {str(name): str(value) for name, value in versions.items()}
    return {}
