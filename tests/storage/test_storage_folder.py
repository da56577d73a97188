"""Files, families, manifests and damage."""

import json

import numpy as np
import pytest

from acc_assets.storage import DamagedArtifact, MissingArtifact, StorageError, Store


@pytest.fixture
def run(tmp_path):
    return Store(tmp_path).run("quickstart", "root", 0)


def build(run, value=1.0, **files):
    with run.family("latents") as out:
        out.npz("latents_step_5.npz", mu=np.full((4, 2), value, np.float32))
        out.latest("latents_step_5.npz", "latents_latest.npz")
        out.json("latents.json", {"step": 5})
        for name, data in files.items():
            out.bytes(name, data)


def test_layout_is_the_contract(tmp_path):
    run = Store(tmp_path).run("quickstart", "mnist_only_5k", 3)
    run.write_json("config.json", {"seed": 3})
    assert (tmp_path / "runs/quickstart/mnist_only_5k/seed-3/config.json").is_file()
    store = Store(tmp_path)
    store.recipe("quickstart").write_json("comparison.json", {})
    assert store.recipes() == ["quickstart"]
    assert store.nodes("quickstart") == ["mnist_only_5k"]
    assert store.seeds("quickstart", "mnist_only_5k") == [3]


def test_asking_for_a_run_creates_nothing(tmp_path):
    run = Store(tmp_path / "storage").run("quickstart", "root", 0)
    assert run.list() == []
    assert run.events() == []
    assert not run.exists("config.json")
    assert not (tmp_path / "storage").exists()


def test_values_come_back(run):
    build(run)
    assert run.read_npz("latents/latents_step_5.npz")["mu"].dtype == np.float32
    assert run.read_json("latents/latents.json") == {"step": 5}
    assert run.read_bytes("latents/latents_latest.npz") == run.read_bytes("latents/latents_step_5.npz")
    assert run.list("latents/") == [
        "latents/latents.json",
        "latents/latents_latest.npz",
        "latents/latents_step_5.npz",
    ]


def test_array_names_may_hold_slashes_and_objects_are_refused(run):
    with run.family("history") as out:
        out.npz("history.npz", {"loss/recon": np.arange(3.0), "file": np.ones(1)})
    assert run.read_npz("history/history.npz")["loss/recon"].tolist() == [0, 1, 2]
    with pytest.raises(StorageError, match="Python objects"), run.family("bad") as out:
        out.npz("bad.npz", {"x": np.array([{}], object)})


def test_json_has_no_nan(run):
    run.write_json("summary.json", {"loss": float("nan"), "n": np.int64(3), "t": (1, np.float32(0.5))})
    assert json.loads(run.read_bytes("summary.json")) == {"loss": None, "n": 3, "t": [1, 0.5]}


def test_equal_contents_give_equal_digests_and_bytes(tmp_path):
    runs = [Store(tmp_path).run("r", "n", seed) for seed in range(3)]
    build(runs[0])
    build(runs[1])
    build(runs[2], value=2.0)
    digests = [run.manifest("latents").digest for run in runs]
    assert digests[0] == digests[1] != digests[2]
    again = Store(tmp_path / "again").run("r", "n", 0)
    build(again)
    assert runs[0].read_bytes("latents/manifest.json") == again.read_bytes("latents/manifest.json")


def test_a_volatile_file_is_checked_but_not_digested(tmp_path):
    digests = []
    for seed, text in enumerate((b"took 3 s", b"took 4 s")):
        run = Store(tmp_path).run("r", "n", seed)
        with run.family("metrics") as out:
            out.json("metrics.json", {"accuracy": 1})
            out.bytes("log.txt", text, volatile=True)
        digests.append(run.manifest("metrics").digest)
        assert run.manifest("metrics").record("log.txt").volatile
    assert digests[0] == digests[1]
    run.local_path("metrics/log.txt").write_bytes(b"took")
    assert [damage.kind for damage in run.verify("metrics")] == ["truncated"]


def test_files_that_a_new_build_does_not_write_go(run):
    build(run, **{"old.bin": b"old"})
    build(run)
    assert not run.exists("latents/old.bin")
    assert run.verify() == []


