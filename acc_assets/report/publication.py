"""Figures for a paper: numbers by branch and seed, learning curves, traversals and the latent map, as vector files."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acc_assets.report.artifacts import Artifacts, RunArtifacts
from acc_assets.report.comparison import SECONDARY, Comparison, comparison_of
from acc_assets.report.curves import curve_panels
from acc_assets.report.paper import Look, style
from acc_assets.report.plots import (
    PANELS,
    data_of,
    map_file,
    plot_curves,
    plot_maps,
    plot_metrics,
    plot_traversals,
)
from acc_assets.report.trees import branch_colors
from acc_assets.report.views import NodeView, RecipeView
from acc_assets.report.writer import digest_of, replace_file
from acc_assets.storage import StorageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from acc_assets.report.session import Session
    from acc_assets.storage import Store

VERSION = 1
FORMATS = ("pdf", "svg", "png")
ON_SITE = ("pdf", "svg")
NODES = 8  # most that one figure shows traversals or maps of


@dataclass(frozen=True)
class Drawing:
    """One figure of a recipe: its file's name, what it is called, and what decides its looks."""

    name: str
    title: str
    source: str | None  # digest of all that it is drawn from; None where that is not known
    make: Callable[[], Figure]

    @cached_property
    def figure(self) -> Figure:
        with style():
            return self.make()

    def render(self, kind: str) -> bytes:
        """Return the figure as a PDF, SVG or PNG file, the same bytes for the same numbers."""
        stamps: dict[str, Any] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}[kind]
        out = io.BytesIO()
        with style():
            self.figure.savefig(out, format=kind, metadata={"Title": self.title, **stamps})
        return out.getvalue()


def drawings(
    recipe: RecipeView,
    comparison: Comparison,
    panels: Sequence[Mapping[str, Any]],
    runs_of: Callable[[str], Sequence[RunArtifacts]],
    shared: Artifacts,
) -> Iterator[Drawing]:
    """Yield the figures that a recipe has the artifacts for.

    `panels` are those of `curve_panels`; a traversal and a map are of each branch's first seed that has one.
    """
    about = [VERSION, version("matplotlib"), {**branch_colors(recipe)}]

    def drawing(name: str, title: str, parts: Sequence[Any], make: Callable[[], Figure]) -> Drawing:
        source = None if None in parts else digest_of(*about, name, *parts)
        return Drawing(name, title, source, make)

    shown = list(recipe.shown())
    look = Look(recipe, shown)
    if comparison.columns:
        told = [comparison.to_csv(), [vars(column) for column in comparison.columns]]
        yield drawing("metrics", "Measures", told, lambda: plot_metrics(comparison, look))
    curves = _curves_to_show(panels)
    if curves:
        yield drawing("curves", "Learning curves", [curves], lambda: plot_curves(curves, look))
    moved = _first(shown, runs_of, "traversals/traversals.npz")[:NODES]
    if moved:
        parts = [part for run in moved for part in (run.node, run.digest("traversals"))]
        yield drawing("traversals", "Latent traversals", parts, lambda: plot_traversals(moved, look))
    mapped = [
        (run, method)
        for run in _first(shown, runs_of, "projections/projections.json")[:NODES]
        if (method := next((m for m in ("umap", "pca") if run.exists(map_file(m))), None))
    ]
    if mapped:
        data = shared.digest(data_of(mapped[0][0]))
        parts = [part for run, _ in mapped for part in (run.node, run.digest("projections"), data)]
        yield drawing("latent-map", "Latent map", parts, lambda: plot_maps(mapped, shared, look))


def downloads(
    session: Session, recipe: RecipeView, panels: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str]]:
    """Write a recipe's figures into the site where what they show has changed; return (label, path)."""
    shared, runs_of = session.shared(recipe), partial(session.runs, recipe)
    found = []
    for drawing in drawings(recipe, session.comparison(recipe), panels, runs_of, shared):
        for kind in ON_SITE:
            path = f"downloads/{recipe.name}/{drawing.name}.{kind}"
            try:
                session.writer.derive(path, drawing.source, partial(drawing.render, kind))
            except StorageError as error:
                shared.note(error)
                break
            found.append((f"{drawing.title}, for print ({kind.upper()})", path))
    return found


def write_figures(store: Store, recipe: RecipeView, folder: Path, kind: str) -> list[Path]:
    """Draw a recipe's figures from what is stored into a folder; return their files."""
    opened = {
        node.tag: [RunArtifacts(store, recipe, node.tag, seed) for seed in recipe.seeds]
        for node in recipe.nodes
    }
    comparison = comparison_of(recipe, lambda node, seed: opened[node][recipe.seeds.index(seed)])
    trained = [run for node in recipe.nodes if node.kind == "trained" for run in opened[node.tag]]
    panels = curve_panels(trained, branch_colors(recipe))
    shared = Artifacts(store.recipe(recipe.name))
    files = []
    for drawing in drawings(recipe, comparison, panels, opened.__getitem__, shared):
        files.append(folder / f"{recipe.name}-{drawing.name}.{kind}")
        replace_file(files[-1], drawing.render(kind))
    return files


def _first(
    nodes: Sequence[NodeView], runs_of: Callable[[str], Sequence[RunArtifacts]], file: str
) -> list[RunArtifacts]:
    found = (next((run for run in runs_of(node.tag) if run.exists(file)), None) for node in nodes)
    return [run for run in found if run is not None]


def _curves_to_show(panels: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first measure of each task on the validation split, then what was minimised; never the learning rate."""
    judged: dict[str, Mapping[str, Any]] = {}
    for one in panels:
        if one["group"] == "Validation" and one["better"] and one["rank"] < SECONDARY:
            judged.setdefault(one["id"].split("/")[1], one)
    return [*judged.values(), *(one for one in panels if one["group"] == "Training loss")][:PANELS]
