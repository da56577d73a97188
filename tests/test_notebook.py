"""What a notebook reads of a store: tables, latents and models, and the guide to them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from built_tiny import built, built_storage, own_built

import acc_assets
from acc_assets.notebook import NotStored, RecipeResults
from acc_assets.report.table import HISTORY, METRICS

__all__ = ["built", "built_storage", "own_built"]
GUIDE = Path(__file__).parents[1] / "docs" / "notebook.md"
NODES = ["labelled", "labelled_trained", "plain", "plain_trained", "root"]


@pytest.fixture
def results(built: Path, monkeypatch: pytest.MonkeyPatch) -> RecipeResults:
    """The tiny recipe's results, from the store alone: its file is nowhere to be found."""
    monkeypatch.delenv("ACC_RECIPES")
    return acc_assets.open(built)["tiny"]


def test_the_package_itself_stays_light() -> None:
    code = "import sys, acc_assets; print(*{'numpy', 'pandas', 'torch', 'dagster'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout.split()
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        _ = acc_assets.opne


def test_a_store_shows_what_it_holds(built: Path, results: RecipeResults) -> None:
    store = acc_assets.open(built)
    assert list(store) == ["tiny"]
    assert "tiny" in store
    assert "other" not in store
    assert re.search(r"tiny +5 +0, 1", repr(store))
    assert results.nodes == NODES
    assert results.seeds == [0, 1]
    lines = repr(results).splitlines()
    (row,) = [line.split() for line in lines if line.split()[0] == "labelled_trained"]
    assert row == ["labelled_trained", "trained", "labelled", *["0,", "1"] * 3]
    (row,) = [line.split() for line in lines if line.split()[0] == "plain"]
    assert row == ["plain", "fork", "plain", "0,", "1"]


def test_tables_are_the_same_from_parquet_and_from_the_runs(own_built: Path) -> None:
    kept = acc_assets.open(own_built)["tiny"]
    assert list(kept.metrics.columns) == list(METRICS)
    assert list(kept.history.columns) == list(HISTORY)
    shutil.rmtree(own_built / "runs" / "tiny" / "_recipe" / "comparison")
    read = acc_assets.open(own_built)["tiny"]
    for found, again, order in (
        (kept.metrics, read.metrics, ["node", "seed", "key"]),
        (kept.history, read.history, ["node", "seed", "series", "step"]),
    ):
        tables = [table.sort_values(order, ignore_index=True) for table in (found, again)]
        pd.testing.assert_frame_equal(*tables)


def test_a_comparison_of_an_earlier_version_is_not_misread(own_built: Path) -> None:
    folder = acc_assets.open(own_built)["tiny"].store.recipe("tiny")
    with folder.family("comparison", schema=1) as out:
        out.json("comparison.json", {})
    assert len(acc_assets.open(own_built)["tiny"].metrics) > 0


def test_latents_come_with_their_images_and_targets(results: RecipeResults) -> None:
    last = results.latents("plain_trained", 1)
    first = results.latents("plain_trained", 1, step=0)
    assert last["mu"].shape == (len(last.targets), 5)
    assert len(last.images) == len(last.indices) == len(last.targets)
    assert (last.step, first.step) == (12, 0)
    assert not np.array_equal(last["mu"], first["mu"])
    assert "mu (" in repr(last)
    with pytest.raises(NotStored, match=r"no output 'muh' .* there is: mu, logvar"):
        _ = last["muh"]


def test_a_model_makes_the_latents_that_are_stored(results: RecipeResults) -> None:
    model, latents = results.model("labelled_trained", 0), results.latents("labelled_trained", 0)
    assert not model.training
    with torch.no_grad():
        outputs = model(torch.from_numpy(latents.images[:16]).float() / 255)
    mu = next(value for name, value in outputs.items() if name.value == "mu")
    np.testing.assert_allclose(mu.numpy(), latents["mu"][:16], atol=1e-5)


def test_what_is_not_there_is_named_with_what_is(results: RecipeResults, tmp_path: Path) -> None:
    with pytest.raises(NotStored, match=r"no recipe 'other' in .* there is: tiny"):
        _ = acc_assets.open(results.store)["other"]
    with pytest.raises(NotStored, match="no node 'x' in tiny; there is: labelled, labelled_trained"):
        results.latents("x", 0)
    with pytest.raises(NotStored, match="no seed 7 in tiny/plain_trained; there is: 0, 1"):
        results.model("plain_trained", 7)
    with pytest.raises(NotStored, match=r"no snapshot of step 5 .* there is: 0, 6, 12"):
        results.latents("plain_trained", 0, step=5)
    with pytest.raises(FileNotFoundError, match="acc build tiny --select root --seeds 0"):
        results.latents("root", 0)
    with pytest.raises(NotStored, match="holds no results of a recipe"):
        acc_assets.open(tmp_path)


def test_the_guide_runs_as_it_is_written(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACC_RECIPES")
    text = GUIDE.read_text(encoding="utf-8")
    for shown, here in (
        ('"storage"', repr(str(built))), ("unsupervised", "plain"), ("supervised", "labelled"), ("quickstart", "tiny"),
    ):  # fmt: skip
        text = text.replace(shown, here)
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    assert len(blocks) >= 8
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), names)
    assert len(names["by_seed"]) == 2  # type: ignore[arg-type]
    assert set(names["total"].columns.get_level_values("branch")) == {"plain", "labelled"}  # type: ignore[attr-defined]
