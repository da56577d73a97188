"""Figures for a paper: numbers by branch and seed, learning curves, traversals and the latent map, as vector files."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acc_assets.families import RunArtifacts, projections, traversals
from acc_assets.families.dataset import DatasetFamily
from acc_assets.report.comparison import SECONDARY, Comparison, compare
from acc_assets.report.curves import curve_panels
from acc_assets.report.paper import Look, style
from acc_assets.report.plots import PANELS, plot_curves, plot_maps, plot_metrics, plot_traversals
from acc_assets.report.recipe import RecipeView
from acc_assets.report.table import all_runs
from acc_assets.report.trees import branch_colors
from acc_assets.report.writer import digest_of, replace_file
from acc_assets.storage import StorageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from acc_assets.report.session import Session

VERSION = 1
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
    recipe: RecipeView, comparison: Comparison, panels: Sequence[Mapping[str, Any]]
) -> Iterator[Drawing]:
    """Yield the figures that a recipe has the artifacts for.

    `panels` are those of `curve_panels`; a traversal and a map are of each branch's first seed that has one.
    """
    about = [VERSION, version("matplotlib"), branch_colors(recipe)]

    def drawing(name: str, title: str, parts: Sequence[Any], make: Callable[[], Figure]) -> Drawing:
        return Drawing(name, title, None if None in parts else digest_of(*about, name, *parts), make)

    look = Look(recipe, recipe.shown())
    if comparison.columns:
        told = [comparison.to_csv(), [vars(column) for column in comparison.columns]]
        yield drawing("metrics", "Measures", told, lambda: plot_metrics(comparison, look))
    curves = _curves_to_show(panels)
    if curves:
        yield drawing("curves", "Learning curves", [curves], lambda: plot_curves(curves, look))
    moved = _first(recipe, traversals.FAMILY.path(traversals.CELLS))
    if moved:
        parts = [part for run in moved for part in (run.node, run.digest(traversals.FAMILY.name))]
        yield drawing("traversals", "Latent traversals", parts, lambda: plot_traversals(moved, look))
    mapped = [
        (run, method)
        for run in _first(recipe, projections.FAMILY.path())
        if (method := next((m for m in projections.METHODS if run.exists(_map(m))), None))
    ]
    if mapped:
        parts = []
        for run, method in mapped:
            data = recipe.shared(run.seed).digest(DatasetFamily(run.primary_dataset).name)
            parts += [run.node, method, run.digest(projections.FAMILY.name), data]
        yield drawing("latent-map", "Latent map", parts, lambda: plot_maps(recipe, mapped, look))


def downloads(session: Session, panels: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Write a recipe's figures into the site where what they show has changed; return (label, path)."""
    recipe, found = session.recipe, []
    for drawing in drawings(recipe, session.comparison, panels):
        for kind in ON_SITE:
            path = f"downloads/{recipe.name}/{drawing.name}.{kind}"
            try:
                session.writer.derive(path, drawing.source, partial(drawing.render, kind))
            except StorageError:  # a damaged artifact, which the page of its run names
                break
            found.append((f"{drawing.title}, for print ({kind.upper()})", path))
    return found


def write_figures(recipe: RecipeView, folder: Path, kind: str) -> list[Path]:
    """Draw a recipe's figures from what is stored into a folder; return their files."""
    trained = [run for run in all_runs(recipe) if recipe[run.node].kind == "trained"]
    files = []
    for drawing in drawings(recipe, compare(recipe), curve_panels(recipe, trained)):
        files.append(folder / f"{recipe.name}-{drawing.name}.{kind}")
        replace_file(files[-1], drawing.render(kind))
    return files


def _first(recipe: RecipeView, file: str) -> list[RunArtifacts]:
    """Of each branch that is shown the first seed that has a file."""
    found = (
        next((run for run in recipe.runs(node.tag) if run.exists(file)), None) for node in recipe.shown()
    )
    return [run for run in found if run is not None][:NODES]


def _map(method: str) -> str:
    return projections.series(method, 2).path()


def _curves_to_show(panels: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first measure of each task on the validation split, then what was minimised; never the learning rate."""
    judged: dict[str, Mapping[str, Any]] = {}
    for one in panels:
        if one["group"] == "Validation" and one["better"] and one["rank"] < SECONDARY:
            judged.setdefault(one["id"].split("/")[1], one)
    return [*judged.values(), *(one for one in panels if one["group"] == "Training loss")][:PANELS]
