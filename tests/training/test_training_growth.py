"""A fork whose model grew: it judges as its parent did, goes on exactly, and changes no other node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from training_trees import build, stop_after

from acc_assets.datasets import Digits, load_dataset
from acc_assets.models import FullyConnectedAutoencoder, ResNetAutoencoder
from acc_assets.recipes import vocabulary
from acc_assets.storage import Store
from acc_assets.tasks import ClassificationTask, ReconstructionTask
from acc_assets.training import TrainingCancelled, load_model
from acc_assets.training.evaluation import evaluate
from acc_assets.tree import Recipe, RecipeContext, RecipeError, RecordedFork, Tree, discover_file, trace

SMALL = FullyConnectedAutoencoder(image_size=16, hidden=(24, 12), latent_dim=4)
LARGER = {"hidden": (48, 24, 12)}
TRAIN: dict[str, Any] = {"steps": 8, "batch_size": 32, "lr": 2e-3, "snapshot_every": 4, "log_every": 2}


class Grown(Recipe):
    """root -> base -> base_done -> larger -> larger_done, as far as `grows` says."""

    name = "grown"

    def __init__(self, grows: bool = True, model: Any = SMALL, **growth: Any) -> None:
        self.grows, self.model, self.growth = grows, model, growth or LARGER

    def run(self, ctx: RecipeContext) -> None:
        digits = ctx.load_dataset("digits", Digits(image_size=16))
        ctx.create_model(self.model)
        ctx.fork(ctx.save_checkpoint("root"), "base")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.attach_task(ClassificationTask("digit", digits))
        ctx.train(**TRAIN)
        ctx.save_checkpoint("base_done")
        ctx.evaluate()
        if self.grows:
            ctx.fork("base_done", "larger")
            ctx.grow_model(**self.growth)
            ctx.train(**TRAIN)
            ctx.save_checkpoint("larger_done")
            ctx.evaluate()


@pytest.fixture(scope="module")
def tree() -> Tree:
    return trace(Grown())


@pytest.fixture(scope="module")
def root(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which all is built."""
    folder = tmp_path_factory.mktemp("grown")
    build(tree, "larger_done", folder)
    return folder


def judged(root: Path, tree: Tree, tag: str) -> dict[str, dict[str, float]]:
    node = tree[tag]
    loaded = load_model(Store(root).run(tree.name, tag, 0), node)
    data = {name: load_dataset(ref.config, 0) for name, ref in node.datasets.items()}
    return evaluate(loaded.model, loaded.heads, node.tasks, data, "test")


def test_it_judges_as_its_parent_until_it_is_trained(root: Path, tree: Tree) -> None:
    before, at_once, after = (judged(root, tree, tag) for tag in ("base_done", "larger", "larger_done"))
    assert at_once["digit"]["accuracy"] == before["digit"]["accuracy"]
    for task, metrics in before.items():
        assert at_once[task] == pytest.approx(metrics, rel=1e-5)
        assert after[task] != pytest.approx(metrics, rel=1e-3)
    parent, fork = (
        load_model(Store(root).run("grown", tag, 0), tree[tag]) for tag in ("base_done", "larger")
    )
    assert sum(p.numel() for p in fork.model.parameters()) > 2 * sum(
        p.numel() for p in parent.model.parameters()
    )
    for name, tensor in parent.state.heads["digit"].items():
        assert torch.equal(tensor, fork.state.heads["digit"][name])


def test_its_training_goes_on_exactly(root: Path, tree: Tree, tmp_path: Path) -> None:
    whole = Store(root).run("grown", "larger_done", 0).read_json("summary.json")
    with pytest.raises(TrainingCancelled):
        build(tree, "larger_done", tmp_path, should_stop=stop_after(3))
    resumed = build(tree, "larger_done", tmp_path)
    assert resumed.resumed_from is not None
    ends = [
        load_model(Store(place).run("grown", "larger_done", 0), tree["larger_done"])
        for place in (root, tmp_path)
    ]
    assert ends[0].state.digest == ends[1].state.digest
    assert whole["step"] == resumed.step == 16


