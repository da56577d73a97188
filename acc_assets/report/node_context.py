"""What a node's page shows: its configuration and what it changes, how it learned, and every figure by seed."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from acc_assets.families import CHECKPOINTS, RunArtifacts, onnx
from acc_assets.families.artifacts import health_of
from acc_assets.families.words import DIVERGENCES, is_number, number
from acc_assets.report.curves import curve_panels, curve_words
from acc_assets.report.explore import links_of
from acc_assets.report.figures import site_path
from acc_assets.report.live import replay_of
from acc_assets.report.provenance import asset_of, of_run, of_runs
from acc_assets.report.recipe import RecipeView
from acc_assets.report.recipe_context import cell_context, status_of
from acc_assets.report.run_text import on_site
from acc_assets.report.session import Session, node_page, relative
from acc_assets.report.specs import (
    changes,
    epochs_of,
    flat,
    model_of,
    phase_row,
    phases_of,
    task_row,
    tasks_of,
)
from acc_assets.report.table import cells_of, columns_of, metrics_table
from acc_assets.report.trees import branch_colors, start_of
from acc_assets.report.vocabulary import build_command, duration, fork_command, show, size, threads
from acc_assets.report.writer import SiteWriter
from acc_assets.tree import TreeNode, free_name, present_settings, trained_as


def tree_context(session: Session, node: TreeNode) -> dict[str, Any]:
    """Return what a node's page tells of other nodes, as JSON; no artifact is read for it."""
    recipe = session.recipe
    return {
        "children": [child.tag for child in recipe.children(node.tag)],
        "start": start_of(recipe, node) if node.kind == "root" else "",
        "explore": links_of(session, node),
        "fork": fork_context(recipe, node) if node.tasks else None,
    }


def node_context(session: Session, recipe: RecipeView, node: TreeNode) -> dict[str, Any]:
    """Return the template's variables for one node, `tree_context` aside. recipe: as the node's pages see it."""
    runs = recipe.runs(node.tag)
    parent = recipe[node.parent] if node.parent else None
    return {
        "page": node_page(recipe.name, node.tag),
        "recipe": recipe,
        "node": node,
        "colors": branch_colors(recipe),
        "lineage": recipe.lineage(node.tag),
        "changes": changes(node, parent),
        "model": flat(model_of(node)),
        "tasks": [task_row(task) for task in tasks_of(node)],
        "phases": [
            {**phase_row(told), "epochs": epochs_of(phase)}
            for told, phase in zip(phases_of(node), node.phases, strict=True)
        ],
        "curves": curve_panels(recipe, runs),
        "words": curve_words(runs[0].families if runs else ()),
        "curve_provenance": of_runs(recipe, runs, "history", node.tag),
        "metrics": metric_rows(recipe, runs),
        "metric_provenance": of_runs(recipe, runs, "metrics", node.tag),
        "runs": [run_context(session, recipe, node, run) for run in runs],
        "notes": list(node.notes),
        "command": build_command(recipe.name, node.tag),
    }


def fork_context(recipe: RecipeView, node: TreeNode) -> dict[str, Any]:
    """Return what records a fork of a node: the command, and what the form on the served site asks for."""
    name, example = free_name(recipe.nodes, node.branch), trained_as(recipe.nodes, node.tag)
    settings = present_settings(recipe.nodes, node.tag)
    command = fork_command(recipe.name, node.tag, name, settings, example.steps if example else None)
    asked = {"recipe": recipe.name, "node": node.tag, "seeds": list(recipe.seeds)}
    following = f"acc propose {recipe.name} {node.tag}" if node.tag in recipe.opened else None
    return {"command": command, "name": name, "asked": asked, "next": following}


def metric_rows(recipe: RecipeView, runs: list[RunArtifacts]) -> list[dict[str, Any]]:
    """Return every metric of a node: baseline, mean and spread, and each seed's value."""
    table = metrics_table(recipe, runs)
    cells = cells_of(table)
    rows = []
    for column in columns_of(table):
        cell = cells[runs[0].node][column.key]
        baseline = show(column.metric, column.baseline) if column.baseline is not None else ""
        rows.append({"column": column, "baseline": baseline, **cell_context(column, cell)})
    return rows


