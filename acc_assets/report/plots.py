"""How a publication's figures look: sizes, type, colours, and one function for each kind of figure.

Lengths are in millimetres: a figure is one column wide (89) or two (183). Colours of branches are those of the site.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from acc_assets.report.alternatives import Classes
from acc_assets.report.artifacts import Artifacts, RunArtifacts, is_number
from acc_assets.report.cells import Cell
from acc_assets.report.columns import Column
from acc_assets.report.comparison import Comparison
from acc_assets.report.scatter import PALETTES, RAMP, point_colors
from acc_assets.report.trees import branch_colors
from acc_assets.report.views import NodeView, RecipeView
from acc_assets.report.vocabulary import show, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SINGLE, DOUBLE = 89.0, 183.0  # mm
PANELS = 6  # most measures of one figure
DENSE = 3000  # points of a map; fewer get an edge
LARGEST = 1e100  # a value beyond it has no place on an axis
# As --branch-0 ... of styles/base.css, told apart also with a colour vision deficiency; -1 is the root's.
BRANCHES = ("#0072b2", "#c8500a", "#00825f", "#ad4c85", "#9a6b00", "#2c86b8", "#6554b3", "#7a5a44")
ROOT, INK, FAINT = "#6a717b", "#1b1f24", "#d5d9de"
TEXT, SMALL = 7.0, 6.0  # points
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that a figure is the same everywhere
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.titleweight": "bold",
    "axes.labelsize": SMALL,
    "axes.edgecolor": "#7b828a",
    "axes.labelcolor": "#3c434b",
    "axes.linewidth": 0.5,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "text.parse_math": False,  # a name may hold any sign
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.color": "#7b828a",
    "ytick.color": "#7b828a",
    "xtick.labelcolor": "#3c434b",
    "ytick.labelcolor": "#3c434b",
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2.0,
    "ytick.major.size": 2.0,
    "legend.frameon": False,
    "legend.fontsize": SMALL,
    "legend.handletextpad": 0.4,
    "legend.columnspacing": 1.4,
    "pdf.fonttype": 42,  # text stays text
    "svg.hashsalt": "acc_assets",
    "savefig.dpi": 300,
}


class Look:
    """Names and colours of nodes: a branch's name where it stands for one node of those shown, else the node's."""

    def __init__(self, recipe: RecipeView, shown: Sequence[NodeView]) -> None:
        branches = [node.branch for node in shown]
        self._names = {
            node.tag: node.branch if node.branch and branches.count(node.branch) == 1 else node.tag
            for node in shown
        }
        self._branch = {node.tag: node.branch or node.tag for node in recipe.nodes}
        self._colors = branch_colors(recipe)

    def name(self, node: str, width: float = 26) -> str:
        text = self._names.get(node) or self._branch.get(node, node)
        return _wrapped(text.replace("_", " "), width)

    def place(self, node: str) -> int:
        return list(self._branch).index(node)

    def color(self, node: str) -> str:
        number = self._colors.get(node, -1)
        return BRANCHES[number % len(BRANCHES)] if number >= 0 else ROOT

    def dash(self, node: str) -> Any:
        return "-" if self._colors.get(node, -1) < len(BRANCHES) // 2 else (0, (4, 1.2))


def _wrapped(text: str, width: float) -> str:
    return "\n".join(textwrap.wrap(text, max(8, int(width)))) or text


def map_file(method: str) -> str:
    return f"projections/latent_2d_latest_{method}.npz"


def data_of(run: RunArtifacts) -> str:
    return f"data-{run.config.get('primary_dataset', '')}"


@contextmanager
def style() -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()  # a user's own style file changes nothing
        mpl.rcParams.update(STYLE)
        yield


@dataclass(frozen=True)
class _Sheet:
    """A page of equal panels; all lengths in mm."""

    width: float
    rows: int
    columns: int
    panel: float  # height
    left: float = 10
    right: float = 2
    top: float = 5
    bottom: float = 10
    across: float = 10  # between panels
    down: float = 13

    @property
    def height(self) -> float:
        return self.top + self.rows * self.panel + (self.rows - 1) * self.down + self.bottom

    def figure(self) -> Figure:
        from matplotlib.figure import Figure

        return Figure(figsize=(self.width / 25.4, self.height / 25.4))

    def axes(self, figure: Figure, place: int) -> Axes:
        """The panel at a place, row by row."""
        row, column = divmod(place, self.columns)
        wide = (self.width - self.left - self.right - (self.columns - 1) * self.across) / self.columns
        x = self.left + column * (wide + self.across)
        y = self.height - self.top - row * (self.panel + self.down) - self.panel
        return figure.add_axes((x / self.width, y / self.height, wide / self.width, self.panel / self.height))


def plot_metrics(comparison: Comparison, look: Look) -> Figure:
    """A panel a measure, a line a branch: seeds as dots, their mean and standard deviation above."""
    from matplotlib.lines import Line2D

    columns = comparison.headline(PANELS)
    nodes = [node for node in comparison.nodes if comparison.cells[node]]
    names = [look.name(node) for node in nodes]
    across = min(3, len(columns))
    lines = max(name.count("\n") + 1 for name in names)
    left = 3 + 1.35 * max(len(line) for name in names for line in name.split("\n"))
    width = DOUBLE if across > 1 else SINGLE
    titles = [_wrapped(column.label, (width - left) / across / 1.75) for column in columns]
    tall = 3.1 * max(title.count("\n") + 1 for title in titles)
    sheet = _Sheet(
        width, math.ceil(len(columns) / across), across, panel=1.5 + len(nodes) * max(5.0, 3.2 * lines),
        left=left, across=5, top=tall + 2, down=tall + 9, bottom=13,
    )  # fmt: skip
    figure = sheet.figure()
    for place, column in enumerate(columns):
        axes = sheet.axes(figure, place)
        axes.set_title(titles[place], loc="left", pad=3)
        _measure(axes, column, [(look.color(node), comparison.cells[node].get(column.key)) for node in nodes])
        axes.set_yticks(list(range(len(nodes))), names if place % across == 0 else [""] * len(nodes))
    marks = [
        Line2D([], [], ls="", marker="o", ms=3, color=INK, alpha=0.5, mew=0, label="one seed"),
        Line2D([], [], lw=1, marker="D", ms=3.4, color=INK, label="mean ± sd over seeds"),
        Line2D([], [], lw=0.8, ls=(0, (3, 2)), color=ROOT, label="baseline, which learns nothing"),
    ]
    _legend(figure, sheet, marks)
    return figure


def _measure(axes: Axes, column: Column, rows: Sequence[tuple[str, Cell | None]]) -> None:
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
    if column.baseline is not None and math.isfinite(column.baseline):
        baseline = scale * column.baseline
        if low - 2 * reach <= baseline <= high + 2 * reach:
            axes.axvline(baseline, lw=0.8, ls=(0, (3, 2)), color=ROOT)
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


def plot_curves(panels: Sequence[Mapping[str, Any]], look: Look) -> Figure:
    """A panel a quantity: every seed as a thin line, the mean of a node's seeds as a thick one."""
    from matplotlib.lines import Line2D

    across = min(3, len(panels))
    sheet = _Sheet(
        DOUBLE if across > 1 else SINGLE,
        math.ceil(len(panels) / across),
        across,
        panel=32,
        left=14,
        across=16,
        bottom=14,
    )
    figure = sheet.figure()
    nodes: dict[str, None] = {}
    for place, panel in enumerate(panels):
        axes = sheet.axes(figure, place)
        scale, unit = (100.0, "%") if panel["percent"] else (1.0, panel["unit"])
        by_node: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        for one in panel["series"]:
            xs, ys = np.array(one["x"], float), scale * np.array(one["y"], float)
            ys[np.abs(ys) > LARGEST] = np.nan
            by_node.setdefault(one["node"], []).append((xs, ys))
        for node, found in by_node.items():
            nodes.setdefault(node)
            alike = all(np.array_equal(xs, found[0][0]) for xs, _ in found)
            for xs, ys in found if len(found) > 1 or not alike else ():
                axes.plot(xs, ys, lw=0.5, alpha=0.4, color=look.color(node), ls=look.dash(node))
            if alike:
                mean = np.mean([ys for _, ys in found], axis=0)
                axes.plot(found[0][0], mean, lw=1.2, color=look.color(node), ls=look.dash(node))
        values = np.concatenate([ys for found in by_node.values() for _, ys in found])
        values = values[np.isfinite(values)]
        if values.size and values.min() > 0 and values.max() > 30 * values.min():
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("")
        else:
            axes.locator_params(axis="y", nbins=5)
        axes.locator_params(axis="x", nbins=5)
        axes.set_title(panel["title"], loc="left", pad=3)
        where = "validation" if panel["group"] == "Validation" else "training"
        axes.set_ylabel(f"{where} · {unit}" if unit else where, labelpad=2)
        axes.set_xlabel("step", labelpad=2)
        axes.grid(lw=0.4, color=FAINT)
    lines = {
        look.name(node, 60): Line2D([], [], lw=1.2, color=look.color(node), ls=look.dash(node))
        for node in sorted(nodes, key=look.place)
    }
    for name, line in lines.items():
        line.set_label(name)
    _legend(figure, sheet, list(lines.values()))
    return figure


