"""What a recipe's page shows: the question, the tree, numbers of all branches and seeds, and figures side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from acc_assets.families import RunArtifacts
from acc_assets.families.artifacts import worst_health
from acc_assets.families.metrics import CLASS, WHOLE
from acc_assets.families.words import number
from acc_assets.report import publication
from acc_assets.report.budgets import budgets_context
from acc_assets.report.cells import Cell
from acc_assets.report.classes import class_charts
from acc_assets.report.columns import RAW_PIXELS, Column, dots
from acc_assets.report.comparison import Comparison
from acc_assets.report.curves import curve_panels
from acc_assets.report.differences import differences
from acc_assets.report.explore import links_of
from acc_assets.report.figures import Figure
from acc_assets.report.findings import findings
from acc_assets.report.provenance import of_runs
from acc_assets.report.recipe import RecipeView
from acc_assets.report.session import Session, node_page, recipe_page, relative
from acc_assets.report.specs import text_of
from acc_assets.report.story import story
from acc_assets.report.table import COMPARISON, HISTORY_FILE, METRICS_FILE
from acc_assets.report.trees import branch_colors, tree_payload
from acc_assets.report.verdict import verdict
from acc_assets.report.vocabulary import build_command, duration, show, show_spread
from acc_assets.tree import TreeNode


def recipe_context(session: Session) -> dict[str, Any]:
    """Return the template's variables for a recipe's page."""
    recipe = session.recipe
    page = recipe_page(recipe.name)
    colors = branch_colors(recipe)
    comparison = session.comparison
    shown = recipe.shown()
    trained = [node for node in recipe if node.kind == "trained"]
    runs = [run for node in trained for run in recipe.runs(node.tag)]
    curves = curve_panels(recipe, runs)
    return {
        "page": page,
        "recipe": recipe,
        "colors": colors,
        "shown": shown,
        "comparison": comparison,
        "findings": findings(comparison),
        "verdict": verdict(comparison),
        "headline": headline(comparison, shown),
        "table": metric_table(comparison),
        "dots": dots_payload(comparison, colors),
        "budgets": budgets_context(recipe, comparison, colors),
        "probes": probe_tables(comparison),
        "classes": class_charts(recipe, shown, colors),
        "tree": tree_of(session, page),
        "curves": curves,
        "paired": paired_by_seed(recipe, shown, comparison),
        "baselines": baseline_words(comparison),
        "differences": differences(recipe, shown, comparison.images),
        "factors": side_by_side(session, shown),
        "runs": run_rows(recipe),
        "parameters": {key: text_of(value) for key, value in recipe.parameters.items()},
        "provenance": of_runs(recipe, recipe.shown_runs()),
        "curve_provenance": of_runs(recipe, runs, "history"),
        "explore": links_of(session),
        "story": story(session, colors),
        "downloads": [*downloads(session, comparison), *publication.downloads(session, curves)],
        "command": build_command(recipe.name),
    }


def tree_of(session: Session, page: str) -> dict[str, Any]:
    """Return a recipe's tree with links that hold on one page."""
    recipe = session.recipe
    return tree_payload(
        recipe,
        session.comparison.table,
        lambda tag: relative(page, node_page(recipe.name, tag)),
    )


def headline(comparison: Comparison, nodes: Sequence[TreeNode]) -> dict[str, Any]:
    """Return the few numbers of the first screen: one row a branch, one column a metric."""
    columns = comparison.headline(4)
    rows = []
    for node in nodes:
        cells = [comparison.cells[node.tag].get(column.key) for column in columns]
        values = [
            show_spread(c.metric, cell.mean, cell.sd) if cell else None
            for c, cell in zip(columns, cells, strict=True)
        ]
        seeds = max((len(cell.values) for cell in comparison.cells[node.tag].values()), default=0)
        levels = list(comparison.health[node.tag].values())
        rows.append({"node": node, "values": values, "seeds": seeds, "health": worst_health(levels)})
    baselines = [show(c.metric, c.baseline) if c.baseline is not None else None for c in columns]
    most = max(
        (len(cell.values) for by_key in comparison.cells.values() for cell in by_key.values()), default=0
    )
    return {"columns": columns, "rows": rows, "baselines": baselines, "seeds": most}


