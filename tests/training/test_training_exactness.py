"""Equal specs give equal bits; killed, stopped and resumed runs end where an uninterrupted one ends."""

import os
import random
import signal
import time
from dataclasses import replace

import pytest
import torch
from training_trees import build, build_and_die, build_quietly, in_child, small, stop_after

from acc_assets.datasets import Augmentation, Digits
from acc_assets.storage import Store
from acc_assets.tasks import LinearRamp
from acc_assets.training import TrainingCancelled, load_checkpoint
from acc_assets.training.batches import BatchSource
from acc_assets.tree import EarlyStopping

CPU = torch.device("cpu")
LIFECYCLE = {"run.created", "run.started", "run.resumed", "run.cancelled", "run.completed", "run.message"}
CLOCKS = {"id", "time", "elapsed_s", "steps_per_s", "remaining_s"}


def fingerprint(root, tag="left_done"):
    """Everything that must be the same: files bit for bit, and what happened, clocks and numbers aside."""
    run = Store(root).run("small", tag, 0)
    assert run.verify() == []
    events = [
        {key: value for key, value in event.items() if key not in CLOCKS}
        for event in run.events()
        if event["event"] not in LIFECYCLE
    ]
    families = {family: run.manifest(family).digest for family in run.families()}
    summary = run.read_json("summary.json")
    assert summary["status"] == "completed"
    return families, events, summary["tasks"], summary["phases"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole")
    build(small(), "left_done", root)
    return fingerprint(root)


def test_twice_gives_the_same_bits(tmp_path, uninterrupted):
    first = build(small(), "left_done", tmp_path / "again")
    assert fingerprint(tmp_path / "again") == uninterrupted
    other_seed = build(small(), "left_done", tmp_path / "other", seed=1)
    assert first.digest != other_seed.digest


def test_twice_gives_the_same_bits_with_more_threads(tmp_path):
    digests = {build(small({"steps": 6}), "left_done", tmp_path / name, threads=2).digest for name in "ab"}
    assert len(digests) == 1


def test_a_complete_checkpoint_is_not_trained_again(tmp_path):
    first = build(small(), "left_done", tmp_path)
    run = Store(tmp_path).run("small", "left_done", 0)
    events, bytes_before = run.events(), run.read_bytes("checkpoints/latest.pt")
    again = build(small(), "left_done", tmp_path)
    assert (again.digest, again.resumed_from, again.summary) == (first.digest, 24, first.summary)
    assert run.events() == events
    assert run.read_bytes("checkpoints/latest.pt") == bytes_before


def test_an_edited_node_starts_over(tmp_path):
    build(small(), "left_done", tmp_path)
    edited = build(small({"steps": 24, "lr": 1e-3}), "left_done", tmp_path)
    assert edited.resumed_from is None
    assert edited.digest == build(small({"steps": 24, "lr": 1e-3}), "left_done", tmp_path / "new").digest
    other_code = build(small({"steps": 24, "lr": 1e-3}), "left_done", tmp_path, code_version="2")
    assert other_code.resumed_from is None


def test_a_rebuilt_parent_makes_its_child_start_over(tmp_path):
    tree = small()
    build(tree, "left_done", tmp_path)
    store = Store(tmp_path)
    target = store.run("small", "left", 0)
    state = load_checkpoint(target)
    other = replace(state, model={name: tensor + 1 for name, tensor in state.model.items()})
    with target.family("checkpoints") as out:
        out.bytes("step_00000000.pt", other.to_bytes())
    from acc_assets.training import Runtime, build_checkpoint

    result = build_checkpoint(
        tree["left_done"],
        recipe="small",
        seed=0,
        run=store.run("small", "left_done", 0),
        parent_run=target,
        runtime=Runtime(device="cpu", threads=1),
    )
    assert result.resumed_from is None
    assert load_checkpoint(store.run("small", "left_done", 0)).identity.parent == other.digest


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("fatal", [1, 9, 14, *range(21, 110, 4)])
def test_killed_at_any_write_it_ends_in_the_same_bits(tmp_path, uninterrupted, fatal):
    child = in_child(build_and_die, (), str(tmp_path), fatal)
    child.join()
    assert child.exitcode == -signal.SIGKILL
    build(small(), "left_done", tmp_path)
    assert fingerprint(tmp_path) == uninterrupted


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_at_random_moments_it_ends_in_the_same_bits(tmp_path):
    phases = ({"steps": 300, "snapshot_every": 10},)
    build(small(*phases), "left_done", tmp_path / "whole")
    chance = random.Random(time.time_ns())
    run = Store(tmp_path / "killed").run("small", "left_done", 0)
    for _ in range(5):
        before = len(run.list("checkpoints"))
        child = in_child(build_quietly, phases, str(tmp_path / "killed"))
        while child.is_alive() and len(run.list("checkpoints")) <= before:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.2))
        child.kill()
        child.join()
    result = build(small(*phases), "left_done", tmp_path / "killed")
    assert result.resumed_from
    assert fingerprint(tmp_path / "killed") == fingerprint(tmp_path / "whole")


