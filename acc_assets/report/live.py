"""Pages as `acc serve` gives them: those that were rendered, and small ones in place of those that were not yet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import escape

from acc_assets.families import RunArtifacts
from acc_assets.report.curves import curve_words
from acc_assets.report.page_head import POLICY, SERVED_POLICY
from acc_assets.report.render import Pages
from acc_assets.report.session import HOME, node_page

_REPLAYED = (
    "id",
    "event",
    "time",
    "step",
    "text",
    "error",
    "family",
    "preview",
    "asset",
    "check",
    "why",
    "of",
    "done",
    "version",
)


def served(html: str) -> str:
    """A rendered page that says it is served, and that may ask its server for runs; it says neither from disk."""
    return html.replace(str(escape(POLICY)), str(escape(SERVED_POLICY)), 1).replace(
        "<html ", "<html data-served ", 1
    )


def live_runs_page(templates: Path) -> str:
    """The first page of a store whose site has not been rendered yet."""
    return Pages(templates).render("live.html", {"page": HOME, "recipe": None, "node": None, "seeds": []})


def live_node_page(templates: Path, recipe: str, node: str, seeds: Sequence[int]) -> str:
    """The page of a node that has not been rendered yet."""
    context = {
        "page": node_page(recipe, node),
        "recipe": recipe,
        "node": node,
        "seeds": list(seeds),
        "words": curve_words(),
    }
    return Pages(templates).render("live.html", context)


def replay_of(run: RunArtifacts) -> list[dict[str, Any]]:
    """The events that stand of a run, as its page replays them; the curves bring what was measured."""
    events = run.events
    mapped = [event for event in events if event.get("event") == "projection.progress"][-1:]
    kept = [
        event for event in events if str(event.get("event")).partition(".")[0] not in ("train", "projection")
    ]
    shown = sorted([*kept, *mapped], key=lambda event: event["id"])
    return [{name: event[name] for name in _REPLAYED if name in event} for event in shown]
