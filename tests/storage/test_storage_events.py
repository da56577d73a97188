"""The event log: whole lines, patience with torn ones, trimming."""

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


def test_trim_keeps_what_is_asked_and_drops_torn_lines(run):
    for step in range(5):
        run.append_event({"step": step})
    with open(run.local_path("events.jsonl"), "ab") as file:
        file.write(b"{torn")
    run.trim_events(lambda event: event["step"] <= 2)
    run.append_event({"step": 9})
    assert [event["step"] for event in run.events()] == [0, 1, 2, 9]


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
    assert len(events) == 800
    for worker in range(4):
        assert [event["step"] for event in events if event["worker"] == worker] == list(range(200))
