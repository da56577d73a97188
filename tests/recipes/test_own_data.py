"""Data of a user's own: arrays in memory, and a configuration that loads them when they are needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from acc_assets.assets.launched import Project
from acc_assets.assets.plans import plans
from acc_assets.assets.work import Work
from acc_assets.recipes import vocabulary
from acc_assets.storage import MadeFrom, Store
from acc_assets.training import Runtime, build_checkpoint
from acc_assets.tree import discover_file

RECIPE = """
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from acc_assets.datasets import DatasetConfig, ImageData, Split
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ClassificationTask, ReconstructionTask
from acc_assets.tree import Recipe

def bars(count, level=200):
    images = np.zeros((count, 1, 16, 16), np.uint8)
    targets = np.arange(count) % 2
    images[targets == 0, :, :, 4:8] = level
    images[targets == 1, :, 4:8, :] = level
    return Split(images, targets)

def load_bars(level=200):
    return ImageData("bars", "drawn in a test", bars(40, level), bars(4, level), bars(10, level), ("upright", "flat"))

@dataclass(frozen=True, kw_only=True)
class Bars(DatasetConfig):
    image_size: int = 16
    name: ClassVar[str] = "bars"
    source: ClassVar[str] = "drawn in a test"
    target_names: ClassVar[tuple] = ("upright", "flat")
    sizes: ClassVar[dict] = {"train": 40, "validation": 4, "test": 10}
    def _read(self):
        return {name: bars(count) for name, count in self.sizes.items()}

class Own(Recipe):
    name = "own"
    def run(self, ctx):
        data = ctx.load_dataset("bars", LOADER)
        ctx.create_model(ConvAutoencoder, image_size=16, channels=(4, 8), latent_dim=2)
        ctx.save_checkpoint("root")
        ctx.attach_task(ReconstructionTask("recon", data))
        ctx.attach_task(ClassificationTask("kind", data))
        ctx.train(steps=2)
        ctx.save_checkpoint("done")
"""


def found(tmp_path: Path, loader: str):
    (tmp_path / "own.py").write_text(RECIPE.replace("LOADER", loader))
    return discover_file(tmp_path / "own.py", vocabulary())


@pytest.mark.parametrize(
    "loader", ["load_bars", "lambda: load_bars()", "load_bars()", "Bars", "lambda: Bars()"]
)
def test_own_data_are_traced_trained_on_and_shown(tmp_path: Path, loader: str) -> None:
    tree = found(tmp_path, loader).trees["own"]
    store = Store(tmp_path / "storage")
    for node in tree:
        build_checkpoint(
            node,
            recipe="own",
            seed=0,
            run=store.run("own", node.tag, 0),
            parent_run=store.run("own", node.parent, 0) if node.parent else None,
            runtime=Runtime(device="cpu", threads=1),
        )
    described = store.run("own", "done", 0).read_json("config.json")["datasets"]["bars"]
    assert (described["source"], described["num_classes"], described["train"]) == ("drawn in a test", 2, 40)
    (plan,) = [one for one in plans(tree) if one.dataset is not None]
    made_from = MadeFrom(plan.code_version, {})
    work = Work(Project({"own": tree}), tree, plan, None, store, "cpu", 1, None, made_from)  # type: ignore[arg-type]
    assert plan.kind.run(work).metadata["test images"] == 10
    shown = store.recipe("own").read_json("data-bars/dataset.json")
    assert shown["class_names"] == ["upright", "flat"]


def test_other_arrays_are_other_data(tmp_path: Path) -> None:
    trees = [
        found(tmp_path, loader).trees["own"]
        for loader in ("load_bars", "load_bars, level=200", "load_bars, level=201")
    ]
    assert trees[0].hash == trees[1].hash
    assert trees[0]["done"].spec_hash != trees[2]["done"].spec_hash


def test_a_loader_that_fails_breaks_its_recipe_alone(tmp_path: Path) -> None:
    (broken,) = found(tmp_path, "lambda: open('/no/such/file')").broken
    assert "load_dataset('bars')" in broken.error
    assert "/no/such/file" in broken.error
    assert broken.line