def plot_traversals(runs: Sequence[RunArtifacts], look: Look, examples: int = 3) -> Figure:
    """A strip a branch and factor: the image, then the factor moved from left to right, all else held."""
    cells = {run.node: dict(run.arrays("traversals/traversals.npz")) for run in runs}
    factors = list(dict.fromkeys(name for found in cells.values() for name in found))
    across = min(3, len(factors))
    blocks = math.ceil(len(factors) / across)
    _, columns, _, high, wide = next(iter(cells[runs[0].node].values())).shape
    strip = _Strip(high, wide, examples, columns)
    width = SINGLE if across == 1 else DOUBLE
    margin, between = 8.0, 4.0
    panel = (width - margin - 1 - (across - 1) * between) / across
    sheet = _Sheet(
        width, blocks * len(runs), across, panel=panel * strip.height / strip.width, left=margin, right=1, top=5,
        bottom=5, across=between, down=2 if blocks == 1 else 8,
    )  # fmt: skip
    figure = sheet.figure()
    for line in range(blocks * len(runs)):
        block, place = divmod(line, len(runs))
        run = runs[place]
        offsets = [
            one for one in run.json("traversals/traversals.json").get("offsets") or [] if is_number(one)
        ]
        for column, factor in enumerate(factors[block * across : (block + 1) * across]):
            axes = sheet.axes(figure, line * across + column)
            axes.set_axis_off()
            axes.set_xlim(0, strip.width)
            axes.set_ylim(strip.height, 0)
            if place == 0:
                axes.set_title(factor.replace("_", " "), loc="left", pad=2.5)
            if column == 0:
                axes.text(-3.5 * strip.width / panel, strip.height / 2, look.name(run.node, 18), rotation=90,
                          ha="center", va="center", color=look.color(run.node), weight="bold")  # fmt: skip
            if factor not in cells[run.node]:
                axes.text(strip.width / 2, strip.height / 2, f"{look.name(run.node)} has no part of this name",
                          ha="center", va="center", size=SMALL, color=ROOT)  # fmt: skip
                continue
            picture = strip.picture(cells[run.node][factor])
            extent = (0, strip.width, strip.height, 0)
            axes.imshow(
                picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="auto", extent=extent
            )
            if place == len(runs) - 1 and len(offsets) == columns - 1:
                told = {
                    1: offsets[0],
                    1 + len(offsets) // 2: offsets[len(offsets) // 2],
                    columns - 1: offsets[-1],
                }
                words_of = {0: "image"} | {
                    at: f"{value:+g} sd" if value else "0" for at, value in told.items()
                }
                for at, text in words_of.items():
                    axes.text(strip.left(at) + wide / 2, strip.height + 0.12 * high, text.replace("-", "−"),
                              ha="center", va="top", size=SMALL, color=ROOT)  # fmt: skip
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


