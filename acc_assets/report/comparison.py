"""A recipe's branches side by side: every metric's mean, spread and single seeds, and what is missing."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from acc_assets.report.cells import Cell
from acc_assets.report.columns import Column, measured, register
from acc_assets.report.differences import Reference, nearest
from acc_assets.report.manifold import RAW_PIXELS, controls
from acc_assets.report.recipe import RecipeView
from acc_assets.report.vocabulary import build_command

ENOUGH = 3  # headlines
SECONDARY = 6  # metrics from this rank on (KL, losses, ...) are no headlines


@dataclass(frozen=True)
class Missing:
    """Something that has not been built, and the command that builds it."""

    node: str
    seed: int
    what: str
    command: str


@dataclass(frozen=True)
class Pair:
    """Seed by seed, how much `node` differs from `reference`."""

    column: str
    node: str
    reference: str
    differences: Mapping[int, float]  # node - reference, by seed
    error: float | None = None  # of one value, from the number of test images

    @property
    def sign(self) -> int:
        """1 or -1 where two seeds or more agree on a direction and the mean is more than noise, else 0.

        Noise is twice the error of one value: all seeds see the same test images, so more seeds do not lessen it.
        """
        agreed = len(self.differences) > 1 and len(self.differences) in (self.up, self.down)
        return (1 if self.up else -1) if agreed and not self.within_noise else 0

    @property
    def within_noise(self) -> bool:
        """Whether so few test images cannot tell the values apart."""
        return self.error is not None and abs(self.mean) <= 2 * self.error

    @property
    def mean(self) -> float:
        return Cell.of(self.differences).mean

    @property
    def up(self) -> int:
        """In how many seeds the node's value is the larger one."""
        return sum(value > 0 for value in self.differences.values())

    @property
    def down(self) -> int:
        """In how many seeds the node's value is the smaller one."""
        return sum(value < 0 for value in self.differences.values())


@dataclass(frozen=True)
class Comparison:
    """What a recipe's page and the `comparison` asset show."""

    recipe: str
    seeds: tuple[int, ...]
    nodes: tuple[str, ...]
    columns: tuple[Column, ...]
    cells: Mapping[str, Mapping[str, Cell]]  # node -> column key -> cell
    pairs: tuple[Pair, ...]
    missing: tuple[Missing, ...]
    health: Mapping[str, Mapping[int, str]] = field(default_factory=dict)  # node -> seed -> level
    collapsed: tuple[tuple[str, int, str], ...] = ()  # (node, seed, factor): slots that carry nothing
    controls: Mapping[str, Mapping[str, Cell]] = field(
        default_factory=dict
    )  # untrained networks and raw pixels
    references: Mapping[str, Reference] = field(default_factory=dict)  # node -> the branch that it changes
    images: Mapping[str, int] = field(default_factory=dict)  # data set -> training images

    def column(self, key: str) -> Column:
        """Return the column with this key."""
        return next(column for column in self.columns if column.key == key)

    def headline(self, count: int = 4) -> list[Column]:
        """Return the most telling columns, those that every node has before others.

        Of every task its first metric, accuracy and PSNR before others; and whether a slot means what it is called,
        for the class only where no classifier of the branches' own tells it for all of them.
        """
        best: dict[str, Column] = {}
        for column in self.columns:  # in the order of their ranks
            if column.better and column.rank < SECONDARY:
                best.setdefault(column.task, column)
        classified = any(
            column.metric == "accuracy" and all(column.key in self.cells[node] for node in self.nodes)
            for column in best.values()
        )
        telling = [c for c in best.values() if not (classified and c.metric == "probe_accuracy")]
        having = {
            column.key: sum(column.key in self.cells[node] for node in self.nodes) for column in telling
        }
        telling.sort(key=lambda column: -having[column.key])
        whole = [column for column in telling if having[column.key] == len(self.nodes)]
        if len(whole) >= ENOUGH:  # a number that some branches lack compares nothing
            telling = whole
        return telling[:count] or list(self.columns)[:count]

    def named_slots(self) -> list[Column]:
        """Return the probes that ask whether a slot means what it is called: `thickness` to `stroke_thickness`."""
        return [column for column in self.columns if column.named]

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values (non-finite numbers become None)."""
        return {
            "recipe": self.recipe,
            "seeds": list(self.seeds),
            "columns": [asdict(column) for column in self.columns],
            "nodes": {
                node: {
                    key: {
                        "mean": finite(cell.mean),
                        "sd": finite(cell.sd),
                        "values": {str(seed): finite(value) for seed, value in cell.values.items()},
                    }
                    for key, cell in self.cells[node].items()
                }
                for node in self.nodes
            },
            "pairs": [
                {
                    "column": pair.column,
                    "node": pair.node,
                    "reference": pair.reference,
                    "mean": finite(pair.mean),
                    "differences": {str(seed): finite(value) for seed, value in pair.differences.items()},
                }
                for pair in self.pairs
            ],
            "health": {
                node: {str(seed): level for seed, level in levels.items()}
                for node, levels in self.health.items()
            },
            "controls": {
                name: {
                    key: {str(seed): finite(v) for seed, v in cell.values.items()}
                    for key, cell in by_key.items()
                }
                for name, by_key in self.controls.items()
            },
            "collapsed": [list(item) for item in self.collapsed],
            "missing": [asdict(item) for item in self.missing],
        }

    def to_csv(self) -> str:
        """Return one row for each node, metric and seed, then its mean and sd over seeds."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(
            ["recipe", "node", "task", "metric", "unit", "dataset", "seed", "value", "mean", "sd"]
        )
        for node in self.nodes:
            for column in self.columns:
                cell = self.cells[node].get(column.key)
                if cell is None:
                    continue
                spread = "" if cell.sd is None else repr(cell.sd)
                for seed, value in cell.values.items():
                    named = [self.recipe, node, column.task, column.metric, column.unit, column.dataset]
                    writer.writerow([*named, seed, repr(value), repr(cell.mean), spread])
        return out.getvalue()


