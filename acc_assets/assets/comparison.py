"""The comparison of a recipe's branches and seeds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import dagster as dg

from acc_assets.assets.kinds import AssetKind, Outcome
from acc_assets.assets.work import Work, seen
from acc_assets.families import Family
from acc_assets.report import Comparison, compare
from acc_assets.report.table import HISTORY_FILE, METRICS_FILE, SCHEMA, all_runs, history_table, to_parquet

VERSION = 2


class ComparisonFamily(Family):
    """All numbers and all learning curves of a recipe as two long tables, and what is missing of them."""

    name = "comparison"
    title = "Comparison"
    document = "missing.json"


def run(work: Work) -> Outcome:
    """Compare what is there of a recipe and matches it, and say what is missing."""
    view = seen(work)
    found = compare(view)
    with work.folder.family(ComparisonFamily.name, schema=SCHEMA) as out:
        out.bytes(METRICS_FILE, to_parquet(found.table))
        out.bytes(HISTORY_FILE, to_parquet(history_table(view, all_runs(view))))
        out.json(ComparisonFamily.document, [asdict(one) for one in found.missing])
    numbers = {
        f"{node} {column.label}": found.cells[node][column.key].mean
        for column in found.headline(6)
        for node in found.nodes
        if column.key in found.cells[node]
    }
    return Outcome(
        metadata={
            **numbers,
            "comparison": _table(found),
            "missing": len(found.missing),
            "left out": "; ".join(f"{one.node} seed {one.seed}: {one.what}" for one in found.missing)
            or "nothing",
        },
    )


def _table(found: Comparison) -> dg.MetadataValue[Any]:
    """A row a node, a column a metric: mean and spread over seeds, as a table of the catalog."""
    columns = found.headline(12)
    records = []
    for node in found.nodes:
        cells = {column.label: found.cells[node].get(column.key) for column in columns}
        text = {
            label: ""
            if cell is None
            else f"{cell.mean:.4g}" + (f" ± {cell.sd:.2g}" if cell.sd is not None else "")
            for label, cell in cells.items()
        }
        records.append(dg.TableRecord({"node": node, **text}))
    names = ["node", *(column.label for column in columns)]
    schema = dg.TableSchema(columns=[dg.TableColumn(name, "string") for name in names])
    return dg.MetadataValue.table(records=records, schema=schema)


KIND = AssetKind(
    scope="recipe",
    family=ComparisonFamily(),
    run=run,
    description="The comparison of a recipe's branches and seeds.",
    kinds=frozenset({"table"}),
)
