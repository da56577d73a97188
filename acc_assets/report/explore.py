"""The pages that a reader explores: latent viewer, network inspector, both playgrounds, and the labelling page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from acc_assets.families import RunArtifacts, acquisition, onnx, projections
from acc_assets.families.base import Page
from acc_assets.report.payloads import run_key
from acc_assets.report.session import Session, explore_page, viewer_page
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
    """Return what the viewer of a node is made from; None when no seed has latents and coordinates."""
    offer = _offer(session, "viewer", session.recipe.runs(node.tag), maps=projections.map_words())
    if offer is None:
        return None
    return {**offer, "page": viewer_page(session.recipe.name, node.tag), "node": node}


def playground_context(session: Session, runtime: str) -> dict[str, Any] | None:
    """Return what the playground of a recipe is made from; None when no run has models that may be shown."""
    runs = session.recipe.shown_runs()
    offer = _offer(session, "playground", runs, runtime)
    if offer is None:
        return None
    withheld = [run for run in runs if run.built and run not in session.offered["playground"]]
    return {**offer, "blocked": [_blocked(run) for run in withheld]}


def grounding_context(session: Session, runtime: str) -> dict[str, Any] | None:
    """Return what the playground on the manifold is made from; None when no run has both a map and models."""
    return _offer(session, "grounding", session.recipe.shown_runs(), runtime, maps=projections.map_words())


def network_context(session: Session, runtime: str) -> dict[str, Any] | None:
    """Return what the network inspector is made from; None when the network of no run has been looked into."""
    return _offer(session, "network", session.recipe.shown_runs(), runtime)


def labels_context(session: Session) -> dict[str, Any] | None:
    """Return what the labelling page is made from; None when no run asks about images of a data set people label.

    The runs that have seen the most labels stand first: their queue is the newest.
    """

    def labels(run: RunArtifacts) -> int:
        return int((run.document(acquisition.FAMILY).get("labels") or {}).get("lines", 0))

    return _offer(session, "labels", sorted(session.recipe.shown_runs(), key=labels, reverse=True))


def _offer(
    session: Session, page: Page, runs: Iterable[RunArtifacts], *first: str, **parameters: Any
) -> dict[str, Any] | None:
    """Offer the runs that have all data a page needs; return what the page is made from, None without any.

    first: keys that the page needs besides. parameters: what its component is told besides the runs.
    """
    keys = {run: found for run in runs if (found := session.brought(run).keys.get(page))}
    if not keys:
        return None
    session.offered[page] += keys
    choices = [{"key": _key_of(run), "label": f"{run.node}, seed {run.seed}"} for run in keys]
    return {
        "page": explore_page(session.recipe.name, page),
        "recipe": session.recipe,
        "parameters": {"runs": choices, **parameters},
        "needs": list(dict.fromkeys([*first, *(key for found in keys.values() for key in found)])),
    }


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
