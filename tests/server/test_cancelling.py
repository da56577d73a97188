"""What `acc serve` terminates in Dagster when it is asked to cancel a node, and which recipes it knows."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest

from acc_assets.assets import live
from acc_assets.storage import Store


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance in memory, which says of every run that it was terminated."""
    with dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setattr(live, "open_instance", lambda _: contextlib.nullcontext(instance))
        coordinator = SimpleNamespace(cancel_run=lambda _: True, dispose=lambda: None)
        monkeypatch.setattr(type(instance), "run_coordinator", coordinator)
        yield instance


def begun(instance: dg.DagsterInstance, job: str, *nodes: str) -> str:
    """The id of a run that is at work on nodes of seed 0 of the recipe `r`, or on all of its job."""
    run = dg.DagsterRun(
        job_name=job,
        asset_selection=frozenset(dg.AssetKey(["r", node]) for node in nodes) or None,
        status=dg.DagsterRunStatus.STARTED,
        tags={"dagster/partition": "0", "acc/recipe": "r"},
    )
    return instance.add_run(run).run_id


def test_a_node_that_is_done_is_not_cancelled_at_the_cost_of_its_sibling(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    store, run = Store(tmp_path), begun(instance, "r", "done", "sibling")
    with store.run("r", "sibling", 0).lock():
        assert live.cancel(store, "r", "done", 0) == []
        assert live.cancel(store, "r", "sibling", 1) == []
        assert live.cancel(store, "r", "sibling", 0) == [run]


def test_a_job_is_known_by_the_recipe_that_it_is_of(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    store, run = Store(tmp_path), begun(instance, "prefix__r__branch__left")
    with store.run("r", "done", 0).lock(), store.run("prefix__r", "done", 0).lock():
        assert live.cancel(store, "prefix__r", "done", 0) == []
        assert live.cancel(store, "r", "done", 0) == [run]


RECIPE = """
from acc_assets.models import ConvAutoencoder
from acc_assets.tree import Recipe
from _sizes import WIDTH

class Small(Recipe):
    name = "small"
    def run(self, ctx):
        ctx.create_model(ConvAutoencoder, image_size=16, latent_dim=WIDTH)
        ctx.save_checkpoint("root")
"""


def test_recipes_are_traced_again_after_a_change_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACC_RECIPES", str(tmp_path))
    (tmp_path / "small.py").write_text(RECIPE)
    (tmp_path / "_sizes.py").write_text("WIDTH = 4")
    time.sleep(0.02)  # a file of this very moment may change unseen, and is not relied on
    now = live.Recipes()
    before = now()
    assert now() is before
    (tmp_path / "_sizes.py").write_text("WIDTH = 5")
    assert now()["small"].hash != before["small"].hash
    (tmp_path / "broken.py").write_text("1/0")
    assert now() is not now()
