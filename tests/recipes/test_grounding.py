"""The grounding recipe: six branches that differ in one thing each, under both protocols."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from acc_assets.families import Manifold
from acc_assets.recipes.grounding import Grounding
from acc_assets.tree import RecipeError, Tree, TreeNode, trace

BRANCHES = ("naive_fc", "naive_conv", "naive_conv_low", "regularized", "self_supervised", "resnet8")
FEW = BRANCHES[2:]


def judged(node: TreeNode) -> Manifold:
    """What a node is judged by."""
    return next(request for request in node.requests or () if isinstance(request, Manifold))


def grounding(**parameters: object) -> Tree:
    return trace(Grounding(), **parameters)


def test_parameter_counts_are_those_of_the_study() -> None:
    tree = grounding()
    counts = {
        branch: sum(p.numel() for p in tree[f"{branch}_trained"].model.build().parameters())
        for branch in BRANCHES
    }
    assert counts == {
        "naive_fc": 476_720,
        "naive_conv": 53_473,
        "naive_conv_low": 53_473,
        "regularized": 53_473,
        "self_supervised": 53_473,
        "resnet8": 130_385,
    }


@pytest.mark.parametrize("depth", [14, 20])
def test_deeper_encoders_have_their_own_names_and_work(depth: int) -> None:
    import torch

    tree = grounding(depth=depth)
    node = tree[f"resnet{depth}_trained"]
    assert node.model.depth == depth
    outputs = node.model.build()(torch.zeros(2, 1, 28, 28))
    assert {tuple(value.shape) for value in outputs.values()} >= {(2, 32), (2, 1, 28, 28)}


def test_steps_batches_and_draws_of_the_fair_protocol() -> None:
    tree = grounding()
    steps = {branch: tree[f"{branch}_trained"].steps for branch in BRANCHES}
    assert steps == {"naive_fc": 6450, "naive_conv": 6450} | dict.fromkeys(FEW, 2370)
    for branch in FEW:
        node = tree[f"{branch}_trained"]
        data = node.primary_dataset.config
        assert (data.train_samples, data.stratified, data.validation_samples) == (100, True, 5000)
        assert node.phases[0].batch_size == 128
    for node in tree:
        if node.evaluated:
            assert [ref.name for ref in judged(node).label_sets] == ["mnist_100", "mnist_full"]


def test_steps_batches_and_labels_of_the_reference_protocol() -> None:
    tree = grounding(protocol="reference")
    steps = [tree[f"{branch}_trained"].steps for branch in BRANCHES]
    assert steps == [6450, 6450, 30, 30, 2370, 2370]
    batches = [tree[f"{branch}_trained"].phases[0].batch_size for branch in BRANCHES]
    assert batches == [128, 128, 100, 100, 128, 128]
    assert not tree["resnet8_trained"].primary_dataset.config.stratified
    for branch in BRANCHES:
        node = tree[f"{branch}_trained"]
        assert judged(node).label_sets == (node.primary_dataset,)


def test_one_thing_changes_at_a_time_when_the_protocol_is_fair() -> None:
    tree = grounding()
    plain, dropout, augmented, resnet = (tree[f"{branch}_trained"] for branch in FEW)
    assert plain.model == augmented.model
    assert (plain.model.dropout, dropout.model.dropout) == (0.0, 0.2)
    assert plain.tasks == dropout.tasks == augmented.tasks == resnet.tasks
    assert plain.phases == dropout.phases or plain.phases[0].steps == dropout.phases[0].steps
    assert plain.phases[0].augment is None
    assert augmented.phases[0].augment == resnet.phases[0].augment
    assert augmented.phases[0].steps == resnet.phases[0].steps == plain.phases[0].steps
    assert tree["naive_conv"].parent == tree["naive_conv_low"].parent == tree["self_supervised"].parent
    assert all(tree[f"{branch}_trained"].notes for branch in BRANCHES)


def test_controls_are_measured_once_each() -> None:
    tree = grounding()
    roots = [node for node in tree if node.kind == "root"]
    assert [node.tag for node in roots if node.evaluated] == [
        "untrained_fc",
        "untrained_conv",
        "untrained_resnet8",
    ]
    assert [node.tag for node in tree if node.evaluated and judged(node).pixels] == ["untrained_conv"]


def test_dropout_starts_from_the_weights_of_the_plain_network() -> None:
    import torch

    tree = grounding()
    weights = []
    for tag in ("untrained_conv", "untrained_dropout"):
        torch.manual_seed(3)
        weights.append(torch.cat([p.flatten() for p in tree[tag].model.build().parameters()]))
    assert torch.equal(*weights)


def test_scale_and_data_make_it_small() -> None:
    tree = grounding(data="digits", scale=0.01)
    assert tree["naive_fc_trained"].steps == 2
    assert tree["resnet8_trained"].steps == 24
    assert tree["naive_fc_trained"].primary_dataset.config.train_size == 1257
    assert tree["naive_conv_low_trained"].primary_dataset.config.train_size == 100


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"protocol": "unfair"}, "'fair' or 'reference'"),
        ({"data": "cifar"}, "'mnist' or 'digits'"),
        ({"scale": 0}, "number above 0"),
        ({"depth": 9}, "6n"),
    ],
)
def test_what_cannot_be_is_named(parameters: dict[str, object], words: str) -> None:
    with pytest.raises((RecipeError, ValueError), match=words):
        grounding(**parameters)


@pytest.mark.mnist
def test_the_draw_of_real_digits(mnist_dir: Path) -> None:
    few = grounding().datasets["mnist_100"].config
    pool = grounding().datasets["mnist_full"].config.load().train.targets
    fair = few.load().train
    wanted = 100 * np.bincount(pool) / len(pool)
    assert np.abs(np.bincount(fair.targets) - wanted).max() < 1  # class shares of the pool, to one image
    other = grounding(draw=1).datasets["mnist_100"].config.load().train
    assert len(fair) == len(other) == 100
    assert not np.array_equal(fair.images, other.images)
    reference = grounding(protocol="reference").datasets["mnist_100"].config.load().train
    assert np.abs(np.bincount(reference.targets) - wanted).max() > 1
