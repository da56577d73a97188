"""Building the static site: pages, pictures, data scripts, and a check of every link."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acc_assets.places import TEMPLATES
from acc_assets.report.comparison import Missing
from acc_assets.report.links import BrokenLink, check_links
from acc_assets.report.node_context import node_context
from acc_assets.report.pages import (
    datasets_context,
    grounding_context,
    home_context,
    playground_context,
    reproduce_context,
    viewer_context,
)
from acc_assets.report.recipe_context import recipe_context
from acc_assets.report.render import Pages, stylesheet
from acc_assets.report.session import (
    Session,
    grounding_page,
    playground_page,
    recipe_page,
    viewer_page,
)
from acc_assets.report.views import RecipeView
from acc_assets.report.writer import SiteWriter, digest_of

if TYPE_CHECKING:
    from acc_assets.storage import Store

_OWNED = re.compile(r"(?:recipes|figures|downloads|data/runs|data/datasets)/([^/]+)/")


@dataclass(frozen=True)
class SiteResult:
    """What a build of the site did."""

    index: Path  # the page to open
    pages: tuple[str, ...]  # paths below the site
    files: int
    written: int  # files whose bytes changed
    bytes: int
    missing: tuple[Missing, ...]  # nodes and seeds that pages show as not built
    problems: tuple[str, ...]  # artifacts that exist and cannot be read
    broken: tuple[BrokenLink, ...]
    links: int  # links that were checked
    digest: str  # over the pages and files of the recipe that was rendered, or of all


def build_site(
    store: Store,
    recipes: Sequence[RecipeView],
    out: Path,
    *,
    client_dist: Path,
    ort_wasm: Path,
    templates: Path = TEMPLATES,
    only: str | None = None,
) -> SiteResult:
    """Render pages from artifacts; what is missing is named on the page and in the result.

    Args:
        only: the recipe whose pages are rendered, beside those that all share; pages of others stay as they are,
            but for those that are not there yet. None: all.
        client_dist: folder with the client's bundle `acc.js`.
        ort_wasm: the ONNX runtime's `ort-wasm-simd-threaded.wasm`.

    Raises:
        FileNotFoundError: the client's bundle, the runtime or the templates are not there.
    """
    bundle = _required(
        client_dist / "acc.js", "the client's bundle", "Build it: npm run build in site_templates/client."
    )
    wasm = _required(
        ort_wasm, "the ONNX runtime", "Build the client: npm run build in site_templates/client."
    )
    pages = Pages(templates)
    writer = SiteWriter(out)
    session = Session(store, tuple(recipes), writer)
    writer.write("assets/acc.js", bundle)
    writer.write("assets/acc.css", stylesheet(templates))
    runtime = session.payloads.runtime(wasm)

    rendered: list[str] = []
    own = [recipe for recipe in session.standing if only in (None, recipe.name) or not _kept(session, recipe)]

    def page(template: str, context: dict[str, Any]) -> None:
        rendered.append(writer.write(context["page"], pages.render(template, context)))

    for recipe in own:
        _explore(session, recipe, runtime, page)  # first, since other pages link to what it could build
    page("home.html", home_context(session))
    for recipe in own:
        page("recipe.html", recipe_context(session, recipe))
        for node in recipe.nodes:
            page("node.html", node_context(session, recipe, node))
    page("datasets.html", datasets_context(session))
    page("reproduce.html", reproduce_context(session))
    total = writer.finish()
    checked = check_links(out)
    return SiteResult(
        index=out / "index.html",
        pages=tuple(rendered),
        files=len(writer.files),
        written=writer.written,
        bytes=total,
        missing=tuple(dict.fromkeys(session.missing)),
        problems=tuple(session.problems()),
        broken=tuple(checked.broken),
        links=checked.count,
        digest=digest_of(
            {path: entry["sha256"] for path, entry in writer.files.items() if only in (None, owner_of(path))}
        ),
    )


def owner_of(path: str) -> str | None:
    """Return the recipe that a file of the site belongs to; None for what all recipes share."""
    match = _OWNED.match(path)
    return match[1] if match else None


def _kept(session: Session, recipe: RecipeView) -> bool:
    """Keep the pages of a recipe as an earlier build left them; False where it left none."""
    files = session.writer.keep(lambda path: owner_of(path) == recipe.name)
    if recipe_page(recipe.name) not in files:
        return False
    session.viewers[recipe.name] = [
        node.tag for node in recipe.shown() if viewer_page(recipe.name, node.tag) in files
    ]
    if playground_page(recipe.name) in files:
        session.playgrounds.add(recipe.name)
    if grounding_page(recipe.name) in files:
        session.groundings.add(recipe.name)
    return True


def _explore(session: Session, recipe: RecipeView, runtime: str, page: Any) -> None:
    """Write a viewer page for every shown node that has its data, and the recipe's playground."""
    contexts = [(node, viewer_context(session, recipe, node)) for node in recipe.shown()]
    session.viewers[recipe.name] = [node.tag for node, context in contexts if context is not None]
    for _, context in contexts:
        if context is not None:
            page("viewer.html", {**context, "siblings": session.viewers[recipe.name]})
    playground = playground_context(session, recipe, runtime)
    if playground is not None:
        session.playgrounds.add(recipe.name)
        page("playground.html", playground)
    grounding = grounding_context(session, recipe, runtime)
    if grounding is not None:
        session.groundings.add(recipe.name)
        page("grounding.html", grounding)


def _required(path: Path, what: str, remedy: str) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"{what} is not at {path}. {remedy}")
    return path.read_bytes()
