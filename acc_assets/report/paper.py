"""The paper of a publication's figures: its sizes, type and colours, the names of branches, panels and legends.

Lengths are in millimetres: a figure is one column wide (89) or two (183). Colours of branches are those of the site.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acc_assets.report.recipe import RecipeView
from acc_assets.report.trees import branch_colors
from acc_assets.tree import TreeNode

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

SINGLE, DOUBLE = 89.0, 183.0  # mm
PAGE = 235.0  # mm, with room for a caption
# As --branch-0 ... of styles/base.css, told apart also with a colour vision deficiency; -1 is the root's.
BRANCHES = ("#0072b2", "#c8500a", "#00825f", "#ad4c85", "#9a6b00", "#2c86b8", "#6554b3", "#7a5a44")
ROOT, INK, FAINT = "#6a717b", "#1b1f24", "#d5d9de"
TEXT, SMALL = 7.0, 6.0  # points
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that a figure is the same everywhere
    "font.size": TEXT,
    "axes.titlesize": TEXT,
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

    def __init__(self, recipe: RecipeView, shown: Sequence[TreeNode]) -> None:
        branches = [node.branch for node in shown]
        self._names = {
            node.tag: node.branch if node.branch and branches.count(node.branch) == 1 else node.tag
            for node in shown
        }
        self._branch = {node.tag: node.branch or node.tag for node in recipe}
        self._colors = branch_colors(recipe)

    def name(self, node: str, width: float = 26) -> str:
        text = self._names.get(node) or self._branch.get(node, node)
        return wrapped(text.replace("_", " "), width)

    def widest(self, node: str, width: float) -> int:
        """Letters of the longest line of a node's name."""
        return max(map(len, self.name(node, width).split("\n")))

    def place(self, node: str) -> int:
        return list(self._branch).index(node)

    def color(self, node: str) -> str:
        number = self._colors.get(node, -1)
        return BRANCHES[number % len(BRANCHES)] if number >= 0 else ROOT

    def line(self, node: str) -> dict[str, Any]:
        """Colour and dashes: from the fifth branch on a second sign, for colours that are near each other."""
        solid = self._colors.get(node, -1) < len(BRANCHES) // 2
        return {"color": self.color(node), "ls": "-" if solid else (0, (4, 1.2))}


def wrapped(text: str, width: float) -> str:
    return "\n".join(textwrap.wrap(text, max(8, int(width)))) or text


@contextmanager
def style() -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()  # a user's own style file changes nothing
        mpl.rcParams.update(STYLE)
        yield


@dataclass(frozen=True)
class Sheet:
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
    blocks: int = 1  # of rows, with more room between them
    apart: float = 8

    @property
    def height(self) -> float:
        between = (self.rows - 1) * self.down + (self.blocks - 1) * self.apart
        return self.top + self.rows * self.panel + between + self.bottom

    def figure(self) -> Figure:
        from matplotlib.figure import Figure

        return Figure(figsize=(self.width / 25.4, self.height / 25.4))

    def axes(self, figure: Figure, place: int) -> Axes:
        """The panel at a place, row by row."""
        row, column = divmod(place, self.columns)
        wide = (self.width - self.left - self.right - (self.columns - 1) * self.across) / self.columns
        x = self.left + column * (wide + self.across)
        above = row * (self.panel + self.down) + row // (self.rows // self.blocks) * self.apart
        y = self.height - self.top - above - self.panel
        return figure.add_axes((x / self.width, y / self.height, wide / self.width, self.panel / self.height))


class Legend:
    """The meaning of marks, in one or more lines along the lower edge of a page (width in mm)."""

    def __init__(self, marks: Sequence[Line2D], width: float) -> None:
        self._marks = marks
        self._drawn = (
            2.0 if any(mark.get_linestyle() != "None" for mark in marks) else 0.7
        )  # in letters' heights
        most = max(1.3 * len(str(mark.get_label())) + 2.1 * (self._drawn + 2.0) for mark in marks)
        self._lines = math.ceil(len(marks) / max(1, int((width - 2) / most)))

    @property
    def height(self) -> float:
        return 1.0 + 3.3 * self._lines

    def draw(self, figure: Figure) -> None:
        columns = math.ceil(len(self._marks) / self._lines)
        handles = [
            mark for first in range(columns) for mark in self._marks[first::columns]
        ]  # matplotlib goes down
        figure.legend(handles=handles, loc="lower center", ncols=columns, handlelength=self._drawn,
                      bbox_to_anchor=(0.5, 0.0), borderaxespad=0.3)  # fmt: skip
