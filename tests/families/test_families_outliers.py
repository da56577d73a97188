"""Outliers: known answers of the measures, classes held out, and what a run's scores make of them."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from test_artifact_contract import contract, faults

from acc_assets.analysis.acquisition import neighbour_distance
from acc_assets.analysis.outliers import auroc, fpr95
from acc_assets.assets.analyses import latents as encode
from acc_assets.assets.analyses import outliers as judge
from acc_assets.assets.work import NodeWork
from acc_assets.datasets import Binarised, Digits, HeldOut, LabelBudget, load_dataset
from acc_assets.datasets.mnist_source import DATA_DIR_VARIABLE
from acc_assets.families import Outliers, latents
from acc_assets.models import ConvAutoencoder
from acc_assets.storage import Store
from acc_assets.tasks import ClassificationTask, ReconstructionTask
from acc_assets.training import Runtime, build_checkpoint, load_model
from acc_assets.tree import Recipe, RecipeContext, trace

DIGITS = Digits(image_size=16)


def test_measures_of_scores_whose_answer_is_known() -> None:
    low, high = np.arange(100.0), np.arange(1000.0, 1100.0)
    assert (auroc(low, high), auroc(high, low), auroc(low, low)) == (1.0, 0.0, 0.5)
    assert auroc(np.zeros(4), np.zeros(7)) == 0.5  # ties count half
    assert (fpr95(low, high), fpr95(high, low)) == (0.0, 1.0)
    assert fpr95(low, low) == pytest.approx(0.95, abs=0.011)
    rng = np.random.default_rng(0)
    gaussians = auroc(rng.normal(0, 1, 20_000), rng.normal(1, 1, 20_000))
    assert gaussians == pytest.approx(0.7602, abs=0.01)  # Phi(1 / sqrt 2)
    line = np.arange(10.0)[:, None]
    assert neighbour_distance(np.array([[0.0], [20.0]]), 3, line).tolist() == [2.0, 13.0]


def test_held_out_classes_are_in_no_split_and_the_others_are_equally_frequent() -> None:
    data = HeldOut(of=DIGITS, classes=("3", "8")).load()
    for split in ("train", "validation", "test"):
        counts = np.bincount(getattr(data, split).targets, minlength=10)
        assert counts[3] == counts[8] == 0
        assert {*counts} == {0, HeldOut(of=DIGITS, classes=("3", "8")).sizes[split] // 8}
    unseen = HeldOut(of=DIGITS, classes=("3", "8")).unseen()
    whole = DIGITS.load().test
    assert {*unseen.targets} == {3, 8}
    assert len(unseen) == np.isin(whole.targets, [3, 8]).sum()
    budget = load_dataset(LabelBudget(of=HeldOut(of=DIGITS, classes=("3", "8")), labels=16), 0)
    assert budget.train.labelled is not None
    assert np.bincount(budget.train.targets[budget.train.labelled], minlength=10).tolist() == [
        *[2, 2, 2, 0],
        *[2, 2, 2, 2],
        *[0, 2],
    ]


def test_more_of_a_class_than_there_is_is_refused() -> None:
    with pytest.raises(ValueError, match=r"share is 0.99.*smaller share"):
        HeldOut(of=DIGITS, classes=("1",), share=0.99).load()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ("x",)}, r"some of 0, 1"),
        ({"classes": ("1", "1")}, r"each once"),
        ({"classes": tuple("0123456789")}, r"not all"),
        ({"classes": ("1",), "of": LabelBudget(of=DIGITS)}, r"LabelBudget\(of=HeldOut"),
    ],
)
def test_what_cannot_be_held_out_is_named(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HeldOut(**{"of": DIGITS, **options})


class Open(Recipe):
    """A classifier that never sees two digits, trained on labelled images alone beside all others."""

    name = "open"

    def run(self, ctx: RecipeContext) -> None:
        seen = HeldOut(of=DIGITS, classes=("8", "9"))
        images = ctx.load_dataset("images", seen)
        few = ctx.load_dataset("few", LabelBudget(of=seen, labels=400, labelled_only=True))
        ctx.create_model(ConvAutoencoder, image_size=16, latent_dim=8, channels=(8, 16))
        ctx.attach_task(ReconstructionTask("recon", images))
        ctx.attach_task(ClassificationTask("digit", few))
        ctx.save_checkpoint("root")
        ctx.fork("root", "branch")
        ctx.train(steps=120, lr=3e-3)
        ctx.save_checkpoint("trained")
        ctx.evaluate()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The work on the trained node, after both analyses."""
    tree, store = trace(Open()), Store(tmp_path_factory.mktemp("store"))
    for node in tree:
        parent = store.run(tree.name, node.parent, 0) if node.parent else None
        own = store.run(tree.name, node.tag, 0)
        runtime = Runtime(device="cpu", threads=1)
        build_checkpoint(node, recipe=tree.name, seed=0, run=own, parent_run=parent, runtime=runtime)
    node = tree["trained"]
    directory = store.run(tree.name, node.tag, 0)
    work: Any = SimpleNamespace(
        run=directory,
        folder=directory,
        seed=0,
        node=node,
        dataset_name="images",
        load=lambda ref: load_dataset(ref.config, 0),
        model=lambda step=None: load_model(directory, node, step=step, device="cpu"),
        request=Outliers(against=("digits", "fashion_mnist")),
        plan=SimpleNamespace(family="outliers"),
    )
    work.data = work.load(node.datasets["images"])
    work.is_shown = partial(NodeWork.is_shown, work)
    encode.run(work)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DATA_DIR_VARIABLE, str(tmp_path_factory.mktemp("no_data")))
        judge.run(work)
    return work


def test_what_was_held_out_of_binarised_images_is_binarised() -> None:
    data = Binarised(of=HeldOut(of=DIGITS, classes=("8", "9")))
    work: Any = SimpleNamespace(
        dataset_name="images",
        node=SimpleNamespace(datasets={"images": SimpleNamespace(config=data)}),
        data=data.load(),
        request=Outliers(against=("digits",)),
    )
    for _, _, images in judge._elsewhere(work, {}):
        assert {*np.unique(images)} == {0, 255}


def test_the_scores_of_a_run_tell_unseen_digits_from_new_ones(run: Any) -> None:
    told = run.run.read_json("outliers/outliers.json")
    assert {*told["sets"]} == {"held-out 8, 9", "digits"}
    assert "missing" in told["left_out"]["fashion_mnist"]
    arrays = run.run.read_npz("outliers/outliers.npz")
    for name, found in told["sets"].items():
        for score, measured in found["scores"].items():
            inside, outside = arrays[f"inside/{score}"], arrays[f"{name}/{score}"]
            assert (len(inside), len(outside)) == (told["images"], found["images"])
            assert measured["auroc"] == pytest.approx(auroc(inside, outside))
    unseen = told["sets"]["held-out 8, 9"]["scores"]
    assert {*unseen} == {"digit/uncertainty", "error", "distance"}
    assert unseen["digit/uncertainty"]["auroc"] > 0.6
    assert not faults(run.run.local_path("outliers"), contract()["outliers"])


def test_the_uncertainty_of_a_task_of_the_same_test_images_is_a_colouring(run: Any) -> None:
    known = latents.SERIES.read(run.run)
    ids = [one["id"] for one in latents.scored(known)[1]]
    assert ids == ["score:digit:uncertainty"]
    assert len(known["pred/digit"]) == len(
        run.data.test
    )  # trained on another data set with the same test split
