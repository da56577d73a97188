"""The comparison of a recipe's branches and seeds: all its numbers as one long table, and what is missing of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import dagster as dg

from acc_assets.assets.kinds import Outcome, digest_of
from acc_assets.report import Comparison, RecipeView
from acc_assets.report.artifacts import RunArtifacts
from acc_assets.report.comparison import comparison_of
from acc_assets.report.table import HISTORY_FILE, METRICS_FILE, SCHEMA, history_table, to_parquet
from acc_assets.storage import RunDirectory, Store

FAMILY = "comparison"
VERSION = 2
READS = ("metrics", "manifold", "traversals")  # analyses, by suffix


def run(view: RecipeView, store: Store, folder: RunDirectory) -> Outcome:
    """Compare what is there of a recipe and matches it, and say what is missing."""
    runs = {
        (node.tag, seed): RunArtifacts(store, view, node.tag, seed)
        for node in view.nodes
        for seed in view.seeds
    }
    found = comparison_of(view, lambda node, seed: runs[node, seed])
    with folder.family(FAMILY, schema=SCHEMA) as out:
        out.bytes(METRICS_FILE, to_parquet(found.table))
        out.bytes(HISTORY_FILE, to_parquet(history_table(runs.values())))
        out.json("missing.json", [asdict(one) for one in found.missing])
    numbers = {
        f"{node} {column.label}": found.cells[node][column.key].mean
        for column in found.headline(6)
        for node in found.nodes
        if column.key in found.cells[node]
    }
    return Outcome(
        data_version=digest_of(folder.manifest(FAMILY)),
        metadata={
            **numbers,
            "comparison": _table(found),
            "missing": len(found.missing),
            "left out": "; ".join(f"{one.node} seed {one.seed}: {one.what}" for one in found.missing)
            or "nothing",
            "path": str(folder.local_path(FAMILY)),
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
