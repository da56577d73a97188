"""What a store promises, asked of a local folder and of an S3 server alike."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from dying_writer import EVENTS, LEASE_SECONDS, NEW, OLD
from object_store import s3_server

from acc_assets.families import Artifacts
from acc_assets.storage import (
    DamagedArtifact,
    Label,
    LabelFile,
    MissingArtifact,
    StorageBusy,
    StorageError,
    Store,
    StoreUnreachable,
    copies,
    object_files,
    object_lease,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="uses signals")


@pytest.fixture(scope="module", params=["folder", "s3"])
def places(request, tmp_path_factory):
    """Where stores may lie: a local folder, and a bucket."""
    if request.param == "folder":
        yield str(tmp_path_factory.mktemp("stores"))
    else:
        with s3_server() as url:
            yield url


@pytest.fixture
def store(places, request):
    return Store(f"{places}/{request.node.originalname}")


@pytest.fixture
def run(store):
    return store.run("quickstart", "root", 0)


def build(run, value=1.0, **files):
    with run.family("latents") as out:
        out.npz("latents_step_5.npz", mu=np.full((4, 2), value, np.float32))
        out.latest("latents_step_5.npz", "latents_latest.npz")
        for name, data in files.items():
            out.bytes(name, data)


def files_of(run):
    """The files of the store below a run directory, hidden ones too, however it keeps them."""
    store = Store(str(run.shown()).rsplit("/runs/", 1)[0])
    if store.is_local:
        base = Path(run.shown())
        return sorted(str(path.relative_to(base)) for path in base.rglob("*") if path.is_file())
    listed = run._files._listed(run.path)
    return sorted(one["path"].removeprefix(f"{run.path}/") for one in listed)


def test_files_families_and_folders_come_back(store, run):
    assert not run.exists("config.json")
    assert run.list() == run.families() == run.events() == store.recipes() == []
    with pytest.raises(MissingArtifact, match="acc build quickstart --select root --seeds 0"):
        run.read_json("config.json")
    run.write_json("config.json", {"seed": 0})
    run.write_json("config.json", {"seed": 1})
    build(run)
    store.run("quickstart", "root", 11).write_json("config.json", {})
    assert run.read_json("config.json") == {"seed": 1}
    assert run.read_npz("latents/latents_latest.npz")["mu"].tolist() == [[1, 1]] * 4
    assert run.families() == ["latents"]
    assert run.list() == ["config.json", "latents/latents_latest.npz", "latents/latents_step_5.npz"]
    assert run.exists("latents/latents_step_5.npz")
    assert not run.exists("latents/other.npz")
    assert (store.recipes(), store.nodes("quickstart")) == (["quickstart"], ["root"])
    assert store.seeds("quickstart", "root") == [0, 11]
    assert run.verify() == run.verify(every_byte=False) == []
    run.remove("latents")
    assert run.families() == []


def test_what_a_new_build_does_not_write_goes(run):
    build(run, **{"old.bin": b"old"})
    build(run, 2.0)
    assert not run.exists("latents/old.bin")
    with run.family("latents", keep=True) as out:
        out.bytes("more.bin", b"more")
        out.latest("latents_step_5.npz", "mirror.npz")
        out.drop("latents_latest.npz")
    assert run.list("latents/") == ["latents/latents_step_5.npz", "latents/mirror.npz", "latents/more.bin"]
    assert run.read_npz("latents/mirror.npz")["mu"][0, 0] == 2
    assert run.verify() == []
    objects = {record.sha256 for record in run.manifest("latents").files}
    kept = [name for name in files_of(run) if not name.startswith(".locks")]
    assert len(kept) == 1 + (len(objects) if kept[0].startswith("latents/.objects") else 3)


def test_a_failed_build_leaves_what_was_there(run):
    build(run)
    before = files_of(run)
    with pytest.raises(StorageError), run.family("latents") as out:
        out.bytes("new.bin", b"new"), out.bytes("../latents.json", b"{}")
    assert files_of(run) == before
    assert run.verify() == []


def test_equal_contents_have_equal_manifests_wherever_they_lie(run, tmp_path):
    build(run)
    other = Store(tmp_path).run("quickstart", "root", 0)
    build(other)
    assert run.manifest("latents") == other.manifest("latents")
    assert run.read_bytes("latents/manifest.json") == other.read_bytes("latents/manifest.json")


@pytest.mark.parametrize("harm", ["missing", "truncated", "altered"])
def test_damage_is_named_with_its_remedy(run, harm):
    build(run)
    record = run.manifest("latents").record("latents_step_5.npz")
    data = run.read_bytes("latents/latents_step_5.npz")
    harmed = {"missing": None, "truncated": data[:-3], "altered": data[:-1] + b"?"}[harm]
    place = run._files.places(f"{run.path}/latents", record.name, record.sha256)[0]
    run._files.remove(place)
    if harmed is not None:
        run._files.write(place, harmed)
    damage = next(one for one in run.verify() if one.file.endswith("latents_step_5.npz"))
    assert damage.kind == harm
    with pytest.raises(DamagedArtifact, match=r"latents_step_5.npz is damaged.*acc build quickstart"):
        run.read_npz("latents/latents_step_5.npz")
    build(run)
    assert run.verify() == []


def test_events_are_numbered_and_followed(run):
    reader = run.follow_events()
    assert reader.new() == []
    assert run.last_event() is None
    for step in range(400):  # several segments
        run.append_event({"event": "train.metrics", "step": step, "pad": "x" * 200})
    assert [event["id"] for event in run.event_log()] == list(range(1, 401))
    assert [event["id"] for event in reader.new()] == list(range(1, 401))
    Store(str(run.shown()).rsplit("/runs/", 1)[0]).run("quickstart", "root", 0).append_event({"event": "x"})
    assert [event["id"] for event in reader.new()] == [401]
    assert reader.new() == []
    assert run.last_event("train.metrics")["step"] == 399
    assert [event["id"] for event in run.follow_events(after=398).new()] == [399, 400, 401]
    assert run.list() == ["events.jsonl"]
    assert run.read_log("events.jsonl").count(b"\n") == 401


def test_writers_of_one_log_take_turns(store):
    def write(worker):
        own = Store(store.place).run("r", "n", 0)
        for step in range(25):
            own.append_event({"worker": worker, "step": step})

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = store.run("r", "n", 0).event_log()
    assert [event["id"] for event in events] == list(range(1, 76))
    for worker in range(3):
        assert [event["step"] for event in events if event.get("worker") == worker] == list(range(25))


def test_labels_are_added_to_one_file(store):
    file = LabelFile(store, "quickstart")
    assert file.lines() == []
    classes = ["0", "1"]
    assert file.append([Label(person="a", index=3, label="1")], classes, 10) == 2
    assert (
        LabelFile(Store(store.place), "quickstart").append(
            [Label(person="b", index=4, label="0")], classes, 10
        )
        == 3
    )
    assert file.read(classes, 10).given == {3: 1, 4: 0}


def test_a_folder_is_one_builders_at_a_time(store, run):
    other = Store(store.place).run("quickstart", "root", 0)
    said = []

    def intrude():
        try:
            with other.lock(0.1):
                pass
        except StorageBusy as busy:
            said.append(str(busy))

    with run.lock(), run.lock(0):  # reentrant in its thread
        assert other.at_work
        at_once(intrude)
    assert f"process {os.getpid()}" in said[0]
    assert not other.at_work
    with other.lock(0):
        pass


def test_a_reader_never_sees_a_mixture(store):
    run, other = (Store(store.place).run("r", "n", 0) for _ in range(2))
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            number += 1
            with other.family("f") as out:
                for name in "abc":
                    out.bytes(name, str(number).encode() * 3000)
                out.latest("a", "latest")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while not run.has_family("f"):
            time.sleep(0.01)
        read = 0
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            for name in ("a", "b", "c", "latest"):
                data = run.read_bytes(f"f/{name}")
                assert data == data[: len(data) // 3000] * 3000
                read += 1
            assert run.verify() == []
    finally:
        stop.set()
        thread.join()
    assert read > 10


def test_a_writer_killed_at_any_touch_leaves_the_old_family_or_the_new_one(store, monkeypatch):
    """Before any of its touches of the disk, or of its requests: what is read is whole, and so is what follows."""
    monkeypatch.setattr(object_lease, "LEASE_SECONDS", LEASE_SECONDS)
    script = Path(__file__).with_name("dying_writer.py")
    done = subprocess.run([sys.executable, script, store.place], capture_output=True, text=True, timeout=300)
    ended = done.stdout.splitlines()
    assert ended[-1] == "ended with 0", done.stderr
    assert set(ended[:-1]) == {"killed"}
    assert len(ended) > 12
    outcomes = []
    for number in range(1, len(ended) + 1):
        run = Store(store.place).run(f"r{number}", "n", 0)
        assert run.verify() == []
        held = {name.removeprefix("f/"): run.read_bytes(name) for name in run.list("f/")}
        assert held in (OLD, NEW), number
        outcomes.append(held == NEW)
        events = [event["event"] for event in run.event_log() if event["event"] != "artifact.created"]
        assert events == list(EVENTS)
    assert outcomes == sorted(outcomes), "the commit is one moment: old before it, new after it"
    assert not outcomes[0]
    assert outcomes[-2]
    monkeypatch.setattr(object_files, "GRACE_SECONDS", 0.0)
    for number in range(1, len(ended) + 1):  # by now all leases have run out
        run = Store(store.place).run(f"r{number}", "n", 0)
        with run.lock(5), run.family("f", timeout=5) as out:
            out.bytes("b", b"next")
        assert run.verify() == []
        assert run.list() == ["events.jsonl", "f/b"]
        held = [name for name in files_of(run) if name.startswith("f/")]
        assert len(held) == 2, "what killed writers left is gone"


@pytest.fixture(scope="module")
def bucket():
    with s3_server() as url:
        yield url


def at_once(action, *arguments):
    """Done by another thread, which holds no lease of ours."""
    thread = threading.Thread(target=action, args=arguments)
    thread.start()
    thread.join()


def build_while(run, other, pause=0.0):
    """A family, while another writer writes it as well."""
    with run.family("latents") as out:
        out.bytes("late.bin", b"late")
        time.sleep(pause)
        at_once(build, other, 2.0)


def build_after(run, pause):
    with run.lock():
        time.sleep(pause)
        build(run, 3.0)


def test_a_writer_that_lost_its_lease_commits_nothing(bucket, monkeypatch):
    """It was paused for longer than its lease lasts, and another one took it over."""
    monkeypatch.setattr(object_lease, "LEASE_SECONDS", 0.3)
    monkeypatch.setattr(object_lease.ObjectLease, "_renew", lambda self: None)
    run, other = (Store(f"{bucket}/lost").run("r", "n", 0) for _ in range(2))
    with pytest.raises(StorageBusy, match="taken over"):
        build_while(run, other, 0.35)
    with pytest.raises(StorageBusy, match="the folder runs/r/n/seed-0 was taken over"):
        build_after(run, 0.35)
    assert run.read_npz("latents/latents_latest.npz")["mu"][0, 0] == 2
    assert run.verify() == []


def test_a_writer_that_fails_takes_nothing_from_one_that_took_its_place(bucket, monkeypatch):
    """Both have put the same bytes, and objects go by those."""
    monkeypatch.setattr(object_lease, "LEASE_SECONDS", 0.3)
    monkeypatch.setattr(object_lease.ObjectLease, "_renew", lambda self: None)
    run, other = (Store(f"{bucket}/same").run("r", "n", 0) for _ in range(2))

    def fail():
        with run.family("f") as out:
            out.bytes("a", b"same")
            time.sleep(0.35)
            at_once(write_same, other)
            raise KeyError("a")

    with pytest.raises(KeyError):
        fail()
    assert run.read_bytes("f/a") == b"same"
    with run.family("f") as out:  # what nobody has named yet may be of a writer that begins just now
        out.bytes("b", b"next")
        run._files.put(f"{run.path}/f", "0" * 64, b"of another one")
    held = [name for name in files_of(run) if name.startswith("f/")]
    assert len(held) == 3
    assert run.read_bytes("f/b") == b"next"


def write_same(run):
    with run.family("f") as out:
        out.bytes("a", b"same")


def test_a_commit_over_a_manifest_that_its_writer_has_not_seen_is_refused(bucket, monkeypatch):
    """Even where no lease tells it."""
    for name in ("take", "check", "give_back"):
        monkeypatch.setattr(object_lease.ObjectLease, name, lambda self, timeout=0: None)
    run, other = (Store(f"{bucket}/fenced").run("r", "n", 0) for _ in range(2))
    with pytest.raises(StorageBusy, match="written by another process meanwhile"):
        build_while(run, other)
    assert run.read_npz("latents/latents_latest.npz")["mu"][0, 0] == 2
    assert run.verify() == []


def test_a_lease_that_is_held_for_long_is_renewed(bucket, monkeypatch):
    monkeypatch.setattr(object_lease, "LEASE_SECONDS", 0.6)
    run = Store(f"{bucket}/renewed").run("r", "n", 0)
    with run.lock():
        time.sleep(1.0)
        assert run.at_work
        build(run)
    assert run.verify() == []


def test_what_cannot_be_reached_is_neither_missing_nor_damaged(bucket, monkeypatch):
    """Else an outage would look like artifacts that are to be built again."""
    with pytest.raises(
        StoreUnreachable, match=r"s3://no-such-bucket/.*check the bucket, the credentials"
    ) as caught:
        Store("s3://no-such-bucket/x").run("r", "n", 0).write_json("config.json", {})
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(object_files, "RETRIES", 0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    run = Store(f"{bucket}/x").run("r", "n", 0)
    reads = (run.families, run.verify, run.event_log, lambda: run.manifest("f"), lambda: run.exists("f/a"))
    for read in (*reads, lambda: Artifacts(run).json("f/a.json"), lambda: run.lock().__enter__()):
        with pytest.raises(StoreUnreachable):
            read()


def test_a_forked_process_says_that_it_cannot_ask(bucket):
    """The client's threads are not in it: it would wait for ever."""
    Store(f"{bucket}/forked").run("r", "n", 0).write_json("config.json", {})
    child = os.fork()
    if not child:
        try:
            Store(f"{bucket}/forked").run("r", "n", 0).read_json("config.json")
        except StoreUnreachable as error:
            os._exit(7 if "spawn or forkserver" in str(error) else 1)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_no_file_of_an_object_store_passes_for_one_of_this_machine(bucket):
    with pytest.raises(StorageError, match=r"s3://.*is no file of this machine"):
        Store(f"{bucket}/x").run("r", "n", 0).local_path("config.json")


def test_copies_follow_their_family(store, tmp_path):
    """The files of a family on this machine, and back: only what has changed is written."""
    folder, here, other = store.folder("site"), tmp_path / "here", tmp_path / "other"
    assert not copies.fetch(folder, "pages", other)
    (here / "deep").mkdir(parents=True)
    (here / "a.html").write_text("a")
    (here / "deep" / "b.js").write_text("b")
    copies.put(folder, "pages", here, ["a.html", "deep/b.js"])
    assert copies.fetch(folder, "pages", other)
    assert (other / "deep" / "b.js").read_text() == "b"
    before = (other / "a.html").stat().st_mtime_ns
    (here / "c.html").write_text("c")
    copies.put(folder, "pages", here, ["a.html", "c.html"])
    assert copies.fetch(folder, "pages", other)
    assert sorted(path.name for path in other.iterdir() if path.is_file()) == [
        ".pages.json",
        "a.html",
        "c.html",
    ]
    assert (other / "a.html").stat().st_mtime_ns == before
