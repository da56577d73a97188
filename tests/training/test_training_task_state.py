"""Tasks with state and diagnostics, and data that the seed decides: kept, resumed, restored, told."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from training_trees import MODEL, OPTIONS, build, in_child, stop_after

from acc_assets.datasets import Digits, ImageData, Split, load_dataset
from acc_assets.models import ModelOutput
from acc_assets.storage import RunDirectory, Store
from acc_assets.tasks import (
    ClassificationTask,
    Health,
    Loss,
    LossHealth,
    ReconstructionTask,
    StepView,
    Task,
)
from acc_assets.training import TrainingCancelled, load_checkpoint, load_model
from acc_assets.tree import EarlyStopping, Recipe, RecipeContext, Tree, trace

BATCH = OPTIONS["batch_size"]
WIDTH = 6


class Seen(nn.Module):
    """How often each class was seen, and which dimensions of the latent are free so far."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("counts", torch.zeros(10, dtype=torch.int64))
        self.register_buffer("locked", torch.ones(WIDTH, dtype=torch.bool))


class MeanSquare:
    """Mean square of the locked dimensions."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def update(self, view: StepView) -> None:
        assert view.step is None
        self.values += squares(view).tolist()

    def compute(self) -> dict[str, float]:
        return {"loss": float(np.mean(self.values))}


def squares(view: StepView) -> Tensor:
    latent = view.outputs[ModelOutput.MU]
    return (latent.square() * view.head.locked).sum(1)  # type: ignore[union-attr]


@dataclass(frozen=True, kw_only=True)
class Counting(Task):
    """Shrinks the latent's dimensions, all but those that it has set free: one for each 100 images seen."""

    kind: ClassVar[str] = "counting"
    unit: ClassVar[str] = "squared units"  # type: ignore[misc]

    def needs(self) -> frozenset[str]:
        return frozenset({ModelOutput.MU})

    def build_head(self, model: Any, dataset: Any) -> nn.Module:
        return Seen()

    def loss(self, view: StepView) -> Loss:
        assert view.step is not None
        assert view.model.training
        seen = view.head.counts.sum()  # type: ignore[union-attr]
        return Loss(squares(view).mean(), {"seen": seen, "step": float(view.step)})

    def after_step(self, view: StepView) -> None:
        head: Any = view.head
        head.counts += torch.bincount(view.batch.targets, minlength=10)
        head.locked[: int(head.counts.sum()) // 100] = False

    def evaluator(self) -> MeanSquare:
        return MeanSquare()

    def baseline(self, dataset: Any) -> dict[str, float]:
        return {"loss": 0.0}

    def health(self, losses: Sequence[float], baseline: Mapping[str, float], model: Any = None) -> LossHealth:
        return LossHealth(Health.HEALTHY, "nothing to judge")


class Stateful(Recipe):
    """root -> left_done -> onward_done, with a reconstruction and the counting task."""

    name = "small"

    def __init__(self, counting: str = "counting", **phase: Any) -> None:
        self.counting, self.phase = counting, phase

    def run(self, ctx: RecipeContext) -> None:
        digits = ctx.load_dataset("digits", Digits(image_size=16))
        ctx.create_model(MODEL)
        root = ctx.save_checkpoint("root")
        ctx.fork(root, "left")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.attach_task(Counting(self.counting, digits))
        ctx.train(**{**OPTIONS, "steps": 24, **self.phase})
        ctx.save_checkpoint("left_done")
        ctx.train(**{**OPTIONS, "steps": 2})
        ctx.save_checkpoint("onward_done")


def tree(**phase: Any) -> Tree:
    return trace(Stateful(**phase))


def run_of(root: Path, tag: str = "left_done") -> RunDirectory:
    return Store(root).run("small", tag, 0)


def counts(root: Path, tag: str = "left_done", step: int | None = None) -> int:
    return int(load_checkpoint(run_of(root, tag), step).heads["counting"]["counts"].sum())


def written(root: Path) -> dict[str, str]:
    run = run_of(root)
    return {family: run.manifest(family).digest for family in run.families()}


def build_and_die(root: str, steps: int) -> None:
    """Build `left_done`; the process kills itself after so many steps of this attempt."""
    calls = 0

    def die() -> bool:
        nonlocal calls
        calls += 1
        if calls == steps:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    build(tree(), "left_done", Path(root), should_stop=die)


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("steps", [5, 13, 22])
def test_counts_of_a_killed_run_end_in_the_same_bits(tmp_path: Path, steps: int) -> None:
    build(tree(), "left_done", tmp_path / "whole")
    child = in_child(build_and_die, str(tmp_path / "killed"), steps)
    child.join()
    assert child.exitcode == -signal.SIGKILL
    result = build(tree(), "left_done", tmp_path / "killed")
    assert (result.resumed_from or 0) == (steps - 1) // 10 * 10
    assert written(tmp_path / "killed") == written(tmp_path / "whole")
    assert counts(tmp_path / "killed") == 24 * BATCH
    locked = load_checkpoint(run_of(tmp_path / "killed")).heads["counting"]["locked"]
    assert locked.tolist() == [False] * WIDTH  # 768 images


def test_counts_and_half_a_window_of_diagnostics_outlast_a_stop(tmp_path: Path) -> None:
    build(tree(), "left_done", tmp_path / "whole")
    with pytest.raises(TrainingCancelled):
        build(
            tree(), "left_done", tmp_path / "parts", should_stop=stop_after(6)
        )  # two steps into a log of four
    build(tree(), "left_done", tmp_path / "parts")
    whole, parts = (run_of(tmp_path / name).read_npz("history/history.npz") for name in ("whole", "parts"))
    assert all(np.array_equal(whole[name], parts[name]) for name in whole)
    digests = {load_checkpoint(run_of(tmp_path / name)).digest for name in ("whole", "parts")}
    assert len(digests) == 1


def test_a_fork_and_a_reader_get_the_counts(tmp_path: Path) -> None:
    forked = tree()
    build(forked, "onward_done", tmp_path)
    assert counts(tmp_path, "onward_done") == 26 * BATCH
    loaded = load_model(run_of(tmp_path, "onward_done"), forked["onward_done"])
    assert int(loaded.heads["counting"].counts.sum()) == 26 * BATCH  # type: ignore[union-attr,operator]


def test_early_stopping_restores_the_counts_of_the_best_step(tmp_path: Path) -> None:
    rule = EarlyStopping(task="recon", metric="loss", mode="min", patience=2, min_delta=1e6)
    build(tree(validate_every=4, early_stopping=rule), "left_done", tmp_path)
    facts = run_of(tmp_path).read_json("summary.json")["phases"][0]
    assert (facts["steps"], facts["best_step"]) == (12, 4)
    assert counts(tmp_path) == 4 * BATCH


def test_a_moving_average_leaves_counts_alone(tmp_path: Path) -> None:
    build(tree(ema_decay=0.9), "left_done", tmp_path)
    assert counts(tmp_path, step=10) == 10 * BATCH
    assert counts(tmp_path) == 24 * BATCH


def test_a_task_that_is_not_drawn_does_not_count(tmp_path: Path) -> None:
    build(tree(task_sampling="one", log_every=1), "left_done", tmp_path)
    history = run_of(tmp_path).read_npz("history/history.npz")
    drawn = np.isfinite(history["loss/counting"])
    assert 0 < drawn.sum() < 24
    assert counts(tmp_path) == drawn.sum() * BATCH
    assert np.array_equal(np.isfinite(history["counting/seen"]), drawn)


def test_diagnostics_reach_events_curves_and_summary(tmp_path: Path) -> None:
    build(tree(), "left_done", tmp_path)
    run = run_of(tmp_path)
    history = run.read_npz("history/history.npz")
    steps = np.arange(24.0)
    means = [part.mean() for part in np.split(steps, 6)]
    np.testing.assert_allclose(history["counting/step"], means)  # of each log's four steps, as losses
    np.testing.assert_allclose(history["counting/seen"], np.array(means) * BATCH)
    events = [event for event in run.events() if event["event"] == "train.metrics"]
    assert events[1]["diagnostics"] == {"counting/seen": 5.5 * BATCH, "counting/step": 5.5}
    assert set(events[1]["losses"]) == {"recon", "counting"}
    tasks = run.read_json("summary.json")["tasks"]
    assert tasks["counting"]["diagnostics"]["step"] == {"final": 21.5, "min": 1.5, "max": 21.5}
    assert tasks["recon"]["diagnostics"] == {}
    units = {name: task["unit"] for name, task in tasks.items()}
    assert units == {"recon": "nats per image", "counting": "squared units"}
    assert {task["name"]: task["unit"] for task in run.read_json("config.json")["tasks"]} == units


def test_a_name_that_other_series_begin_with_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"task 'loss' tells the diagnostic 'seen'.*must not be called loss or val"
    ):
        build(tree(counting="loss"), "left_done", tmp_path)


