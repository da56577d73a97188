"""One function for each kind of figure of a publication: what is drawn where, by matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from acc_assets.families import Artifacts, RunArtifacts, projections, traversals
from acc_assets.families.dataset import DatasetFamily
from acc_assets.families.scatter import PALETTES, RAMP, point_colors
from acc_assets.families.words import is_number, words
from acc_assets.report.cells import Cell
from acc_assets.report.columns import Column
from acc_assets.report.comparison import Comparison
from acc_assets.report.paper import (
    DOUBLE,
    FAINT,
    INK,
    PAGE,
    ROOT,
    SINGLE,
    SMALL,
    TEXT,
    Legend,
    Look,
    Sheet,
    wrapped,
)
from acc_assets.report.recipe import RecipeView
from acc_assets.report.vocabulary import show

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = 6  # most measures of one figure
DENSE = 3000  # points of a map; fewer get an edge
THIN_LINES = 12  # most lines of single seeds in a panel
LARGEST = 1e100  # a value beyond it has no place on an axis
BASELINE: dict[str, Any] = {"lw": 0.8, "ls": (0, (3, 2)), "color": ROOT}


def plot_metrics(comparison: Comparison, look: Look) -> Figure:
    """A panel a measure, a line a branch: seeds as dots, their mean and standard deviation above."""
    from matplotlib.lines import Line2D

    columns = comparison.headline(PANELS)
    nodes = [node for node in comparison.nodes if comparison.cells[node]]
    names = [look.name(node) for node in nodes]
    across = min(3, len(columns))
    lines = max(name.count("\n") + 1 for name in names)
    left = 3 + 1.35 * max(look.widest(node, 26) for node in nodes)
    width = DOUBLE if across > 1 else SINGLE
    titles = [wrapped(column.label.replace("_", " "), (width - left) / across / 1.75) for column in columns]
    tall = 3.1 * max(title.count("\n") + 1 for title in titles)
    sheet = Sheet(
        width, math.ceil(len(columns) / across), across, panel=1.5 + len(nodes) * max(5.0, 3.2 * lines),
        left=left, across=5, top=tall + 2, down=tall + 9, bottom=13,
    )  # fmt: skip
    figure = sheet.figure()
    marks = [
        Line2D([], [], ls="", marker="o", ms=3, color=INK, alpha=0.5, mew=0, label="one seed"),
        Line2D([], [], lw=1, marker="D", ms=3.4, color=INK, label="mean ± sd over seeds"),
    ]
    for place, column in enumerate(columns):
        axes = sheet.axes(figure, place)
        axes.set_title(titles[place], loc="left", pad=3)
        rows = [(look.color(node), comparison.cells[node].get(column.key)) for node in nodes]
        if _measure(axes, column, rows) and len(marks) == 2:
            marks.append(Line2D([], [], **BASELINE, label="baseline, which learns nothing"))
        axes.set_yticks(list(range(len(nodes))), names if place % across == 0 else [""] * len(nodes))
    Legend(marks, sheet.width).draw(figure)
    return figure


def _measure(axes: Axes, column: Column, rows: Sequence[tuple[str, Cell | None]]) -> bool:
    """Draw one measure; say whether its baseline is in reach and drawn."""
    word = words(column.metric)
    scale, unit = (100.0, "%") if word.style == "percent" else (1.0, word.unit)
    told = []
    for place, (color, cell) in enumerate(rows):
        if cell is None or not abs(cell.mean) + (cell.sd or 0.0) < LARGEST:
            axes.text(0.02, place, "not measured", transform=axes.get_yaxis_transform(), va="center", size=SMALL,
                      color=ROOT)  # fmt: skip
            continue
        values = [scale * value for value in cell.values.values()]
        mean, spread = scale * cell.mean, scale * (cell.sd or 0.0)
        told += [*values, mean - spread, mean + spread]
        axes.plot(
            values, [place + 0.2] * len(values), "o", ms=3, mew=0, color=color, alpha=0.5, clip_on=False
        )
        axes.plot(
            [mean - spread, mean + spread], [place - 0.12] * 2, lw=1, color=color, solid_capstyle="butt"
        )
        axes.plot(mean, place - 0.12, "D", ms=3.4, mew=0, color=color)
    low, high = (min(told), max(told)) if told else (0.0, 1.0)
    reach = max(high - low, 1e-3 * max(abs(low), abs(high)), 1e-9)
    facts = [unit, f"{column.better} is better" if column.better else ""]
    near = False
    if column.baseline is not None and math.isfinite(column.baseline):
        baseline = scale * column.baseline
        near = low - 2 * reach <= baseline <= high + 2 * reach
        if near:
            axes.axvline(baseline, **BASELINE)
            low, high = min(low, baseline), max(high, baseline)
        else:
            facts.append(f"baseline {show(column.metric, column.baseline)}")
    margin = 0.08 * max(high - low, reach)
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(len(rows) - 0.45, -0.55)
    axes.set_xlabel(" · ".join(filter(None, facts)), labelpad=2)
    axes.grid(axis="x", lw=0.4, color=FAINT)
    axes.locator_params(axis="x", nbins=4, min_n_ticks=3)
    axes.tick_params(axis="y", length=0, labelsize=TEXT)
    axes.spines["left"].set_visible(False)
    return near


def plot_curves(panels: Sequence[Mapping[str, Any]], look: Look) -> Figure:
    """A panel a quantity: the mean of a node's seeds, and each of them as a thin line; of many, their spread."""
    from matplotlib.lines import Line2D

    nodes = {one["node"] for panel in panels for one in panel["series"]}
    names = {look.name(node, 60): node for node in sorted(nodes, key=look.place)}
    lines = [Line2D([], [], lw=1.2, label=name, **look.line(node)) for name, node in names.items()]
    across = min(3, len(panels))
    width = DOUBLE if across > 1 else SINGLE
    legend = Legend(lines, width)
    rows = math.ceil(len(panels) / across)
    sheet = Sheet(width, rows, across, panel=32, left=14, across=16, bottom=10 + legend.height)
    figure = sheet.figure()
    for place, panel in enumerate(panels):
        axes = sheet.axes(figure, place)
        scale, unit = (100.0, "%") if panel["percent"] else (1.0, panel["unit"])
        by_node: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        for one in panel["series"]:
            xs, ys = np.array(one["x"], float), scale * np.array(one["y"], float)
            ys[np.abs(ys) > LARGEST] = np.nan
            by_node.setdefault(one["node"], []).append((xs, ys))
        for node, found in by_node.items():
            alike = all(np.array_equal(xs, found[0][0]) for xs, _ in found)
            curves = np.stack([ys for _, ys in found]) if alike else None
            if curves is None or (len(found) > 1 and len(panel["series"]) <= THIN_LINES):
                for xs, ys in found:
                    axes.plot(xs, ys, lw=0.5, alpha=0.4, **look.line(node))
            if curves is not None:
                xs, mean = found[0][0], curves.mean(axis=0)
                axes.plot(xs, mean, lw=1.2, **look.line(node))
                if len(found) > 1 and len(panel["series"]) > THIN_LINES:
                    spread = curves.std(axis=0, ddof=1)
                    axes.fill_between(
                        xs, mean - spread, mean + spread, color=look.color(node), alpha=0.15, lw=0
                    )
        values = np.concatenate([ys for found in by_node.values() for _, ys in found])
        values = values[np.isfinite(values)]
        if values.size and values.min() > 0 and values.max() > 30 * values.min():
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("")
        else:
            axes.locator_params(axis="y", nbins=5)
        axes.locator_params(axis="x", nbins=5)
        axes.set_title(panel["title"].replace("_", " "), loc="left", pad=3)
        where = "validation" if panel["group"] == "Validation" else "training"
        axes.set_ylabel(f"{where} · {unit}" if unit else where, labelpad=2)
        axes.set_xlabel("step", labelpad=2)
        axes.grid(lw=0.4, color=FAINT)
    legend.draw(figure)
    return figure


