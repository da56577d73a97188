"""Metrics against the number of labels: a line for each branch that goes on with more of them, over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acc_assets.families import RunArtifacts
from acc_assets.families.words import CLASSIFIERS, is_number, number, words
from acc_assets.report.cells import Cell, finite
from acc_assets.report.columns import Column, measured
from acc_assets.report.comparison import Comparison
from acc_assets.report.differences import settings
from acc_assets.report.recipe import RecipeView
from acc_assets.report.specs import tasks_of
from acc_assets.report.vocabulary import show, show_spread
from acc_assets.tree import TreeNode
from acc_assets.tree.asking import CONTROL

QUANTITY = "labels"
CONFIDENCE = 0.95
FEW = 4  # metrics that are drawn
Values = Mapping[int, float]  # by seed


@dataclass(frozen=True)
class Interval:
    """The mean of `n` values with its confidence interval by Student's t; without one for a single value."""

    mean: float
    low: float | None
    high: float | None
    n: int

    @staticmethod
    def of(values: Values) -> Interval:
        """The interval of values by seed, at least one."""
        from scipy.stats import t

        cell, n = Cell.of(values), len(values)
        if cell.sd is None:
            return Interval(cell.mean, None, None, n)
        half = float(t.ppf((1 + CONFIDENCE) / 2, n - 1)) * cell.sd / math.sqrt(n)
        return Interval(cell.mean, cell.mean - half, cell.mean + half, n)

    @property
    def clear(self) -> bool:
        """Whether 0 lies outside of it."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Line:
    """A branch: by number of labels the node that was trained with them. control: its rule is the random one."""

    name: str
    nodes: Mapping[int, str]
    control: bool


@dataclass(frozen=True)
class Budgets:
    """What a recipe's page shows: the lines, and of each metric the values by line, number of labels and seed."""

    lines: tuple[Line, ...]
    columns: tuple[Column, ...]  # of classifiers
    values: Mapping[tuple[str, str], Values]  # (node, column key) -> by seed

    @property
    def control(self) -> Line | None:
        """The line whose labels were drawn at random, where there is one beside others."""
        return next((line for line in self.lines if line.control), None) if len(self.lines) > 1 else None

    def differences(self, line: Line, column: Column) -> dict[int, Values]:
        """By number of labels and seed, by how much a line differs from the control, but not at their start."""
        control = self.control
        assert control is not None  # asked only where there is one
        found: dict[int, Values] = {}
        for labels, node in line.nodes.items():
            other = control.nodes.get(labels)
            if other is None or other == node:
                continue
            ours, theirs = (self.values.get((one, column.key), {}) for one in (node, other))
            shared = {seed: ours[seed] - theirs[seed] for seed in ours if seed in theirs}
            if shared:
                found[labels] = shared
        return found


def labels_of(run: RunArtifacts) -> int | None:
    """How many training images had a label, as a run has recorded: by an oracle's count, else by its data sets."""
    told = [(entry.get("metrics") or {}).get(QUANTITY) for entry in run.task_metrics().values()]
    given = [data.get("labelled") for data in (run.config.get("datasets") or {}).values()]
    for counts in (told, given):
        known = [int(count) for count in counts if count is not None and is_number(count)]
        if known:
            return max(known)
    return None


def budgets(recipe: RecipeView, comparison: Comparison) -> Budgets | None:
    """Read what is there of every evaluated node; None where no branch is measured with different numbers of labels."""
    runs = [
        run for node in recipe if node.evaluated and node.kind == "trained" for run in recipe.runs(node.tag)
    ]
    labels: dict[str, int] = {}
    values: dict[tuple[str, str], dict[int, float]] = {}
    for run in runs:
        count = labels_of(run) if run.metrics else None
        if count is None:
            continue
        labels[run.node] = count
        learn = {task for task, entry in run.task_metrics().items() if entry.get("kind") in CLASSIFIERS}
        for column, value in measured(recipe, run):
            if column.task in learn and math.isfinite(value):
                values.setdefault((run.node, column.key), {})[run.seed] = value
    lines = tuple(lines_of(recipe, labels))
    columns = tuple(
        column
        for column in comparison.headline(FEW)
        if any(all((node, column.key) in values for node in line.nodes.values()) for line in lines)
    )
    return Budgets(lines, columns, values) if lines and columns else None


def lines_of(recipe: RecipeView, labels: Mapping[str, int]) -> Iterator[Line]:
    """Branches of several nodes with what they go on from, then nodes that differ in their data alone."""
    by_branch: dict[str, list[TreeNode]] = {}
    for node in recipe:
        if node.tag in labels:
            by_branch.setdefault(node.branch, []).append(node)
    alike: dict[tuple[str, ...], list[TreeNode]] = {}
    for branch, nodes in by_branch.items():
        before = [one for one in recipe.lineage(nodes[0].tag)[:-1] if one.tag in labels][-1:]
        chain = {labels[node.tag]: node.tag for node in (*before, *nodes)}
        if len(chain) > 1:
            rules = {task.get("rule") for task in tasks_of(nodes[-1]) if task.get("type") == "OracleTask"}
            yield Line(branch, dict(sorted(chain.items())), rules == {CONTROL})
        else:
            found = settings(recipe, nodes[-1], {})
            same = tuple(one.text for name, one in found.items() if name not in ("data", "start"))
            same += tuple(str({**task["dataset"]["config"], QUANTITY: None}) for task in tasks_of(nodes[-1]))
            alike.setdefault(same, []).append(nodes[-1])
    for nodes in alike.values():
        told = {labels[node.tag]: node.tag for node in nodes}
        if len(told) > 1:
            yield Line(min((node.branch for node in nodes), key=len), dict(sorted(told.items())), False)


