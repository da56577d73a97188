"""What can go wrong: broken losses, damaged files, code in a checkpoint, full and read-only disks, two builders."""

import io
import os
import pickle
import signal

import numpy as np
import pytest
import torch
from torch import nn
from training_trees import MODEL, build, in_child, small, stop_after

from acc_assets.datasets import Digits
from acc_assets.models import ModelOutput
from acc_assets.storage import StorageBusy, StorageError, Store
from acc_assets.tasks import ClassificationTask
from acc_assets.training import (
    CheckpointRefused,
    TrainingCancelled,
    TrainingDiverged,
    TrainingError,
    load_checkpoint,
    load_final,
    load_model,
    parse_checkpoint,
)
from acc_assets.training.progress import NoProgress
from acc_assets.tree import Recipe, config, trace

RUNAWAY = {"steps": 60, "optimizer": "sgd", "lr": 1e3, "clip_norm": None, "snapshot_every": 1, "log_every": 1}


def test_a_broken_loss_stops_with_step_task_and_values(tmp_path):
    with pytest.raises(TrainingDiverged) as caught:
        build(small(RUNAWAY), "left_done", tmp_path)
    error = caught.value
    assert error.task in ("recon", "kl", "digit", "model weights")
    assert str(error.step) in str(error)
    assert "learning rate" in str(error)
    run = Store(tmp_path).run("small", "left_done", 0)
    summary = run.read_json("summary.json")
    assert (summary["status"], summary["health"]) == ("failed", "critical")
    assert summary["diverged"]["step"] == error.step
    assert run.events()[-1]["event"] == "run.failed"
    kept = load_checkpoint(run)
    assert kept.step == error.kept_step < error.step
    assert all(bool(torch.isfinite(tensor).all()) for tensor in kept.model.values())
    assert run.verify() == []


def test_the_step_is_exact_when_losses_are_read_back_rarely(tmp_path):
    steps = []
    for log_every in (1, 20):
        with pytest.raises(TrainingDiverged) as caught:
            build(
                small({**RUNAWAY, "log_every": log_every, "snapshot_every": 60}),
                "left_done",
                tmp_path / str(log_every),
            )
        steps.append(caught.value.step)
    assert steps[0] == steps[1]


