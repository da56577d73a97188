"""Building the static site, a recipe's pages or those that all share, and a check of every link."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acc_assets.places import TEMPLATES
from acc_assets.report.comparison import Missing
from acc_assets.report.explore import (
    grounding_context,
    labels_context,
    network_context,
    playground_context,
    viewer_context,
)
from acc_assets.report.links import BrokenLink, check_links
from acc_assets.report.node_context import node_context
from acc_assets.report.pages import card_context, datasets_context, reproduce_context
from acc_assets.report.payloads import Payloads
from acc_assets.report.recipe import RecipeView, shown_path
from acc_assets.report.recipe_context import recipe_context
from acc_assets.report.render import Pages, stylesheet
from acc_assets.report.session import DATASETS, HOME, REPRODUCE, Session
from acc_assets.report.writer import SiteWriter, digest_of
from acc_assets.tree import BrokenRecipe, Tree

SHARED_PAGES = (HOME, DATASETS, REPRODUCE)
_OWNED = re.compile(r"(?:recipes|figures|downloads|data/runs|data/datasets)/([^/]+)/")


@dataclass(frozen=True)
class SiteResult:
    """What a build of pages did."""

    pages: tuple[str, ...]  # paths below the site
    files: int  # of the whole site
    written: int  # files whose bytes changed
    bytes: int  # of the whole site
    broken: tuple[BrokenLink, ...]
    links: int  # links that were checked
    digest: str  # over the pages and files that were rendered
    missing: tuple[Missing, ...] = ()  # nodes and seeds that pages show as not built
    problems: tuple[str, ...] = ()  # artifacts that exist and cannot be read


@dataclass(frozen=True)
class Part:
    """A recipe's part of the pages that all recipes share, as HTML."""

    recipe: str
    built: int  # checkpoints
    card: str
    datasets: str
    reproduce: str


@dataclass(frozen=True)
class Frame:
    """What every page needs: where the site is, the templates, and what the browser loads.

    client_dist: folder with the client's bundle `acc.js`. ort_wasm: the ONNX runtime's
    `ort-wasm-simd-threaded.wasm`.
    """

    out: Path
    client_dist: Path
    ort_wasm: Path
    templates: Path = TEMPLATES

    def write(self, writer: SiteWriter) -> str:
        """Write the client and the style sheet; return the data key of the runtime.

        Raises `FileNotFoundError` when the client's bundle, the runtime or the templates are not there.
        """
        remedy = "Build it: npm run build in site_templates/client."
        bundle = _required(self.client_dist / "acc.js", "the client's bundle", remedy)
        wasm = _required(self.ort_wasm, "the ONNX runtime", remedy)
        writer.write("assets/acc.js", bundle)
        writer.write("assets/acc.css", stylesheet(self.templates))
        return Payloads(writer).runtime(wasm)


def build_recipe(recipe: RecipeView, frame: Frame) -> tuple[SiteResult, Part]:
    """Render a recipe's pages from its artifacts; what is missing is named on the page and in the result.

    All other pages stay as they are. Raises `FileNotFoundError` as `Frame.write` does.
    """
    pages, writer = Pages(frame.templates), SiteWriter(frame.out)
    session = Session(recipe, writer)

    def own(path: str) -> bool:
        return owner_of(path) == recipe.name

    rendered: list[str] = []

    def page(template: str, context: dict[str, Any]) -> None:
        rendered.append(writer.write(context["page"], pages.render(template, context)))

    writer.keep(lambda path: not own(path))
    runtime = frame.write(writer)
    _explore(session, runtime, page)  # first, since other pages link to what it could build
    page("recipe.html", recipe_context(session))
    for node in recipe:
        page("node.html", node_context(session, node))
    card = card_context(session)
    part = Part(
        recipe.name,
        card["built"],
        pages.render("home_card.html", card),
        pages.render("datasets_part.html", datasets_context(session)),
        pages.render("reproduce_part.html", reproduce_context(session)),
    )
    result = _finished(writer, frame.out, rendered, own, SHARED_PAGES)
    return replace(result, missing=tuple(session.comparison.missing), problems=tuple(recipe.problems())), part


def build_home(
    parts: Sequence[Part], unbuilt: Sequence[Tree], broken: Sequence[BrokenRecipe], frame: Frame
) -> SiteResult:
    """Render the pages that all recipes share from their parts; pages of other recipes go.

    unbuilt: recipes without pages of their own; broken: recipe files with errors, which are shown with them.
    """
    pages, writer = Pages(frame.templates), SiteWriter(frame.out)
    standing = {part.recipe for part in parts}
    rendered: list[str] = []

    def page(template: str, context: dict[str, Any]) -> None:
        rendered.append(writer.write(context["page"], pages.render(template, context)))

    writer.keep(lambda path: owner_of(path) in standing)
    frame.write(writer)
    ordered = sorted(parts, key=lambda part: -min(part.built, 1))  # built recipes first
    told = [{"name": one.name, "source": shown_path(one.path), "error": str(one)} for one in broken]
    page("home.html", {"page": HOME, "parts_of": ordered, "unbuilt": unbuilt, "broken": told})
    page("datasets.html", {"page": DATASETS, "parts_of": parts})
    page("reproduce.html", {"page": REPRODUCE, "parts_of": parts})
    return _finished(writer, frame.out, rendered, lambda path: owner_of(path) is None)


def owner_of(path: str) -> str | None:
    """Return the recipe that a file of the site belongs to; None for what all recipes share."""
    match = _OWNED.match(path)
    return match[1] if match else None


def _finished(
    writer: SiteWriter,
    out: Path,
    rendered: Sequence[str],
    own: Callable[[str], bool],
    promised: Collection[str] = (),
) -> SiteResult:
    total = writer.finish()
    checked = check_links(out, own, promised)
    return SiteResult(
        pages=tuple(rendered),
        files=len(writer.files),
        written=writer.written,
        bytes=total,
        broken=tuple(checked.broken),
        links=checked.count,
        digest=digest_of({path: entry["sha256"] for path, entry in writer.files.items() if own(path)}),
    )


def _explore(session: Session, runtime: str, page: Callable[[str, dict[str, Any]], None]) -> None:
    """Write a viewer page for every shown node that has its data, and the pages of all nodes."""
    viewers = [viewer_context(session, node) for node in session.recipe.shown()]
    siblings = [viewer["node"].tag for viewer in viewers if viewer is not None]
    for viewer in viewers:
        if viewer is not None:
            page("viewer.html", {**viewer, "siblings": siblings})
    others = {
        "playground.html": playground_context(session, runtime),
        "grounding.html": grounding_context(session, runtime),
        "network.html": network_context(session, runtime),
        "labels.html": labels_context(session),
    }
    for template, context in others.items():
        if context is not None:
            page(template, context)


def _required(path: Path, what: str, remedy: str) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"{what} is not at {path}. {remedy}")
    return path.read_bytes()