def plot_maps(runs: Sequence[tuple[RunArtifacts, str]], shared: Artifacts, look: Look) -> Figure:
    """A square a branch: the test images on the map of its latents, coloured by class or target."""
    across = min(len(runs), 4)
    width = SINGLE if across <= 2 else DOUBLE
    side = (width - 2 - 3 * (across - 1)) / across
    sheet = _Sheet(
        width, math.ceil(len(runs) / across), across, panel=side, left=1, right=1, bottom=11, across=3, down=8
    )
    figure = sheet.figure()
    for place, (run, method) in enumerate(runs):
        axes = sheet.axes(figure, place)
        coords = np.asarray(run.arrays(map_file(method))["coords"], np.float64)
        targets = shared.npz(f"{data_of(run)}/test.npz").get("targets")
        colors = point_colors(targets, len(coords), "light") / 255.0
        order = np.random.default_rng(0).permutation(np.flatnonzero(np.isfinite(coords).all(axis=1)))
        size = float(np.clip(3000.0 / (len(order) + 250), 0.35, 6.0)) * (side / 43) ** 2
        xs, ys = coords[order].T
        edge = 0.25 if len(order) < DENSE else 0.0
        axes.scatter(xs, ys, s=size, c=colors[order], lw=edge, edgecolors="white", rasterized=True)
        reach = 0.53 * max(float(np.ptp(xs)), float(np.ptp(ys)), 1e-12)
        axes.set_xlim((xs.min() + xs.max()) / 2 - reach, (xs.min() + xs.max()) / 2 + reach)
        axes.set_ylim((ys.min() + ys.max()) / 2 - reach, (ys.min() + ys.max()) / 2 + reach)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set(visible=True, color=FAINT)
        axes.set_title(look.name(run.node, 40), loc="left", pad=3, color=look.color(run.node))
        about = f"{method.upper()}, seed {run.seed}"
        axes.set_title(about, loc="right", pad=3, size=SMALL, weight="normal", color=ROOT)
    _targets(figure, sheet, runs[0][0], shared)
    return figure