class TurnsBad(nn.Module):
    """Gives NaN from its fourth training step on."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(256, 6)
        self.register_buffer("passes", torch.zeros(()))

    def forward(self, images):
        latent = self.layer(images.flatten(1))
        if self.training:
            self.passes += 1
            latent = torch.where(self.passes < 4, latent, torch.nan)
        return {ModelOutput.LATENT: latent}


class BadRecipe(Recipe):
    name = "small"

    def run(self, ctx):
        digits = ctx.load_dataset("digits", Digits(image_size=16))
        ctx.create_model(TurnsBad)
        ctx.save_checkpoint("root")
        ctx.attach_task(ClassificationTask("digit", digits))
        ctx.train(steps=20, log_every=10, snapshot_every=2)
        ctx.save_checkpoint("done")


def test_a_nan_is_told_from_an_explosion(tmp_path):
    with pytest.raises(TrainingDiverged, match=r"not finite at step 4 in task 'digit'.*of step 2"):
        build(trace(BadRecipe()), "done", tmp_path / "nan")
    with pytest.raises(TrainingDiverged, match="exploded") as caught:
        build(small(RUNAWAY), "left_done", tmp_path / "exploded")
    assert all(np.isfinite(value) for value in caught.value.values.values())


@config
class CannotJudge(ClassificationTask):
    """A task that fails to judge its losses."""

    def health(self, losses, baseline, model=None):
        raise ZeroDivisionError("no baseline")


class UnjudgedRecipe(Recipe):
    name = "small"

    def run(self, ctx):
        digits = ctx.load_dataset("digits", Digits(image_size=16))
        ctx.create_model(MODEL)
        ctx.save_checkpoint("root")
        ctx.attach_task(CannotJudge("digit", digits))
        ctx.train(steps=1)
        ctx.save_checkpoint("done")


def test_a_task_that_fails_in_its_judgement_fails_the_run(tmp_path):
    with pytest.raises(ZeroDivisionError):
        build(trace(UnjudgedRecipe()), "done", tmp_path)
    run = Store(tmp_path).run("small", "done", 0)
    assert run.read_json("summary.json")["status"] == "failed"
    assert run.events()[-1]["event"] == "run.failed"


def test_an_unfinished_checkpoint_is_no_parent_and_no_model(tmp_path):
    tree = small()
    with pytest.raises(TrainingCancelled):
        build(tree, "left_done", tmp_path, should_stop=stop_after(3))
    run = Store(tmp_path).run("small", "left_done", 0)
    assert load_checkpoint(run).step == 3
    with pytest.raises(TrainingError, match="only to step 3"):
        load_final(run)
    with pytest.raises(TrainingError, match="acc build small --select left_done --seeds 0"):
        load_model(run, tree["left_done"])


def harm_newest(run, change):
    path = run.local_path("checkpoints") / "latest.pt"
    path.unlink()
    newest = sorted(run.local_path("checkpoints").glob("step_*.pt"))[-1]
    newest.write_bytes(change(newest.read_bytes()))


@pytest.mark.parametrize(
    "change",
    [lambda data: data[: len(data) // 2], lambda data: data[:999] + bytes([data[999] ^ 4]) + data[1000:]],
    ids=["truncated", "bit flipped"],
)
@pytest.mark.parametrize("finished", [True, False])
def test_a_damaged_checkpoint_is_named_and_built_again(tmp_path, change, finished):
    tree = small()
    whole = build(tree, "left_done", tmp_path / "whole")
    if finished:
        build(tree, "left_done", tmp_path / "harmed")
    else:
        with pytest.raises(TrainingCancelled):
            build(tree, "left_done", tmp_path / "harmed", should_stop=stop_after(20))
    run = Store(tmp_path / "harmed").run("small", "left_done", 0)
    harm_newest(run, change)
    with pytest.raises(StorageError, match=r"step_\d+\.pt is damaged.*acc build small"):
        load_checkpoint(run)
    again = build(tree, "left_done", tmp_path / "harmed")
    assert again.digest == whole.digest
    assert again.resumed_from == (None if finished else 10)
    assert any("damaged" in event.get("text", "") for event in run.events())
    assert run.verify() == []


def test_other_damage_is_mended_without_training(tmp_path):
    build(small(), "left_done", tmp_path)
    run = Store(tmp_path).run("small", "left_done", 0)
    whole = {family: run.manifest(family).digest for family in run.families()}
    for rel in ("checkpoints/latest.pt", "history/history.npz"):
        run.local_path(rel).unlink()  # it may share its bytes with another file
        run.local_path(rel).write_bytes(b"harm")
        assert build(small(), "left_done", tmp_path).resumed_from == 24
        assert run.verify() == []
    for rel, harm in (("summary.json", b'{"status": '), ("summary.json", b"[]"), ("config.json", b"")):
        whole_file = run.read_json(rel)
        run.local_path(rel).write_bytes(harm)
        assert build(small(), "left_done", tmp_path).resumed_from == 24
        assert run.read_json(rel).keys() == whole_file.keys()
    run.local_path("checkpoints/step_00000010.pt").unlink()
    assert build(small(), "left_done", tmp_path).resumed_from is None
    assert {family: run.manifest(family).digest for family in run.families()} == whole
    (run.local_path("checkpoints") / "manifest.json").write_text("{")
    build(small(), "left_done", tmp_path)
    assert {family: run.manifest(family).digest for family in run.families()} == whole


class Harmful:
    def __reduce__(self):
        return (os.system, ("touch harmed",))


def test_a_checkpoint_that_carries_code_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    buffer = io.BytesIO()
    torch.save({"format": 1, "model": Harmful()}, buffer)
    for data in (buffer.getvalue(), pickle.dumps(Harmful(), protocol=2)):
        with pytest.raises(CheckpointRefused, match=r"evil\.pt"):
            parse_checkpoint(data, "evil.pt")
    assert not (tmp_path / "harmed").exists()
    build(small(), "left_done", tmp_path / "store")
    run = Store(tmp_path / "store").run("small", "left_done", 0)
    with run.family("checkpoints", keep=True) as out:  # even where the manifest vouches for it
        out.bytes("step_00000024.pt", buffer.getvalue())
    with pytest.raises(CheckpointRefused, match="could run code"):
        load_checkpoint(run)
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("data", [b"", b"no checkpoint", pickle.dumps({"format": 1}, protocol=2)])
def test_what_is_no_checkpoint_is_refused(data):
    with pytest.raises(CheckpointRefused, match=r"thing\.pt"):
        parse_checkpoint(data, "thing.pt")


def test_another_format_is_refused():
    buffer = io.BytesIO()
    torch.save({"format": 99}, buffer)
    with pytest.raises(CheckpointRefused, match="format 99"):
        parse_checkpoint(buffer.getvalue(), "thing.pt")


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX limits")
def test_a_full_disk_stops_the_build_and_it_goes_on_when_there_is_room(tmp_path):
    resource = pytest.importorskip("resource")
    tree = small()
    build(tree, "left", tmp_path)
    with pytest.raises(TrainingCancelled):
        build(tree, "left_done", tmp_path, should_stop=stop_after(13))
    run = Store(tmp_path).run("small", "left_done", 0)
    size = run.local_path("checkpoints/step_00000013.pt").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, hard))
    try:
        with pytest.raises(StorageError, match="unchanged"):
            build(tree, "left_done", tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert run.verify() == []
    assert run.read_json("summary.json")["status"] == "failed"
    again = build(tree, "left_done", tmp_path)
    assert again.resumed_from == 13
    assert again.digest == build(tree, "left_done", tmp_path / "whole").digest


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX users")
def test_a_read_only_folder_is_named(tmp_path):
    build(small(), "left", tmp_path / "store")
    folders = [path for path in [tmp_path / "store", *(tmp_path / "store").rglob("*")] if path.is_dir()]
    for folder in folders:
        folder.chmod(0o555)
    if os.geteuid() == 0:
        for path in [tmp_path, *tmp_path.parents][
            :4
        ]:  # up to the folder of all of pytest's, also under xdist
            path.chmod(path.stat().st_mode | 0o055)
        os.seteuid(65534)
    try:
        with pytest.raises(StorageError, match="ACC_STORAGE"):
            build(small(), "left_done", tmp_path / "store")
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        for folder in folders:
            folder.chmod(0o755)


def hold(root, ready):
    with Store(root).run("small", "left_done", 0).lock():
        ready.set()
        signal.pause()


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_second_build_of_the_same_node_says_who_is_at_it(tmp_path):
    import multiprocessing

    ready = multiprocessing.get_context("forkserver").Event()
    child = in_child(hold, str(tmp_path), ready)
    said = []

    class Listener(NoProgress):
        def message(self, text):
            said.append(text)

    try:
        assert ready.wait(120)
        with pytest.raises(StorageBusy, match=f"process {child.pid}"):
            build(small(), "left_done", tmp_path, lock_timeout=0.1, progress=Listener())
        assert any("waiting" in text and f"process {child.pid}" in text for text in said)
    finally:
        child.kill()
        child.join()
    assert build(small(), "left_done", tmp_path).step == 24


def test_a_second_build_that_waits_finds_the_work_done(tmp_path):
    from training_trees import build_quietly

    children = [in_child(build_quietly, ({"steps": 150},), str(tmp_path)) for _ in range(2)]
    for child in children:
        child.join(180)
        assert child.exitcode == 0
    events = [event["event"] for event in Store(tmp_path).run("small", "left_done", 0).events()]
    assert events.count("run.started") == events.count("run.completed") == 1


def test_config_summary_and_history_follow_the_contract(tmp_path):
    build(small({"steps": 24, "validate_every": 12}), "left_done", tmp_path)
    run = Store(tmp_path).run("small", "left_done", 0)
    config = run.read_json("config.json")
    assert config["latent_dim"] == MODEL.latent_dim
    assert config["factor_groups"][0] == {"name": "digit", "start": 0, "stop": 3}
    assert config["primary_dataset"] == "digits"
    assert config["datasets"]["digits"]["digest"]
    assert config["datasets"]["digits"]["test"] == 360
    assert len(set(config["viz_indices"])) == 40
    assert config["command"] == "acc build small --select left_done --seeds 0"
    summary = run.read_json("summary.json")
    assert set(summary["tasks"]) == {"recon", "kl", "digit"}
    task = summary["tasks"]["digit"]
    assert task["health"] in ("healthy", "warning", "critical")
    assert task["thresholds"]
    assert task["min"] <= task["final"] <= task["max"]
    assert summary["images_per_s"] == pytest.approx(32 * summary["steps_per_s"], rel=0.01)
    history = run.read_npz("history/history.npz")
    assert history["step"].dtype == np.int64
    assert history["val_step"].tolist() == [12, 24]
    names = [event["event"] for event in run.events()]
    assert names[:2] == ["run.created", "run.started"]
    assert names[-1] == "run.completed"
    assert names.count("train.metrics") == 6
    root = Store(tmp_path).run("small", "root", 0)
    assert root.read_json("summary.json")["status"] == "completed"


@pytest.mark.parametrize("other", ["node", "seed", "step"])
def test_a_checkpoint_in_the_place_of_another_is_refused(tmp_path, other):
    """Files that changed places, under manifests that vouch for them."""
    tree = small()
    for seed in (0, 1):
        build(tree, "left_done", tmp_path, seed=seed)
    run = Store(tmp_path).run("small", "left_done", 0)
    source, file = {
        "node": (Store(tmp_path).run("small", "left", 0), "step_00000000.pt"),
        "seed": (Store(tmp_path).run("small", "left_done", 1), "step_00000024.pt"),
        "step": (run, "step_00000010.pt"),
    }[other]
    data = source.read_bytes(f"checkpoints/{file}")
    with run.family("checkpoints", keep=True) as out:
        out.bytes("step_00000024.pt", data)
    assert run.verify() == []
    with pytest.raises(
        CheckpointRefused, match=r"step_00000024\.pt is refused: .*acc build small --select left_done"
    ):
        load_checkpoint(run)
    again = build(tree, "left_done", tmp_path)
    assert again.digest == build(tree, "left_done", tmp_path / "whole").digest
    assert load_checkpoint(run).step == 24
