"""What `acc serve` terminates in Dagster when it is asked to cancel a node."""

from __future__ import annotations

import contextlib
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
