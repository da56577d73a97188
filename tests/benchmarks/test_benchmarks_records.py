"""The benchmarks' own rules: who judges a figure, what is written, and that taking turns compares like with like."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import proposals, workloads
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


def test_a_simulated_study_is_the_same_again(monkeypatch: pytest.MonkeyPatch):
    trained, short = proposals.OBJECTIVES[-1], replace(proposals.OBJECTIVES[1], trials=6, studies=2)
    monkeypatch.setattr(proposals, "OBJECTIVES", [short])
    (found,) = proposals.proposals(1, 1)
    assert [found] == list(proposals.proposals(1, 1))
    assert "after 6 forks: " in found.how
    assert proposals.study(short, 0, True) != proposals.study(short, 1, True)
    settings = {"lr": 0.02, "weight_decay": 1e-6, "batch_size": 16}
    error = trained.measure(settings, 3)
    assert error == trained.measure(settings, 3)
    assert 1 < error < 7.33  # nearer than the mean image
