"""The command line as a person meets it: what it lists and tells, and how it answers mistakes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from built_tiny import built, built_storage, environment, own_built
from command_line import acc, acc_process, status

__all__ = ["built", "built_storage", "own_built"]


def test_recipes_are_listed_and_a_broken_file_is_shown_with_its_line(built: Path) -> None:
    done = acc_process("recipes")
    assert done.returncode == 1
    text = " ".join(done.stdout.split())
    assert "labelled_trained" in text
    assert "steps=12" in text
    assert "broken.py:12" in text
    assert "there is no checkpoint 'nowhere'" in text


def test_the_schema_of_yaml_recipes_is_json() -> None:
    schema = json.loads(acc("schema").output)
    assert {"datasets", "nodes"} <= set(schema["properties"])
    assert schema["$defs"]["Mnist"]["properties"]["type"] == {"const": "mnist"}


def test_recipes_as_json(built: Path) -> None:
    result = acc("recipes", "--json")
    assert result.exit_code == 1
    listed = json.loads(result.output)
    (tiny,) = listed["recipes"]
    assert tiny["name"] == "tiny"
    assert tiny["seeds"] == [0, 1]
    assert tiny["parameters"] == {"steps": 12, "weight": 5.0}
    assert [node["tag"] for node in tiny["nodes"]] == [
        "root",
        "plain",
        "plain_trained",
        "labelled",
        "labelled_trained",
    ]
    (broken,) = listed["broken"]
    assert (broken["name"], broken["line"]) == ("broken", 12)


def test_status_tells_fresh_and_stale_and_why(built: Path) -> None:
    rows = status("tiny")
    assert len(rows) == 57
    assert {row["state"] for row in rows} == {"fresh"}
    changed = status("tiny", "--set", "weight=7.0")
    stale = {row["asset"] for row in changed if row["state"] == "stale"}
    assert "labelled_trained" in stale
    assert "plain_trained" not in stale
    table = acc("status", "tiny", "--steps", "13").output
    assert "stale" in table
    assert "recipe or code changed" in " ".join(table.split())


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["build", "nothing"], "no recipe 'nothing'"),
        (["build", "broken"], "broken.py:12"),
        (["build", "tiny", "--select", "nothing"], "Branches and nodes are: root, plain"),
        (["build", "tiny", "--seeds", "5"], "Seeds are [0, 1]"),
        (["build", "tiny", "--seeds", "a"], "whole numbers with commas"),
        (["build", "tiny", "--set", "speed=3"], "speed"),
        (["build", "tiny", "--steps", "0"], "0 is not in the range"),
        (["status", "nothing"], "no recipe 'nothing'"),
        (["site", "nothing"], "no recipe 'nothing'"),
        (["publish"], "--to FOLDER or --git REPOSITORY"),
    ],
)
def test_mistakes_are_answered_in_words(built: Path, command: list[str], words: str) -> None:
    result = acc(*command)
    assert result.exit_code in (1, 2)
    said = " ".join(result.output.split())
    assert words in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["build", "tiny", "--steps", "9" * 25], "steps"),
        (["build", "tiny", "--seeds", ""], "whole numbers"),
        (["build", "tiny", "--seeds", "9" * 25], "there is no seed"),
        (["build", "tiny", "--set", "weight=heavy"], "weight"),
        (["build", "tiny", "--set", "=1"], "NAME=VALUE"),
        (["build", "tiny", "--set", "steps=[1"], "steps"),
        (["status", "tiny", "--set", "steps=nan"], "steps"),
        (["site", "no\nthing"], "no recipe"),
        (["build", "../tiny"], "no recipe"),
    ],
)
def test_malformed_command_lines_are_answered_in_words(built: Path, arguments: list[str], words: str) -> None:
    result = acc(*arguments)
    assert result.exit_code in (1, 2)
    assert words in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("ACC_THREADS", "many", "whole number"),
        ("ACC_THREADS", "0", "whole number"),
        ("ACC_DEVICE", "gpu", "auto, cpu, cuda, mps"),
        ("ACC_PARAMETERS", "{steps: 3}", "Write JSON"),
        ("ACC_PARAMETERS", "[1]", "Write JSON"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(
    tmp_path: Path, variable: str, value: str, words: str
) -> None:
    with environment(tmp_path / "storage") as patch:
        patch.setenv(variable, value)
        result = acc("build", "tiny")
    assert result.exit_code == 1
    assert f"{variable}={value}" in result.output
    assert words in result.output


def test_a_fresh_recipe_is_not_built_again_and_a_seed_that_is_named_twice_is_one(own_built: Path) -> None:
    result = acc("build", "tiny")
    assert result.exit_code == 0
    assert "0 built, 58 fresh, 0 failed" in result.output
    assert "digit accuracy" in result.output
    assert f"site {own_built}/site/index.html" in result.output
    result = acc("build", "tiny", "--seeds", "0,0")
    assert result.exit_code == 0, result.output
    assert "0 built" in result.output


def test_artifacts_that_dagster_does_not_know_are_recorded_and_not_built_again(own_built: Path) -> None:
    shutil.rmtree(own_built / "dagster")
    rows = status("tiny")
    assert {row["state"] for row in rows} == {"unregistered"}
    before = {path: path.stat().st_mtime_ns for path in (own_built / "runs").rglob("*") if path.is_file()}
    result = acc("build", "tiny")
    assert result.exit_code == 0, result.output
    assert "0 built, 58 fresh, 0 failed" in result.output
    assert "58 found whole in the store" in result.output
    after = {path: path.stat().st_mtime_ns for path in (own_built / "runs").rglob("*") if path.is_file()}
    assert before == after
    rows = status("tiny")
    assert {row["state"] for row in rows} == {"fresh"}
