"""The comparison of a recipe's branches and seeds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import dagster as dg

from acc_assets.assets.kinds import AssetKind, Outcome
from acc_assets.assets.work import Work, seen
from acc_assets.families import Family
from acc_assets.report import Comparison, compare
from acc_assets.report.comparison import Missing
from acc_assets.report.table import (
    COMPARISON,
    HISTORY_FILE,
    METRICS_FILE,
    SCHEMA,
    all_runs,
    history_table,
    stored_table,
    to_parquet,
)
from acc_assets.storage import Store
from acc_assets.tree import Tree

VERSION = 2


class ComparisonFamily(Family):
    """All numbers and all learning curves of a recipe as two long tables, and what is missing of them."""

    name = COMPARISON
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
    names, *rows = found.rows(12)
    records = [dg.TableRecord(dict(zip(names, row, strict=True))) for row in rows]
    schema = dg.TableSchema(columns=[dg.TableColumn(name, "string") for name in names])
    return dg.MetadataValue.table(records=records, schema=schema)


def stored(tree: Tree, store: Store) -> Comparison | None:
    """What this asset has written of a recipe; None where there is nothing of this layout."""
    folder = store.recipe(tree.name)
    table = stored_table(folder, METRICS_FILE)
    if table is None:
        return None
    missing = folder.read_json(f"{COMPARISON}/{ComparisonFamily.document}")
    nodes = tuple(node.tag for node in tree.shown())
    return Comparison(tree.name, tree.seeds, nodes, table, tuple(Missing(**one) for one in missing))


KIND = AssetKind(
    scope="recipe",
    family=ComparisonFamily(),
    run=run,
    description="The comparison of a recipe's branches and seeds.",
    kinds=frozenset({"table"}),
)