def plot_traversals(runs: Sequence[RunArtifacts], look: Look) -> Figure:
    """A strip a branch and factor: the image, then the factor moved from left to right, all else held."""
    cells = {run.node: dict(run.arrays(traversals.FAMILY.path(traversals.CELLS))) for run in runs}
    factors = list(dict.fromkeys(name for found in cells.values() for name in found))
    blocks = math.ceil(len(factors) / 3)
    across = math.ceil(len(factors) / blocks)
    shape = next(iter(cells[runs[0].node].values())).shape  # (R, T, C, H, W)
    _, columns, _, high, wide = shape
    width = SINGLE if across == 1 else DOUBLE
    # As many images a strip as a page has room for, and names beside the strips where they are too long to stand.
    for examples, upright in ((3, True), (3, False), (2, True), (2, False), (1, True), (1, False)):
        strip = _Strip(high, wide, examples, columns)
        margin = 8.0 if upright else 2 + 1.5 * max(look.widest(run.node, 14) for run in runs)
        panel = (width - margin - 1 - (across - 1) * 4) / across
        tall = panel * strip.height / strip.width
        sheet = Sheet(
            width, blocks * len(runs), across, panel=tall, left=margin, right=1, top=5, bottom=5, across=4, down=2,
            blocks=blocks,
        )  # fmt: skip
        if sheet.height < PAGE and (
            not upright or all(look.widest(run.node, 99) * 1.7 < tall for run in runs)
        ):
            break
    figure = sheet.figure()
    for line in range(blocks * len(runs)):
        block, place = divmod(line, len(runs))
        run = runs[place]
        offsets = [one for one in run.document(traversals.FAMILY).get("offsets") or [] if is_number(one)]
        for column, factor in enumerate(factors[block * across : (block + 1) * across]):
            axes = sheet.axes(figure, line * across + column)
            axes.set_axis_off()
            axes.set_xlim(0, strip.width)
            axes.set_ylim(strip.height, 0)
            if place == 0:
                axes.set_title(factor.replace("_", " "), loc="left", pad=2.5)
            if column == 0 and upright:
                axes.text(-3.5 * strip.width / panel, strip.height / 2, look.name(run.node, 99), rotation=90,
                          ha="center", va="center", color=look.color(run.node))  # fmt: skip
            elif column == 0:
                axes.text(-1.5 * strip.width / panel, strip.height / 2, look.name(run.node, 14), ha="right",
                          va="center", color=look.color(run.node))  # fmt: skip
            if place == len(runs) - 1 and len(offsets) == columns - 1:
                told = {
                    1: offsets[0],
                    1 + len(offsets) // 2: offsets[len(offsets) // 2],
                    columns - 1: offsets[-1],
                }
                words_of = {0: "image"} | {at: f"{value:+g}" if value else "0" for at, value in told.items()}
                for at, text in words_of.items():
                    axes.text(strip.left(at) + wide / 2, strip.height + 0.12 * high, text.replace("-", "−"),
                              ha="center", va="top", size=SMALL, color=ROOT)  # fmt: skip
            found = cells[run.node].get(factor)
            if found is None or found.shape[1:] != shape[1:]:
                why = "no part of this name" if found is None else "images of another size"
                axes.text(
                    strip.width / 2, strip.height / 2, why, ha="center", va="center", size=SMALL, color=ROOT
                )
                continue
            picture = strip.picture(found)
            extent = (0, strip.width, strip.height, 0)
            axes.imshow(
                picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="auto", extent=extent
            )
    return figure


