"""The events of a real small run that goes back: those of the table, complete, in order, numbered without a gap."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from test_docs import PAGES, tables
from training_trees import build, small, stop_after

from acc_assets.storage import RunDirectory, Store
from acc_assets.storage.event_kinds import KINDS, Event, Recorded
from acc_assets.training import TrainingCancelled
from acc_assets.training.progress import NoProgress
from acc_assets.training.record import RunRecord

PHASES = ({"steps": 12, "snapshot_every": 6, "validate_every": 6},)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run that was cancelled, lost its last snapshot, went on from the one before, and came to its end."""
    root = tmp_path_factory.mktemp("store")
    run = Store(root).run("small", "left_done", 0)
    with pytest.raises(TrainingCancelled):
        build(small(*PHASES), "left_done", root, should_stop=stop_after(9))
    run.local_path("checkpoints/step_00000009.pt").write_bytes(b"lost")
    build(small(*PHASES), "left_done", root)
    return run


def test_the_table_is_that_of_the_schema() -> None:
    _, told = tables(PAGES["live"])
    own = {
        name: [field for field in kind.model_fields if field not in {*Recorded.model_fields, "event"}]
        for name, kind in KINDS.items()
    }
    assert told == [
        [
            f"`{name}`",
            kind.__doc__,
            ", ".join(f"`{one}`{'' if kind.model_fields[one].is_required() else '?'}" for one in own[name]),
        ]
        for name, kind in KINDS.items()
    ]


def test_every_event_is_of_the_schema_and_numbered(run: RunDirectory, tmp_path: Path) -> None:
    mixture = RunRecord(Store(tmp_path).run("r", "n", 0), NoProgress(), start=0, total=1)
    row = {"total": 1.0, "lr": 1e-3, "loss/kl": 1.0, "kl/counts[0]": 3.0, "kl/counts[1]": math.nan}
    mixture.logged(1, "", row, 32)
    (vector, _) = mixture.run.event_log()
    assert vector["diagnostics"] == {"kl/counts": [3.0, None]}
    TypeAdapter(Event).validate_python(vector)
    log = run.event_log()
    assert [event["id"] for event in log] == list(range(1, len(log) + 1))
    assert all(before["time"] <= after["time"] for before, after in itertools.pairwise(log))
    for event in log:
        read = TypeAdapter(Event).validate_python(event)
        assert read.model_extra == {}, event


def test_what_stands_tells_each_step_once(run: RunDirectory) -> None:
    kinds = [event["event"] for event in run.event_log()]
    assert kinds[:2] == ["run.created", "run.started"]
    assert (
        kinds.index("run.cancelled")
        < kinds.index("run.resumed")
        < kinds.index("run.completed")
        == len(kinds) - 1
    )
    steps = {
        kind: [event["step"] for event in run.events() if event["event"] == kind]
        for kind in ("train.metrics", "train.progress", "train.validated", "run.resumed")
    }
    assert steps == {
        "train.metrics": [4, 8, 12],
        "train.progress": [4, 8, 12],
        "train.validated": [6, 12],
        "run.resumed": [6],
    }
    assert [event["step"] for event in run.event_log() if event["event"] == "train.metrics"] == [4, 8, 8, 12]


def test_every_family_is_told_whoever_writes_it(run: RunDirectory) -> None:
    with run.family("own") as out:
        out.json("own.json", {})
    told = {event["family"]: event for event in run.events() if event["event"] == "artifact.created"}
    assert set(told) == {"checkpoints", "history", "own"}
    for name, event in told.items():
        assert event["version"] == run.manifest(name).data_version
    assert (told["checkpoints"]["step"], told["checkpoints"]["file"]) == (12, "checkpoints/step_00000012.pt")