def compare(recipe: RecipeView) -> Comparison:
    """Read the metrics of every shown node and seed that are there, and say which are not."""
    nodes = tuple(node.tag for node in recipe.shown())
    values: dict[str, dict[str, dict[int, float]]] = {node: {} for node in nodes}
    images: dict[str, int] = {}
    columns: dict[str, Column] = {}
    health: dict[str, dict[int, str]] = {node: {} for node in nodes}
    missing: list[Missing] = []
    collapsed: list[tuple[str, int, str]] = []
    for node in nodes:
        for seed in recipe.seeds:
            run = recipe.run(node, seed)
            images |= run.images("train")
            if run.summary:
                health[node][seed] = run.health()
            if not run.metrics:
                what = (
                    "left out: " + why
                    if (why := run.why_withheld("metrics"))
                    else "metrics"
                    if run.built
                    else "not built"
                )
                missing.append(Missing(node, seed, what, build_command(recipe.name, node, seed)))
                continue
            groups = (run.metrics.get("latent") or {}).get("groups") or {}
            collapsed += [(node, seed, str(name)) for name, group in groups.items() if group.get("collapsed")]
            for column, value in measured(recipe, run):
                register(columns, column)
                values[node].setdefault(column.key, {})[seed] = value
    control_cells = {
        name: {key: Cell.of(by_seed) for key, by_seed in numbers.items()}
        for name, numbers in controls(recipe).items()
    }
    for key, cell in control_cells.get(RAW_PIXELS, {}).items():
        if key in columns:
            columns[key] = replace(columns[key], baseline=cell.mean)
    cells = {node: {key: Cell.of(by_seed) for key, by_seed in values[node].items()} for node in nodes}
    ordered = tuple(sorted(columns.values(), key=lambda c: (c.rank, c.key)))
    references = nearest(recipe, [recipe[node] for node in nodes], images)
    earlier = {node: reference.tag for node, reference in references.items()}
    return Comparison(
        recipe=recipe.name,
        seeds=tuple(recipe.seeds),
        nodes=nodes,
        columns=ordered,
        cells=cells,
        pairs=tuple(paired(nodes, ordered, cells, earlier)),
        missing=tuple(missing),
        health=health,
        collapsed=tuple(collapsed),
        controls=control_cells,
        references=references,
        images=images,
    )


def paired(
    nodes: Sequence[str],
    columns: Sequence[Column],
    cells: Mapping[str, Mapping[str, Cell]],
    references: Mapping[str, str],
) -> Iterable[Pair]:
    """Yield each node against its reference, for every metric and the seeds that both have."""
    for node in nodes:
        for column in columns if node in references else ():
            reference = references[node]
            pair = pair_of(
                column, (node, reference), cells[node].get(column.key), cells[reference].get(column.key)
            )
            if pair is not None:
                yield pair


def pair_of(column: Column, names: tuple[str, str], ours: Cell | None, theirs: Cell | None) -> Pair | None:
    """Compare two cells seed by seed; None where they share no seed or a value is not finite."""
    if ours is None or theirs is None:
        return None
    shared = [seed for seed in ours.values if seed in theirs.values]
    differences = {seed: ours.values[seed] - theirs.values[seed] for seed in shared}
    if not differences or not all(map(math.isfinite, differences.values())):
        return None
    errors = [column.error(cell.values[seed]) for cell in (ours, theirs) for seed in shared]
    known = [error for error in errors if error is not None]
    return Pair(column.key, *names, differences, max(known) if known else None)


def finite(value: float | None) -> float | None:
    """Return the value, or None where JSON has no word for it."""
    return value if value is not None and math.isfinite(value) else None
