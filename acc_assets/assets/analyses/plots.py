"""What every plot of a run's report has in common: its name, the rule whether it applies, and its values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from acc_assets.families import Chart, Evaluated
from acc_assets.families.providers import Applies

Sheets = dict[str, bytes]  # PNGs by name
DIGITS = 5  # of the numbers in a chart


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A plot: `applies` says why it cannot be made of a model (None: it can), and alone decides whether it is.

    where: the place that a reader finds it. draw: the chart, with the PNGs that it cuts its pictures from; None for
    what another part of the page draws.
    """

    title: str
    where: str
    applies: Applies
    draw: Callable[[Evaluated, Sheets], Chart] | None = None
    kind: str = "plot"


def rounded(values: Any) -> Any:
    """Numbers for a chart, None for those that are not finite."""
    return [
        rounded(one)
        if isinstance(one, (np.ndarray, list, tuple))
        else float(f"{one:.{DIGITS}g}")
        if np.isfinite(one)
        else None
        for one in values
    ]


def first_of(*reasons: Applies) -> Applies:
    """The first reason of several."""
    return lambda found: next((why for rule in reasons if (why := rule(found)) is not None), None)


def heat(
    rows: Sequence[str],
    columns: Sequence[str],
    row: str,
    column: str,
    panels: Sequence[dict[str, Any]],
    sort: str = "",
) -> dict[str, Any]:
    """The value of a heat map: panels with `title`, `unit`, `digits` and `values` (rows, columns).

    sort: how rows may be ordered: by their "last" value, or by the column of their largest ("peak").
    """
    told = [{**panel, "values": rounded(panel["values"])} for panel in panels]
    spec = {"kind": "heat", "rows": list(rows), "columns": list(columns), "row": row, "column": column}
    return {**spec, "panels": told, **({"sort": sort} if sort else {})}


def sentences(parts: Iterable[str]) -> str:
    """Parts as sentences, each with a capital at its beginning."""
    return " ".join(f"{part[:1].upper()}{part[1:]}" for part in parts)
