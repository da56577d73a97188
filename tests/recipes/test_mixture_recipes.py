"""The latent lab's recipes: what their branches differ in, and that they learn on digits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acc_assets.recipes import vocabulary
from acc_assets.recipes.gm_vae import GMVAE
from acc_assets.recipes.supervised_ae import SupervisedAE
from acc_assets.storage import RunDirectory, Store
from acc_assets.tasks import LinearRamp
from acc_assets.training import Runtime, TrainingCancelled, build_checkpoint
from acc_assets.tree import Epochs, Recipe, RecipeError, Tree, discover_file, trace

AS_YAML = """
datasets:
  mnist: {type: mnist, image_size: 28}
model: {type: gaussian_mixture_vae, image_size: 28}
root: root
nodes:
  - tag: both
    fork: root
    tasks:
      - {type: reconstruction, name: recon, dataset: mnist, error: mse}
      - type: categorical_kl
        name: categorical_kl
        dataset: mnist
        weight: {type: linear_ramp, start: 0.0, end: 1.0, steps: {epochs: 5}}
      - {type: mixture_kl, name: mixture_kl, dataset: mnist}
      - type: entropy_bonus
        name: entropy_bonus
        dataset: mnist
        weight: {type: linear_ramp, start: 50.0, end: 0.0, steps: {epochs: 8}}
  - tag: both_trained
    train: both
    phases:
      - {steps: 4300, batch_size: 128, validate_every: 430, snapshot_every: 430, name: Train both (4300 steps)}
"""


def built(
    recipe: Recipe,
    branches: tuple[str, ...],
    root: Path,
    stop: Callable[[], bool] = lambda: False,
    **parameters: Any,
) -> dict[str, RunDirectory]:
    """The trained nodes of some branches on digits, seed 0, by branch."""
    tree, store = trace(recipe, data="digits", **parameters), Store(root)
    wanted = {node.tag for branch in branches for node in tree.ancestors(f"{branch}_trained")}
    runs = {}
    for node in tree:
        run = store.run(tree.name, node.tag, 0)
        if node.tag in wanted or node.branch in branches:
            parent = store.run(tree.name, node.parent, 0) if node.parent else None
            runtime = Runtime(device="cpu", threads=1)
            build_checkpoint(
                node,
                recipe=tree.name,
                seed=0,
                run=run,
                parent_run=parent,
                runtime=runtime,
                should_stop=stop,
            )
            runs[node.tag] = run
    return {branch: runs[f"{branch}_trained"] for branch in branches}


def weights(tree: Tree, branch: str) -> dict[str, Any]:
    return {task.name: task.weight for task in tree[f"{branch}_trained"].tasks}


def test_the_branches_of_gm_vae_differ_in_their_controls_alone() -> None:
    tree = trace(GMVAE())
    rest = {"recon": 1.0, "mixture_kl": 1.0}
    ramp, bonus = LinearRamp(0.0, 1.0, steps=Epochs(5)), LinearRamp(50.0, 0.0, steps=Epochs(8))
    assert weights(tree, "uncontrolled") == rest | {"categorical_kl": 1.0}
    assert weights(tree, "annealed") == rest | {"categorical_kl": ramp}
    assert weights(tree, "entropy_bonus") == rest | {"categorical_kl": 1.0, "entropy_bonus": bonus}
    assert weights(tree, "both") == rest | {"categorical_kl": ramp, "entropy_bonus": bonus}
    assert weights(tree, "self_augmented") == rest | {"categorical_kl": 1.0, "self_augmented": 100.0}
    steps = {
        task.name: task.weight.steps for task in tree["both_trained"].phases[0].tasks if task.weight != 1.0
    }
    assert steps == {"categorical_kl": 2149, "entropy_bonus": 3438}  # of 55,000 images in batches of 128
    assert trace(GMVAE(), components=14)["root"].model.components == 14


def test_yaml_spells_the_same_objective(tmp_path: Path) -> None:
    path = tmp_path / "spelled.yaml"
    path.write_text(AS_YAML, encoding="utf-8")
    found = discover_file(path, vocabulary())
    assert found.broken == ()
    assert found.trees["spelled"]["both_trained"].spec_hash == trace(GMVAE())["both_trained"].spec_hash


def test_supervised_ae_is_mse_and_weighted_cross_entropy() -> None:
    tree = trace(SupervisedAE(), class_weight=2.0)
    recon, digit = tree["supervised_trained"].tasks
    assert (recon.error, recon.reduction, recon.weight) == ("mse", "mean", 1.0)
    assert (digit.weight, digit.relative, digit.head_lr) == (2.0, False, 1e-3)
    assert [task.name for task in tree["unsupervised_trained"].tasks] == ["recon"]
    assert tree["supervised_trained"].phases[0].optimizer == "adam"


@pytest.mark.parametrize("recipe", [GMVAE(), SupervisedAE()])
def test_other_data_is_refused(recipe: Recipe) -> None:
    with pytest.raises((RecipeError, ValueError), match="'mnist' or 'digits'"):
        trace(recipe, data="cifar")


def test_gm_vae_trains_and_tells_of_its_components(tmp_path: Path) -> None:
    run = built(GMVAE(), ("both",), tmp_path, steps=24, categorical_kl_anneal_epochs=1)["both"]
    summary = run.read_json("summary.json")
    told = summary["tasks"]["categorical_kl"]["diagnostics"]
    counts = {f"qc_argmax_counts[{component}]" for component in range(10)}
    assert set(told) == {"cat_kl_weight", "qc_entropy_mean", "qc_neff", "qc_pmax"} | counts
    assert (
        0.0 < told["cat_kl_weight"]["min"] < told["cat_kl_weight"]["max"] == 1.0
    )  # means over the steps of a log
    assert sum(told[name]["final"] for name in counts) == pytest.approx(128)
    event = next(event for event in run.events() if event["event"] == "train.metrics")
    assert len(event["diagnostics"]["categorical_kl/qc_argmax_counts"]) == 10
    assert sum(event["diagnostics"]["categorical_kl/qc_argmax_counts"]) == pytest.approx(128)
    assert set(summary["tasks"]["entropy_bonus"]["diagnostics"]) == {"entropy_bonus_weight"}
    assert summary["tasks"]["recon"]["final"] < summary["tasks"]["recon"]["max"]


def test_self_augmented_training_resumes_bit_for_bit(tmp_path: Path) -> None:
    whole = built(GMVAE(), ("self_augmented",), tmp_path / "whole", steps=12)["self_augmented"]
    left = iter([False] * 4)
    with pytest.raises(TrainingCancelled):
        built(GMVAE(), ("self_augmented",), tmp_path / "twice", stop=lambda: next(left, True), steps=12)
    resumed = built(GMVAE(), ("self_augmented",), tmp_path / "twice", steps=12)["self_augmented"]
    assert resumed.manifest("checkpoints").digest == whole.manifest("checkpoints").digest
    told = whole.read_json("summary.json")["tasks"]["self_augmented"]["diagnostics"]
    assert set(told) == {"invariance", "entropy", "imbalance"}


def test_the_cross_entropy_of_supervised_ae_enters_as_it_is(tmp_path: Path) -> None:
    run = built(SupervisedAE(), ("supervised",), tmp_path, steps=10, class_weight=0.5)["supervised"]
    last = next(event for event in run.events() if event["event"] == "train.metrics")
    assert last["total"] == pytest.approx(last["losses"]["recon"] + 0.5 * last["losses"]["digit"], rel=1e-5)