@pytest.mark.skipif(os.name != "posix", reason="needs SIGTERM")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_step_saves_and_is_continued(tmp_path, number):
    phases = ({"steps": 100_000, "snapshot_every": 100},)  # it never ends by itself
    run = Store(tmp_path).run("small", "left_done", 0)
    child = in_child(build_quietly, phases, str(tmp_path))
    while not any(event["event"] == "train.metrics" for event in run.events()):
        time.sleep(0.01)
    os.kill(child.pid, number)
    child.join(120)
    assert child.exitcode == 3
    cancelled = run.events()[-1]
    assert cancelled["event"] == "run.cancelled"
    assert run.read_json("summary.json")["status"] == "cancelled"
    assert load_checkpoint(run).step == cancelled["step"]
    with run.lock(timeout=0):
        pass  # it is free again
    with pytest.raises(TrainingCancelled) as again:
        build(small(*phases), "left_done", tmp_path, should_stop=stop_after(3))
    resumed = [event for event in run.events() if event["event"] == "run.resumed"]
    assert [event["step"] for event in resumed] == [cancelled["step"]]
    assert again.value.step > cancelled["step"]


EVERY_OPTION = {
    "plain": ({"steps": 24},),
    "schedules": ({"steps": 24, "lr_schedule": "cosine", "warmup_steps": 6, "ema_decay": 0.9},),
    "sgd": ({"steps": 24, "optimizer": "sgd", "lr": 1e-4, "lr_schedule": "step", "lr_step_size": 5},),
    "one task": ({"steps": 24, "task_sampling": "one", "log_every": 5},),
    "augmented": ({"steps": 24, "augment": Augmentation(shift_px=2, rotation_degrees=10, noise_std=0.1)},),
    "early": (
        {
            "steps": 24,
            "validate_every": 4,
            "early_stopping": EarlyStopping(task="digit", metric="accuracy", patience=2, min_delta=0.5),
            "ema_decay": 0.8,
        },
        {"steps": 8},
    ),
    "curriculum": (
        {"steps": 9, "lr": 3e-3, "weight_decay": 0.1, "optimizer": "adamw"},
        {"steps": 8, "batch_size": 20, "lr_schedule": "cosine"},
        {"steps": 7, "precision": "bfloat16", "clip_norm": 1.0},
    ),
}


HALF = ({"steps": 24, "precision": "float16", "ema_decay": 0.9},)  # only where there is CUDA
NO_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")


@pytest.mark.parametrize(
    ("device", "name"),
    [
        *(("cpu", name) for name in EVERY_OPTION),
        *(pytest.param("cuda", name, marks=NO_CUDA) for name in [*EVERY_OPTION, "float16"]),
    ],
)
def test_stopped_and_resumed_with_every_option(tmp_path, device, name):
    phases = {**EVERY_OPTION, "float16": HALF}[name]
    kl = LinearRamp(0.0, 1.0, steps=20)
    tree = small(*phases, kl=kl)
    build(tree, "right_done", tmp_path / "whole", device=device)
    for calls in (3, 5, 9):
        with pytest.raises(TrainingCancelled):
            build(tree, "right_done", tmp_path / "parts", device=device, should_stop=stop_after(calls))
    assert build(tree, "right_done", tmp_path / "parts", device=device).resumed_from
    whole, parts = (fingerprint(tmp_path / part, "right_done") for part in ("whole", "parts"))
    created = [event["step"] for event in parts[1] if event.get("family") == "checkpoints"]
    assert created == sorted(set(created))
    whole[1][:], parts[1][:] = (  # the parts also saved where they were stopped
        [event for event in events if event["event"] != "artifact.created"] for events in (whole[1], parts[1])
    )
    assert parts == whole


def test_branches_see_the_same_batches_and_noise(tmp_path):
    """With a weight of zero, learning stroke width beside leaves not a bit of the model changed."""
    tree = small(weight=0.0)
    for tag in ("left_done", "right_done"):
        build(tree, tag, tmp_path)
    left, right = (
        load_checkpoint(Store(tmp_path).run("small", f"{side}_done", 0)) for side in ("left", "right")
    )
    assert left.positions["digits"] == right.positions["digits"] == 24 * 32
    assert right.positions["strokes"] == 24 * 32
    for name, tensor in left.model.items():
        assert torch.equal(tensor, right.model[name]), name
    assert torch.equal(left.heads["digit"]["linear.weight"], right.heads["digit"]["linear.weight"])


def test_every_image_comes_once_an_epoch_in_an_order_of_seed_and_epoch():
    data = Digits(image_size=16).load()

    def stream(batch_size, seed=0, position=0, batches=1):
        source = BatchSource("digits", data, batch_size=batch_size, seed=seed, device=CPU, position=position)
        return torch.cat([source.next(0).images for _ in range(batches)])

    n = len(data.train)
    two_epochs = stream(n, batches=2)
    levels = (two_epochs * 255).round().long()
    for epoch in (levels[:n], levels[n:]):
        assert torch.equal(epoch.sum(0), torch.from_numpy(data.train.images).long().sum(0))
    assert not torch.equal(two_epochs[:n], two_epochs[n:])
    assert torch.equal(stream(100, position=n - 30), two_epochs[n - 30 : n + 70])
    assert torch.equal(stream(3 * n), stream(n, batches=3))
    assert not torch.equal(stream(n), stream(n, seed=1))


def test_snapshots_stay_small_and_show_the_start(tmp_path):
    build(small({"steps": 50}), "left_done", tmp_path)
    run = Store(tmp_path).run("small", "left_done", 0)
    states = {step: load_checkpoint(run, step) for step in (0, 10, 20, 30, 40, 50)}
    assert [step for step, state in states.items() if state.resume is not None] == [50]
    assert states[50].final
    assert states[50].resume["trainer"]["optimizer"]["state"]
    root = load_checkpoint(Store(tmp_path).run("small", "root", 0))
    assert all(torch.equal(tensor, states[0].model[name]) for name, tensor in root.model.items())
