"""Health: what was not trained has none, and what holds on training images alone is not healthy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from training_trees import build, small

from acc_assets.datasets import Digits
from acc_assets.models import ConvAutoencoder
from acc_assets.storage import Store
from acc_assets.tasks import ClassificationTask, ReconstructionTask
from acc_assets.training import evaluate, judge_generalisation, load_model
from acc_assets.training.summary import worst_health
from acc_assets.tree import Recipe, RecipeContext, trace


def test_a_node_that_was_not_trained_is_not_healthy(tmp_path: Path) -> None:
    build(small(), "left", tmp_path)
    for tag in ("root", "left"):
        run = Store(tmp_path).run("small", tag, 0)
        assert run.read_json("summary.json")["health"] == "not trained"


def test_a_training_without_a_loss_yet_has_no_health() -> None:
    assert worst_health({}) == "not trained"
    assert worst_health({"a": {"health": "healthy"}, "b": {"health": "critical"}}) == "critical"


class FewOrMany(Recipe):
    """One autoencoder with labels on 30 digits, and one on all of them."""

    name = "few_or_many"

    def run(self, ctx: RecipeContext) -> None:
        ctx.create_model(ConvAutoencoder, image_size=16, channels=(8, 16), latent_dim=16)
        root = ctx.save_checkpoint("root")
        for tag, samples, steps in (("few", 30, 700), ("many", None, 300)):
            digits = ctx.load_dataset(f"digits_{tag}", Digits, image_size=16, train_samples=samples)
            ctx.fork(root, f"{tag}_fork")
            ctx.attach_task(ReconstructionTask("recon", digits, error="mse", reduction="mean"))
            ctx.attach_task(ClassificationTask("digit", digits))
            ctx.train(steps=steps, lr=3e-3)
            ctx.save_checkpoint(tag)
            ctx.evaluate()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root, tree = tmp_path_factory.mktemp("few"), trace(FewOrMany())
    verdicts = {}
    for tag in ("few", "many"):
        build(tree, tag, root)
        node, run = tree[tag], Store(root).run(tree.name, tag, 0)
        loaded = load_model(run, node)
        datasets = {name: ref.config.load() for name, ref in node.datasets.items()}
        test = evaluate(loaded.model, loaded.heads, node.tasks, datasets, "test")
        gaps = judge_generalisation(loaded.model, loaded.heads, node.tasks, datasets, test)
        verdicts[tag] = (run.read_json("summary.json"), gaps, test)
    return verdicts


def test_images_learned_by_heart_are_seen_although_the_training_loss_is_healthy(
    found: dict[str, Any],
) -> None:
    summary, gaps, _ = found["few"]
    assert summary["tasks"]["recon"]["health"] == "healthy"
    assert summary["tasks"]["digit"]["health"] == "healthy"
    assert gaps["recon"].gap > 0.1
    assert str(gaps["recon"].level) in ("warning", "critical")
    assert str(gaps["digit"].level) in ("warning", "critical")
    assert "on test images" in gaps["recon"].reason


def test_what_holds_on_test_images_is_healthy(found: dict[str, Any]) -> None:
    _, gaps, test = found["many"]
    assert {name: str(gap.level) for name, gap in gaps.items()} == {"recon": "healthy", "digit": "healthy"}
    assert test["digit"]["accuracy"] > 0.9
    assert gaps["recon"].gap < found["few"][1]["recon"].gap
