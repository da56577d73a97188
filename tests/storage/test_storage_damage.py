"""Whatever lies in the place of an artifact: it is named with its file and remedy, and nothing else is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acc_assets.storage import DamagedArtifact, MadeFrom, RunDirectory, StorageError, Store

REMEDY = "acc build recipe --select node --seeds 0"


def write(run: RunDirectory) -> None:
    for family in ("latents", "metrics"):
        with run.family(family, made_from=MadeFrom("1", {"root": "abc"})) as out:
            out.npz("arrays.npz", mu=np.arange(6.0))
            out.json("values.json", {"accuracy": 0.5})


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    run = Store(tmp_path).run("recipe", "node", 0)
    write(run)
    return run


def manifest(run: RunDirectory) -> Path:
    return run.local_path("metrics") / "manifest.json"


def folder(path: Path) -> None:
    path.unlink()
    (path / "inside").mkdir(parents=True)
    (path / "inside" / "file").write_text("?")


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


HARMS = [folder, loop, pipe, endless, nowhere]


@pytest.mark.skipif(os.name != "posix", reason="uses links and pipes")
@pytest.mark.parametrize("file", ["values.json", "arrays.npz", "manifest.json"])
@pytest.mark.parametrize("harm", HARMS)
def test_what_is_no_file_is_named_and_the_rest_is_verified(run, harm, file):
    path = run.local_path("metrics") / file
    harm(path)
    run.local_path("latents/values.json").write_text("{}")
    damages = run.verify()
    assert [damage.file for damage in damages] == [str(run.local_path("latents/values.json")), str(path)]
    assert all(REMEDY in str(damage) and "\n" not in str(damage) for damage in damages)
    read = run.manifest if file == "manifest.json" else run.read_bytes
    with pytest.raises(StorageError, match=f"{file}.*{REMEDY}"):
        read("metrics" if file == "manifest.json" else f"metrics/{file}")
    write(run)
    assert run.verify() == []
    assert run.read_npz("metrics/arrays.npz")["mu"].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.skipif(os.name != "posix", reason="uses links")
@pytest.mark.parametrize("harm", [lambda path: path.write_text("?"), lambda path: path.symlink_to(path)])
def test_what_is_no_folder_hides_no_other_family_and_is_replaced(run, harm):
    shutil.rmtree(run.local_path("latents"))
    harm(run.local_path("latents"))
    assert run.families() == ["metrics"]
    (damage,) = run.verify("latents")
    assert damage.kind in ("no manifest", "unreadable")
    assert run.verify("metrics") == []
    write(run)
    assert run.verify() == []
    assert run.families() == ["latents", "metrics"]


def test_a_link_loop_among_nodes_hides_no_node(run, tmp_path):
    nodes = tmp_path / "runs" / "recipe"
    (nodes / "loop").symlink_to("loop")
    assert Store(tmp_path).nodes("recipe") == ["node"]
    (tmp_path / "runs" / "ring").symlink_to("ring")
    assert Store(tmp_path).recipes() == ["recipe"]
    assert Store(tmp_path).nodes("ring") == []


def test_folders_of_other_names_hide_nothing(run, tmp_path):
    (run.local_path() / "my notes").mkdir()
    (run.local_path() / ".pending-my notes").mkdir()
    (run.local_path() / ".pending-").mkdir()
    (tmp_path / "runs" / "recipe" / "old node").mkdir()
    (tmp_path / "runs" / "my recipe").mkdir()
    assert run.families() == ["latents", "metrics"]
    assert run.verify() == []
    assert len(run.list()) == 4
    assert Store(tmp_path).nodes("recipe") == ["node"]
    assert Store(tmp_path).recipes() == ["recipe"]


def deep(value: dict) -> str:
    return "[" * 100_000 + "]" * 100_000


def nested_file(value: dict) -> str:
    value["files"]["values.json"] = json.loads("[" * 500 + "]" * 500)
    return json.dumps(value)


def infinite(value: dict) -> str:
    value["files"]["values.json"]["size"] = float("inf")
    return json.dumps(value)


def huge(value: dict) -> str:
    return json.dumps(value).replace('"schema": 1', '"schema": 1e999')


def upwards(value: dict) -> str:
    value["files"]["../../../../secret"] = value["files"].pop("values.json")
    return json.dumps(value)


def absolute(value: dict) -> str:
    value["files"]["/etc/passwd"] = value["files"].pop("values.json")
    return json.dumps(value)


def cut(value: dict) -> str:
    return json.dumps(value)[:-40]


def other_types(value: dict) -> str:
    return json.dumps(value | {"files": ["values.json"]})


@pytest.mark.parametrize("alter", [deep, nested_file, infinite, huge, upwards, absolute, cut, other_types])
def test_a_strange_manifest_is_one_sentence(run, alter):
    path = manifest(run)
    path.write_text(alter(json.loads(path.read_text())))
    run.local_path("latents/values.json").unlink()
    assert [(damage.kind, damage.file) for damage in run.verify()] == [
        ("missing", str(run.local_path("latents/values.json"))),
        ("unreadable", str(path)),
    ]
    with pytest.raises(DamagedArtifact, match=f"manifest.json is damaged.*{REMEDY}$") as raised:
        run.read_json("metrics/values.json")
    assert len(str(raised.value)) < 600
    write(run)
    assert run.verify() == []


@given(data=st.data())
def test_no_bytes_of_a_manifest_are_taken_for_another(run, data):
    """Cut, changed in places or wholly made up: it is the manifest that was written, or it is damaged."""
    path = manifest(run)
    whole = path.read_bytes()
    kind = data.draw(st.sampled_from(["cut", "byte", "insert", "made up", "json"]))
    at = data.draw(st.integers(0, len(whole) - 1))
    if kind == "cut":
        altered = whole[:at]
    elif kind == "byte":
        altered = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    elif kind == "insert":
        altered = whole[:at] + data.draw(st.binary(min_size=1, max_size=8)) + whole[at:]
    elif kind == "made up":
        altered = data.draw(st.binary(max_size=200))
    else:
        leaf = (
            st.none() | st.booleans() | st.integers() | st.floats(allow_subnormal=False) | st.text(max_size=5)
        )
        tree = st.recursive(leaf, lambda inner: st.lists(inner, max_size=3) | keyed(inner), max_leaves=8)
        value = json.loads(whole)
        value[data.draw(st.sampled_from(sorted(value)))] = data.draw(tree)
        altered = json.dumps(value).encode()
    before = run.manifest("metrics")
    path.write_bytes(altered)
    try:
        damages = run.verify("metrics")
        if damages:
            assert [damage.file for damage in damages] == [str(path)]
            with pytest.raises(StorageError, match=r"manifest\.json"):
                run.manifest("metrics")
        else:
            assert run.manifest("metrics") == before
    finally:
        path.write_bytes(whole)


def keyed(inner: st.SearchStrategy) -> st.SearchStrategy:
    return st.dictionaries(
        st.sampled_from(["size", "sha256", "seed", "inputs", "..", "a"]), inner, max_size=3
    )


@given(at=st.integers(0, 10_000), new=st.binary(max_size=12), cut=st.booleans())
@example(at=0, new=b"", cut=True)
def test_no_bytes_of_an_array_file_end_in_a_traceback(run, at, new, cut):
    """A file that no manifest guards: the arrays come back, or it is damaged."""
    whole = run.read_bytes("latents/arrays.npz")
    at %= len(whole)
    run.write_bytes("loose.npz", whole[:at] + new + (b"" if cut else whole[at + len(new) :]))
    said = ""
    try:
        read = run.read_npz("loose.npz")
    except DamagedArtifact as error:
        said = str(error)
    if said:
        assert "loose.npz" in said
        assert REMEDY in said
    else:
        assert all(isinstance(value, np.ndarray) for value in read.values())


@pytest.mark.parametrize(
    "text", ['{"a": 1', "[" * 100_000, '{"a": NaN}', '{"a": Infinity}', '{"a": 1e999}', "\udcff", ""]
)
def test_json_that_is_none_names_its_file_and_remedy(run, text):
    run.local_path("summary.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DamagedArtifact, match=f"summary.json is no readable JSON.*{REMEDY}"):
        run.read_json("summary.json")


def test_a_torn_or_strange_event_is_left_out(run):
    run.append_event({"event": "first"})
    with run.local_path("events.jsonl").open("ab") as file:
        file.write(b"[" * 100_000 + b"\n" + b'{"event": \n' + b"\xff\xfe\n")
    run.append_event({"event": "last"})
    assert [event["event"] for event in run.events()] == ["first", "last"]


@pytest.mark.parametrize("harm", ["no manifest", "half a manifest", "a file"])
def test_a_commit_that_was_damaged_before_it_was_in_place_bars_nothing(run, harm):
    """A writer died right after its commit, and what it left was damaged: the family is as before."""
    pending = run.local_path() / ".pending-metrics"
    if harm == "a file":
        pending.write_text("?")
    else:
        pending.mkdir()
        (pending / "values.json").write_text("{}")
        if harm == "half a manifest":
            (pending / "manifest.json").write_text('{"files": {')
    again = Store(run._files.root).run("recipe", "node", 0)
    assert again.verify() == []
    assert again.read_json("metrics/values.json") == {"accuracy": 0.5}
    write(again)
    assert again.verify() == []
    assert not pending.exists()


def test_a_single_file_that_is_a_folder_is_said_with_what_to_do(run):
    run.local_path("summary.json").mkdir()
    with pytest.raises(StorageError, match=r"summary\.json.*remove"):
        run.write_json("summary.json", {})
    with pytest.raises(StorageError, match=r"summary\.json"):
        run.read_json("summary.json")


@pytest.mark.skipif(os.name != "posix", reason="uses pipes")
def test_reading_ends_whatever_lies_there(run):
    """A pipe would block a reader for ever: asked in a process with a time limit."""
    pipe(run.local_path("metrics/values.json"))
    code = (
        "import sys; from acc_assets.storage import Store\n"
        "print(Store(sys.argv[1]).run('recipe', 'node', 0).verify()[0].kind)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(run._files.root)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "unreadable\n"


def test_a_quick_look_reads_only_what_changed_since_the_manifest(run, monkeypatch):
    read = []
    files = type(run._files)
    whole = files.read
    monkeypatch.setattr(files, "read", lambda self, path: read.append(path) or whole(self, path))
    assert run.verify(every_byte=False) == []
    assert [path for path in read if "manifest" not in path] == []

    path = run.local_path("metrics/values.json")
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.6"))
    (damage,) = run.verify(every_byte=False)
    assert (damage.kind, damage.file) == ("altered", str(path))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a disk does that loses a bit
    assert run.verify(every_byte=False) == []
    assert [damage.kind for damage in run.verify()] == ["altered"]

    path.write_bytes(b"{}")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [damage.kind for damage in run.verify("metrics", every_byte=False)] == ["truncated"]
    path.unlink()
    assert [damage.kind for damage in run.verify("metrics", every_byte=False)] == ["missing"]
    write(run)
    run.local_path("metrics/arrays.npz").touch()  # newer than the manifest, and whole
    assert run.verify(every_byte=False) == []


def test_a_manifest_is_read_once_for_each_time_that_it_was_written(run, monkeypatch):
    read = []
    files = type(run._files)
    whole = files.read
    monkeypatch.setattr(files, "read", lambda self, path: read.append(path) or whole(self, path))
    for _ in range(3):
        run.read_json("metrics/values.json")
        assert run.manifest("metrics").made_from == MadeFrom("1", {"root": "abc"})
    again = Store(run.local_path().parents[3]).run("recipe", "node", 0)
    again.read_npz("metrics/arrays.npz")
    assert len([path for path in read if path.endswith("manifest.json")]) == 1

    with again.family("metrics", made_from=MadeFrom("2", {})) as out:
        out.json("values.json", {"accuracy": 0.7})
    assert run.manifest("metrics").made_from == MadeFrom("2", {})
    assert run.read_json("metrics/values.json") == {"accuracy": 0.7}
    manifest(run).write_text(manifest(run).read_text().replace('"2"', '"3"'))
    with pytest.raises(DamagedArtifact, match="disagrees with its own digests"):
        run.manifest("metrics")
