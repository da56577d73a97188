"""Building the static site, a recipe's pages or those that all share, and a check of every link."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from acc_assets.families import RunArtifacts
from acc_assets.places import TEMPLATES
from acc_assets.report.comparison import Missing
from acc_assets.report.explore import (
    grounding_context,
    labels_context,
    links_of,
    network_context,
    playground_context,
    viewer_context,
)
from acc_assets.report.links import BrokenLink, PageLinks, check_links
from acc_assets.report.node_context import node_context, tree_context
from acc_assets.report.pages import card_context, datasets_context, reproduce_context
from acc_assets.report.payloads import Payloads
from acc_assets.report.recipe import RecipeView, shown_path
from acc_assets.report.recipe_context import recipe_context
from acc_assets.report.render import Pages, stylesheet, version_of
from acc_assets.report.session import DATASETS, HOME, REPRODUCE, Session, node_page, recipe_page
from acc_assets.report.table import COMPARISON, all_runs
from acc_assets.report.writer import SiteWriter, digest_of
from acc_assets.tree import BrokenRecipe, Tree, TreeNode

SHARED_PAGES = (HOME, DATASETS, REPRODUCE)
_OWNED = re.compile(r"(?:recipes|figures|downloads|data/runs|data/datasets)/([^/]+)/")


@dataclass(frozen=True)
class SiteResult:
    """What a build of pages did."""

    pages: tuple[str, ...]  # paths below the site
    rendered: tuple[str, ...]  # those of them that were made anew; what the others are made from is as it was
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
    writer = SiteWriter(frame.out)

    def own(path: str) -> bool:
        return owner_of(path) == recipe.name

    writer.keep(lambda path: not own(path))
    runtime = frame.write(writer)
    session = Session(recipe, writer, version_of(frame.templates))
    for run in all_runs(recipe):
        session.brought(run)
    site = _Site(session, Pages(frame.templates))
    site.explore(runtime)  # first, since other pages link to what it could build
    told = site.recipe()
    for node in recipe:
        site.node(node)
    session.settle()
    result = _finished(writer, frame.out, site.pages, own, SHARED_PAGES)
    return replace(
        result,
        missing=tuple(Missing(**one) for one in told["missing"]),
        problems=tuple(recipe.problems()),
        rendered=tuple(page for page in site.pages if page in writer.made),
    ), Part(**told["part"])


class _Site:
    """The pages of one recipe, each a unit of the site that is rendered where what it is made from changed."""

    def __init__(self, session: Session, pages: Pages) -> None:
        self._session, self._render = session, pages.render
        self._recipe = session.recipe
        self.pages: list[str] = []

    def explore(self, runtime: str) -> None:
        """A viewer page for every shown node that has its data, and the pages of all nodes."""
        session, recipe = self._session, self._recipe
        viewers = [one for node in recipe.shown() if (one := viewer_context(session, node)) is not None]
        siblings = [viewer["node"].tag for viewer in viewers]
        for viewer in viewers:
            colors = {tag: session.colors[tag] for tag in siblings}
            seen = session.lone(viewer["node"]).hash
            self._explored("viewer.html", {**viewer, "siblings": siblings, "colors": colors}, seen)
        others = {
            "playground.html": playground_context(session, runtime),
            "grounding.html": grounding_context(session, runtime),
            "network.html": network_context(session, runtime),
            "labels.html": labels_context(session),
        }
        for template, context in others.items():
            if context is not None:
                self._explored(template, context, recipe.hash)

    def recipe(self) -> dict[str, Any]:
        """The recipe's page; its part of the shared pages, and what it says is missing, as JSON."""
        session, recipe = self._session, self._recipe
        compared = recipe.stored.state(lambda family: family == COMPARISON)
        told = [recipe.hash, recipe.source, links_of(session), compared]

        def made() -> dict[str, Any]:
            self._written("recipe.html", recipe_context(session))
            card = card_context(session)
            part = Part(
                recipe.name,
                card["built"],
                self._render("home_card.html", card),
                self._render("datasets_part.html", datasets_context(session)),
                self._render("reproduce_part.html", reproduce_context(session)),
            )
            return {"part": asdict(part), "missing": [asdict(one) for one in session.comparison.missing]}

        found: dict[str, Any] = self._page(recipe_page(recipe.name), all_runs(recipe), told, made)
        return found

    def node(self, node: TreeNode) -> None:
        """A node's page."""
        session, recipe = self._session, self._session.lone(node)
        told = tree_context(session, node)

        def made() -> None:
            self._written("node.html", {**node_context(session, recipe, node), **told})

        self._page(node_page(recipe.name, node.tag), recipe.runs(node.tag), [told], made)

    def _explored(self, template: str, context: Mapping[str, Any], seen: str) -> None:
        """A page that is made from values and from the tree, of which `seen` is the hash; it reads no artifact."""
        told = [seen, {name: value for name, value in context.items() if name not in ("recipe", "node")}]
        self._page(context["page"], [], told, lambda: self._written(template, context))

    def _page(
        self, path: str, runs: Sequence[RunArtifacts], told: Sequence[Any], make: Callable[[], Any]
    ) -> Any:
        self.pages.append(path)
        return self._session.unit(path, runs, told, make)

    def _written(self, template: str, context: Mapping[str, Any]) -> None:
        self._session.writer.write(context["page"], self._render(template, context))


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
    pages: Sequence[str],
    own: Callable[[str], bool],
    promised: Collection[str] = (),
) -> SiteResult:
    gone = writer.clear()
    looked_at = [
        path for path in writer.files if path.endswith(".css") or (path.endswith(".html") and own(path))
    ]
    # Pages that all share lead to those of every recipe, which may be gone since; the others lead to their own.
    known = {
        page: PageLinks(**links)
        for page, links in writer.links_before.items()
        if not gone and page in writer.files and own(page) and writer.same(page)
    }
    checked = check_links(out, looked_at, promised, known)
    writer.links |= {
        page: asdict(links) for page, links in checked.pages.items() if owner_of(page) is not None
    }
    return SiteResult(
        pages=tuple(pages),
        rendered=tuple(pages),
        files=len(writer.files),
        written=writer.written,
        bytes=writer.finish(),
        broken=tuple(checked.broken),
        links=checked.count,
        digest=digest_of({path: entry["sha256"] for path, entry in writer.files.items() if own(path)}),
    )


def _required(path: Path, what: str, remedy: str) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"{what} is not at {path}. {remedy}")
    return path.read_bytes()
