"""A simulated oracle: it reveals what its rule ranks first, is resumed bit for bit, and hands its labels to forks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training_trees import MODEL, OPTIONS, build, stop_after

from acc_assets.datasets import Digits, LabelBudget, load_dataset
from acc_assets.storage import Store
from acc_assets.tasks import ClassificationTask, OracleTask, ReconstructionTask
from acc_assets.training import (
    TrainingCancelled,
    asked_of,
    load_checkpoint,
    load_model,
    rank_unlabelled,
    with_answers,
)
from acc_assets.training.oracle import Asked
from acc_assets.training.randomness import derived_seed
from acc_assets.tree import Recipe, RecipeContext, Tree, trace

DIGITS = Digits(image_size=16)
SOME = LabelBudget(of=DIGITS, labels=20)
ONLY = LabelBudget(of=DIGITS, labels=20, labelled_only=True)
OPTIONS = {**OPTIONS, "steps": 6, "log_every": 2, "snapshot_every": 2}


class Asking(Recipe):
    """root -> left_done -> onward_done by one rule, and off left_done right -> right_done at random."""

    name = "small"

    def run(self, ctx: RecipeContext, labels: int = 5) -> None:
        digits, only = ctx.load_dataset("digits", SOME), ctx.load_dataset("only", ONLY)
        ctx.create_model(MODEL)
        root = ctx.save_checkpoint("root")
        ctx.fork(root, "left")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.attach_task(ClassificationTask("digit", only))
        ctx.attach_task(OracleTask("oracle", digits, rule="margin", labels=labels, pool=200))
        ctx.train(**OPTIONS)
        ctx.save_checkpoint("left_done")
        ctx.train(**OPTIONS)
        ctx.save_checkpoint("onward_done")
        ctx.fork("left_done", "right")
        ctx.detach_task("oracle")
        ctx.attach_task(OracleTask("oracle", digits, rule="random", labels=3, pool=200))
        ctx.train(**OPTIONS)
        ctx.save_checkpoint("right_done")


@pytest.fixture(scope="module")
def tree() -> Tree:
    return trace(Asking())


@pytest.fixture(scope="module")
def whole(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> Store:
    root = tmp_path_factory.mktemp("whole")
    for tag in ("onward_done", "right_done"):
        build(tree, tag, root)
    return Store(root)


def asked(store: Store, tree: Tree, tag: str) -> Asked:
    loaded = load_model(store.run("small", tag, 0), tree[tag])
    return asked_of(loaded.heads["oracle"])


def test_what_is_revealed_is_what_the_acquisition_ranks_first(whole: Store, tree: Tree) -> None:
    start = load_model(whole.run("small", "left", 0), tree["left"])  # what the phase begins with
    train = load_dataset(SOME, 0).train
    ranking = rank_unlabelled(
        start.model,
        start.heads,
        tree["left_done"].tasks,
        train,
        SOME.target_names,
        ("margin", "random"),
        count=5,
        pool=200,
        neighbors=10,
        rng=np.random.default_rng(derived_seed(0, "oracle", 0)),
    )
    found = asked(whole, tree, "left_done")
    assert found.images.tolist() == ranking.ranked["margin"].images.tolist()
    assert found.scores == pytest.approx(ranking.ranked["margin"].scores)
    assert found.images.tolist() != ranking.ranked["random"].images.tolist()
    assert train.labelled is not None
    assert not train.labelled[found.images].any()


def test_answers_are_the_true_classes_in_both_data_sets(whole: Store, tree: Tree) -> None:
    loaded = load_model(whole.run("small", "left_done", 0), tree["left_done"])
    node = tree["left_done"]
    before = {name: load_dataset(ref.config, 0) for name, ref in node.datasets.items()}
    after = with_answers(loaded.heads, node.tasks, node.datasets, before, 0)
    images, truth = asked_of(loaded.heads["oracle"]).images, DIGITS.load().train.targets
    train, known = after["digits"].train, before["digits"].train
    assert train.labelled is not None
    assert known.labelled is not None
    assert set(np.flatnonzero(train.labelled)) == {*np.flatnonzero(known.labelled), *images}
    assert np.array_equal(train.targets, np.where(train.labelled, truth, 0))
    assert np.array_equal(after["only"].train.targets, truth[train.labelled])
    assert np.array_equal(after["only"].train.images, train.images[train.labelled])
    assert after["digits"].test.targets is before["digits"].test.targets


def test_rounds_and_forks_go_on_with_what_was_revealed(whole: Store, tree: Tree) -> None:
    first, onward, right = (asked(whole, tree, tag) for tag in ("left_done", "onward_done", "right_done"))
    assert (first.before, onward.before, right.before) == (0, 5, 5)
    assert onward.images[:5].tolist() == right.images[:5].tolist() == first.images.tolist()
    assert (len(set(onward.images)), len(set(right.images))) == (10, 8)
    assert set(onward.images[5:]) != set(right.images[5:])


@pytest.mark.parametrize("steps", [1, 5])
def test_a_run_that_was_stopped_ends_in_the_same_bits(
    whole: Store, tree: Tree, tmp_path: Path, steps: int
) -> None:
    with pytest.raises(TrainingCancelled):
        build(tree, "left_done", tmp_path, should_stop=stop_after(steps))
    build(tree, "left_done", tmp_path)
    digests = {
        load_checkpoint(store.run("small", "left_done", 0)).digest for store in (whole, Store(tmp_path))
    }
    assert len(digests) == 1


def test_what_cannot_be_asked_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="task 'oracle' cannot reveal 201 by margin: 200 images are left"):
        build(trace(Asking(), labels=201), "left_done", tmp_path)
    tree = trace(Asking())
    for data in ("digits", "only"):
        config = DIGITS if data == "digits" else ONLY
        with pytest.raises(ValueError, match="no image is left to ask about"):
            OracleTask("oracle", tree["left"].datasets[data]).check(MODEL, config)


def test_budgets_of_a_seed_hold_the_smaller_ones_and_every_class_alike() -> None:
    truth, smaller = DIGITS.load().train.targets, set[int]()
    for labels in (10, 50, 100, 500, 1000):
        train = load_dataset(LabelBudget(of=DIGITS, labels=labels), 1).train
        assert train.labelled is not None
        chosen = set(np.flatnonzero(train.labelled).tolist())
        counts = np.bincount(truth[sorted(chosen)], minlength=10)
        assert smaller < chosen
        assert (len(chosen), counts.max() - counts.min() <= 1) == (labels, True)
        smaller = chosen