def run_context(session: Session, recipe: RecipeView, node: TreeNode, run: RunArtifacts) -> dict[str, Any]:
    """Return everything of a node's page that belongs to one seed."""
    summary = run.summary
    figures = session.figures(run)  # reads files, and so finds what is damaged
    return {
        "seed": run.seed,
        "built": run.built,
        "status": status_of(run),
        "health": run.loss_health() if node.kind == "trained" else "",
        "generalisation": run.generalisation() if node.kind == "trained" else "",
        "withheld": withheld_of(recipe, run),
        "failures": failures_of(recipe, run),
        "replay": replay_of(run) if node.kind == "trained" and not run.why_withheld(CHECKPOINTS.name) else [],
        "previews": session.payloads.of_run(recipe, run, "node").get("previews"),
        "trained_otherwise": bool(run.why_withheld(CHECKPOINTS.name)),
        "facts": run_facts(recipe, node, run),
        "losses": loss_rows(run),
        "charts": charts_of(session.writer, recipe, run),
        "tables": tables_of(recipe, run),
        "loss_provenance": of_run(recipe, run, "summary"),
        "figures": figures,
        "downloads": run_downloads(session.writer, recipe, run),
        "missing": missing_families(recipe, node, run),
        "problems": list(run.problems),
        "error": str(summary.get("error") or ""),
        "left_out": left_out_families(recipe, node, run),
        "onnx_problem": onnx.FAMILY.problem(run) if run.document(onnx.FAMILY) else None,
        "onnx_never": onnx.FAMILY.never(run) is not None,
        "command": build_command(recipe.name, node.tag, run.seed),
    }


def run_facts(recipe: RecipeView, node: TreeNode, run: RunArtifacts) -> list[tuple[str, str]]:
    """Return the facts of a run that a reader asks for first."""
    config, summary = run.config, run.summary
    facts = []
    if is_number(config.get("parameters")):
        facts.append(("Parameters", f"{int(config['parameters']):,}"))
    if run.latent_dim:
        facts.append(("Latent dimensions", str(run.latent_dim)))
    if node.kind == "trained":
        if is_number(summary.get("step")):
            facts.append(("Step", number(summary["step"], 0)))
        facts.append(("Training time", duration(summary.get("wall_s"))))
        if is_number(summary.get("images_per_s")):
            facts.append(("Speed", f"{number(summary['images_per_s'], 0)} images/s"))
    facts += [fact for family in recipe.families(node) for fact in family.facts(run)]
    where = [str(config[key]) for key in ("device",) if config.get(key)]
    if is_number(config.get("threads")):
        where.append(threads(int(config["threads"])))
    if where:
        facts.append(("Ran on", ", ".join(where)))
    return facts


def loss_rows(run: RunArtifacts) -> list[dict[str, Any]]:
    """Return each task's loss summary: mean, final, min, max, trend, health, thresholds, and whether it generalises."""
    rows = []
    for name, task in (run.summary.get("tasks") or {}).items():
        gap = run.task_metrics().get(name, {}).get("generalisation") or {}
        rows.append(
            {
                "task": str(name),
                "kind": str(task.get("kind") or ""),
                "numbers": [number(task.get(key), 3) for key in ("final", "mean", "min", "max")],
                "trend": trend_of(task),
                "health": health_of(task.get("health")),
                "reason": str(task.get("reason") or ""),
                "thresholds": threshold_text(task.get("thresholds")),
                "gap_thresholds": threshold_text(gap.get("thresholds")),
                "generalisation": health_of(gap.get("level")),
                "generalisation_reason": str(gap.get("reason") or ""),
            }
        )
    return rows


def trend_of(task: Mapping[str, Any]) -> str:
    """Return a loss curve's trend; a rising KL is information that the latent carries, and no worse for it."""
    trend = str(task.get("trend") or "—")
    return (
        {"worsening": "rising", "improving": "falling"}.get(trend, trend)
        if task.get("kind") in DIVERGENCES
        else trend
    )


def threshold_text(thresholds: Any) -> str:
    """Return loss-health thresholds in words."""
    if isinstance(thresholds, Mapping):
        parts = []
        for key, value in thresholds.items():
            named = str(key).replace("_", " ")
            parts.append(f"{named} {number(value, 3) if is_number(value) else value}")
        return ", ".join(parts)
    return "" if thresholds is None else str(thresholds)


