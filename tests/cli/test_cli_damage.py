"""Damaged artifacts as a person meets them: `acc status` names each, `acc site` shows the rest, `acc build` mends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from built_tiny import built_storage, own_built

from acc_assets.storage import Store

__all__ = ["built_storage", "own_built"]
ACC = Path(sys.executable).with_name("acc")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="uses links")]


def acc(*arguments: str) -> str:
    """Run a command in a process of its own; whatever is damaged, there is no traceback."""
    done = subprocess.run([ACC, *arguments], capture_output=True, text=True, timeout=600)
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def damaged() -> dict[tuple[str, int], str]:
    rows = json.loads(acc("status", "tiny", "--json"))["tiny"]
    found = {(row["asset"], row["seed"]): row for row in rows if row["state"] != "fresh"}
    assert {row["state"] for row in found.values()} <= {"damaged"}, found
    return {key: row["why"] for key, row in found.items()}


def test_every_damaged_artifact_is_named_and_mended_and_nothing_else_is_lost(own_built: Path) -> None:
    store = Store(own_built)

    def place(node: str, seed: int, file: str) -> Path:
        return store.run("tiny", node, seed).local_path(file.split("/")[0]) / file.partition("/")[2]

    manifest = place("plain_trained", 0, "latents/manifest.json")
    manifest.write_text("[" * 100_000)
    upwards = place("plain_trained", 1, "neighbors/manifest.json")
    upwards.write_text(upwards.read_text().replace('"knn_latest.npz"', '"../../../../secret"'))
    folder = place("plain_trained", 0, "metrics/metrics.json")
    folder.unlink()
    folder.mkdir()
    loop = place("labelled_trained", 1, "projections/projections.json")
    loop.unlink()
    loop.symlink_to(loop)
    first, second = (store.run("tiny", "labelled_trained", seed).local_path("traversals") for seed in (0, 1))
    first.rename(own_built / "aside")  # two seeds change places, with their manifests
    second.rename(first)
    (own_built / "aside").rename(second)

    found = damaged()
    expected = {
        ("plain_trained_latents", 0): (manifest, "no readable JSON"),
        ("plain_trained_neighbors", 1): (upwards, "no manifest"),
        ("plain_trained_metrics", 0): (folder, "it is no file"),
        ("labelled_trained_projection", 1): (loop, "symbolic links"),
        ("labelled_trained_traversals", 0): (first / "manifest.json", "node labelled_trained, seed 1"),
        ("labelled_trained_traversals", 1): (second / "manifest.json", "node labelled_trained, seed 0"),
    }
    assert found.keys() == expected.keys()
    for key, (file, words) in expected.items():
        assert str(file) in found[key]
        assert words in found[key]
        assert "Rebuild it: acc build tiny --select" in found[key]
        assert len(found[key]) < 500

    acc("site")
    assert (own_built / "site" / "recipes" / "tiny" / "latent" / "labelled_trained.html").exists()
    acc("build", "tiny")
    assert damaged() == {}
