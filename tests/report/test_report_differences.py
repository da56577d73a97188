"""What differs between branches, asked of the shipped recipes as they are traced."""

from __future__ import annotations

from dataclasses import replace

from laboratory import recipe_view as small_view
from laboratory import task

from acc_assets.assets.views import recipe_view
from acc_assets.recipes import find_recipes
from acc_assets.report import NodeView, RecipeView
from acc_assets.report.differences import Differences, differences, nearest

IMAGES = {"mnist_full": 60_000, "mnist_100": 100}


def traced(name: str, **parameters: object) -> RecipeView:
    """A shipped recipe as the report is told of it."""
    return recipe_view(find_recipes({name: parameters}).trees[name], ())


def of(view: RecipeView, images: dict[str, int] | None = None) -> tuple[Differences, list[str]]:
    shown = list(view.shown())
    return differences(view, shown, images or {}), [node.branch or "" for node in shown]


def cells(found: Differences, label: str, branches: list[str]) -> dict[str, str]:
    row = next(row for row in found.rows if row.label == label)
    return dict(zip(branches, row.cells, strict=True))


def test_the_grounding_branches_differ_in_data_model_and_augmentation() -> None:
    found, branches = of(traced("grounding"), IMAGES)
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


def test_batches_of_another_size_are_a_difference() -> None:
    found, branches = of(traced("grounding", protocol="reference"))
    sizes = cells(found, "batch size", branches)
    assert (sizes["naive_conv_low"], sizes["naive_conv"]) == ("100", "128")


def test_the_factor_experiment_differs_in_its_synthetic_tasks_alone() -> None:
    found, branches = of(traced("mnist_factor_experiment"))
    assert [row.label for row in found.rows] == ["data", "task thickness", "task slant"]
    assert cells(found, "task slant", branches)["mnist_only"] == "not attached"
    assert (
        "RegressionTask on slant_synth, weight 1, latent 7:10"
        in cells(found, "task slant", branches)["with_curriculum"]
    )


def test_the_branches_of_quickstart_share_all_but_the_labels() -> None:
    found, branches = of(traced("quickstart"), {"digits": 1_437})
    assert [row.label for row in found.rows] == ["task digit"]
    assert cells(found, "task digit", branches)["unsupervised"] == "not attached"
    assert "data digits (1,437 training images)" in found.shared
    assert "model FactorSlotAutoencoder" in found.shared


def test_earlier_phases_of_a_deep_tree_count() -> None:
    recon = task("ReconstructionTask", "recon")

    def node(tag: str, kind: str, parent: str | None, *steps: int, lr: float = 1e-3) -> NodeView:
        phases = [{"type": "TrainPhase", "steps": count, "lr": lr, "tasks": [recon]} for count in steps]
        return NodeView(tag=tag, kind=kind, parent=parent, branch=tag, tasks=[recon], phases=phases)

    nodes = [
        node("root", "root", None),
        node("warm", "trained", "root", 100),
        node("tuned", "trained", "warm", 50, lr=1e-4),
        node("plain", "trained", "root", 150),
    ]
    view = RecipeView(name="deep", nodes=nodes)
    found = differences(view, [nodes[2], nodes[3]], {})
    assert {row.label: row.cells for row in found.rows} == {
        "steps": ("150 (100 + 50)", "150"),
        "training phases": ("2", "1"),
        "learning rate": ("0.001, then 0.0001", "0.001"),
    }


def test_a_weight_is_a_difference_and_one_branch_has_none() -> None:
    view = small_view()
    tasks = [task("ReconstructionTask", "recon", weight=2.0)]
    nodes = [NodeView(**{**vars(node), "phases": [], "tasks": tasks}) if node.tag == "digits_only_600" else node
             for node in view.nodes]  # fmt: skip
    found, _ = of(replace(view, nodes=nodes))
    recon = next(row for row in found.rows if row.label == "task recon")
    assert ["weight 2" in recon.cells[0], "weight 1" in recon.cells[1]] == [True, True]
    assert not differences(view, [view.node("curriculum_600")], {}).rows


def test_each_branch_is_compared_with_the_one_that_it_changes() -> None:
    view = traced("grounding")
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


def test_an_added_task_is_a_change_in_words() -> None:
    for name, node, change in (
        ("quickstart", "supervised_trained", "task digit"),
        ("mnist_factor_experiment", "curriculum_5k", "task thickness and task slant"),
    ):
        view = traced(name)
        assert nearest(view, list(view.shown()), {})[node].change == change
