"""Settings of a fork that nobody meant, and files of forks: nodes that can be hashed, or one error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from odd_values import mutated, nested, scalars, tried, words
from test_bad_recipes import OF_PYTHON, RICH, VOCABULARY

from acc_assets.tree import RecipeError, RecordedFork, Tree, parse_forks, trace
from acc_assets.tree.forks import ForksFile
from acc_assets.tree.phases import PHASE_OPTIONS
from acc_assets.tree.yaml_recipe import YamlRecipe

TASKS = [
    f"task.{task}.{field}"
    for task in ("recon", "kl")
    for field in ("weight", "name", "dataset", "x", "weight.end")
]
PARTS = [
    "",
    "task",
    "train",
    "task.kl.weight.end.x",
    "task.kl.weight.__class__",
    "task.kl.dataset.config.seed",
    "a.b.c",
    "grow.channels",
    "grow.hidden",
    "grow.noise",
]
keys = st.sampled_from([*TASKS, *PARTS, *(f"train.{one}" for one in PHASE_OPTIONS)]) | words
typed = st.sampled_from(
    [{"type": "linear_ramp", "start": 0, "end": 1, "steps": 5}, {"epochs": 1}, "digits", "few", [0, 2]]
)
FORK = {
    "name": "heavy",
    "checkpoint": "first",
    "settings": {"task.kl.weight.end": 4},
    "steps": 7,
    "labels": {},
}
LATER = {
    "name": "later",
    "checkpoint": "heavy_trained",
    "settings": {"train.lr": 0.1},
    "steps": None,
    "labels": {},
}
FILE = {"schema": 1, "forks": [FORK, LATER]}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> YamlRecipe:
    path = tmp_path_factory.mktemp("forks") / "rich.yaml"
    path.write_text(RICH)
    return YamlRecipe(path, VOCABULARY)


def judged(recipe: YamlRecipe, *forks: RecordedFork) -> None:
    own = trace(recipe)

    def traced() -> Tree:
        tree = trace(recipe, forks, VOCABULARY)
        VOCABULARY.check(tree)
        return tree

    tree, told = tried(traced, RecipeError)
    if tree is None:
        assert not OF_PYTHON.search(told), told
        return
    assert [tree[node.tag].spec_hash for node in own] == [node.spec_hash for node in own]
    assert {node.tag for node in tree} - {node.tag for node in own} == {
        tag for fork in forks for tag in (fork.name, fork.trained)
    }
    json.dumps([node.spec for node in tree], allow_nan=False)


@given(
    checkpoint=st.sampled_from(["first", "first", "second_trained", "root"]) | words,
    settings=st.dictionaries(keys, typed | scalars | nested(), max_size=3),
    steps=st.sampled_from([None, 1, 10**9]),
    labels=st.dictionaries(st.sampled_from(["digits", "asked", ""]), st.integers(0, 5), max_size=1),
)
def test_settings_make_nodes_or_one_error(recipe: YamlRecipe, **facts: Any) -> None:
    try:
        fork = RecordedFork(name="heavy", **facts)
    except ValueError:  # no value of JSON; the command line and the server refuse it in these words
        return
    judged(recipe, fork)


@given(value=mutated(FILE) | st.just(FILE))
def test_a_file_of_forks_is_replayed_or_one_error(recipe: YamlRecipe, value: Any) -> None:
    text = json.dumps(value).encode()
    forks, told = tried(lambda: parse_forks(text, "forks/rich.json"), RecipeError)
    if forks is None:
        assert told.startswith("forks/rich.json cannot be read: ")
        assert "\n" not in told
        return
    assert parse_forks(ForksFile(schema=1, forks=forks).model_dump_json(by_alias=True).encode(), "x") == forks
    judged(recipe, *forks)


@given(at=st.integers(0, 300), new=st.binary(max_size=6), cut=st.integers(0, 300))
def test_no_bytes_of_a_file_of_forks_are_more_than_one_error(at: int, new: bytes, cut: int) -> None:
    text = json.dumps(FILE).encode()
    _, told = tried(lambda: parse_forks(text[:at] + new + text[at + cut :], "forks/rich.json"), RecipeError)
    assert told.startswith("forks/rich.json cannot be read: " if told else "")
