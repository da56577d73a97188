"""What a recipe declares open: no node changes by it, and what no fork takes is refused where it is declared."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from acc_assets.recipes import vocabulary
from acc_assets.tree import (
    BrokenRecipe,
    Linear,
    Log,
    Opened,
    Tree,
    discover_file,
    present,
    recipe_schema,
)

RECIPE = """
from acc_assets.datasets import Digits
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import Choice, Linear, Log, Recipe, Whole

class Own(Recipe):
    name = "own"
    def run(self, ctx):
        digits = ctx.load_dataset("digits", Digits, image_size=8)
        ctx.create_model(ConvAutoencoder, image_size=8, latent_dim=4, channels=(4,))
        ctx.save_checkpoint("root")
        ctx.fork("root", "plain")
        EARLY
        ctx.attach_task(ReconstructionTask("recon", digits, weight=2))
        ctx.train(steps=3)
        ctx.save_checkpoint("plain_trained")
        LATE
"""
OPEN = 'ctx.open("plain", {"train.lr": Log(1e-4, 1e-2), "task.recon.weight": SECOND}, metric="recon.psnr")'
YAML = """
name: own
datasets: {digits: {type: digits, image_size: 8}}
model: {type: conv_autoencoder, image_size: 8, latent_dim: 4, channels: [4]}
root: root
nodes:
  - {tag: plain, fork: root, tasks: [{type: reconstruction, name: recon, dataset: digits, weight: 2}]}
  - {tag: plain_trained, train: plain, phases: [{steps: 3}], evaluate: false}
open:
  plain:
    settings: {train.lr: {type: log, low: 1e-4, high: 0.01}, task.recon.weight: SECOND}
    metric: recon.psnr
"""


def python(folder: Path, late: str = "", early: str = "") -> Tree | BrokenRecipe:
    return found(folder / "own.py", RECIPE.replace("LATE", late).replace("EARLY", early))


def found(file: Path, text: str) -> Tree | BrokenRecipe:
    file.write_text(text)
    looked = discover_file(file, vocabulary())
    return looked.trees["own"] if looked.trees else looked.broken[0]


def test_no_node_changes_by_what_is_open(tmp_path: Path) -> None:
    closed, opened = python(tmp_path), python(tmp_path, OPEN.replace("SECOND", "Linear(1, 4)"))
    assert [node.spec_hash for node in opened] == [node.spec_hash for node in closed]
    assert [opened.lineage_hash(tag) for tag in opened.nodes] == [
        closed.lineage_hash(tag) for tag in closed.nodes
    ]
    assert list(opened) == list(closed)
    assert opened.hash != closed.hash  # pages show it
    settings = {"train.lr": Log(1e-4, 1e-2), "task.recon.weight": Linear(1.0, 4.0)}
    assert opened.opened == {"plain": Opened("plain", settings, "recon.psnr")}
    assert [present(opened.nodes, "plain", key) for key in settings] == [1e-3, 2.0]


def test_yaml_says_the_same(tmp_path: Path) -> None:
    text = YAML.replace(
        "SECOND", "{type: choice, options: [1, 2, {type: linear_ramp, start: 0, end: 1, steps: 2}]}"
    )
    second = "Choice((1, 2, {'type': 'linear_ramp', 'start': 0, 'end': 1, 'steps': 2}))"
    tree = found(tmp_path / "own.yaml", text)
    assert tree.opened == python(tmp_path, OPEN.replace("SECOND", second)).opened
    json.dumps(tree.opened["plain"].settings["task.recon.weight"].options)
    validator = jsonschema.Draft202012Validator(recipe_schema(vocabulary()))
    document = yaml.safe_load(text.replace("1e-4", "0.0001"))
    validator.validate(document)
    del document["open"]["plain"]["metric"]
    assert list(validator.iter_errors(document))


@pytest.mark.parametrize(
    ("late", "told"),
    [
        (OPEN.replace("recon.weight", "recon.wight"), "settings are task.recon.dataset, task.recon.weight"),
        (OPEN.replace("train.lr", "train.lrr"), "there is no setting 'train.lrr'"),
        (OPEN.replace("SECOND", "Linear(-1, 1)"), "weight is -1.0; allowed is a finite number from 0"),
        (OPEN.replace("SECOND", "Choice((1, 'much'))"), "weight is 'much'"),
        (OPEN.replace("SECOND", "Linear(4, 1)"), "low must be below high"),
        (OPEN.replace("SECOND", "Linear(-1e308, 1e308)"), "low must be below high"),
        (OPEN.replace("SECOND", "Whole(1, 10**400)"), "allowed is a whole number from"),
        (OPEN.replace("SECOND", "Choice(range(101))"), "Choice: "),
        (OPEN.replace("SECOND", "Choice(list(range(101)))"), "give 2 to 100, each once"),
        (OPEN.replace("SECOND", "3"), "ranges are Linear, Log, Whole and Choice"),
        (OPEN.replace('"plain"', '"gone"'), "there is no checkpoint 'gone'"),
        (OPEN.replace('"recon.psnr"', "3"), "metric is 3"),
        (f"{OPEN}; {OPEN}", "open already"),
    ],
)
def test_what_no_fork_takes_is_refused_at_its_line(tmp_path: Path, late: str, told: str) -> None:
    broken = python(tmp_path, late.replace("SECOND", "Linear(1, 4)"))
    assert told in broken.error
    assert broken.line == RECIPE.splitlines().index("        LATE") + 1
    assert len(broken.error.splitlines()) == 1


def test_a_fork_is_open_once_its_tasks_are_fixed(tmp_path: Path) -> None:
    broken = python(tmp_path, early='ctx.open("plain", {"train.lr": Log(1e-4, 1e-2)}, metric="recon.psnr")')
    assert "the tasks of 'plain' may still change" in broken.error


@pytest.mark.parametrize(
    ("second", "told", "line"),
    [
        ("{type: lin, low: 1, high: 2}", "unknown range of 'task.recon.weight' type 'lin'", 11),
        ("{type: linear, low: 1}", "high is missing", 11),
        ("{type: linear, low: -1, high: 2}", "weight is -1.0", 11),
        ("3", "needs a 'type'", 11),
    ],
)
def test_a_wrong_range_in_yaml_is_named_with_its_line(
    tmp_path: Path, second: str, told: str, line: int
) -> None:
    broken = found(tmp_path / "own.yaml", YAML.replace("SECOND", second))
    assert told in broken.error
    assert broken.line == line
