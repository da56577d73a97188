"""A recipe's branches side by side: every metric's mean, spread and single seeds, and what is missing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from acc_assets.report.cells import Cell
from acc_assets.report.columns import RAW_PIXELS, Column
from acc_assets.report.differences import Reference, nearest
from acc_assets.report.recipe import RecipeView
from acc_assets.report.table import CONTROL, all_runs, cells_of, columns_of, metrics_table
from acc_assets.report.vocabulary import build_command, show_spread

if TYPE_CHECKING:
    from pandas import DataFrame

ENOUGH = 3  # headlines
SECONDARY = 6  # metrics from this rank on (KL, losses, ...) are no headlines
CSV = ["recipe", "node", "task", "metric", "unit", "dataset", "seed", "value", "mean", "sd"]


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


@dataclass(frozen=True, eq=False)
class Comparison:
    """What a recipe's page and the `comparison` asset show: queries on the table of all its numbers."""

    recipe: str
    seeds: tuple[int, ...]
    nodes: tuple[str, ...]  # that are compared; the table has all
    table: DataFrame  # see `metrics_table`
    missing: tuple[Missing, ...] = ()
    health: Mapping[str, Mapping[int, str]] = field(default_factory=dict)  # node -> seed -> level
    collapsed: tuple[tuple[str, int, str], ...] = ()  # (node, seed, factor): slots that carry nothing
    references: Mapping[str, Reference] = field(default_factory=dict)  # node -> the branch that it changes
    images: Mapping[str, int] = field(default_factory=dict)  # data set -> training images

    @cached_property
    def shown(self) -> DataFrame:
        """The numbers of the compared nodes, of the runs that are not called missing."""
        wanted = {*itertools.product(self.nodes, self.seeds)} - {(one.node, one.seed) for one in self.missing}
        runs = zip(self.table["node"], self.table["seed"], strict=True)
        return self.table[np.fromiter((run in wanted for run in runs), bool, len(self.table))]

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """What was measured, the headlines first; the baseline is what raw pixels reach, where they were judged."""
        pixels = self.controls.get(RAW_PIXELS, {})
        return tuple(
            replace(column, baseline=pixels[column.key].mean) if column.key in pixels else column
            for column in columns_of(self.shown)
        )

    @cached_property
    def cells(self) -> Mapping[str, Mapping[str, Cell]]:
        """The values over seeds of every compared node, by column key."""
        return {node: {} for node in self.nodes} | cells_of(self.shown)

    @cached_property
    def controls(self) -> Mapping[str, Mapping[str, Cell]]:
        """The same of untrained networks and of raw pixels."""
        return cells_of(self.table[self.table["kind"].isin(["root", CONTROL])])

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Each node against its reference, for every metric and the seeds that both have."""
        found = [
            pair_of(
                column, (node, one.tag), self.cells[node].get(column.key), self.cells[one.tag].get(column.key)
            )
            for node, one in self.references.items()
            for column in self.columns
        ]
        return tuple(pair for pair in found if pair is not None)

    def column(self, key: str) -> Column:
        """Return the column with this key."""
        return next(column for column in self.columns if column.key == key)

    def headline(self, count: int = 4) -> list[Column]:
        """Return the most telling columns, those that every node has before others.

        Of every task its first metric, accuracy and PSNR before others; and whether a slot means what it is called,
        for the class only where some node has no classifier of its own. Where each has one, whatever it is called, the
        accuracies come first.
        """
        best: dict[str, Column] = {}
        for column in self.columns:  # in the order of their ranks
            if column.better and column.rank < SECONDARY:
                best.setdefault(column.task, column)
        accuracies = {column.key for column in best.values() if column.metric == "accuracy"}
        classified = all(accuracies & found.keys() for found in self.cells.values() if found)
        telling = [c for c in best.values() if not (classified and c.metric == "probe_accuracy")]
        having = {
            column.key: sum(column.key in self.cells[node] for node in self.nodes) for column in telling
        }
        telling.sort(key=lambda c: (not (classified and c.key in accuracies), -having[c.key]))
        whole = [column for column in telling if having[column.key] == len(self.nodes)]
        if len(whole) >= ENOUGH:  # a number that some branches lack compares nothing
            telling = whole
        return telling[:count] or list(self.columns)[:count]

    def rows(self, count: int) -> list[list[str]]:
        """Return the headline as text: its heads, then of every node its name, mean and spread over seeds."""
        columns = self.headline(count)

        def text(node: str, column: Column) -> str:
            cell = self.cells[node].get(column.key)
            return "" if cell is None else show_spread(column.metric, cell.mean, cell.sd)

        return [
            ["node", *(column.label for column in columns)],
            *([node, *(text(node, column) for column in columns)] for node in self.nodes),
        ]

    def named_slots(self) -> list[Column]:
        """Return the probes that ask whether a slot means what it is called: `thickness` to `stroke_thickness`."""
        return [column for column in self.columns if column.named]

    def to_csv(self) -> str:
        """Return one row for each node, metric and seed, with its mean and sd over seeds."""
        from pandas import DataFrame

        rows = [
            (self.recipe, node, c.task, c.metric, c.unit, c.dataset, seed, value, cell.mean, cell.sd)
            for node in self.nodes
            for c in self.columns
            if (cell := self.cells[node].get(c.key)) is not None
            for seed, value in cell.values.items()
        ]
        return str(DataFrame(rows, columns=CSV).to_csv(index=False, lineterminator="\n"))


def compare(recipe: RecipeView) -> Comparison:
    """Read the metrics of every node and seed that are there, and say which are not."""
    nodes = tuple(node.tag for node in recipe.shown())
    images: dict[str, int] = {}
    health: dict[str, dict[int, str]] = {node: {} for node in nodes}
    missing: list[Missing] = []
    collapsed: list[tuple[str, int, str]] = []
    for node, seed in itertools.product(nodes, recipe.seeds):
        run = recipe.run(node, seed)
        images |= run.images("train")
        if run.summary:
            health[node][seed] = run.health()
        if not run.metrics:
            why = run.why_withheld("metrics")
            what = f"left out: {why}" if why else "metrics" if run.built else "not built"
            missing.append(Missing(node, seed, what, build_command(recipe.name, node, seed)))
        groups = (run.metrics.get("latent") or {}).get("groups") or {}
        collapsed += [(node, seed, str(name)) for name, group in groups.items() if group.get("collapsed")]
    return Comparison(
        recipe=recipe.name,
        seeds=tuple(recipe.seeds),
        nodes=nodes,
        table=metrics_table(recipe, all_runs(recipe)),
        missing=tuple(missing),
        health=health,
        collapsed=tuple(collapsed),
        references=nearest(recipe, [recipe[node] for node in nodes], images),
        images=images,
    )


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
