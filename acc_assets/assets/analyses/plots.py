"""What the plots of a run's report have in common: the rules whether they apply, and the values of their charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from acc_assets.families.providers import Applies

DIGITS = 5  # of the numbers in a chart


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
