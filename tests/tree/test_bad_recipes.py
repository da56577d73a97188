"""Recipe files that nobody meant: each is a tree that can be hashed, or one error that names the place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from odd_values import mutated, words

from acc_assets.recipes import vocabulary
from acc_assets.tree import discover_file

DOCS = Path(__file__).parents[2] / "docs"
VOCABULARY = vocabulary()
RICH = """
name: rich
title: Rich
description: All that a file may say.
question: "?"
hypothesis: "!"
seeds: [0, 1]
parameters: {steps: 10, beta: 2.0, shape: conv_autoencoder}
datasets:
  digits: {type: digits, image_size: 16}
  few: {type: held_out, of: {type: digits, image_size: 16}, classes: ["8"]}
  asked: {type: labelled, of: {type: digits, image_size: 16}, people: rich}
model: {type: mixture_vae, image_size: 16, z_dim: 4, components: 3, prior: {type: vamp, pseudo_inputs: 5}}
root: root
nodes:
  - tag: first
    fork: root
    notes: [a remark]
    tasks:
      - {type: reconstruction, name: recon, dataset: digits}
      - {type: kl, name: kl, dataset: digits, weight: {type: linear_ramp, start: 0.0, end: "${beta}", steps: 5}}
  - tag: first_trained
    train: first
    phases:
      - {name: Warm, steps: "${steps}", lr: 0.002, lr_schedule: cosine, snapshot_every: 5}
      - {steps: {epochs: 1}, batch_size: 32, augment: {shift_px: 1.0}}
    evaluate: {manifold: {label_sets: [digits], k: 10}}
  - tag: second
    fork: first_trained
  - tag: second_trained
    train: second
    phases: [{steps: 3}]
    evaluate: [metrics, latents]
"""
RECIPES = [RICH, *((DOCS / name).read_text() for name in ("recipe.yaml", "recipe_two_models.yaml"))]
DOCUMENTS = [yaml.safe_load(text) for text in RECIPES]
PIECES = (
    *("\t", "\0", "\r", "\u2028", "\ufeff", "\ud800", "%YAML 9.9\n", "--- ", "...\n", "? ", "- ", ": ", "#"),
    *(
        "&a ",
        "*a",
        "<<: *a\n",
        "<<: [1]\n",
        "!!python/name:os.system ",
        "!!binary x",
        "!!timestamp 1",
        "!!set ",
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        "'",
        '"',
        "|\n",
        "1e999",
        ".nan",
        "0x" + "f" * 5000,
        "0o9",
        "1:60:60",
        "2001-99-99",
        "=",
        "<<",
    ),
)

OF_PYTHON = re.compile(
    r"^\w+(Error|Exception): |unhashable|object (has no|is not)|NoneType|(positional|keyword) arg|Located"
)


def judged(path: Path, text: bytes) -> None:
    """What every file must pass: one tree with a spec that is JSON, or one error of the project's own, in words."""
    path.write_bytes(text)
    found = discover_file(path, VOCABULARY)
    assert len(found.trees) + len(found.broken) == 1
    for tree in found.trees.values():
        json.dumps([node.spec for node in tree], allow_nan=False)
        assert tree.name.isidentifier()
    for broken in found.broken:
        assert len(str(broken)) < 1000
        assert str(broken).isprintable()
        assert not OF_PYTHON.search(broken.error), broken.error
        lines = re.findall("[\r\n\x85\u2028\u2029]", text.decode(errors="replace"))  # as YAML counts them
        assert broken.line is None or 0 < broken.line <= 1 + len(lines)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recipes") / "odd.yaml"


@pytest.mark.parametrize("text", RECIPES)
def test_what_is_mutated_below_is_a_recipe(file: Path, text: str) -> None:
    file.write_text(text)
    assert not discover_file(file, VOCABULARY).broken


BOMB = "a0: &a0 [x, x, x]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1}, ' * 9}]\n" for i in range(1, 30))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BOMB, "more than 100,000 values"),
        ("a: &a {b: *a}", "inside of what it names"),
        ("[" * 100 + "]" * 100, "nested more than 40 deep"),
        ("- " * 45, "nested more than 40 deep"),
        ("x: " + "9" * 5000, "is no int"),
        ("x: 0x" + "f" * 5000, "is no int"),
        ("x: 2001-99-99", "is no timestamp"),
        ('x: "\\ud800"', "is no str"),
        ("\n\x07", "U+0007"),
        ("\n\ud800", "not UTF-8"),
        ("? [a]\n: 1", "a key is no text"),
        ("a: !!python/object/apply:os.system [id]", "could not determine a constructor"),
    ],
)
def test_what_would_not_end_or_is_no_text_is_told(file: Path, text: str, told: str) -> None:
    judged(file, text.encode("utf-8", "surrogatepass"))
    (broken,) = discover_file(file, VOCABULARY).broken
    assert told in broken.error
    assert broken.line


def test_merged_keys_stand_behind_own_ones(file: Path) -> None:
    file.write_text(
        RICH.replace("phases: [{steps: 3}]", "phases: [{<<: *warm, steps: 3}]").replace(
            "- {name: Warm", "- &warm {name: Warm"
        )
    )
    tree = discover_file(file, VOCABULARY).trees["rich"]
    (phase,) = tree["second_trained"].phases
    assert (phase.steps, phase.name, phase.lr_schedule) == (3, "Warm", "cosine")


@given(document=st.sampled_from(DOCUMENTS).flatmap(mutated))
def test_a_recipe_with_other_keys_and_values_is_a_tree_or_one_error(file: Path, document: Any) -> None:
    judged(
        file, yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode("utf-8", "surrogatepass")
    )


@given(text=st.sampled_from(RECIPES), data=st.data())
def test_a_file_with_other_characters_is_a_tree_or_one_error(
    file: Path, text: str, data: st.DataObject
) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.sampled_from([0, 0, 1, 5, 10_000]))
        text = text[:at] + data.draw(st.sampled_from(PIECES) | words) + text[at + cut :]
    judged(file, text.encode("utf-8", "surrogatepass"))


@given(text=st.binary(max_size=300))
def test_no_bytes_are_more_than_one_error(file: Path, text: bytes) -> None:
    judged(file, text)
