"""The guides and the README are true: their code runs, their commands parse, their tables are the code's own."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import dagster as dg
import pytest
import torch
import yaml
from built_tiny import environment
from test_import_rules import ALLOWED, NEVER

from acc_assets.assets.instance import configuration
from acc_assets.assets.kinds import Scope
from acc_assets.assets.launched import FOLDER, Project
from acc_assets.assets.location import application
from acc_assets.assets.plans import PROJECT
from acc_assets.cli import main
from acc_assets.component import RecipeComponent
from acc_assets.families import RunArtifacts
from acc_assets.recipes import find_recipes
from acc_assets.storage import Store
from acc_assets.tree import Tree

HOUSE = Path(__file__).parents[1]
PAGES = {page.stem: page for page in [HOUSE / "README.md", *sorted((HOUSE / "docs").glob("*.md"))]}
EVERY_PAGE = pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))
TRACED = ("README", "recipe", "labels")
ENTRY = "entry"  # in the drawing: what stands above the rooms


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)


def tables(page: Path) -> list[list[list[str]]]:
    """The tables of a page: rows of cells, the header's aside."""
    found = re.findall(r"(?:^\|.*\n)+", page.read_text(encoding="utf-8"), re.M)
    return [
        [[cell.strip() for cell in row.strip("|").split(" |")] for row in one.splitlines()[2:]]
        for one in found
    ]


def written(page: Path, folder: Path) -> Path:
    """The folder of a page's recipes: each block goes into the file that its first line names."""
    for block in [*blocks(page, "python"), *blocks(page, "yaml")]:
        if (named := re.match(r"# recipes/(\w+\.\w+)\n", block)) is not None:
            (folder / named[1]).write_text(block, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Tree]:
    """The recipes of README and guide."""
    found = find_recipes({}, [written(PAGES[name], tmp_path_factory.mktemp(name)) for name in TRACED])
    assert not found.broken, found.broken[0]
    return found.trees


def test_recipes_are_traced(trees: Mapping[str, Tree]) -> None:
    assert set(trees) == {"my_experiment", "ramped_kl", "ramped_kl_yaml", "asking"}
    for tree in trees.values():
        application(Project({tree.name: tree}))
    labelled = trees["ramped_kl"]["labelled_trained"]
    assert [phase.name for phase in labelled.phases] == ["Learn the labels", "Settle"]


def test_the_branch_in_yaml_is_the_branch_in_python(trees: Mapping[str, Tree]) -> None:
    for tag in ("ramped", "ramped_trained"):
        assert trees["ramped_kl_yaml"][tag].spec_hash == trees["ramped_kl"][tag].spec_hash


def test_parts_of_a_users_own_are_built(tmp_path: Path) -> None:
    found = find_recipes({"own_parts": {"steps": 2}}, [written(PAGES["extend"], tmp_path)])
    assert not found.broken, found.broken[0]
    storage, node = tmp_path / "storage", found.trees["own_parts"]["sparse_trained"]
    with environment(storage), dg.DagsterInstance.ephemeral() as instance:
        job = application(Project(found.trees)).resolve_job_def("own_parts")
        assert job.execute_in_process(instance=instance, partition_key="0").success
    run = Store(storage).run("own_parts", node.tag, 0)
    told = run.read_json("active_units/active_units.json")
    variances = run.read_npz("active_units/variances.npz")["variances"]
    assert told == {"active": int((variances > 0.02).sum()), "of": 8}
    units, worst, errors = node.requests or ()
    shown = RunArtifacts(run, "own_parts", node.tag, 0)
    numbers = [one for request in (units, worst) for one in request.family.numbers(shown)]
    largest = float(run.read_npz("latents/latents_latest.npz")["error"].max())
    assert [(one.metric, one.value) for one in numbers] == [
        ("active_units", told["active"]),
        ("worst_error", largest),
    ]
    (chart,) = errors.family.charts(shown)
    assert sum(bar["count"] for bar in chart.spec["bars"]) == 360
    assert run.read_npz("latents/latents_latest.npz")["brightness"].shape == (360, 1)
    assert any("sparsity/silent" in str(event) for event in run.events())
    saved = torch.load(next(run.local_path("checkpoints").glob("*latest*.pt")), weights_only=True)
    assert "activity" in str(saved["heads"]["sparsity"])


