"""The long tables of a recipe: a row for every measured number, and one for every point of a learning curve."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from acc_assets.families import RunArtifacts
from acc_assets.families.manifold import FAMILY as MANIFOLD
from acc_assets.families.manifold import numbers_of
from acc_assets.families.words import DIVERGENCES, words
from acc_assets.report.cells import Cell
from acc_assets.report.columns import OWN_LABELS, RAW_PIXELS, Column, column_of, measured
from acc_assets.report.recipe import RecipeView

if TYPE_CHECKING:
    from pandas import DataFrame

    from acc_assets.storage import ArtifactFolder

COMPARISON = "comparison"  # the family that holds both tables
SCHEMA = 2  # of both, in its manifest
METRICS_FILE, HISTORY_FILE = "metrics.parquet", "history.parquet"
CONTROL = "control"  # the kind of what is no node of the tree: raw pixels
_RUN = {
    "recipe": "string",
    "node": "string",
    "branch": "string",
    "kind": "string",
    "seed": "int64",
    "step": "Int64",
}
METRICS = {
    **_RUN, "task": "string", "metric": "string", "unit": "string", "better": "string", "value": "float64",
    "baseline": "float64", "dataset": "string", "test_images": "Int64", "slot": "string", "target": "string",
    "key": "string", "label": "string", "rank": "int64",
}  # fmt: skip
HISTORY = {
    **_RUN, "split": "string", "series": "string", "task": "string", "metric": "string", "unit": "string",
    "better": "string", "value": "float64",
}  # fmt: skip
_LARGEST = 2**63  # of what fits the file; a damaged artifact may hold more


def all_runs(recipe: RecipeView) -> list[RunArtifacts]:
    """Return the runs of every node and seed, built or not."""
    return [run for node in recipe for run in recipe.runs(node.tag)]


def metrics_table(recipe: RecipeView, runs: Iterable[RunArtifacts]) -> DataFrame:
    """Return the numbers of all runs that are built, in their order, with the columns `METRICS`.

    A value is of the test split unless its label says otherwise. `better` is "higher", "lower" or missing: neither;
    `baseline` is what needs no learning; `test_images` are those behind one value, where its error follows from them;
    `slot` and `target` tell what a probe reads and predicts. Rows of the kind "control" are of raw pixels, as node.
    """
    from pandas import DataFrame

    rows = []
    for run in runs:
        if run.built:
            about = {**_about(recipe, run), "step": _whole(run.metrics.get("step"))}
            rows += [about | _row(column, value) for column, value in measured(recipe, run)]
            pixels = {**about, "node": RAW_PIXELS, "branch": None, "kind": CONTROL, "step": None}
            document = run.document(MANIFOLD).get("pixels") or {}
            rows += [pixels | _row(column_of(number), number.value) for number in numbers_of(document)]
    table = DataFrame(rows, columns=list(METRICS)).astype(METRICS)
    return table.drop_duplicates(["node", "seed", "key"], keep="last", ignore_index=True)


def columns_of(table: DataFrame) -> tuple[Column, ...]:
    """Return what a table of metrics measures, the headlines first.

    A baseline or a direction that one run knows holds for all of them.
    """
    from pandas import isna

    by_key = table[table["node"] != RAW_PIXELS].groupby("key", sort=False)
    facts = by_key.first().assign(rank=by_key["rank"].min(), labels=by_key["label"].nunique())
    found = []
    for row in facts.rename(columns={"test_images": "count"}).reset_index().to_dict("records"):
        known: dict[str, Any] = {str(name): None if isna(value) else value for name, value in row.items()}
        if known["labels"] > 1:  # classifiers of one name, fitted on other labels
            known["label"] = f"{known['label'].split(', ')[0]}, {OWN_LABELS}"
        found.append(Column(**{field.name: known[field.name] for field in fields(Column)}))
    return tuple(sorted(found, key=lambda column: (column.rank, column.key)))


def cells_of(table: DataFrame) -> dict[str, dict[str, Cell]]:
    """Return the values over seeds of every node that a table of metrics has, by column key."""
    values: dict[str, dict[str, dict[int, float]]] = {}
    for node, key, seed, value in zip(
        *(table[name].tolist() for name in ("node", "key", "seed", "value")), strict=True
    ):
        values.setdefault(node, {}).setdefault(key, {})[seed] = value
    return {node: {key: Cell.of(seeds) for key, seeds in found.items()} for node, found in values.items()}


def history_table(recipe: RecipeView, runs: Iterable[RunArtifacts]) -> DataFrame:
    """Return the learning curves of all runs, in their order, with the columns `HISTORY`.

    `step` counts along the lineage; a value is missing where a step's window did not draw the task. `series` is the
    name of the curve in a run's history: `total`, `lr`, `loss/<task>`, `<task>/<diagnostic>` or `val/<task>/<metric>`.
    """
    from pandas import DataFrame

    labels: list[dict[str, Any]] = []
    steps, values = [np.empty(0, np.int64)], [np.empty(0)]
    for run in runs:
        history, about, tasks = run.history, _about(recipe, run), run.summary.get("tasks") or {}
        for series in sorted(history):
            axis = history.get("val_step" if series.startswith("val/") else "step")
            if series in ("step", "val_step") or axis is None or history[series].ndim != 1:
                continue
            count = min(axis.size, len(history[series]))
            labels += [about | _series(series, tasks)] * count
            steps.append(axis.ravel()[:count].astype(np.int64))
            values.append(history[series][:count].astype(np.float64))
    table = DataFrame(labels, columns=list(HISTORY))
    return table.assign(step=np.concatenate(steps), value=np.concatenate(values)).astype(HISTORY)


def to_parquet(table: DataFrame) -> bytes:
    """Return a table as the bytes of a Parquet file, the same for the same rows."""
    out = io.BytesIO()
    table.to_parquet(out, index=False, compression="zstd")
    return out.getvalue()


def from_parquet(data: bytes) -> DataFrame:
    """Read a table of `to_parquet`."""
    from pandas import read_parquet

    return read_parquet(io.BytesIO(data))


def stored_table(folder: ArtifactFolder, file: str) -> DataFrame | None:
    """A table that the comparison of a recipe has written into its folder; None where there is none of this layout."""
    if not folder.has_family(COMPARISON) or folder.manifest(COMPARISON).schema != SCHEMA:
        return None
    return from_parquet(folder.read_bytes(f"{COMPARISON}/{file}"))


def _about(recipe: RecipeView, run: RunArtifacts) -> dict[str, Any]:
    """Whose numbers these are."""
    node = recipe[run.node]
    return {
        "recipe": run.recipe, "node": run.node, "branch": node.branch, "kind": node.kind, "seed": run.seed,
    }  # fmt: skip


def _row(column: Column, value: float) -> dict[str, Any]:
    return {**vars(column), "test_images": _whole(column.count), "value": value}


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and abs(value) < _LARGEST else None


def _series(name: str, tasks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Split, task, metric, unit and direction of one curve; `tasks` as a run's summary tells of them."""
    split = "validation" if name.startswith("val/") else "train"
    *_, task, metric = ["", *name.removeprefix("val/").removeprefix("loss/").split("/", 1)]
    if name.startswith("loss/"):
        task, metric = metric, "loss"
    metric = "loss" if name == "total" else metric
    own = tasks.get(task) or {}
    unit, better = "", None
    if split == "validation":
        word = words(metric)
        unit, better = str(own.get("unit", "")) if metric == "loss" else word.unit, word.better
    elif metric == "loss":
        units = {str(one.get("unit", "")) for one in (tasks.values() if name == "total" else [own])}
        unit = units.pop() if len(units) == 1 else ""
        better = None if own.get("kind") in DIVERGENCES else "lower"  # less KL is not better by itself
    return {
        "split": split, "series": name, "task": task or None, "metric": metric, "unit": unit, "better": better,
    }  # fmt: skip
