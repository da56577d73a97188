"""Previews of snapshots: the same for equal runs, turned onto each other, and no part of the training."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from training_trees import build, small, stop_after

from acc_assets.analysis.principal import procrustes
from acc_assets.datasets import Digits, ImageData, load_dataset
from acc_assets.families import RunArtifacts, previews
from acc_assets.models import ModelOutput
from acc_assets.storage import RunDirectory, Store
from acc_assets.training import CheckpointResult, TrainingCancelled, materialize
from acc_assets.training.previews import Previewer

STEPS = [0, 10, 20, 24]


def run_of(folder: Path) -> RunDirectory:
    return Store(folder).run("small", "left_done", 0)


def drawn(run: RunDirectory) -> dict[int, dict[str, np.ndarray]]:
    """The arrays of all previews that are stored, by step."""
    names = [name.rsplit("/", 1)[-1] for name in run.list("checkpoints/preview_step")]
    steps = sorted(step for name in names if (step := previews.step_of(name)) is not None)
    return {step: previews.read(run, step) for step in steps}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CheckpointResult]:
    """A run of 24 steps with a snapshot every ten."""
    folder = tmp_path_factory.mktemp("plain")
    return folder, build(small(), "left_done", folder)


@pytest.fixture(scope="module")
def digits() -> ImageData:
    return load_dataset(Digits(image_size=16), 0)


def test_every_snapshot_is_drawn_and_told_in_order(plain: tuple[Path, CheckpointResult]) -> None:
    run = run_of(plain[0])
    found = drawn(run)
    assert list(found) == STEPS
    told = [event for event in run.events() if previews.TOLD in event]
    assert [event["step"] for event in told] == STEPS
    assert all(event["family"] == "checkpoints" and run.exists(event["preview"]) for event in told)
    last = found[24]
    assert last["examples"].tolist() == run.read_json("config.json")["viz_indices"][:30]
    assert last["images"].shape == last["reconstructions"].shape == (30, 1, 16, 16)
    assert last["coords"].shape == (len(last["indices"]), 2)
    assert np.array_equal(last["images"], found[0]["images"])
    assert not np.array_equal(last["reconstructions"], found[0]["reconstructions"])
    assert run.read_bytes(previews.SERIES.path()) == run.read_bytes(previews.SERIES.path(24))


def test_points_are_turned_onto_the_snapshot_before(plain: tuple[Path, CheckpointResult]) -> None:
    found = drawn(run_of(plain[0]))
    for before, step in pairwise(STEPS):
        coords, reference = found[step]["coords"], found[before]["coords"]
        assert procrustes(coords, reference) == pytest.approx(coords, abs=1e-4 * float(np.ptp(coords)))


def test_drawing_changes_nothing_of_the_training(
    plain: tuple[Path, CheckpointResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(materialize, "_previewer", lambda *_: None)
    assert build(small(), "left_done", tmp_path).digest == plain[1].digest
    run, undrawn = run_of(plain[0]), run_of(tmp_path)
    assert drawn(undrawn) == {}
    assert run.read_bytes("checkpoints/latest.pt") == undrawn.read_bytes("checkpoints/latest.pt")
    assert run.digest("checkpoints") == undrawn.digest("checkpoints")


def test_an_interrupted_run_ends_with_the_same_previews(
    plain: tuple[Path, CheckpointResult], tmp_path: Path
) -> None:
    with pytest.raises(TrainingCancelled):
        build(small(), "left_done", tmp_path, should_stop=stop_after(13))
    run = run_of(tmp_path)
    assert list(drawn(run)) == [0, 10, 13]  # what it wrote stays as it ends
    build(small(), "left_done", tmp_path)
    names = run_of(plain[0]).list("checkpoints/preview")
    assert run.list("checkpoints/preview") == names
    for name in names:
        assert run.read_bytes(name) == run_of(plain[0]).read_bytes(name), name
    meta, arrays = previews.script_of(RunArtifacts(run, "small", "left_done", 0), after=0)
    assert [snapshot["step"] for snapshot in meta["snapshots"]] == [10, 20, 24]
    assert meta["classes"] == [str(digit) for digit in range(10)]
    assert np.array_equal(arrays["coords/10"], drawn(run)[10]["coords"])
    assert "6 latent dimensions" in meta["map"]


def test_one_that_is_damaged_is_left_out_and_no_other_file(tmp_path: Path) -> None:
    build(small({"steps": 4, "snapshot_every": 2}), "left_done", tmp_path)
    run = run_of(tmp_path)
    for step in (2, 4):
        run.local_path(previews.SERIES.path(step)).write_bytes(b"no preview")
    assert run.verify("checkpoints")
    build(small({"steps": 4, "snapshot_every": 2}), "left_done", tmp_path)
    assert run.verify("checkpoints") == []
    assert list(drawn(run)) == [0]
    assert run.read_bytes(previews.SERIES.path()) == run.read_bytes(previews.SERIES.path(0))


class Coder(nn.Module):
    """A latent of so many dimensions and no image; the first pixel of its images may make it infinite."""

    def __init__(self, width: int, factor: float = 1.0) -> None:
        super().__init__()
        self.linear, self.noise = nn.Linear(256, width), nn.Dropout()
        self.factor = factor

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {ModelOutput.LATENT: self.noise(self.linear(images.flatten(1))) * self.factor}


class Painter(nn.Module):
    """Images without a latent; every one is drawn anew."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {ModelOutput.RECONSTRUCTION: torch.rand_like(images)}


def previewer(data: ImageData) -> Previewer:
    return Previewer(data, seed=0, device=torch.device("cpu"), aligned=None)


def test_what_a_model_lacks_is_left_out(digits: ImageData) -> None:
    found = previewer(digits).draw(Painter(), stays=True)
    assert "coords" not in found
    again = previewer(digits).draw(Painter(), stays=True)
    assert np.array_equal(
        found["reconstructions"], again["reconstructions"]
    )  # noise of its own, always the same
    flat = previewer(digits).draw(Coder(2), stays=True)
    assert not {"reconstructions", "explained"} & flat.keys()  # a latent of two dimensions is its own map
    assert "coords" not in previewer(digits).draw(Coder(3, float("inf")), stays=True)


def test_a_model_is_left_as_it_was(digits: ImageData) -> None:
    model = Coder(3).train()
    model.noise.eval()  # a part that its owner has frozen
    state = torch.get_rng_state()
    found = previewer(digits).draw(model, stays=True)
    assert (model.training, model.linear.training, model.noise.training) == (True, True, False)
    assert torch.equal(torch.get_rng_state(), state)
    assert found["coords"].dtype == np.float32
    assert set(found["labels"][:10].tolist()) == set(range(10))
