"""The experiment that this project began with, as its plan writes it: it is traced, and it trains."""

from __future__ import annotations

from pathlib import Path

import pytest

from acc_assets.recipes import vocabulary
from acc_assets.storage import Store
from acc_assets.training import Runtime, build_checkpoint
from acc_assets.tree import Tree, discover_file

IMPORTS = """
from acc_assets.datasets import generate_slant, generate_thickness, load_mnist
from acc_assets.models import FactorGroup, FactorSlotAutoencoder
from acc_assets.tasks import ClassificationTask, KLDivergenceTask, ReconstructionTask, RegressionTask
from acc_assets.tree import Recipe
"""
# Everything below is the plan's own text.
SEED = """
class MNISTFactorExperiment(Recipe):
    name = "mnist_factor_experiment"
    description = "Two-branch comparison: factor-slot MNIST-only vs factor-slot + synthetic curriculum"

    def run(self, ctx):
        # === Common setup ===
        ctx.phase = "Load MNIST 32x32"
        mnist = ctx.load_dataset("mnist_32", lambda: load_mnist(image_size=32))

        ctx.phase = "Build FactorSlotAutoencoder"
        factor_groups = [
            FactorGroup("digit", 0, 4),
            FactorGroup("thickness", 4, 7),
            FactorGroup("slant", 7, 10),
            FactorGroup("free", 10, 16),
        ]
        ctx.create_model(lambda: FactorSlotAutoencoder(
            in_channels=1, factor_groups=factor_groups, image_size=32
        ))

        ctx.phase = "Save root checkpoint"
        root_id = ctx.save_checkpoint("experiment_root")

        # === Branch 1: MNIST only (no synthetic tasks) ===
        ctx.phase = "Fork → mnist_only"
        ctx.fork(root_id, "mnist_only")
        ctx.attach_task(ReconstructionTask("recon", mnist))
        ctx.attach_task(KLDivergenceTask("kl", mnist, weight=1.0))
        ctx.attach_task(ClassificationTask(
            "digit_classify", mnist, latent_slice=(0, 4)
        ))
        # Thickness/slant slots get gradient ONLY from recon + KL

        ctx.phase = "Train mnist_only (5000 steps)"
        ctx.train(steps=5000, lr=1e-3)
        ctx.save_checkpoint("mnist_only_5k")

        ctx.phase = "Eval mnist_only"
        ctx.evaluate()

        # === Branch 2: MNIST + synthetic curriculum ===
        ctx.phase = "Fork → with_curriculum"
        ctx.fork(root_id, "with_curriculum")
        ctx.attach_task(ReconstructionTask("recon", mnist))
        ctx.attach_task(KLDivergenceTask("kl", mnist, weight=1.0))
        ctx.attach_task(ClassificationTask(
            "digit_classify", mnist, latent_slice=(0, 4)
        ))

        ctx.phase = "Generate synthetic datasets"
        thickness_ds = ctx.load_dataset("thickness_synth",
            lambda: generate_thickness(n=5000, image_size=32))
        slant_ds = ctx.load_dataset("slant_synth",
            lambda: generate_slant(n=5000, image_size=32))

        ctx.attach_task(RegressionTask(
            "thickness", thickness_ds, output_dim=1, latent_slice=(4, 7)
        ))
        ctx.attach_task(RegressionTask(
            "slant", slant_ds, output_dim=1, latent_slice=(7, 10)
        ))

        ctx.phase = "Train with_curriculum (5000 steps)"
        ctx.train(steps=5000, lr=1e-3)
        ctx.save_checkpoint("curriculum_5k")

        ctx.phase = "Eval with_curriculum"
        ctx.evaluate()

        ctx.phase = "Complete — compare mnist_only_5k vs curriculum_5k"
"""


def traced(path: Path, text: str) -> Tree:
    path.write_text(IMPORTS + text, encoding="utf-8")
    found = discover_file(path, vocabulary())
    assert found.broken == ()
    return found.trees["mnist_factor_experiment"]


def test_the_plans_own_text_is_traced(tmp_path: Path) -> None:
    tree = traced(tmp_path / "seed.py", SEED)
    assert [(node.tag, node.parent) for node in tree] == [
        ("experiment_root", None),
        ("mnist_only", "experiment_root"),
        ("mnist_only_5k", "mnist_only"),
        ("with_curriculum", "experiment_root"),
        ("curriculum_5k", "with_curriculum"),
    ]
    assert tree["curriculum_5k"].steps == 5000
    assert {name: ref.config.name for name, ref in tree.datasets.items()} == {
        "mnist_32": "mnist",
        "thickness_synth": "thickness",
        "slant_synth": "slant",
    }
    assert [group.name for group in tree["experiment_root"].factor_groups] == [
        "digit",
        "thickness",
        "slant",
        "free",
    ]


def test_a_lambda_and_a_class_with_arguments_make_the_same_tree(tmp_path: Path) -> None:
    spelled = SEED.replace("lambda: load_mnist(image_size=32)", "load_mnist, image_size=32")
    spelled = spelled.replace("lambda: generate_slant(n=5000, image_size=32)", "generate_slant(n=5000)")
    assert spelled.count("lambda") == SEED.count("lambda") - 2
    assert traced(tmp_path / "seed.py", spelled).hash == traced(tmp_path / "seed.py", SEED).hash


@pytest.mark.mnist
def test_the_plans_own_text_trains(tmp_path: Path, mnist_dir: Path) -> None:
    tree = traced(tmp_path / "seed.py", SEED.replace("steps=5000", "steps=3").replace("n=5000", "n=100"))
    store = Store(tmp_path / "storage")
    for node in tree:
        result = build_checkpoint(
            node,
            recipe=tree.name,
            seed=0,
            run=store.run(tree.name, node.tag, 0),
            parent_run=store.run(tree.name, node.parent, 0) if node.parent else None,
            runtime=Runtime(device="cpu", threads=1),
        )
        assert result.step == node.steps
    config = store.run(tree.name, "curriculum_5k", 0).read_json("config.json")
    assert "real handwritten digits" in config["datasets"]["mnist_32"]["source"]
    assert "generated here" in config["datasets"]["slant_synth"]["source"]