def charts_of(writer: SiteWriter, recipe: RecipeView, run: RunArtifacts) -> list[dict[str, Any]]:
    """Return the charts that the families of a run offer; what they cut pictures from is brought into the site."""
    page = node_page(recipe.name, run.node)
    found = []
    for family in recipe.families(recipe[run.node]):
        for chart in family.charts(run):
            if chart.sheet and (raw := run.bytes(family.path(chart.sheet))) is not None:
                path = writer.write(site_path(run, chart.sheet), raw)
                chart = replace(chart, spec={**chart.spec, "sheet": relative(page, path)})
            provenance = of_run(recipe, run, family.name)
            found.append({"family": family.name, "chart": chart, "provenance": provenance})
    return found


def tables_of(recipe: RecipeView, run: RunArtifacts) -> list[dict[str, Any]]:
    """Return the tables that the families of a run offer."""
    return [
        {"family": family.name, "table": table, "provenance": of_run(recipe, run, family.name)}
        for family in recipe.families(recipe[run.node])
        for table in family.tables(run)
    ]


def run_downloads(writer: SiteWriter, recipe: RecipeView, run: RunArtifacts) -> list[dict[str, str]]:
    """Copy what a reader may want to take away, what the training left last; return label, path and size."""
    found = []
    training, *analyses = recipe.families(recipe[run.node])
    for family in (*analyses, training):
        for one in family.downloads:
            rel = posixpath.normpath(family.path(one.file))
            raw = run.bytes(rel)
            if raw is not None:
                target = f"downloads/{run.recipe}/{run.node}/seed-{run.seed}/{posixpath.basename(rel)}"
                if rel.endswith(".md"):
                    raw = on_site(raw.decode(), run, target).encode()
                path = writer.write(target, raw)
                found.append({"label": one.label, "path": path, "size": size(len(raw))})
    return found


def missing_families(recipe: RecipeView, node: TreeNode, run: RunArtifacts) -> list[dict[str, str]]:
    """Return the families of artifacts that should be there and are not, with their asset."""
    if not run.built:
        return []
    absent = []
    for family, asset in recipe.assets[node.tag].items():
        if family != CHECKPOINTS.name and run.digest(family) is None:
            absent.append({"family": family, "asset": asset.key})
    return absent


def withheld_of(recipe: RecipeView, run: RunArtifacts) -> list[dict[str, Any]]:
    """Return what is stored and not shown, since it is not what the recipe says: each reason with its assets."""
    by_reason: dict[str, list[str]] = {}
    for family, why in run.withheld.items():
        by_reason.setdefault(why, []).append(asset_of(recipe, run.node, family).key)
    return [{"reason": why, "assets": assets} for why, assets in by_reason.items()]


def failures_of(recipe: RecipeView, run: RunArtifacts) -> list[dict[str, str]]:
    """Return what failed last and was not mended since: assets that were not made, and checks of what stands."""
    versions = {
        asset.key.rsplit("/", 1)[-1]: asset.data_versions.get(run.seed)
        for asset in recipe.assets[run.node].values()
    }
    found: dict[tuple[str, str], dict[str, str]] = {}
    for event in run.events:
        asset = str(event.get("asset", ""))
        stands = versions.get(asset)
        if event.get("event") == "asset.failed" and stands is None:
            found[asset, ""] = {"what": asset, "why": str(event.get("why"))}
        elif event.get("event") == "check.failed" and stands is not None and stands == event.get("version"):
            check = str(event.get("check"))
            found[asset, check] = {"what": f"{asset}, check {check}", "why": str(event.get("why"))}
    return list(found.values())


def left_out_families(recipe: RecipeView, node: TreeNode, run: RunArtifacts) -> list[dict[str, str]]:
    """Return what this node's model cannot have: a reason, and the figures and assets that it leaves out."""
    by_reason: dict[str, list[str]] = {}
    for family in recipe.families(node):
        reason = run.left_out(family.name)
        if reason is not None:
            by_reason.setdefault(reason, []).append(family.title.lower())
    if (no_decoder := run.document(onnx.FAMILY).get("no_decoder")) is not None:
        by_reason.setdefault(str(no_decoder), []).append("the decoder as ONNX, and with it the playground")
    return [{"reason": reason, "what": ", ".join(families)} for reason, families in by_reason.items()]