def paired_by_seed(recipe: RecipeView, nodes: Sequence[TreeNode], comparison: Comparison) -> str:
    """Say what branches of one seed have in common, and so why they are compared seed by seed."""
    if len(nodes) < 2:
        return ""
    found = differences(recipe, nodes, comparison.images)
    differ = {row.label for row in found.rows}
    common = []
    if "start" not in differ and not any(row.part == "model" for row in found.rows):
        common.append("their start")
    if not differ & {"data", "batch size"}:
        common.append("the order of their batches")
    if not common:
        return "Not all branches share their start or their batches; they are compared seed by seed all the same."
    return f"Branches of one seed share {' and '.join(common)}, so they are compared seed by seed."


def baseline_words(comparison: Comparison) -> str:
    """Name the baselines that the metrics of this recipe have."""
    pixels = comparison.controls.get(RAW_PIXELS, {})
    known = {c.metric for c in comparison.columns if c.baseline is not None and c.key not in pixels}
    named = []
    if known & {"accuracy", "probe_accuracy"}:
        named.append("chance")
    if known & {"psnr", "l1", "mse"}:
        named.append("the mean image")
    if known & {"r2", "mae"}:
        named.append("the mean target")
    if pixels:
        named.append("raw pixels")
    return " or ".join([*([", ".join(named[:-1])] if len(named) > 1 else []), *named[-1:]])


def metric_table(comparison: Comparison) -> list[dict[str, Any]]:
    """Return every metric as a row: label, direction, and each node's mean, spread and values by seed."""
    rows = []
    for column in comparison.columns:
        cells: list[dict[str, Any] | None] = []
        for node in comparison.nodes:
            cell = comparison.cells[node].get(column.key)
            cells.append(None if cell is None else cell_context(column, cell))
        baseline = show(column.metric, column.baseline) if column.baseline is not None else ""
        rows.append({"column": column, "cells": cells, "baseline": baseline})
    return rows


def probe_tables(comparison: Comparison) -> list[dict[str, Any]]:
    """Return, for each measured property, how well each slot of each node predicts it (mean over seeds).

    The class stands first; of the slots those that are named after the property, and the whole latent last.
    """
    tables: dict[str, dict[str, Any]] = {}
    for column in comparison.columns:
        if not column.slot:
            continue
        cells = [comparison.cells[node].get(column.key) for node in comparison.nodes]
        shares = [cell and {**cell_context(column, cell), "share": share(cell.mean)} for cell in cells]
        chance = "" if column.baseline is None else show(column.metric, column.baseline)
        table: dict[str, Any] = {
            "property": column.target.replace("_", " "),
            "accuracy": column.metric == "probe_accuracy",
        }
        table = tables.setdefault(column.target, {**table, "chance": chance, "rows": []})
        table["rows"].append(
            {"slot": column.slot, "whole": column.slot == WHOLE, "named": column.named, "cells": shares}
        )
    for table in tables.values():
        table["rows"].sort(key=lambda row: (row["whole"], not row["named"]))
    return [tables[target] for target in sorted(tables, key=lambda target: target != CLASS)]


def share(value: float) -> int:
    """Return how much of its cell a bar fills, in percent."""
    return round(100 * min(max(value, 0.0), 1.0)) if math.isfinite(value) else 0


def cell_context(column: Column, cell: Cell) -> dict[str, Any]:
    """Return one cell as text."""
    return {
        "text": show_spread(column.metric, cell.mean, cell.sd),
        "seeds": [(seed, show(column.metric, value)) for seed, value in cell.values.items()],
    }


def dots_payload(comparison: Comparison, colors: dict[str, int]) -> dict[str, Any]:
    """Return the numbers behind the dot plots: each seed's point, mean and spread, for every metric."""
    metrics = []
    for column in comparison.columns:
        cells = {node: comparison.cells[node].get(column.key) for node in comparison.nodes}
        metrics.append(dots(column, {node: cell for node, cell in cells.items() if cell}, colors))
    return {"kind": "dots", "nodes": list(comparison.nodes), "metrics": metrics}