@EVERY_PAGE
def test_commands_are_those_of_acc(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    lines += re.findall(r"`(acc [^`]+)`", text)
    for line in lines:
        words = shlex.split(re.split(r"&&|>", line)[0], comments=True)
        if words and Path(words[0]).name == "acc" and "..." not in line:
            named_alone = line == f"acc {words[1]}"
            main.commands[words[1]].make_context(words[1], words[2:], resilient_parsing=named_alone).close()


@EVERY_PAGE
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_every_environment_variable_is_told_and_read() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (HOUSE / "acc_assets").rglob("*.py"))
    told = {row[0].strip("`") for row in tables(PAGES["deploy"])[1]}
    assert told == {"DAGSTER_HOME", *re.findall(r'"(ACC_[A-Z_]+)"', code)}


def test_limits_are_those_of_the_file_that_acc_writes() -> None:
    limits = yaml.safe_load(configuration(3))
    for row in tables(PAGES["deploy"])[0]:
        found = limits
        for key in row[0].strip("`").split("."):
            found = found[key]
        assert found


def test_the_component_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = blocks(PAGES["deploy"], "yaml")
    facts = yaml.safe_load(block)
    assert facts["type"] == f"{RecipeComponent.__module__}.{RecipeComponent.__qualname__}"
    monkeypatch.chdir(tmp_path)
    os.mkdir("recipes")
    written(PAGES["README"], tmp_path / "recipes")
    places = {"recipes": [str(tmp_path / "recipes")], "storage": str(tmp_path / "stored")}
    definitions = dg.build_defs_for_component(RecipeComponent(**{**facts["attributes"], **places}))
    keys = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    assert "research/my_experiment/plain_trained" in keys
    assert definitions.get_repository_def().has_sensor_def("acc_research_watch")


def test_the_rooms_are_those_of_the_import_rules() -> None:
    words, rooms, scopes = tables(PAGES["architecture"])
    assert {row[0] for row in words} >= {"recipe", "branch", "seed"}
    every = "all of these"
    imports = {row[0].strip("`"): row[2] for row in rooms}
    never = {row[0].strip("`"): set(filter(None, row[3].split(", "))) for row in rooms}
    assert {name: set(filter(None, told.split(", "))) for name, told in imports.items() if told != every} == {
        name: allowed for name, allowed in ALLOWED.items() if imports[name] != every
    }
    assert [name for name, told in imports.items() if told == every] == ["assets"]
    assert set(imports) == set(ALLOWED)
    assert {name: libraries for name, libraries in never.items() if libraries} == NEVER
    assert [row[0].strip("`") for row in scopes] == [*("data", "data_seed"), *get_args(Scope)[2:]]


def test_the_drawing_shows_imports_that_are_allowed() -> None:
    (drawing,) = blocks(PAGES["architecture"], "mermaid")
    arrows = re.findall(r"^  (\w+)(?:\[.*\])? --> (.+)$", drawing, re.M)
    drawn = {(above, below) for above, targets in arrows for below in targets.split(" & ")}
    assert {above for above, _ in drawn} | {below for _, below in drawn} == {ENTRY, *ALLOWED}
    assert [(a, b) for a, b in sorted(drawn) if a != ENTRY and b not in ALLOWED[a]] == []


def test_the_layout_is_that_of_the_store(tmp_path: Path) -> None:
    (layout,) = blocks(PAGES["architecture"], "text")
    places = re.findall(r"^ +([\w<>/-]+)/(?: |$)", layout, re.M)
    store = Store(tmp_path)
    folders = [store.run("r", "n", 7), store.node("r", "n"), store.seed("r", 7), store.recipe("r")]
    below = {folder.path.removeprefix("runs/r/") for folder in folders}
    told = {place.replace("<node>", "n").replace("<n>", "7") for place in places}
    assert told >= {"runs/<recipe>", PROJECT, FOLDER, "site", "dagster", *below}
