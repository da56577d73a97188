"""The comparison and the sentences computed from it, against known answers."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from laboratory import A, B, view_of, with_nodes

from acc_assets.families import Number
from acc_assets.report import RecipeView, compare, findings
from acc_assets.report.cells import Cell
from acc_assets.report.columns import Column, column_of
from acc_assets.report.comparison import Comparison
from acc_assets.report.differences import Reference
from acc_assets.report.table import HISTORY, METRICS, from_parquet, history_table, to_parquet
from acc_assets.storage import Store

THICKNESS = ("thickness", "stroke_thickness")


def column(key: str, baseline: float | None = None, count: int | None = None) -> Column:
    """The column of `task.metric`."""
    task, metric = key.split(".")
    return column_of(
        Number(task=task, metric=metric, value=0.0, dataset="data", baseline=baseline, count=count)
    )


def comparison(
    values: dict[str, dict[str, list[float]]],
    baselines: dict[str, float] | None = None,
    count: int | None = None,
) -> Comparison:
    """Build a comparison of {node: {"task.metric": value by seed}}, each node against the first."""
    rows = [
        {"recipe": "r", "node": node, "seed": seed, "value": value}
        | {**vars(column(key, (baselines or {}).get(key))), "test_images": count}
        for node, by_key in values.items()
        for key, by_seed in by_key.items()
        for seed, value in enumerate(by_seed)
    ]
    nodes = tuple(values)
    references = {node: Reference(nodes[0], "") for node in nodes[1:]}
    table = pd.DataFrame(rows, columns=list(METRICS)).astype(METRICS)
    return Comparison("r", (0, 1, 2), nodes, table, references=references)


def test_mean_and_spread_of_known_values() -> None:
    cell = Cell.of({0: 1.0, 1: 3.0, 5: 5.0})
    assert cell.mean == 3.0
    assert cell.sd == 2.0  # divided by n - 1
    assert Cell.of({0: 1.0}).sd is None
    assert Cell.of({0: 1.0, 1: math.inf}).sd is None


def test_every_seed_of_every_branch_is_read(lab: Store, view: RecipeView) -> None:
    found = compare(view)
    assert found.nodes == (A, B)
    assert not found.missing
    stored = lab.run("quickstart", B, 1).read_json("metrics/metrics.json")["tasks"]["digit_classify"]
    cell = found.cells[B]["digit_classify.accuracy"]
    assert cell.values[1] == stored["metrics"]["accuracy"]
    assert set(cell.values) == {0, 1}
    assert found.column("digit_classify.accuracy").baseline == stored["baseline"]["accuracy"] < 0.11
    assert "thickness.r2" not in found.cells[A]
    assert found.health[B] == {0: "healthy", 1: "warning"}


def test_a_missing_seed_is_named_with_its_command_and_the_rest_stands(own_lab: Store) -> None:
    own_lab.run("quickstart", B, 1).remove("metrics")
    found = compare(view_of(own_lab, seeds=(0, 1, 2)))
    assert [(m.node, m.seed, m.what) for m in found.missing] == [
        (A, 2, "not built"),
        (B, 1, "metrics"),
        (B, 2, "not built"),
    ]
    assert found.missing[1].command == "acc build quickstart --select curriculum_600 --seeds 1"
    assert set(found.cells[B]["recon.psnr"].values) == {0}
    assert set(found.cells[A]["recon.psnr"].values) == {0, 1}


def test_an_empty_store_compares_to_nothing(tmp_path: Path) -> None:
    found = compare(view_of(Store(tmp_path)))
    assert not found.columns
    assert len(found.missing) == 4
    assert findings(found) == ["Nothing has been measured yet."]
    assert found.table.empty
    assert found.to_csv().count("\n") == 1


def test_csv_and_parquet_hold_the_same_numbers(view: RecipeView) -> None:
    found = compare(view)
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    table = from_parquet(to_parquet(found.table))
    pd.testing.assert_frame_equal(table, found.table)
    assert [float(row["value"]) for row in rows if row["metric"] == "psnr"] == list(
        table[table["key"] == "recon.psnr"]["value"]
    )
    row = next(r for r in rows if (r["node"], r["task"], r["metric"], r["seed"]) == (A, "recon", "psnr", "1"))
    assert float(row["mean"]) == found.cells[A]["recon.psnr"].mean


def test_the_long_table_tells_all_that_a_reader_needs(view: RecipeView) -> None:
    table = compare(view).table
    assert dict(zip(table.columns, map(str, table.dtypes), strict=True)) == METRICS
    (row,) = table[
        table["key"].eq("digit_classify.accuracy") & table["node"].eq(B) & table["seed"].eq(1)
    ].to_dict("records")
    told = {
        name: row[name] for name in ("recipe", "step", "task", "metric", "better", "baseline", "test_images")
    }
    stored = view.run(B, 1)
    assert told == {
        "recipe": "quickstart", "step": 600, "task": "digit_classify", "metric": "accuracy", "better": "higher",
        "baseline": stored.task_metrics()["digit_classify"]["baseline"]["accuracy"],
        "test_images": stored.images("test")["digits"],
    }  # fmt: skip
    assert not table.duplicated(["node", "seed", "key"]).any()


def test_the_same_runs_give_the_same_bytes(view: RecipeView) -> None:
    first, second = (to_parquet(compare(view).table) for _ in range(2))
    assert first == second


def test_learning_curves_are_rows_of_one_table(view: RecipeView) -> None:
    run, fork = view.run(A, 0), next(node.tag for node in view if node.kind == "fork")
    table = history_table(view, [run, view.run(B, 1), view.run(fork, 0)])
    assert dict(zip(table.columns, map(str, table.dtypes), strict=True)) == HISTORY
    assert set(table["node"]) == {A, B}  # a fork has none
    total = table[table["node"].eq(A) & table["series"].eq("total")]
    assert total["value"].tolist() == run.history["total"].tolist()
    assert total["step"].tolist() == run.history["step"].tolist()
    (accuracy,) = set(table[table["split"] == "validation"]["metric"]) & {"accuracy"}
    assert set(table[table["metric"] == accuracy]["better"]) == {"higher"}
    assert table[table["series"] == "lr"]["better"].isna().all()
    assert history_table(view, []).empty


def test_a_difference_to_what_is_not_finite_says_nothing() -> None:
    assert not comparison({"a": {"t.accuracy": [math.nan, 0.5]}, "b": {"t.accuracy": [0.5, 0.5]}}).pairs


def test_headlines_take_the_first_metric_of_each_task() -> None:
    found = comparison(
        {"a": {"rec.l1": [1], "rec.psnr": [20], "rec.mse": [1], "cls.accuracy": [1], "z.kl": [3]}}
    )
    assert [column.key for column in found.headline()] == ["cls.accuracy", "rec.psnr"]


def test_where_every_node_has_a_classifier_of_some_name_accuracies_come_first() -> None:
    common = {"c.cluster_accuracy": [0.5], "rec.psnr": [20]}
    nodes = {"a": {"tau.accuracy": [0.9], **common}, "b": {"head.accuracy": [0.8], **common}}
    unmeasured: dict[str, dict[str, list[float]]] = {"later": {}}
    for found in (comparison(nodes), comparison({**nodes, **unmeasured})):
        keys = [column.key for column in found.headline()]
        assert keys == ["head.accuracy", "tau.accuracy", "c.cluster_accuracy", "rec.psnr"]
    some = comparison({**nodes, "b": common})
    assert some.headline()[0].key == "c.cluster_accuracy"


def test_a_difference_needs_the_same_direction_in_every_seed() -> None:
    both = findings(comparison({"a": {"c.accuracy": [0.9, 0.91]}, "b": {"c.accuracy": [0.93, 0.95]}}))
    assert any("b differs from a by +3.50 points" in line and "better in both seeds" in line for line in both)
    assert any("Two seeds are weak evidence" in line for line in both)
    split = findings(comparison({"a": {"c.accuracy": [0.9, 0.95]}, "b": {"c.accuracy": [0.93, 0.94]}}))
    assert any("do not agree on the direction" in line for line in split)
    assert not any("better in" in line for line in split)


def test_lower_is_better_for_errors() -> None:
    lines = findings(comparison({"a": {"r.mae": [0.2, 0.2, 0.2]}, "b": {"r.mae": [0.1, 0.12, 0.11]}}))
    assert any("better in all 3 seeds" in line for line in lines)
    assert not any("weak evidence" in line for line in lines)


def test_one_seed_claims_nothing() -> None:
    lines = findings(comparison({"a": {"c.accuracy": [0.9]}, "b": {"c.accuracy": [0.99]}}))
    assert any("one seed" in line and "cannot be said" in line for line in lines)


def test_a_level_names_its_baseline() -> None:
    lines = findings(comparison({"a": {"rec.psnr": [20.0, 22.0]}}, {"rec.psnr": 12.43}))
    assert lines[0] == "On the test split, rec PSNR is 21.00 ± 1.41 dB for a (baseline 12.43 dB)."


def test_unhealthy_runs_are_named(view: RecipeView) -> None:
    lines = findings(compare(view))
    assert any(
        "3 of 4 trained runs are healthy" in line and "curriculum_600 seed 1 (warning)" in line
        for line in lines
    )


def test_a_run_that_does_not_hold_on_test_images_is_not_healthy(own_lab: Store) -> None:
    run = own_lab.run("quickstart", A, 0)
    facts = run.read_json("metrics/metrics.json")
    with run.family("metrics", keep=True) as out:
        out.json("metrics.json", {**facts, "generalisation": "critical"})
    found = compare(view_of(own_lab))
    assert found.health[A] == {0: "critical", 1: "healthy"}
    assert any(
        "2 of 4 trained runs are healthy" in line and f"{A} seed 0 (critical)" in line
        for line in findings(found)
    )


def test_what_was_not_trained_does_not_count_as_healthy(view: RecipeView) -> None:
    fork = "digits_only"
    found = compare(
        with_nodes(view, lambda node: replace(node, evaluated=node.evaluated or node.tag == fork))
    )
    assert view.run(fork, 0).summary["health"] == "not trained"
    assert found.health[fork] == {0: "", 1: ""}
    assert any("3 of 4 trained runs" in line for line in findings(found))


def test_slots_are_asked_whether_they_mean_what_they_are_called(lab: Store, view: RecipeView) -> None:
    found = compare(view)
    stored = lab.run("quickstart", A, 0).read_json("metrics/metrics.json")["probes"]
    thickness = next(probe for probe in stored if (probe["slice"], probe["property"]) == THICKNESS)
    assert found.cells[A]["probe.thickness.stroke_thickness"].values[0] == thickness["r2"]
    lines = [line for line in findings(found) if "R² of stroke thickness from the thickness slot" in line]
    assert len(lines) == 2  # the levels, and the difference of the branches
    assert not any("stroke thickness from the digit slot" in line for line in findings(found))
    named = [
        "probe.digit.class",
        "probe.thickness.stroke_thickness",
    ]  # `digit` is what a classification reads
    assert [column.key for column in found.columns if column.named] == named


def test_only_a_slot_that_is_to_mean_a_property_has_a_better_direction(view: RecipeView) -> None:
    found = compare(view)
    assert found.column("probe.thickness.stroke_thickness").better == "higher"
    assert found.column("probe.digit.class").better == "higher"
    for key in ("probe.digit.stroke_thickness", "probe.free.class", "probe.latent.class"):
        assert found.column(key).better is None
        assert key not in [column.key for column in found.headline(10)]


def test_a_difference_that_the_test_images_cannot_tell_is_none() -> None:
    def told(count: int | None) -> list[str]:
        values = {"a": {"c.accuracy": [0.9910, 0.9911]}, "b": {"c.accuracy": [0.9917, 0.9916]}}
        return findings(comparison(values, count=count))

    assert any(
        "no more than 10,000 test images can tell: no clear difference" in line for line in told(10_000)
    )
    assert any("better in both seeds" in line for line in told(10_000_000))
    assert any("better in both seeds" in line for line in told(None))


def test_the_error_of_a_share_is_binomial() -> None:
    share = column("c.accuracy", count=10_000)
    assert share.error(0.991) == pytest.approx(math.sqrt(0.991 * 0.009 / 10_000), rel=0.02)
    assert 0 < (share.error(1.0) or 0) < 2e-4
    assert share.error(math.nan) is None
    assert replace(share, metric="psnr").error(20.0) is None
    r2 = replace(share, metric="probe_r2", count=400)
    assert r2.error(0.5) == pytest.approx(math.sqrt(4 * 0.5 * 0.25 / 400))  # Olkin and Finn 1995


def test_a_difference_without_a_direction_is_higher_or_lower() -> None:
    lines = findings(comparison({"a": {"z.kl": [3, 3, 3]}, "b": {"z.kl": [4, 4.1, 4.2]}}))
    assert any("higher in all 3 seeds" in line for line in lines)
    assert not any("better" in line or "worse" in line for line in lines)


def test_collapsed_slots_are_named(own_lab: Store) -> None:
    run = own_lab.run("quickstart", B, 1)
    metrics = run.read_json("metrics/metrics.json")
    metrics["latent"]["groups"]["free"]["collapsed"] = True
    with run.family("metrics") as out:
        out.json("metrics.json", metrics)
    found = compare(view_of(own_lab))
    assert found.collapsed == ((B, 1, "free"),)
    assert any("free in curriculum_600 seed 1" in line for line in findings(found))
