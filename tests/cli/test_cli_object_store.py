"""A recipe whose store is an S3 bucket: built, shown, served and handed on, with the bits of a local folder."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import acc, status
from object_store import s3_server

from acc_assets.assets.build import build
from acc_assets.assets.forks import record_fork
from acc_assets.assets.instance import dagster_home
from acc_assets.assets.launched import Project
from acc_assets.assets.live import sources
from acc_assets.assets.site import built_site, site_folder
from acc_assets.datasets.mnist_files import download
from acc_assets.datasets.mnist_source import PUBLISHED_SHA256, data_dir
from acc_assets.notebook import open_store
from acc_assets.recipes import find_recipes
from acc_assets.server import listening, serving
from acc_assets.storage import Store, StoreUnreachable, object_files
from acc_assets.tree import RecordedFork

RECIPES = Path(__file__).parents[1] / "micro_recipes"
NODES = ("root", "plain", "plain_trained")


def build_micro(place: str, local: Path, *parts: str) -> Store:
    """Build the recipe with its pages, or only parts of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACC_STORAGE", place)
        patch.setenv("ACC_LOCAL", str(local))
        patch.setenv("ACC_RECIPES", str(RECIPES))
        patch.delenv("DAGSTER_HOME", raising=False)
        found, store = find_recipes(), Store()
        project = Project(found.trees, found.broken)
        for part in parts or (None,):
            report = build(project, "micro", store, select=part, upstream=not parts, in_process=True)
            assert report.built
            assert not report.failed
    return store


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Store]]:
    """The recipe in a local folder, and in a bucket."""
    folder = tmp_path_factory.mktemp("micro")
    with s3_server() as url:
        here = build_micro(str(folder / "here"), folder, "data_digits", "root")
        yield here, build_micro(f"{url}/micro", folder / "local")


@pytest.fixture
def bucket(built: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store in the bucket, as the machine sees it that built it."""
    monkeypatch.setenv("ACC_STORAGE", built[1].place)
    monkeypatch.setenv("ACC_RECIPES", str(RECIPES))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.delenv("ACC_DATA_DIR", raising=False)
    monkeypatch.setenv("ACC_LOCAL", str(Path(built[0].root).parent / "local"))
    return built[1]


@pytest.fixture
def elsewhere(bucket: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    """The same, as another machine sees it."""
    monkeypatch.setenv("ACC_LOCAL", str(tmp_path / "elsewhere"))
    return Store()


def test_the_same_bits_come_out(built: tuple[Store, Store]) -> None:
    here, there = built
    folders = [
        (here.recipe("micro"), there.recipe("micro")),
        *((here.run("micro", node, 0), there.run("micro", node, 0)) for node in NODES),
    ]
    for one, other in folders:
        assert one.families()
        assert set(other.families()) - {"comparison", "site"} == set(one.families())
        for family in one.families():
            assert one.manifest(family) == other.manifest(family), family
        assert other.verify() == []
    kinds = [
        [(event["event"], event.get("family"), event.get("version")) for event in run.event_log()]
        for run in (here.run("micro", "plain_trained", 0), there.run("micro", "plain_trained", 0))
    ]
    assert kinds[0] == kinds[1]


def test_nothing_of_the_store_lies_on_this_machine(bucket: Store) -> None:
    assert dagster_home(bucket) == bucket.root / "dagster"
    assert sorted(path.name for path in bucket.root.iterdir()) == ["dagster", "manifests.sqlite", "site"]
    assert bucket.folder("launched").families()


def test_status_finds_all_of_it(bucket: Store) -> None:
    assert {row["state"] for row in status("micro")} == {"fresh"}
    assert {row["state"] for row in status("micro", "--verify")} == {"fresh"}
    assert open_store()["micro"].nodes


def test_the_site_is_served_and_published_from_another_machine(elsewhere: Store, tmp_path: Path) -> None:
    assert not site_folder(elsewhere).exists()
    with listening(0) as listener, serving(sources(elsewhere), listener) as address:

        def read(path: str) -> str:
            with urllib.request.urlopen(address + path) as answer:
                return str(answer.read().decode())

        assert "Micro" in read("index.html")
        assert "plain_trained" in read("recipes/micro/index.html")
        (run,) = [one for one in json.loads(read("runs"))["runs"] if one["node"] == "plain_trained"]
        assert (run["status"], run["step"]) == ("completed", 2)
        events = read("runs/micro/plain_trained/0/artifacts/events.jsonl")
        assert json.loads(events.splitlines()[0])["event"] == "run.created"
        assert json.loads(read("runs/micro/plain_trained/0/artifacts/metrics/metrics.json"))["step"] == 2
    assert acc("publish", "--to", str(tmp_path / "published")).exit_code == 0
    assert (tmp_path / "published" / "recipes" / "micro" / "index.html").is_file()
    (site_folder(elsewhere) / "index.html").write_text("torn")
    (site_folder(elsewhere) / ".pages.json").unlink()
    assert "Micro" in (built_site(elsewhere) / "index.html").read_text()


def test_a_fork_is_recorded_and_seen_from_another_machine(elsewhere: Store) -> None:
    trees = sources(elsewhere).trees
    assert "later" not in trees()["micro"].nodes
    fork = RecordedFork(name="later", checkpoint="plain_trained", steps=2)
    assert "later" in record_fork(elsewhere, "micro", fork).nodes
    assert "later" in trees()["micro"].nodes
    elsewhere.folder("forks").remove("micro.json")
    assert "later" not in trees()["micro"].nodes


def test_data_are_taken_from_the_store_where_it_has_them(elsewhere: Store) -> None:
    assert data_dir() == elsewhere.root / "datasets"
    with elsewhere.folder("datasets").family("mnist") as out:
        for name in PUBLISHED_SHA256["mnist"]:
            out.bytes(name, name.encode())
    download("mnist", data_dir())
    for name in PUBLISHED_SHA256["mnist"]:
        assert (data_dir() / "MNIST" / "raw" / name).read_bytes() == name.encode()


def test_a_bucket_that_gives_no_answer_is_no_recipes_fault(
    bucket: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recorded forks lie there: without them a recipe would be another one."""
    monkeypatch.setattr(object_files, "RETRIES", 0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreUnreachable, match="forks"):
        find_recipes()
