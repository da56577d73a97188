"""Recipes are found in folders, as Python and as YAML; a broken file leaves the others standing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acc_assets.recipes import vocabulary
from acc_assets.tree import RecipeError, discover, parse_value

GOOD = """
from acc_assets.datasets import Digits
from acc_assets.models import ConvAutoencoder
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import Recipe

class Good(Recipe):
    name = "good"
    def run(self, ctx, steps=10):
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        ctx.create_model(ConvAutoencoder, image_size=16, latent_dim=4)
        root = ctx.save_checkpoint("root")
        ctx.fork(root, "plain")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.train(steps=steps)
        ctx.save_checkpoint("plain_trained")
        ctx.evaluate()
"""

GOOD_YAML = """
name: good
parameters: {steps: 10}
datasets:
  digits: {type: digits, image_size: 16}
model: {type: conv_autoencoder, image_size: 16, latent_dim: 4}
root: root
nodes:
  - tag: plain
    fork: root
    tasks:
      - {type: reconstruction, name: recon, dataset: digits}
  - tag: plain_trained
    train: plain
    phases:
      - steps: ${steps}
"""


def found_in(folder: Path, **files: str):
    """Discover recipes in a folder with these files (`name__py` becomes `name.py`)."""
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return discover([folder], vocabulary())


def test_yaml_and_python_give_the_same_tree(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    python = found_in(tmp_path / "a", good__py=GOOD).trees["good"]
    yaml = found_in(tmp_path / "b", good__yaml=GOOD_YAML).trees["good"]
    assert [node.spec for node in python] == [node.spec for node in yaml]
    assert [node.evaluated for node in python] == [node.evaluated for node in yaml]
    assert yaml.parameters == {"steps": 10}


def test_parameters_are_overridden_by_recipe_name(tmp_path: Path) -> None:
    for name, text in (("good.py", GOOD), ("good.yaml", GOOD_YAML)):
        (tmp_path / name).write_text(text)
        found = discover([tmp_path], vocabulary(), {"good": {"steps": 3}})
        assert found.trees["good"]["plain_trained"].steps == 3
        (tmp_path / name).unlink()


@pytest.mark.parametrize(
    ("name", "text", "line", "message"),
    [
        ("broken.py", "x = (\n", 1, "SyntaxError"),
        ("broken.py", "import acc_assets.nothing\n", 1, "ModuleNotFoundError"),
        ("broken.py", "x = 1\n", None, "no recipe"),
        ("broken.py", GOOD.replace("latent_dim=4", "latent_dim=4, kernl=3"), 11, "kernl"),
        ("broken.yaml", "name: [1\n", 2, "not valid YAML"),
        ("broken.yaml", "name: x\n", 1, "'datasets' is missing"),
        ("broken.yaml", GOOD_YAML + "nodes: []\n", 2, "stands twice"),
        ("broken.yaml", GOOD_YAML.replace("reconstruction,", "reconstructoin,"), 12, "unknown task type"),
        (
            "broken.yaml",
            GOOD_YAML.replace("dataset: digits", "dataset: digitz"),
            12,
            "unknown data set 'digitz'",
        ),
        ("broken.yaml", GOOD_YAML.replace("fork: root", "fork: plain_trained"), 9, "cycle"),
        ("broken.yaml", GOOD_YAML.replace("fork: root", "fork: roots"), 9, "unknown checkpoint 'roots'"),
        ("broken.yaml", GOOD_YAML.replace("image_size: 16, l", "imagesize: 16, l"), 6, "no field"),
        ("broken.yaml", GOOD_YAML.replace("${steps}", "${stepz}"), 16, "unknown parameter"),
        ("broken.yaml", GOOD_YAML.replace("steps: ${steps}", "lr: 1.0"), 16, "needs 'steps'"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    tmp_path: Path, name: str, text: str, line: int | None, message: str
) -> None:
    (tmp_path / "working.py").write_text(GOOD.replace("good", "working"))
    (tmp_path / name).write_text(text)
    found = discover([tmp_path], vocabulary())
    assert list(found.trees) == ["working"]
    (broken,) = found.broken
    assert broken.path.name == name
    assert message in broken.error
    assert broken.line == line


def test_two_recipes_of_one_name_are_an_error(tmp_path: Path) -> None:
    found = found_in(tmp_path, a__py=GOOD, b__py=GOOD)
    assert list(found.trees) == ["good"]
    assert "of this name in a.py" in found.broken[0].error


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    before = found_in(tmp_path, good__py=GOOD).trees["good"]
    after = found_in(tmp_path, good__py=GOOD.replace("steps=10", "steps=11")).trees["good"]
    assert before["plain"].spec_hash == after["plain"].spec_hash
    assert before["plain_trained"].spec_hash != after["plain_trained"].spec_hash


def test_the_yaml_example_of_the_documentation_is_a_recipe(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "docs" / "recipe.yaml"
    tree = found_in(tmp_path, example__yaml=example.read_text()).trees["my_experiment"]
    assert [node.tag for node in tree if node.evaluated] == ["plain_trained", "ordered_trained"]


def test_a_user_model_is_hashed_with_the_code_around_it(tmp_path: Path) -> None:
    text = GOOD.replace(
        "class Good", "WIDTH = 3\n\ndef build(depth):\n    return WIDTH * depth\n\nclass Good"
    )
    text = text.replace("ConvAutoencoder, image_size=16, latent_dim=4", "build, depth=2")
    hashes = [
        found_in(tmp_path, good__py=version).trees["good"]["plain"].spec_hash
        for version in (
            text,
            text.replace("WIDTH = 3", "WIDTH = 4"),
            text.replace("WIDTH = 3", "WIDTH  =  3  # px"),
        )
    ]
    assert hashes[0] != hashes[1]
    assert hashes[0] == hashes[2]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            ("ConvAutoencoder, image_size=16, latent_dim=4", "build, width=numpy.float32(4)"),
            "cannot stand in a recipe",
        ),
        (
            ("ConvAutoencoder, image_size=16, latent_dim=4", "functools.partial(dict, width=3)"),
            "gave a value of type dict",
        ),
    ],
)
def test_what_cannot_be_hashed_breaks_its_own_recipe_alone(
    tmp_path: Path, edit: tuple[str, str], message: str
) -> None:
    broken = "import functools, numpy\ndef build(width): ...\n" + GOOD.replace(*edit).replace("good", "bad")
    found = found_in(tmp_path, bad__py=broken, good__py=GOOD)
    assert list(found.trees) == ["good"]
    assert message in found.broken[0].error


def test_yaml_says_what_people_mean(tmp_path: Path) -> None:
    text = GOOD_YAML.replace("parameters: {steps: 10}\n", "").replace("${steps}", "10\n        lr: 1e-3")
    tree = found_in(tmp_path, good__yaml=text).trees["good"]
    assert tree["plain_trained"].phases[0].lr == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (("    phases:\n      - steps: ${steps}\n", ""), "needs 'phases'"),
        (("{type: reconstruction, name: recon, dataset: digits}", "recon"), "list of mappings"),
        (("name: good\n", "name: good\nseeds: 3\n"), "'seeds' must be a list"),
        (("train: plain\n", "train: plain\n    evaluate: 3\n"), "neither true, false"),
        (("train: plain\n", "train: plain\n    notes: hello\n"), "'notes' must be a list"),
        (("    phases:\n      - steps: ${steps}\n", "    phases: {steps: 3}\n"), "needs 'phases'"),
        (
            ("latent_dim: 4", "latent_dim: 4, factor_groups: [digit]"),
            "factor_groups must be a list of mappings",
        ),
    ],
)
def test_yaml_shapes_are_checked(tmp_path: Path, edit: tuple[str, str], message: str) -> None:
    (broken,) = found_in(tmp_path, good__yaml=GOOD_YAML.replace(*edit)).broken
    assert message in broken.error
    assert broken.line


def test_yaml_tasks_of_a_train_node_replace_those_of_its_fork(tmp_path: Path) -> None:
    text = GOOD_YAML.replace(
        "    phases:", "    tasks:\n      - {type: classification, name: cls, dataset: digits}\n    phases:"
    )
    tree = found_in(tmp_path, good__yaml=text).trees["good"]
    assert [task.name for task in tree["plain_trained"].tasks] == ["cls"]


TWO_MODELS = (Path(__file__).parents[2] / "docs" / "recipe_two_models.yaml").read_text()


def test_yaml_may_have_several_models_and_roots(tmp_path: Path) -> None:
    found = found_in(tmp_path, two__yaml=TWO_MODELS)
    assert found.broken == ()
    tree = found.trees["two_models"]
    assert [(node.tag, node.parent, type(node.model).__name__) for node in tree] == [
        ("flat_root", None, "ConvAutoencoder"),
        ("flat_vae", "flat_root", "ConvAutoencoder"),
        ("flat_trained", "flat_vae", "ConvAutoencoder"),
        ("slots_root", None, "FactorSlotAutoencoder"),
        ("slots_vae", "slots_root", "FactorSlotAutoencoder"),
        ("slots_trained", "slots_vae", "FactorSlotAutoencoder"),
    ]
    assert [node.tag for node in tree if node.evaluated] == ["flat_trained", "slots_trained"]


def line_of(text: str, part: str) -> int:
    return 1 + [part in line for line in text.splitlines()].index(True)


@pytest.mark.parametrize(
    ("edit", "message", "at"),
    [
        (("slots_root: slots", "slots_root: slotz"), r"root 'slots_root'.*'slotz'.*flat, slots", "slotz"),
        (("slots_root: slots", "slots_root: [slots]"), "unknown model", "[slots]"),
        (("roots:\n", "root: flat_root\nroots:\n"), r"side by side.*either 'model' and 'root'", "roots:"),
        (("models:\n", "model: {type: resnet_autoencoder}\nmodels:\n"), "side by side", "roots:"),
        (
            ("image_size: 16, latent_dim: 8", "latent_size: 8"),
            r"model 'flat': .*no field 'latent_size'; fields are .*latent_dim",
            "latent_size",
        ),
        (
            ("{type: conv_autoencoder, image_size: 16, latent_dim: 8, variational: true}", "3"),
            "model 'flat'",
            None,
        ),
        (
            ("fork: slots_root", "fork: flats_root"),
            r"unknown checkpoint.*flat_root, slots_root",
            "tag: slots_vae",
        ),
        (("tag: slots_vae", "tag: flat_root"), "'flat_root' is taken", None),
        (("tag: slots_vae", "tag: 3"), "'tag' must be a name", "tag: 3"),
        (("seeds: [0, 1, 2]", "seeds: 3"), "'seeds' must be a list", "seeds: 3"),
        (("  flat_root: flat\n  slots_root: slots\n", "  - flat\n"), "'roots' must be a mapping", "roots:"),
    ],
)
def test_mistakes_with_several_models_are_named_with_their_line(
    tmp_path: Path, edit: tuple[str, str], message: str, at: str | None
) -> None:
    text = TWO_MODELS.replace(*edit)
    assert text != TWO_MODELS
    (broken,) = found_in(tmp_path, two__yaml=text).broken
    assert re.search(message, broken.error), broken.error
    assert broken.line
    if at is not None:
        assert broken.line == line_of(text, at)


def test_a_value_of_the_command_line_is_read_as_in_a_file() -> None:
    assert [parse_value(text) for text in ("3", "1e-3", "true", "[1, 2]", "adam")] == [
        3,
        1e-3,
        True,
        [1, 2],
        "adam",
    ]
    for text in ("[1", "{a: 1, a: 2}", "2024-13-45", "\t- @"):
        with pytest.raises(RecipeError, match="is no value"):
            parse_value(text)