def budgets_context(
    recipe: RecipeView, comparison: Comparison, colors: Mapping[str, int]
) -> dict[str, Any] | None:
    """Return the template's variables of the section: the chart, its table of values, and the differences."""
    found = budgets(recipe, comparison)
    if found is None:
        return None
    shown = found.columns[0]
    counts = sorted({labels for line in found.lines for labels in line.nodes})
    steps = {
        n: {recipe.start_step(tag) + recipe[tag].steps for line in found.lines if (tag := line.nodes.get(n))}
        for n in counts
    }
    alike = all(len(one) == 1 for one in steps.values())
    return {
        "chart": {"kind": "against", "x": QUANTITY, "panels": list(_panels(found, colors))},
        "column": shown,
        "counts": counts,
        "seeds": sorted({len(by_seed) for by_seed in found.values.values()}),
        "steps": [f"{steps[n].pop():,}" for n in counts] if alike else [],
        "control": found.control,
        "rows": [
            {
                "line": line,
                "color": colors[list(line.nodes.values())[-1]],
                "cells": [
                    (node, _text(shown, Interval.of(values)))
                    if (values := found.values.get((node := line.nodes.get(labels, ""), shown.key)))
                    else None
                    for labels in counts
                ],
            }
            for line in found.lines
        ],
        **_against_control(found, shown, colors),
    }


def _against_control(found: Budgets, column: Column, colors: Mapping[str, int]) -> dict[str, Any]:
    """Rows of differences to the control by number of labels and over all, and a sentence about all intervals."""
    control = found.control
    if control is None:
        return {"differences": [], "chance": ""}
    rows, intervals = [], []
    counts = sorted({n for line in found.lines for n in found.differences(line, column)})
    for line in found.lines:
        by_labels = found.differences(line, column)
        if line is control or not by_labels:
            continue
        whole = set.intersection(*(set(by_labels.get(n, {})) for n in counts))
        over = {
            seed: math.fsum(one[seed] for one in by_labels.values()) / len(counts) for seed in sorted(whole)
        }
        cells = [Interval.of(by_labels[n]) if n in by_labels else None for n in counts]
        intervals += [cell for cell in cells if cell is not None and cell.low is not None]
        rows.append(
            {
                "line": line,
                "color": colors[list(line.nodes.values())[-1]],
                "cells": [
                    None if cell is None else (_text(column, cell, signed=True), cell.clear) for cell in cells
                ],
                "over": (_text(column, Interval.of(over), signed=True), Interval.of(over).clear)
                if over
                else None,
            }
        )
    clear = sum(cell.clear for cell in intervals)
    chance = (
        f"Of the {len(intervals)} intervals for single numbers of labels {clear} {'lies' if clear == 1 else 'lie'} to "
        f"one side of 0; were no branch different from {control.name}, "
        f"{number((1 - CONFIDENCE) * len(intervals), 1)} would on average."
        if intervals
        else ""
    )
    return {"differences": rows, "difference_counts": counts, "chance": chance}


def _text(column: Column, interval: Interval, signed: bool = False) -> str:
    """`82.10 ± 1.20 %`: the mean and half of its interval; the mean alone of one value."""
    if interval.high is None:
        return show(column.metric, interval.mean, signed=signed)
    text = show_spread(column.metric, interval.mean, interval.high - interval.mean)
    if signed and words(column.metric).style == "percent":
        text = f"{text.removesuffix('%')}points"
    return f"+{text}" if signed and interval.mean > 0 else text


def _panels(found: Budgets, colors: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """A panel for each metric; of the first one also the difference to the control."""
    for column in found.columns:
        values = [
            {
                n: found.values[node, column.key]
                for n, node in line.nodes.items()
                if (node, column.key) in found.values
            }
            for line in found.lines
        ]
        yield _panel(column, column.label, found.lines, values, colors)
        if column == found.columns[0] and (control := found.control) is not None:
            others = [line for line in found.lines if line is not control]
            told = [found.differences(line, column) for line in others]
            title = f"{column.label}, difference to {control.name} by seed"
            yield _panel(column, title, others, told, colors, points=True)


def _panel(
    column: Column,
    title: str,
    lines: Sequence[Line],
    values: Sequence[Mapping[int, Values]],
    colors: Mapping[str, int],
    points: bool = False,
) -> dict[str, Any]:
    percent = words(column.metric).style == "percent"
    unit = ("points" if points else "%") if percent else column.unit
    drawn = []
    for line, by_labels in zip(lines, values, strict=True):
        told = [(n, Interval.of(by_seed)) for n, by_seed in by_labels.items()]
        drawn.append(
            {
                "name": line.name,
                "color": colors[list(line.nodes.values())[-1]],
                "control": line.control,
                "points": [
                    {
                        "x": n,
                        "mean": finite(one.mean),
                        "low": finite(one.low),
                        "high": finite(one.high),
                        "values": list(by_labels[n].values()),
                    }
                    for n, one in told
                ],
            }
        )
    return {
        "title": title,
        "unit": unit,
        "better": column.better,
        "scale": 100 if percent else 1,
        "zero": points,
        "lines": drawn,
    }
