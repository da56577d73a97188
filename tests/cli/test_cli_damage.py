"""Damage as a person meets it: `acc status` names each artifact, `acc site` shows the rest, `acc build` mends."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from built_tiny import built_storage, own_built
from command_line import acc_process

from acc_assets.storage import Store

__all__ = ["built_storage", "own_built"]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="uses links")]


def acc(*arguments: str) -> str:
    """Run a command, each in a process of its own, that ends well; what it printed."""
    done = acc_process(*arguments)
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

    page = own_built / "site" / "recipes" / "tiny" / "nodes" / "labelled_trained.html"
    before = page.read_bytes()
    manifest = place("plain_trained", 0, "latents/manifest.json")
    manifest.write_text("[" * 100_000)
    upwards = place("plain_trained", 1, "neighbors/manifest.json")
    upwards.write_text(upwards.read_text().replace('"knn_latest.npz"', '"../../../../secret"'))
    folder = place("plain_trained", 0, "metrics/metrics.json")
    folder.unlink()
    folder.mkdir()
    anothers = place("plain_trained", 1, "metrics/manifest.json")
    shutil.rmtree(anothers.parent)
    shutil.copytree(place("labelled_trained", 1, "metrics"), anothers.parent)
    altered = place("labelled_trained", 1, "metrics/metrics.json")
    whole = altered.read_bytes()
    altered.write_bytes(whole.replace(b"psnr", b"rnsp"))
    loop = place("labelled_trained", 1, "projections/projections.json")
    loop.unlink()
    loop.symlink_to(loop)
    first, second = (store.run("tiny", "labelled_trained", seed).local_path("traversals") for seed in (0, 1))
    first.rename(own_built / "aside")  # two seeds change places, with their manifests
    second.rename(first)
    (own_built / "aside").rename(second)
    edited = store.run("tiny", "labelled_trained", 0)
    metrics, made_from = edited.read_json("metrics/metrics.json"), edited.manifest("metrics").made_from
    metrics["tasks"]["recon"]["metrics"]["psnr"] = 99.0
    with edited.family("metrics", made_from=made_from) as out:  # with a manifest that fits
        out.json("metrics.json", metrics)

    found = damaged()
    assert "not what Dagster recorded" in found.pop(("labelled_trained_metrics", 0))
    expected = {
        ("plain_trained_latents", 0): (manifest, "no readable JSON"),
        ("plain_trained_neighbors", 1): (upwards, "no manifest"),
        ("plain_trained_metrics", 0): (folder, "it is no file"),
        ("plain_trained_metrics", 1): (anothers, "node labelled_trained, seed 1"),
        ("labelled_trained_metrics", 1): (altered, "altered"),
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

    shutil.rmtree(own_built / "site")
    assert acc("site").strip().splitlines()[-1] == str(own_built / "site" / "index.html")
    assert (own_built / "site" / "recipes" / "tiny" / "playground.html").exists()
    assert (own_built / "site" / "recipes" / "tiny" / "latent" / "labelled_trained.html").exists()
    page.unlink()
    assert acc("site", "tiny").strip().splitlines()[-1] == str(own_built / "site" / "index.html")
    assert b"Damaged artifacts" in page.read_bytes()
    acc("build", "tiny")
    assert damaged() == {}
    assert altered.read_bytes() == whole
    assert edited.read_json("metrics/metrics.json")["tasks"]["recon"]["metrics"]["psnr"] != 99.0
    assert _without_what_happened(page.read_bytes()) == _without_what_happened(before)


def _without_what_happened(page: bytes) -> bytes:
    """A node's page without its list of events, which tells of each time that something was made or judged."""
    found, times = re.subn(rb'"events": ?\[.*?\](?=[,}])', b"", page, flags=re.S)
    assert times == 2  # seeds
    return found


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("dagster.yaml", "concurrency: [", "dagster.yaml"),
        ("dagster.yaml", "run_storage: nonsense\n", "dagster.yaml"),
        ("history/runs.db", "this is no database", "runs.db"),
        ("history/runs/index.db", "this is no database", "index.db"),
    ],
)
def test_damage_to_dagsters_own_files_is_one_sentence(
    own_built: Path, file: str, content: str, words: str
) -> None:
    (own_built / "dagster" / file).write_text(content)
    done = acc_process("status", "tiny")
    assert done.returncode == 1
    assert words in done.stderr
    assert "artifacts are safe" in " ".join(done.stderr.split())
    assert len(done.stderr) < 1200
