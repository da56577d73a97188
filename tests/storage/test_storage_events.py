"""The event log: whole lines, patience with torn ones, numbers that are never used twice, what stands."""

import threading

import pytest

from acc_assets.storage import Store


@pytest.fixture
def run(tmp_path):
    return Store(tmp_path).run("r", "n", 0)


def test_events_come_back_in_order(run):
    for step in range(5):
        run.append_event({"event": "train.progress", "step": step, "text": "line\nbreak"})
    assert [event["step"] for event in run.events()] == list(range(5))
    assert run.local_path("events.jsonl").read_bytes().count(b"\n") == 5


def test_a_torn_line_is_left_out_and_does_not_harm_the_next(run):
    run.append_event({"step": 1})
    with open(run.local_path("events.jsonl"), "ab") as file:
        file.write(b'{"step": 2, "lo')
    assert [event["step"] for event in run.events()] == [1]
    run.append_event({"step": 3})
    assert [event["step"] for event in run.events()] == [1, 3]


def written(run, *kinds):
    for kind, step in kinds:
        run.append_event({"event": kind, "step": step})


def test_what_a_build_goes_back_on_stands_no_more_and_stays_written(run):
    written(run, ("run.created", 0), *[("train.metrics", step) for step in (1, 2, 3)])
    written(run, ("run.resumed", 1), ("train.metrics", 2), ("run.completed", 2), ("run.resumed", 2))
    told = [(event["event"], event["step"]) for event in run.events()]
    steady = [("train.metrics", 1), ("run.resumed", 1), ("train.metrics", 2), ("run.resumed", 2)]
    assert told == [("run.created", 0), *steady]
    assert [event["id"] for event in run.event_log()] == list(range(1, 9))
    assert run.last_event("train.metrics")["id"] == 6
    written(run, ("run.resumed", 1))
    assert run.last_event("train.metrics")["id"] == 2
    written(run, ("run.created", 0))
    assert [event["id"] for event in run.events()] == [10]
    assert run.last_event("train.metrics") is None


def test_a_reader_goes_on_behind_what_it_has_seen(run):
    written(run, ("run.created", 0), ("train.metrics", 1), ("run.created", 0), ("train.metrics", 1))
    present, behind = run.follow_events(), run.follow_events(after=1)
    assert [event["id"] for event in present.new()] == [3, 4]
    assert [event["id"] for event in behind.new()] == [2, 3, 4]
    assert present.new() == behind.new() == []
    with open(run.local_path("events.jsonl"), "ab") as file:
        file.write(b'{"id": 5, "torn')
    assert present.new() == []
    written(run, ("train.metrics", 2))
    assert [event["id"] for event in present.new()] == [5]
    assert [event["id"] for event in run.follow_events(after=99).new()] == [3, 4, 5]
    run.remove("events.jsonl")
    written(run, ("run.created", 0))
    assert [event["id"] for event in present.new()] == [1]


def test_a_family_is_told_once_a_version_in_a_log_that_has_begun(run):
    def write(text):
        with run.family("f", told={"step": 3}) as out:
            out.bytes("a", text)

    write(b"before")
    assert run.event_log() == []
    written(run, ("run.created", 0))
    for text in (b"one", b"one", b"two", b"one"):
        write(text)
    told = [event for event in run.events() if event["event"] == "artifact.created"]
    assert [event["version"] for event in told] == [
        told[0]["version"],
        told[1]["version"],
        told[0]["version"],
    ]
    assert told[-1] | {"id": 0, "time": "", "version": ""} == {
        "id": 0, "schema": 1, "time": "", "event": "artifact.created", "family": "f", "version": "", "files": 1,
        "bytes": 3, "step": 3,
    }  # fmt: skip


def test_writers_do_not_tear_each_other(run):
    def write(worker):
        for step in range(200):
            run.append_event({"worker": worker, "step": step, "pad": "x" * 300})

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = run.events()
    assert [event["id"] for event in events] == list(range(1, 801))
    for worker in range(4):
        assert [event["step"] for event in events if event["worker"] == worker] == list(range(200))