def _targets(figure: Figure, sheet: _Sheet, run: RunArtifacts, shared: Artifacts) -> None:
    """What the colours of a map mean: classes by name, or the ends of a ramp."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.lines import Line2D

    names = Classes(run, shared).names
    if names:
        palette = [f"#{code}" for code in PALETTES["light"].split()]
        marks = [
            Line2D([], [], ls="", marker="o", ms=3.5, mew=0, color=palette[place % len(palette)], label=name)
            for place, name in enumerate(names[: 2 * len(palette)])
        ]
        _legend(figure, sheet, marks)
        return
    targets = shared.npz(f"{data_of(run)}/test.npz").get("targets")
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


def _legend(figure: Figure, sheet: _Sheet, marks: Sequence[Any]) -> None:
    """The meaning of marks, in one or more lines along the lower edge."""
    drawn = (
        2.0 if any(mark.get_linestyle() != "None" for mark in marks) else 0.7
    )  # length in letters' heights
    most = max(1.3 * len(str(mark.get_label())) + 2.1 * (drawn + 2.0) for mark in marks)  # mm
    lines = math.ceil(len(marks) / max(1, int((sheet.width - 2) / most)))
    columns = math.ceil(len(marks) / lines)
    by_line = [marks[place] for first in range(columns) for place in range(first, len(marks), columns)]
    figure.legend(
        handles=by_line,
        loc="lower center",
        ncols=columns,
        bbox_to_anchor=(0.5, 0.0),
        borderaxespad=0.3,
        handlelength=drawn,
    )