def side_by_side(session: Session, nodes: Sequence[TreeNode]) -> list[dict[str, Any]]:
    """Return the figures that answer the question: by factor ("" for those of all factors), family, seed, node."""
    recipe = session.recipe
    by_place: dict[tuple[str, str, str], dict[int, dict[str, Figure]]] = {}
    factors: dict[str, None] = {}
    for node in nodes:
        for run in recipe.runs(node.tag):
            for figure in session.figures(run):
                place = (figure.factor, figure.family, figure.title)
                by_place.setdefault(place, {}).setdefault(run.seed, {})[node.tag] = figure
                if figure.factor:
                    factors.setdefault(figure.factor)
    groups = []
    for factor in [*factors, ""]:
        sets = []
        for (owner, family, title), by_seed in by_place.items():
            if owner != factor:
                continue
            rows = [
                {
                    "seed": seed,
                    "figures": [
                        (
                            node,
                            by_seed[seed].get(node.tag),
                            never(recipe, node, seed, family, factor),
                        )
                        for node in nodes
                    ],
                }
                for seed in recipe.seeds
                if seed in by_seed
            ]
            first = next(iter(next(iter(by_seed.values())).values()))
            sets.append({"family": family, "title": title, "caption": first.general, "rows": rows})
        sets.sort(key=lambda entry: recipe.family(str(entry["family"])).rank)
        if sets:
            groups.append({"factor": factor, "sets": sets})
    return groups


def never(recipe: RecipeView, node: TreeNode, seed: int, family: str, factor: str) -> str:
    """Say why a node has no figure that building would bring; "" where it has, or where it is not built yet."""
    run = recipe.run(node.tag, seed)
    if (why := run.left_out(family)) is not None:
        return f"Left out: {why}."
    if family not in recipe.assets[node.tag]:
        title = recipe.family(family).title.lower()
        return f"{node.tag} has no {title}: its model or its recipe does not ask for it."
    built = run.digest(family) is not None
    return f"The latent of {node.tag} has no part named {factor}." if built and factor else ""


def run_rows(recipe: RecipeView) -> list[dict[str, Any]]:
    """Return every node and seed: status, health, steps, time and speed."""
    rows = []
    for node in recipe:
        for run in recipe.runs(node.tag):
            summary = run.summary
            rows.append(
                {
                    "node": node,
                    "seed": run.seed,
                    "status": status_of(run),
                    "health": run.health() if node.kind == "trained" else "",
                    "step": number(summary.get("step"), 0),
                    "seconds": number(summary.get("wall_s"), 3),
                    "wall": duration(summary.get("wall_s")) if node.kind == "trained" else "—",
                    "rate": number(summary.get("steps_per_s"), 1) if node.kind == "trained" else "—",
                    "error": str(summary.get("error") or ""),
                    "command": build_command(recipe.name, node.tag, run.seed),
                }
            )
    return rows


def status_of(run: RunArtifacts) -> str:
    """Return one word about a run: not built, left out, or how its training ended."""
    if run.withheld:
        return "left out: " + next(iter(run.withheld.values()))
    if not run.built:
        return "not built"
    return str(run.summary.get("status") or "built")


def downloads(session: Session, comparison: Comparison) -> list[tuple[str, str]]:
    """Write the numbers of a recipe as CSV and, as its comparison has stored them, as Parquet; return (label, path)."""
    recipe = session.recipe
    tables = {
        METRICS_FILE: "All metrics, with what they are of (Parquet)",
        HISTORY_FILE: "Learning curves, one row a point (Parquet)",
    }
    files = [("All metrics, one row a seed (CSV)", "comparison.csv", comparison.to_csv().encode())]
    files += [
        (label, name, data)
        for name, label in tables.items()
        if (data := recipe.stored.bytes(f"{COMPARISON}/{name}")) is not None
    ]
    return [
        (label, session.writer.write(f"downloads/{recipe.name}/{name}", data)) for label, name, data in files
    ]
