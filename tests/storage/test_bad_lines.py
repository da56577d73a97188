"""Event logs and label files that another hand has been in: what can be read counts, the rest is named or left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_run import Training
from odd_values import mutated, nested, tried, words

from acc_assets.families import RunArtifacts
from acc_assets.report.live import replay_of
from acc_assets.server import runs
from acc_assets.storage import Label, LabelError, LabelFile, RunDirectory, Store
from acc_assets.storage.labels import COLUMNS
from acc_assets.training.progress import NoProgress
from acc_assets.training.record import RunRecord

CLASSES = ("0", "1", 'two, or "more"', "drei\u00e9", "<b>", "=1+1")
IMAGES = 1000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("lines"))


@pytest.fixture(scope="module")
def written(store: Store) -> tuple[RunDirectory, bytes]:
    """A run and its log, which tells of everything that a training tells."""
    training = Training(store.run("r", "n", 0)).begin().steps(3).snapshot().steps(2).snapshot()
    training = training.resumed(3).steps(2).snapshot()
    training.record.message("a remark")
    training.record.validated(5, {"recon": {"psnr": 1.0}})
    training.record.completed(5, {"health": "healthy"})
    return training.run, training.run.read_bytes("events.jsonl")


def odd_line(line: bytes) -> st.SearchStrategy[bytes]:
    """A line torn, with other bytes in it, of another schema, or with other keys and values."""
    value = json.loads(line)
    dumped = mutated(value, nested()).map(lambda one: json.dumps(one).encode())
    torn = st.integers(0, len(line)).map(lambda at: line[:at])
    other = st.tuples(st.integers(0, len(line)), st.binary(max_size=6)).map(
        lambda two: (line[: two[0]] + two[1] + line[two[0] + len(two[1]) :]).replace(b"\n", b" ")
    )
    keys = st.sampled_from(
        ["id", "schema", "time", "step", "event", "family", "version", "elapsed_s", "preview"]
    )
    ill = st.tuples(keys, nested()).map(lambda two: json.dumps({**value, two[0]: two[1]}).encode())
    return torn | other | dumped | ill | st.sampled_from([b"null", b"[]", b"9" * 5000, b"[" * 5000, b"1e999"])


@settings(max_examples=max(1, settings.default.max_examples // 3))
@given(data=st.data())
def test_odd_events_are_left_out_and_no_reader_breaks(
    written: tuple[RunDirectory, bytes], data: st.DataObject
) -> None:
    run, log = written
    lines = log.splitlines()
    touched = data.draw(st.lists(st.integers(0, len(lines) - 1), min_size=1, max_size=4, unique=True))
    odd = [data.draw(odd_line(line)) if at in touched else line for at, line in enumerate(lines)]
    run.local_path("events.jsonl").write_bytes(b"\n".join(odd) + data.draw(st.sampled_from([b"\n", b""])))

    whole = [json.loads(line) for at, line in enumerate(lines) if at not in touched]
    events = run.event_log()
    assert [one for one in events if one in whole] == whole
    json.dumps(events, allow_nan=False, ensure_ascii=False).encode()  # as the server answers
    standing = run.events()
    assert all(one in events for one in standing)
    assert all(one in events for one in run.follow_events().new())
    assert run.last_event() == (events[-1] if events else None)

    listed = runs.run_of(run)
    assert listed is not None
    listed.model_dump_json().encode()
    runs.previews_of(run, -1)
    runs.RunPictures(Store(run._files.root), None, run).listed()
    json.dumps(replay_of(RunArtifacts(run, "r", "n", 0)), allow_nan=False)

    before = run.read_bytes("events.jsonl").rstrip(b"\n")
    run.append_event({"event": "run.message", "text": "behind"})
    assert run.read_bytes("events.jsonl").startswith(before)
    assert run.event_log()[:-1] == events
    assert run.event_log()[-1]["id"] == 1 + (events[-1]["id"] if events else 0)
    RunRecord(run, NoProgress(), start=0, total=100).resume(
        {}, 3, {"train": [], "validation": []}, {"step": 3}
    )


CELLS = (
    "ann",
    "2026-01-02T03:04:05+00:00",
    "7",
    "1",
    *CLASSES,
    "-1",
    "1e3",
    "9" * 5000,
    " 7",
    "\u0663",
    "nan",
)
cells = st.sampled_from(CELLS) | words.map(lambda word: word.encode("utf-8", "replace").decode())
fields = cells.map(lambda one: f'"{one}"') | cells.map(lambda one: '"' + one.replace('"', '""') + '"') | cells
rows = st.lists(fields, max_size=6).map(lambda row: ",".join(row).encode())
good = st.tuples(
    st.sampled_from(["ann", "bob"]), st.integers(0, IMAGES - 1), st.sampled_from(["", "0", "1"])
).map(lambda one: f"{one[0]},2026-01-02T03:04:05+00:00,{one[1]},{one[2]}".encode())
lines = good | rows | st.binary(max_size=20)


@st.composite
def label_files(draw: st.DrawFn) -> bytes:
    """A label file with good lines, odd lines, and ends and beginnings as other programs write them."""
    end = draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    first = draw(
        st.sampled_from([",".join(COLUMNS).encode(), b"\xef\xbb\xbf" + ",".join(COLUMNS).encode(), b""])
    )
    body = draw(st.lists(lines, max_size=5))
    return end.join([first, *body, *draw(st.sampled_from([[], [b""], body]))])


@given(text=label_files())
def test_every_line_of_a_label_file_is_a_label_or_is_named(store: Store, text: bytes) -> None:
    file = LabelFile(store, "odd")
    file.path.parent.mkdir(exist_ok=True)
    file.path.write_bytes(text)
    found = file.read(CLASSES, IMAGES)
    assert found.lines == len(file.lines())
    assert all(problem.why and problem.why.isprintable() for problem in found.problems)
    assert {problem.line for problem in found.problems} <= set(range(1, found.lines + 1))
    assert all(0 <= index < IMAGES and 0 <= given < len(CLASSES) for index, given in found.given.items())
    for until in range(found.lines + 1):
        assert file.read(CLASSES, IMAGES, until).lines == until

    label = Label(person="zoe", index=3, label=CLASSES[2])
    assert file.append([label], CLASSES, IMAGES) >= found.lines + 1
    assert file.path.read_bytes().startswith(text)
    again = file.read(CLASSES, IMAGES)
    assert again.said[3]["zoe"] == CLASSES[2]
    assert [one for one in again.problems if not one.conflict] == [
        one for one in found.problems if not one.conflict
    ]


def test_a_file_that_a_spreadsheet_saved_is_added(store: Store) -> None:
    source = store.root / "saved.csv"
    source.write_bytes("\ufeffperson,time,index,label\r\nann,2026-01-02T03:04:05Z,3,1\r\n".encode())
    assert LabelFile(store, "saved").add_file(source, CLASSES, IMAGES) == 1
    assert LabelFile(store, "saved").read(CLASSES, IMAGES).given == {3: 1}


@given(text=label_files())
def test_a_file_of_labels_is_added_whole_or_not_at_all(store: Store, text: bytes) -> None:
    source, file = store.root / "given.csv", LabelFile(store, "added")
    source.write_bytes(text)
    file.path.unlink(missing_ok=True)
    file.append([Label(person="zoe", index=3, label="1")], CLASSES, IMAGES)
    before = file.lines()
    added, told = tried(lambda: file.add_file(source, CLASSES, IMAGES), LabelError)
    if added is None:
        assert told.startswith(str(source))
        assert "\n" not in told
        assert file.lines() == before
    else:
        assert len(file.lines()) == len(before) + added
        assert not [one for one in file.read(CLASSES, IMAGES).problems if not one.conflict]


@given(
    labels=st.lists(
        st.builds(
            dict,
            person=words,
            index=st.integers() | nested(),
            label=st.sampled_from(CLASSES) | words,
            time=st.sampled_from(["2026-01-02T03:04:05Z", "now", "", 0, 1e300, -(10**18)]),
        ),
        max_size=3,
    )
)
def test_labels_that_are_taken_come_back(store: Store, labels: list[dict[str, Any]]) -> None:
    file = LabelFile(store, "sent")
    file.path.unlink(missing_ok=True)
    try:
        taken = [Label.model_validate(one) for one in labels]
    except ValueError:  # in the words of pydantic, which the server answers with
        return
    added, _ = tried(lambda: file.append(taken, CLASSES, IMAGES), LabelError)
    if added is None:
        assert not file.path.exists()
        return
    found = file.read(CLASSES, IMAGES)
    assert not [one for one in found.problems if not one.conflict]
    said = {(one.index, one.person): one.label for one in taken}
    assert {(index, who): what for index, all_of in found.said.items() for who, what in all_of.items()} == {
        key: label for key, label in said.items() if label
    }
