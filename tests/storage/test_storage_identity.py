"""Artifacts know whose they are and what they were made from: what lies in another's place is named."""

from __future__ import annotations

import json
import shutil

import pytest

from acc_assets.storage import DamagedArtifact, MadeFrom, RunDirectory, Store
from acc_assets.storage.manifest import parse_manifest


def write(run: RunDirectory, family: str = "metrics", value: int = 1, **options) -> None:
    with run.family(family, **options) as out:
        out.json("values.json", {"value": value})


@pytest.fixture
def run(tmp_path):
    return Store(tmp_path).run("recipe", "node", 0)


@pytest.mark.parametrize(
    ("other", "family", "words"),
    [
        (("recipe", "node", 1), "metrics", "'metrics' of recipe recipe, node node, seed 1"),
        (("recipe", "sibling", 0), "metrics", "'metrics' of recipe recipe, node sibling, seed 0"),
        (("another", "node", 0), "metrics", "'metrics' of recipe another, node node, seed 0"),
        (("recipe", "node", 0), "latents", "'latents' of recipe recipe, node node, seed 0"),
    ],
    ids=["another seed", "another node", "another recipe", "another family"],
)
def test_what_lies_in_the_place_of_another_is_named_and_not_read(tmp_path, run, other, family, words):
    write(run)
    source = Store(tmp_path).run(*other)
    write(source, family, 2)
    shutil.rmtree(run.local_path("metrics"))
    shutil.copytree(source.local_path(family), run.local_path("metrics"))  # with its manifest
    (damage,) = run.verify("metrics")
    assert damage.kind == "misplaced"
    assert words in str(damage)
    assert "acc build recipe --select node --seeds 0" in str(damage)
    for read in (lambda: run.read_json("metrics/values.json"), lambda: run.manifest("metrics")):
        with pytest.raises(DamagedArtifact, match=r"misplaced.*acc build recipe"):
            read()
    assert run.digest("metrics") is None
    assert source.verify(family) == []
    write(run)
    assert run.verify() == []


def test_a_store_may_be_moved_as_a_whole(tmp_path):
    for folder in (Store(tmp_path / "old").run("r", "n", 0), Store(tmp_path / "old").recipe("r")):
        write(folder)
    (tmp_path / "old").rename(tmp_path / "new")
    assert Store(tmp_path / "new").run("r", "n", 0).verify() == []
    assert Store(tmp_path / "new").recipe("r").verify() == []


def test_the_digest_is_that_of_the_content_and_reads_no_file(run):
    write(run)
    assert run.digest("metrics") == run.manifest("metrics").digest
    run.local_path("metrics/values.json").unlink()
    assert run.digest("metrics") == run.manifest("metrics").digest
    assert run.digest("latents") is None


def test_what_a_family_was_made_from_comes_back(tmp_path, run):
    made_from = MadeFrom("spec.3", {"root": "0123", "data": "4567"})
    write(run, made_from=made_from)
    assert run.manifest("metrics").made_from == made_from
    assert run.manifest("metrics").owner == {"recipe": "recipe", "node": "node", "seed": 0}
    write(run.stamped(made_from), "latents")
    assert run.manifest("latents").made_from == made_from
    plain = Store(tmp_path / "plain").run("recipe", "node", 0)
    write(plain)
    assert plain.manifest("metrics").made_from is None
    assert plain.digest("metrics") == run.digest("metrics")


def test_a_kept_family_keeps_what_it_was_made_from(run):
    write(run, made_from=MadeFrom("1", {}))
    write(run, value=2, keep=True)
    assert run.manifest("metrics").made_from == MadeFrom("1", {})
    write(run, value=2, keep=True, made_from=MadeFrom("2", {}))
    assert run.manifest("metrics").made_from == MadeFrom("2", {})
    write(run)
    assert run.manifest("metrics").made_from is None


@pytest.mark.parametrize(
    ("old", "new"),
    [('"code_version": "1"', '"code_version": "2"'), ('"seed": 0', '"seed": 1'), ('"abc"', '"abd"')],
)
def test_no_line_of_a_manifest_can_be_altered(run, old, new):
    write(run, made_from=MadeFrom("1", {"root": "abc"}))
    path = run.local_path("metrics") / "manifest.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    (damage,) = run.verify()
    assert damage.kind == "unreadable"
    assert "altered" in damage.detail


def test_a_manifest_of_an_older_version_is_named(run):
    write(run)
    path = run.local_path("metrics") / "manifest.json"
    value = json.loads(path.read_text())
    path.write_text(json.dumps({key: value[key] for key in ("family", "schema", "digest", "files")}))
    (damage,) = run.verify()
    assert "an older version wrote it" in str(damage)
    assert "acc build recipe" in str(damage)
    with pytest.raises(DamagedArtifact):
        parse_manifest(json.loads(path.read_text()), "x")
