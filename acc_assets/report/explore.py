"""The pages that a reader explores: latent viewer, network inspector, both playgrounds, and the labelling page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from acc_assets.families import RunArtifacts, acquisition, onnx, projections
from acc_assets.families.base import Page
from acc_assets.report.payloads import run_key
from acc_assets.report.session import Session, explore_page, viewer_page
from acc_assets.report.trees import branch_colors
from acc_assets.report.vocabulary import build_command
from acc_assets.tree import TreeNode

BUTTONS: dict[Page, tuple[str, str]] = {  # by page: what its button says, what of its address precedes a run
    "viewer": ("Explore the latents", ""),
    "playground": ("Open the playground", "run=runs/"),
    "grounding": ("Playground on the manifold", "runs="),
    "network": ("Look into the network", "runs="),
    "labels": ("Label images", "run=runs/"),
}


def links_of(session: Session, node: TreeNode | None = None) -> list[dict[str, str]]:
    """Return label and path of the pages that offer a run of a recipe, or of one of its nodes."""
    links = []
    for page, (label, chooses) in BUTTONS.items():
        runs = [run for run in session.offered[page] if node is None or run.node == node.tag]
        if not runs:
            continue
        path = explore_page(session.recipe.name, page)
        if page == "viewer":
            path = viewer_page(session.recipe.name, runs[0].node)
        elif node is not None:
            path += f"#{chooses}{runs[0].recipe}/{runs[0].node}/seed-{runs[0].seed}"
        links.append({"label": label, "path": path})
    return links


def viewer_context(session: Session, node: TreeNode) -> dict[str, Any] | None:
    """Write what the viewer of a node needs, for every seed; None when no seed has latents and coordinates."""
    recipe = session.recipe

    def keys_of(run: RunArtifacts) -> Collection[str]:
        images = session.payloads.dataset(recipe, run, "viewer")
        keys = session.payloads.of_run(recipe, run, "viewer") if images else {}
        mapped = "points" in keys and any(key.startswith("projection-") for key in keys)
        return [*images, *keys.values()] if mapped else []

    offer = _offer(session, "viewer", recipe.runs(node.tag), keys_of, maps=projections.map_words())
    if offer is None:
        return None
    return {
        **offer,
        "page": viewer_page(recipe.name, node.tag),
        "node": node,
        "colors": branch_colors(recipe),
    }


def playground_context(session: Session, runtime: str) -> dict[str, Any] | None:
    """Write what the playground of a recipe needs; None when no run has models that may be shown."""
    runs = session.recipe.shown_runs()
    offer = _offer(session, "playground", runs, lambda run: _keys(session, run, "playground"), runtime)
    if offer is None:
        return None
    withheld = [run for run in runs if run.built and run not in session.offered["playground"]]
    return {**offer, "blocked": [_blocked(run) for run in withheld]}


def grounding_context(session: Session, runtime: str) -> dict[str, Any] | None:
    """Write what the playground on the manifold needs; None when no run has both a map and models."""

    def keys_of(run: RunArtifacts) -> Collection[str]:
        maps, models = _keys(session, run, "grounding"), _keys(session, run, "playground")
        images = session.payloads.dataset(session.recipe, run, "grounding")
        return [*maps, *models, *images] if maps and models and images else []

    runs = session.recipe.shown_runs()
    return _offer(session, "grounding", runs, keys_of, runtime, maps=projections.map_words())


def network_context(session: Session, runtime: str) -> dict[str, Any] | None:
    """Write what the network inspector needs; None when the network of no run has been looked into."""

    def keys_of(run: RunArtifacts) -> Collection[str]:
        keys = session.payloads.of_run(session.recipe, run, "network")
        models = _keys(session, run, "playground")  # that a drawing goes through
        return [*keys.values(), *models] if "network" in keys else []

    return _offer(session, "network", session.recipe.shown_runs(), keys_of, runtime)


def labels_context(session: Session) -> dict[str, Any] | None:
    """Write what the labelling page needs; None when no run asks about images of a data set that people label.

    The runs that have seen the most labels stand first: their queue is the newest.
    """
    named = {ref.name for ref in session.recipe.label_sets}

    def told(run: RunArtifacts) -> dict[str, Any]:
        return run.document(acquisition.FAMILY)

    def keys_of(run: RunArtifacts) -> Collection[str]:
        return _keys(session, run, "labels") if told(run).get("dataset") in named else []

    runs = sorted(
        session.recipe.shown_runs(), key=lambda run: -int((told(run).get("labels") or {}).get("lines", 0))
    )
    return _offer(session, "labels", runs, keys_of)


def _offer(
    session: Session,
    page: Page,
    runs: Iterable[RunArtifacts],
    keys_of: Callable[[RunArtifacts], Collection[str]],
    *first: str,
    **parameters: Any,
) -> dict[str, Any] | None:
    """Offer the runs that have all data a page needs; return what the page is made from, None without any.

    keys_of: writes a run's data scripts and returns their keys, none where the page can't show the run.
    first: keys that the page needs besides. parameters: what its component is told besides the runs.
    """
    keys = {run: keys_of(run) for run in runs}
    offered = [run for run in keys if keys[run]]
    if not offered:
        return None
    session.offered[page] += offered
    choices = [{"key": _key_of(run), "label": f"{run.node}, seed {run.seed}"} for run in offered]
    return {
        "page": explore_page(session.recipe.name, page),
        "recipe": session.recipe,
        "parameters": {"runs": choices, **parameters},
        "needs": list(dict.fromkeys([*first, *(key for run in offered for key in keys[run])])),
    }


def _keys(session: Session, run: RunArtifacts, page: Page) -> Collection[str]:
    return session.payloads.of_run(session.recipe, run, page).values()


def _blocked(run: RunArtifacts) -> dict[str, Any]:
    """Say why the playground does not offer a built run, and what would change that."""
    never = onnx.FAMILY.never(run) is not None  # no build changes that
    return {
        "node": run.node,
        "seed": run.seed,
        "problem": onnx.FAMILY.problem(run) or "the sample images of its data set are not built",
        "command": "" if never else build_command(run.recipe, run.node, run.seed),
    }


def _key_of(run: RunArtifacts) -> str:
    return run_key(run, "").rstrip("/")