@pytest.mark.parametrize(
    ("diagnostics", "words"),
    [
        ({"per_class": torch.ones(3, 2)}, r"'per_class' as a tensor \(3, 2\)"),
        ({"two words": 1.0}, "letters, digits"),
    ],
)
def test_a_diagnostic_is_a_number_or_a_vector_with_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, diagnostics: Any, words: str
) -> None:
    monkeypatch.setattr(Counting, "loss", lambda self, view: Loss(squares(view).mean(), diagnostics))
    with pytest.raises(ValueError, match=words):
        build(tree(), "left_done", tmp_path)


@dataclass(frozen=True)
class FewLabels(Digits):
    """All digits, of which `labels` training images have their label: drawn by the recipe's seed."""

    labels: int = 100

    def load(self, seed: int) -> ImageData:  # type: ignore[override]
        data = Digits(image_size=self.image_size).load()
        labelled = np.zeros(len(data.train), bool)
        labelled[np.random.default_rng(seed).choice(len(labelled), self.labels, replace=False)] = True
        train = Split(data.train.images, data.train.targets, labelled=labelled)
        return ImageData(self.name, self.source, train, data.validation, data.test, self.target_names)


class SemiSupervised(Recipe):
    name = "small"

    def run(self, ctx: RecipeContext) -> None:
        digits = ctx.load_dataset("digits", FewLabels(image_size=16))
        ctx.create_model(MODEL)
        root = ctx.save_checkpoint("root")
        for branch in ("left", "right"):
            ctx.fork(root, branch)
            ctx.attach_task(ReconstructionTask("recon", digits))
            ctx.attach_task(ClassificationTask("digit", digits))
            ctx.train(**{**OPTIONS, "steps": 40, "log_every": 40, "lr": 1e-9})
            ctx.save_checkpoint(f"{branch}_done")
            ctx.evaluate()


