"""What a benchmark finds, and the file and table that it goes into."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Record:
    """One measured line.

    `holds` tells whether `value` keeps `goal`, a bound such as ">= 0.95", or "" where there is none; `how` says how it
    was measured.
    """

    name: str
    value: float
    unit: str
    goal: str
    holds: bool
    how: str


def record(
    name: str, value: float, unit: str, relation: Literal[">=", "<="], bound: float, how: str
) -> Record:
    """A record that judges itself."""
    holds = value >= bound if relation == ">=" else value <= bound
    return Record(name, round(value, 4), unit, f"{relation} {bound:g}", holds, how)


def figure(name: str, value: float, unit: str, how: str) -> Record:
    """A record without a goal: it tells what a machine does."""
    return Record(name, round(value, 4), unit, "", True, how)


def spread(values: Sequence[float]) -> str:
    """Median and range, for `how`."""
    return f"median {median(values):.3g} of {len(values)} rounds, {min(values):.3g} to {max(values):.3g}"


def write(records: Iterable[Record], path: Path) -> None:
    """Write records as JSON; lines of an earlier run that were not measured this time are kept."""
    measured = {one.name: asdict(one) for one in records}
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        measured = {line["name"]: line for line in kept} | measured
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(list(measured.values()), indent=2) + "\n", encoding="utf-8")


def show(records: Iterable[Record], console: Console) -> None:
    """Print the table."""
    table = Table(box=None, pad_edge=False)
    for column in ("benchmark", "value", "goal", "", "how"):
        table.add_column(column, justify="right" if column == "value" else "left")
    for one in records:
        mark = "[green]holds[/]" if one.holds else "[red]missed[/]"
        mark = mark if one.goal else ""
        unit = f" {one.unit}" if one.unit != "ratio" else ""
        table.add_row(one.name, f"{one.value:.3g}{unit}", one.goal, mark, f"[dim]{one.how}")
    console.print(table)