def test_keep_adds_and_drops(run):
    build(run)
    with run.family("latents", keep=True) as out:
        out.bytes("more.bin", b"more")
        out.drop("latents.json")
        out.latest("latents_step_5.npz", "mirror.npz")
    assert [record.name for record in run.manifest("latents").files] != []
    assert run.list() == [
        "latents/latents_latest.npz",
        "latents/latents_step_5.npz",
        "latents/mirror.npz",
        "latents/more.bin",
    ]
    assert run.verify() == []


def test_a_failed_build_leaves_what_was_there(run):
    build(run)
    before = run.manifest("latents").digest
    with pytest.raises(StorageError), run.family("latents") as out:
        out.bytes("latents.json", b"{}"), out.bytes("../latents.json", b"{}")
    assert run.manifest("latents").digest == before
    assert run.verify() == []
    assert not list((run.local_path("latents") / ".objects").iterdir())


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-7]), "truncated"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "altered"),
        (lambda path: path.write_bytes(_flip(path.read_bytes())), "altered"),
    ],
)
def test_damage_is_found_and_named(run, harm, kind):
    build(run)
    harm(run.local_path("latents/latents_step_5.npz"))
    damages = [damage for damage in run.verify("latents") if damage.file.endswith("latents_step_5.npz")]
    assert [damage.kind for damage in damages] == [kind]
    assert "acc build quickstart --select root --seeds 0" in str(damages[0])
    with pytest.raises(DamagedArtifact, match=r"latents_step_5\.npz"):
        run.read_npz("latents/latents_step_5.npz")
    build(run)
    assert run.verify("latents") == []


def _flip(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def test_an_altered_manifest_is_found(run):
    build(run)
    path = run.local_path("latents") / "manifest.json"
    path.write_text(
        path.read_text().replace('"size": ', '"size": 1', 1).replace('"sha256": "', '"sha256": "0', 1)
    )
    assert [damage.kind for damage in run.verify("latents")] == ["unreadable"]
    with pytest.raises(DamagedArtifact):
        run.manifest("latents")


def test_a_family_without_manifest_was_not_finished(run):
    run.write_bytes("latents/half.npz", b"half")
    assert [damage.kind for damage in run.verify("latents")] == ["no manifest"]
    assert run.families() == []


def test_a_missing_artifact_says_what_builds_it(run):
    with pytest.raises(MissingArtifact, match="acc build quickstart --select root --seeds 0"):
        run.read_json("metrics/metrics.json")
    with pytest.raises(FileNotFoundError):
        run.read_bytes("config.json")


@pytest.mark.parametrize("path", ["../x", "a/../b", "/etc/passwd", "a//b", "", ".hidden", "a/b\\c", "a b"])
def test_paths_stay_inside(run, path):
    with pytest.raises(StorageError):
        run.write_bytes(path, b"x")
    with pytest.raises(StorageError):
        run.read_bytes(path)


@pytest.mark.parametrize(
    ("recipe", "node", "seed"), [("..", "n", 0), ("r", "../n", 0), ("r", "n", -1), ("_r", "n", 0)]
)
def test_names_are_checked(tmp_path, recipe, node, seed):
    with pytest.raises(StorageError):
        Store(tmp_path).run(recipe, node, seed)


def test_what_is_no_picture_is_refused(run):
    with pytest.raises(StorageError, match="PNG"), run.family("grids") as out:
        out.png("grid.png", b"GIF89a")


def test_the_manifest_name_is_the_stores_own(run):
    with pytest.raises(StorageError, match=r"manifest\.json"), run.family("grids") as out:
        out.json("manifest.json", {})


def test_the_root_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("ACC_STORAGE", str(tmp_path / "elsewhere"))
    assert Store().root == tmp_path / "elsewhere"
    with pytest.raises(StorageError, match="nowhere://"):
        Store("nowhere://bucket/runs")


def test_an_npz_with_other_arrays_names_the_file_what_it_holds_and_the_command(tmp_path):
    run = Store(tmp_path).run("r", "n", 0)
    with run.family("latents") as out:
        out.npz("latents_latest.npz", other=[1.0], more=[2])
    arrays = run.read_npz("latents/latents_latest.npz")
    with pytest.raises(DamagedArtifact) as caught:
        arrays["mu"]
    said = str(caught.value)
    assert f"{run.local_path('latents/latents_latest.npz')} holds no array 'mu', but more, other." in said
    assert "acc build r --select n" in said
    assert arrays.get("mu") is None
