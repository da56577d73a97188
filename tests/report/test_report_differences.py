"""What differs between branches, asked of the shipped recipes as they are traced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from laboratory import A, B, Laboratory, view_of, with_nodes

from acc_assets.assets.results import recipe_view
from acc_assets.datasets import Digits
from acc_assets.models import FullyConnectedAutoencoder
from acc_assets.recipes import find_recipes
from acc_assets.report import RecipeView
from acc_assets.report.differences import Differences, differences, nearest
from acc_assets.storage import Store
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import RecipeContext, Tree, TreeNode, trace

IMAGES = {"mnist_full": 60_000, "mnist_100": 100}


@pytest.fixture
def nothing(tmp_path: Path) -> Store:
    """A store in which nothing is built."""
    return Store(tmp_path)


def shipped(name: str, **parameters: object) -> Tree:
    return find_recipes({name: parameters}).trees[name]


def of(view: RecipeView, images: dict[str, int] | None = None) -> tuple[Differences, list[str]]:
    shown = list(view.shown())
    return differences(view, shown, images or {}), [node.branch or "" for node in shown]


def cells(found: Differences, label: str, branches: list[str]) -> dict[str, str]:
    row = next(row for row in found.rows if row.label == label)
    return dict(zip(branches, row.cells, strict=True))


def test_the_grounding_branches_differ_in_data_model_and_augmentation(nothing: Store) -> None:
    found, branches = of(recipe_view(shipped("grounding"), nothing), IMAGES)
    data = cells(found, "data", branches)
    assert data["naive_conv"] == "mnist_full (60,000 training images)"
    assert {data[name] for name in ("naive_conv_low", "regularized", "self_supervised", "resnet8")} == {
        "mnist_100 (100 training images)"
    }
    model = cells(found, "model", branches)
    assert model["naive_fc"] == "FullyConnectedAutoencoder"
    assert model["resnet8"] == "ResNetAutoencoder"
    assert cells(found, "model dropout", branches)["regularized"] == "0.2"
    augmentation = cells(found, "augmentation", branches)
    assert augmentation["naive_conv_low"] == "none"
    assert "rotation degrees 12" in augmentation["self_supervised"]
    assert cells(found, "start", branches)["regularized"] == "untrained_dropout"
    assert cells(found, "steps", branches)["naive_fc"] != cells(found, "steps", branches)["regularized"]
    assert not [row for row in found.rows if len(set(row.cells)) == 1]
    assert "learning rate 0.001" in found.shared
    assert any(text.startswith("task recon ReconstructionTask") for text in found.shared)


def test_batches_of_another_size_are_a_difference(nothing: Store) -> None:
    found, branches = of(recipe_view(shipped("grounding", protocol="reference"), nothing))
    sizes = cells(found, "batch size", branches)
    assert (sizes["naive_conv_low"], sizes["naive_conv"]) == ("100", "128")


def test_the_factor_experiment_differs_in_its_synthetic_tasks_alone(nothing: Store) -> None:
    found, branches = of(recipe_view(shipped("mnist_factor_experiment"), nothing))
    assert [row.label for row in found.rows] == ["data", "task thickness", "task slant"]
    assert cells(found, "task slant", branches)["mnist_only"] == "not attached"
    assert (
        "RegressionTask on slant_synth, weight 1, latent 7:10"
        in cells(found, "task slant", branches)["with_curriculum"]
    )


def test_the_branches_of_quickstart_share_all_but_the_labels(nothing: Store) -> None:
    found, branches = of(recipe_view(shipped("quickstart"), nothing), {"digits": 1_437})
    assert [row.label for row in found.rows] == ["task digit"]
    assert cells(found, "task digit", branches)["unsupervised"] == "not attached"
    assert "data digits (1,437 training images)" in found.shared
    assert "model FactorSlotAutoencoder" in found.shared


class Deep(Laboratory):
    """One branch is trained twice, the other once for as many steps."""

    def run(self, ctx: RecipeContext) -> None:
        ctx.create_model(FullyConnectedAutoencoder, image_size=16)
        root = ctx.save_checkpoint("root")
        recon = ReconstructionTask("recon", ctx.load_dataset("digits", Digits))
        ctx.attach_task(recon)
        ctx.train(steps=100)
        ctx.save_checkpoint("warm")
        ctx.train(steps=50, lr=1e-4)
        ctx.save_checkpoint("tuned")
        ctx.fork(root, "other")
        ctx.attach_task(recon)
        ctx.train(steps=150)
        ctx.save_checkpoint("plain")


def test_earlier_phases_of_a_deep_tree_count(nothing: Store) -> None:
    found, branches = of(recipe_view(trace(Deep()), nothing))
    assert branches == ["root", "other"]
    assert {row.label: row.cells for row in found.rows} == {
        "steps": ("150 (100 + 50)", "150"),
        "training phases": ("2", "1"),
        "learning rate": ("0.001, then 0.0001", "0.001"),
    }


def test_a_weight_is_a_difference_and_one_branch_has_none(nothing: Store) -> None:
    view = view_of(nothing)

    def heavier(node: TreeNode) -> TreeNode:
        if node.tag != A:
            return node
        tasks = tuple(replace(task, weight=2.0) if task.name == "recon" else task for task in node.tasks)
        return replace(node, phases=tuple(replace(phase, tasks=tasks) for phase in node.phases), tasks=tasks)

    found, _ = of(with_nodes(view, heavier))
    recon = next(row for row in found.rows if row.label == "task recon")
    assert ["weight 2" in recon.cells[0], "weight 1" in recon.cells[1]] == [True, True]
    assert not differences(view, [view[B]], {}).rows


def test_each_branch_is_compared_with_the_one_that_it_changes(nothing: Store) -> None:
    view = recipe_view(shipped("grounding"), nothing)
    found = nearest(view, list(view.shown()), IMAGES)
    assert {node: (reference.tag, reference.change) for node, reference in found.items()} == {
        "naive_conv_trained": ("naive_fc_trained", "ConvAutoencoder instead of FullyConnectedAutoencoder"),
        "naive_conv_low_trained": (
            "naive_conv_trained",
            "mnist_100 (100 training images) instead of mnist_full (60,000 training images) and "
            "steps 2,370 instead of 6,450",
        ),
        "regularized_trained": ("naive_conv_low_trained", "model dropout 0.2 instead of 0"),
        "self_supervised_trained": ("naive_conv_low_trained", "augmentation"),
        "resnet8_trained": ("self_supervised_trained", "ResNetAutoencoder instead of ConvAutoencoder"),
    }


def test_an_added_task_is_a_change_in_words(nothing: Store) -> None:
    for name, node, change in (
        ("quickstart", "supervised_trained", "task digit"),
        ("mnist_factor_experiment", "curriculum_5k", "task thickness and task slant"),
    ):
        view = recipe_view(shipped(name), nothing)
        assert nearest(view, list(view.shown()), {})[node].change == change