def test_other_nodes_are_as_without_it(tree: Tree) -> None:
    without, noisy = trace(Grown(grows=False)), trace(Grown(**LARGER, noise=0.1))
    for tag in without.nodes:
        assert tree[tag].spec_hash == without[tag].spec_hash
    assert "growth" not in tree["larger_done"].spec
    assert tree["larger"].spec_hash != noisy["larger"].spec_hash
    assert tree["larger_done"].model == noisy["larger_done"].model == SMALL.grown(**LARGER)


def test_recipe_yaml_and_recorded_fork_say_the_same(tree: Tree, tmp_path: Path) -> None:
    text = """
datasets: {digits: {type: digits, image_size: 16}}
model: {type: fully_connected_autoencoder, image_size: 16, hidden: [24, 12], latent_dim: 4}
root: root
nodes:
  - {tag: base, fork: root, tasks: [{type: reconstruction, name: recon, dataset: digits},
                                    {type: classification, name: digit, dataset: digits}]}
  - {tag: base_done, train: base, phases: [{steps: 8, batch_size: 32, lr: 0.002, snapshot_every: 4, log_every: 2}]}
  - {tag: larger, fork: base_done, GROW}
"""
    found = {}
    for name, grow in (
        ("right", "grow: {hidden: [48, 24, 12]}"),
        ("empty", "grow: {}"),
        ("listed", "grow: [48]"),
    ):
        (tmp_path / f"{name}.yaml").write_text(text.replace("GROW", grow))
        found[name] = discover_file(tmp_path / f"{name}.yaml", vocabulary())
    assert found["right"].trees["right"]["larger"].spec_hash == tree["larger"].spec_hash
    assert "given is nothing" in found["empty"].broken[0].error
    assert "'grow' must be a mapping" in found["listed"].broken[0].error
    by_hand = RecordedFork(
        name="larger", checkpoint="base_done", settings={"grow.hidden": [48, 24, 12], "grow.noise": 0.1}
    )
    forked = trace(Grown(grows=False), [by_hand], vocabulary())
    assert forked["larger"].spec_hash == trace(Grown(**LARGER, noise=0.1))["larger"].spec_hash
    assert forked["larger_trained"].spec["model"] == tree["larger_done"].spec["model"]
    unknown = by_hand.model_copy(update={"settings": {"grow.channels": [48]}})
    with pytest.raises(RecipeError, match=r"grow\.hidden, grow\.noise"):
        trace(Grown(grows=False), [unknown], vocabulary())


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        (Grown(hidden=(12, 12)), "operation grow_model: FullyConnectedAutoencoder: hidden is"),
        (Grown(model=ResNetAutoencoder(image_size=16, latent_dim=4)), "a ResNetAutoencoder cannot grow"),
        (Grown(hidden=(48, 12), noise=-1.0), "noise is -1.0; allowed is a finite number from 0"),
    ],
)
def test_what_cannot_grow_is_refused_where_the_recipe_says_it(recipe: Recipe, told: str) -> None:
    with pytest.raises(RecipeError) as error:
        trace(recipe)
    assert told in str(error.value)


def test_only_a_fresh_fork_grows() -> None:
    def at_once(ctx: RecipeContext) -> None:
        ctx.create_model(SMALL)
        ctx.grow_model(**LARGER)

    def twice(ctx: RecipeContext) -> None:
        ctx.create_model(SMALL)
        ctx.fork(ctx.save_checkpoint("root"), "larger")
        ctx.grow_model(**LARGER)
        ctx.grow_model(**LARGER)

    for run in (at_once, twice):
        with pytest.raises(RecipeError, match="what grows is the model of a fork, once"):
            run(RecipeContext("r"))