@dataclass(frozen=True)
class _Strip:
    """Rows of images in one picture, with white gaps and a wider one after the first column; lengths in pixels."""

    high: int
    wide: int
    rows: int
    columns: int

    @property
    def gap(self) -> int:
        return max(1, self.wide // 16)

    @property
    def height(self) -> int:
        return self.rows * (self.high + self.gap) - self.gap

    @property
    def width(self) -> int:
        return self.left(self.columns - 1) + self.wide

    def left(self, column: int) -> int:
        """Where a column begins."""
        return column * (self.wide + self.gap) + (self.wide // 3 if column else 0)

    def picture(self, cells: np.ndarray) -> np.ndarray:
        """Images (R, T, C, H, W) as one picture (H', W') or (H', W', 3)."""
        canvas = np.full((self.height, self.width, cells.shape[2]), 255, np.uint8)
        for row, images in enumerate(cells[: self.rows]):
            top = row * (self.high + self.gap)
            for column, image in enumerate(images):
                x = self.left(column)
                canvas[top : top + self.high, x : x + self.wide] = image.transpose(1, 2, 0)
        return canvas[..., 0] if canvas.shape[2] == 1 else canvas


def plot_maps(recipe: RecipeView, runs: Sequence[tuple[RunArtifacts, str]], look: Look) -> Figure:
    """A square a branch: the test images on the map of its latents, coloured by class or target."""
    across = min(len(runs), 4)
    width = SINGLE if across <= 2 else DOUBLE
    side = (width - 2 - 3 * (across - 1)) / across
    names = [wrapped(look.name(run.node, 40), side / 1.75) for run, _ in runs]
    top = 2 + 3.1 * max(name.count("\n") + 1 for name in names)
    rows = math.ceil(len(runs) / across)
    sheet = Sheet(
        width, rows, across, panel=side, left=1, right=1, top=top, bottom=10, across=3, down=4 + top
    )
    figure = sheet.figure()
    for place, (run, method) in enumerate(runs):
        axes = sheet.axes(figure, place)
        axes.set(xticks=[], yticks=[])
        axes.set_title(names[place], loc="left", pad=3, color=look.color(run.node))
        axes.set_xlabel(f"{projections.METHODS[method].title}, seed {run.seed}", loc="left", labelpad=3)
        for spine in axes.spines.values():
            spine.set(visible=True, color=FAINT)
        coords = np.asarray(run.arrays(projections.series(method, 2).path())["coords"], np.float64)
        targets = DatasetFamily(run.primary_dataset).targets(recipe.shared(run.seed))
        colors = point_colors(targets, len(coords), "light") / 255.0
        order = np.random.default_rng(0).permutation(np.flatnonzero(np.isfinite(coords).all(axis=1)))
        if not len(order):
            continue
        xs, ys = coords[order].T
        size = float(np.clip(3000.0 / (len(order) + 250), 0.35, 6.0)) * (side / 43) ** 2
        edge = 0.25 if len(order) < DENSE else 0.0
        axes.scatter(xs, ys, s=size, c=colors[order], lw=edge, edgecolors="white", rasterized=True)
        reach = 0.53 * max(float(np.ptp(xs)), float(np.ptp(ys)), 1e-12)
        axes.set_xlim((xs.min() + xs.max()) / 2 - reach, (xs.min() + xs.max()) / 2 + reach)
        axes.set_ylim((ys.min() + ys.max()) / 2 - reach, (ys.min() + ys.max()) / 2 + reach)
    _targets(figure, sheet, runs[0][0], recipe.shared(runs[0][0].seed))
    return figure


def _targets(figure: Figure, sheet: Sheet, run: RunArtifacts, shared: Artifacts) -> None:
    """What the colours of a map mean: classes by name, or the ends of a ramp."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.lines import Line2D

    data = DatasetFamily(run.primary_dataset)
    names = data.classes(shared)
    if names:
        palette = [f"#{code}" for code in PALETTES["light"].split()]
        marks = [
            Line2D([], [], ls="", marker="o", ms=3.5, mew=0, color=palette[place % len(palette)], label=name)
            for place, name in enumerate(names[: 2 * len(palette)])
        ]
        Legend(marks, sheet.width).draw(figure)
        return
    targets = data.targets(shared)
    if targets is None:
        return
    values = np.asarray(targets, np.float64).reshape(len(targets), -1)[:, 0]
    axes = figure.add_axes((0.3, 5.5 / sheet.height, 0.4, 1.6 / sheet.height))
    ramp = LinearSegmentedColormap.from_list("ramp", RAMP / 255.0)
    axes.imshow(np.linspace(0, 1, 128)[None], cmap=ramp, aspect="auto",
                extent=(float(np.nanmin(values)), float(np.nanmax(values)), 0, 1))  # fmt: skip
    axes.set_yticks([])
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel("target", labelpad=1)
