"""The benchmarks' own rules: who judges a figure, what is written, and that taking turns compares like with like."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import workloads
from benchmarks.records import record, write
from benchmarks.workloads import Interleaved


@pytest.mark.parametrize(
    ("relation", "value", "holds"),
    [(">=", 0.95, True), (">=", 0.949, False), ("<=", 0.95, True), ("<=", 0.951, False)],
)
def test_a_record_judges_itself(relation, value, holds):
    assert record("x", value, "ratio", relation, 0.95, "").holds is holds


def test_the_file_is_a_list_of_records_and_keeps_what_was_not_measured_again(tmp_path: Path):
    path = tmp_path / "bench" / "latest.json"
    write([record("a", 1.0, "s", "<=", 5, "first"), record("b", 2.0, "s", "<=", 5, "first")], path)
    write([record("b", 9.0, "s", "<=", 5, "again")], path)
    lines = json.loads(path.read_text())
    assert [set(line) for line in lines] == [{"name", "value", "unit", "goal", "holds", "how"}] * 2
    assert [(line["name"], line["value"], line["holds"]) for line in lines] == [
        ("a", 1.0, True),
        ("b", 9.0, False),
    ]


def test_taking_turns_gives_the_ratio_of_step_times(monkeypatch: pytest.MonkeyPatch):
    now = 0.0

    def pass_by(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(workloads, "perf_counter", lambda: now)
    turns = Interleaved(lambda: pass_by(4.0), block=5)
    for _ in range(24):  # a first step, four blocks, and three steps of a block that is not compared
        assert turns() is False
        pass_by(2.0)
    assert turns.steps == 20
    assert turns.ratio == pytest.approx(2.0)
