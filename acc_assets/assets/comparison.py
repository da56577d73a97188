"""The comparison of a recipe's branches and seeds."""

from __future__ import annotations

from acc_assets.assets.kinds import Outcome, digest_of
from acc_assets.report import RecipeView, compare
from acc_assets.storage import RunDirectory, Store

FAMILY = "comparison"
VERSION = 1
READS = ("metrics", "manifold")  # analyses, by suffix


def run(view: RecipeView, store: Store, folder: RunDirectory) -> Outcome:
    """Compare what is there of a recipe and matches it, and say what is missing."""
    found = compare(store, view)
    with folder.family(FAMILY) as out:
        out.json("comparison.json", found.to_json())
        out.bytes("comparison.csv", found.to_csv().encode())
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
            "missing": len(found.missing),
            "path": str(folder.local_path(FAMILY)),
        },
    )
