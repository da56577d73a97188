"""The pages that a reader explores: latent viewer, network inspector, and both playgrounds."""

from __future__ import annotations

from typing import Any

from acc_assets.families import RunArtifacts, onnx, projections
from acc_assets.report.payloads import run_key
from acc_assets.report.session import (
    Session,
    grounding_page,
    network_page,
    playground_page,
    viewer_page,
)
from acc_assets.report.trees import branch_colors
from acc_assets.report.vocabulary import build_command
from acc_assets.tree import TreeNode


def viewer_context(session: Session, node: TreeNode) -> dict[str, Any] | None:
    """Write what the viewer of a node needs, for every seed; None when no seed has latents and coordinates."""
    recipe = session.recipe
    runs: list[dict[str, str]] = []
    needs: list[str] = []
    for run in recipe.runs(node.tag):
        atlas = session.payloads.dataset(recipe, run, "viewer")
        keys = session.payloads.of_run(recipe, run, "viewer") if atlas is not None else {}
        if atlas is None or "points" not in keys or not any(key.startswith("projection-") for key in keys):
            continue
        needs += [atlas, *keys.values()]
        runs.append(choice_of(run))
    if not runs:
        return None
    return {
        "page": viewer_page(recipe.name, node.tag),
        "recipe": recipe,
        "node": node,
        "colors": branch_colors(recipe),
        "parameters": {"runs": runs, "maps": projections.map_words()},
        "needs": list(dict.fromkeys(needs)),
    }


def playground_context(session: Session, runtime: str) -> dict[str, Any] | None:
    """Write what the playground of a recipe needs; None when no run has models that may be shown."""
    recipe = session.recipe
    runs, needs, blocked = [], [runtime], []
    for node in recipe.shown():
        for run in recipe.runs(node.tag):
            problem = onnx.FAMILY.problem(run)
            keys = session.payloads.of_run(recipe, run, "playground")
            if keys:
                needs += keys.values()
                runs.append(choice_of(run))
            elif run.built:
                never = onnx.FAMILY.never(run) is not None  # no build changes that
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


def grounding_context(session: Session, runtime: str) -> dict[str, Any] | None:
    """Write what the playground on the manifold needs; None when no run has both a map and models."""
    recipe = session.recipe
    runs: list[dict[str, str]] = []
    needs = [runtime]
    for node in recipe.shown():
        for run in recipe.runs(node.tag):
            maps = session.payloads.of_run(recipe, run, "grounding")
            models = session.payloads.of_run(recipe, run, "playground")
            atlas = session.payloads.dataset(recipe, run, "grounding")
            if maps and models and atlas:
                needs += [*maps.values(), *models.values(), atlas]
                runs.append(choice_of(run))
    if not runs:
        return None
    return {
        "page": grounding_page(recipe.name),
        "recipe": recipe,
        "parameters": {"runs": runs, "maps": projections.map_words()},
        "needs": list(dict.fromkeys(needs)),
    }


def network_context(session: Session, runtime: str) -> dict[str, Any] | None:
    """Write what the network inspector needs; None when the network of no run has been looked into."""
    recipe = session.recipe
    runs: list[dict[str, str]] = []
    needs = [runtime]
    for node in recipe.shown():
        for run in recipe.runs(node.tag):
            keys = session.payloads.of_run(recipe, run, "network")
            if "network" in keys:
                models = session.payloads.of_run(recipe, run, "playground")  # that a drawing runs through
                needs += [*keys.values(), *models.values()]
                runs.append(choice_of(run))
                session.networks.setdefault(node.tag, f"runs={run.recipe}/{run.node}/seed-{run.seed}")
    if not runs:
        return None
    return {
        "page": network_page(recipe.name),
        "recipe": recipe,
        "parameters": {"runs": runs},
        "needs": needs,
    }


def choice_of(run: RunArtifacts) -> dict[str, str]:
    """Return what a page's choice of a run shows."""
    return {"key": run_key(run, "").rstrip("/"), "label": f"{run.node}, seed {run.seed}"}
