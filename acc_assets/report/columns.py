"""The numbers of a run, each with its column: what it is called, its unit, direction, baseline and error."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from acc_assets.families import Number, RunArtifacts
from acc_assets.families.words import words
from acc_assets.report.cells import Cell, finite
from acc_assets.report.recipe import RecipeView

RAW_PIXELS = "raw pixels"  # the control that no network made
OWN_LABELS = "own labels"  # where each branch is judged by the labels of its own training images


@dataclass(frozen=True)
class Column:
    """One metric of one task (or of the latent), the same for every node."""

    key: str  # "digit_classify.accuracy"
    task: str
    metric: str
    label: str
    unit: str
    better: str | None
    dataset: str
    rank: int
    baseline: float | None = None
    count: int | None = None  # test images behind one value, where it is a share or an R² of them
    slot: str = ""  # of a probe: what it reads, and what it predicts from it
    target: str = ""

    @property
    def named(self) -> bool:
        """Whether this probe asks a slot for what the recipe says it means: only then is more better."""
        return bool(self.slot) and self.better is not None

    def error(self, value: float) -> float | None:
        """Standard error of one value from the finite number of test images; None where it is not known.

        A share p of n images: sqrt(p (1 - p) / n), with p moved towards 1/2 by one image of each kind, so that no
        share is free of error. R²: sqrt(4 R² (1 - R²)² / n) (Olkin and Finn 1995), taken as 0 below 0.
        """
        if not self.count or not math.isfinite(value):
            return None
        if words(self.metric).style == "percent":
            share = (min(max(value, 0.0), 1.0) * self.count + 1) / (self.count + 2)
            return math.sqrt(share * (1 - share) / self.count)
        if self.metric in ("r2", "probe_r2"):
            return math.sqrt(4 * min(max(value, 0.0), 1.0) / self.count) * (1 - min(max(value, 0.0), 1.0))
        return None


def measured(recipe: RecipeView, run: RunArtifacts) -> Iterable[tuple[Column, float]]:
    """Yield every number that the families of a run offer, with the column it belongs to."""
    for family in recipe.families(recipe[run.node]):
        for number in family.numbers(run):
            yield column_of(number), number.value


def column_of(number: Number) -> Column:
    """Build the column of a number; what the number leaves open follows from its metric's words."""
    word = words(number.metric)
    label = word.label if number.task.lower() == number.metric else f"{number.task} {word.label}"
    return Column(
        key=number.key or f"{number.task}.{number.metric}",
        task=number.task,
        metric=number.metric,
        label=number.label or label,
        unit=word.unit if number.unit is None else number.unit,
        better=word.better if number.better == Number.better else number.better,
        dataset=number.dataset,
        rank=word.rank if number.rank is None else number.rank,
        baseline=number.baseline,
        count=number.count,
        slot=number.slot,
        target=number.target,
    )


def dots(column: Column, cells: Mapping[str, Cell], colors: Mapping[str, int]) -> dict[str, Any]:
    """One metric of a dot plot: each seed's point, the mean and the spread of the nodes that have it."""
    word = words(column.metric)
    return {
        "key": column.key,
        "label": column.label,
        "unit": column.unit,
        "better": column.better,
        "percent": word.style == "percent",
        "digits": word.digits,
        "baseline": finite(column.baseline),
        "rows": [
            {
                "node": node,
                "color": colors[node],
                "values": [[seed, finite(value)] for seed, value in cell.values.items()],
                "mean": finite(cell.mean),
                "sd": finite(cell.sd),
            }
            for node, cell in cells.items()
        ],
    }
