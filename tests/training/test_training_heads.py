"""A probe head goes on only where its task does: for the same targets of the same data."""

from __future__ import annotations

from pathlib import Path

import torch
from training_trees import OPTIONS, build

from acc_assets.datasets import Shapes
from acc_assets.models import ConvAutoencoder
from acc_assets.storage import Store
from acc_assets.tasks import RegressionTask
from acc_assets.training import load_model
from acc_assets.training.heads import build_heads
from acc_assets.training.snapshots import load_checkpoint
from acc_assets.tree import Recipe, RecipeContext, Tree, trace


class Probes(Recipe):
    """Learns x with the head 'place', then, with a head of this name, `then`: in a child or in a second phase."""

    name = "small"

    def __init__(self, then: str, *, in_phases: bool) -> None:
        self.then = then
        self.in_phases = in_phases

    def run(self, ctx: RecipeContext) -> None:
        shapes = ctx.load_dataset("shapes", Shapes(n=60, image_size=16, targets=("x", "y")))
        ctx.create_model(ConvAutoencoder(image_size=16, channels=(4, 8), latent_dim=4))
        ctx.save_checkpoint("root")
        ctx.attach_task(RegressionTask("place", shapes, target_names=("x",)))
        ctx.train(steps=4, **OPTIONS)
        if not self.in_phases:
            ctx.save_checkpoint("first")
        ctx.detach_all_tasks()
        ctx.attach_task(RegressionTask("place", shapes, target_names=(self.then,)))
        ctx.train(steps=1, **{**OPTIONS, "lr": 1e-12})
        ctx.save_checkpoint("second")


def head_of(tree: Tree, root: Path) -> torch.Tensor:
    build(tree, "second", root)
    loaded = load_model(Store(root).run("small", "second", 0), tree["second"])
    return loaded.heads["place"].state_dict()["linear.weight"]


def fresh_head(tree: Tree, root: Path) -> torch.Tensor:
    loaded = load_model(Store(root).run("small", "second", 0), tree["second"])
    heads = build_heads(
        tree["second"].tasks, loaded.model, seed=0, weights={}, specs={}, device=torch.device("cpu")
    )
    return heads["place"].state_dict()["linear.weight"]


def test_a_head_for_other_targets_starts_anew_in_a_child_and_in_a_later_phase(tmp_path: Path) -> None:
    for in_phases in (False, True):
        root = tmp_path / str(in_phases)
        same, other = (trace(Probes(then, in_phases=in_phases)) for then in ("x", "y"))
        went_on = head_of(same, root / "same")
        started = head_of(other, root / "other")
        untrained = fresh_head(other, root / "other")
        assert torch.allclose(started, untrained, atol=1e-6)
        assert not torch.allclose(went_on, untrained, atol=1e-3)


def test_a_snapshot_names_the_head_of_its_own_phase(tmp_path: Path) -> None:
    tree = trace(Probes("y", in_phases=True))
    build(tree, "second", tmp_path)
    run = Store(tmp_path).run("small", "second", 0)
    assert '"x"' in load_checkpoint(run, 4).head_specs["place"]
    assert '"y"' in load_checkpoint(run, 5).head_specs["place"]