def test_the_seed_says_which_images_are_labelled_for_all_branches(tmp_path: Path) -> None:
    config = FewLabels(image_size=16)
    one, same, other = (load_dataset(config, seed) for seed in (0, 0, 1))
    assert one.train.labelled is not None
    assert (one.digest, one.train.labelled.sum()) == (same.digest, 100)
    assert one.digest != other.digest
    assert load_dataset(Digits(image_size=16), 3) is Digits(image_size=16).load()

    semi = trace(SemiSupervised())
    runs = {}
    for tag, seed in (("left_done", 0), ("right_done", 0), ("left_done", 1)):
        build(semi, tag, tmp_path, seed=seed)
        runs[tag, seed] = Store(tmp_path).run("small", tag, seed)
    digests = {key: load_checkpoint(run).identity.data["digits"] for key, run in runs.items()}
    assert digests == {
        ("left_done", 0): one.digest,
        ("right_done", 0): one.digest,
        ("left_done", 1): other.digest,
    }
    assert runs["left_done", 0].read_json("config.json")["datasets"]["digits"]["labelled"] == 100
    # a loss over the labels alone, on the scale of one over all: an untrained probe is near chance
    history = runs["left_done", 0].read_npz("history/history.npz")
    assert history["loss/digit"][0] == pytest.approx(np.log(10), rel=0.25)
