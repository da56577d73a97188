"""The code behind a recipe: helper files are importable, count in hashes, and can be stored and traced again."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from acc_assets.recipes import recipe_folders, vocabulary
from acc_assets.tree import Tree, discover, discover_file, source_files

RECIPE = """
from acc_assets.datasets import Digits
from acc_assets.tasks import ReconstructionTask
from acc_assets.tree import Recipe
from _settings import LATENT

def build(latent_dim):
    from _nets import Net  # when the model is built, so that tracing stays without torch
    return Net(latent_dim)

class Mine(Recipe):
    name = "mine"
    def run(self, ctx, steps=10):
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        ctx.create_model(build, latent_dim=LATENT)
        ctx.save_checkpoint("root")
        ctx.attach_task(ReconstructionTask("recon", digits))
        ctx.train(steps=steps)
        ctx.save_checkpoint("trained")
        ctx.evaluate()
"""
HELPERS = {
    "_settings.py": "LATENT = 4\n",
    "_nets.py": "from ._layers import WIDTH\nclass Net:\n    def __init__(self, n):\n        self.n = n * WIDTH\n",
    "_layers.py": "import mine_installed.blocks\nWIDTH = mine_installed.blocks.WIDTH\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe with helpers beside it and a package of the user's own on the path."""
    recipes, package = tmp_path / "recipes", tmp_path / "elsewhere" / "mine_installed"
    recipes.mkdir()
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "blocks.py").write_text("import json, numpy\nWIDTH = 3\n")
    for name, text in {"mine.py": RECIPE, **HELPERS}.items():
        (recipes / name).write_text(text)
    monkeypatch.syspath_prepend(str(package.parent))
    yield recipes
    for name in [name for name in sys.modules if name.startswith("mine_installed")]:
        del sys.modules[name]


def traced(path: Path) -> Tree:
    found = discover_file(path, vocabulary())
    assert found.broken == ()
    return found.trees["mine"]


def test_files_beside_the_recipe_are_importable_at_once_and_when_a_model_is_built(folder: Path) -> None:
    tree = traced(folder / "mine.py")
    assert tree["root"].model.kwargs == {"latent_dim": 4}
    assert tree["root"].model.build().n == 12
    assert "_settings" not in sys.modules
    assert str(folder) not in sys.path


@pytest.mark.parametrize(
    "how", ["import _settings\nLATENT = _settings.LATENT", "from ._settings import LATENT"]
)
def test_every_form_of_import_finds_them(folder: Path, how: str) -> None:
    (folder / "mine.py").write_text(RECIPE.replace("from _settings import LATENT", how))
    assert traced(folder / "mine.py")["root"].model.kwargs == {"latent_dim": 4}


def test_helpers_of_one_name_in_two_folders_do_not_meet(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    (other / "mine.py").write_text(RECIPE.replace('"mine"', '"other"'))
    (other / "_settings.py").write_text("LATENT = 8\n")
    trees = discover([folder, other], vocabulary()).trees
    assert [trees[name]["root"].model.kwargs["latent_dim"] for name in ("mine", "other")] == [4, 8]


def test_no_file_takes_the_place_of_a_library(folder: Path) -> None:
    for name in ("numpy", "random", "acc_assets"):
        (folder / f"{name}.py").write_text("raise RuntimeError('not this one')\n")
    text = RECIPE.replace(
        "from _settings", "import numpy, random\nnumpy.array(1), random.random()\nfrom _settings"
    )
    (folder / "mine.py").write_text(text)
    assert "mine" in discover([folder], vocabulary()).trees


@pytest.mark.parametrize(
    "edited", ["_nets.py", "_layers.py", "_settings.py", "../elsewhere/mine_installed/blocks.py"]
)
def test_an_edited_helper_changes_what_is_built_from_it(folder: Path, edited: str) -> None:
    before = traced(folder / "mine.py")
    helper = folder / edited
    text = helper.read_text()
    helper.write_text(text + "\n# a remark\n")
    assert traced(folder / "mine.py").hash == before.hash
    helper.write_text(text + "\nMORE = 1\n")
    after = traced(folder / "mine.py")
    assert after["root"].spec_hash != before["root"].spec_hash
    assert after.hash != before.hash


def test_a_helper_edited_within_a_second_is_read_again(folder: Path) -> None:
    sizes = []
    for latent in (5, 6, 7):
        (folder / "_settings.py").write_text(f"LATENT = {latent}\n")
        sizes.append(traced(folder / "mine.py")["root"].model.kwargs["latent_dim"])
    assert sizes == [5, 6, 7]


def test_stored_copies_are_traced_to_the_same_tree_whatever_happens_to_the_originals(
    folder: Path, tmp_path: Path
) -> None:
    tree = traced(folder / "mine.py")
    files = source_files(folder / "mine.py")
    assert sorted(files) == [
        "_layers.py",
        "_nets.py",
        "_settings.py",
        "mine.py",
        "mine_installed/__init__.py",
        "mine_installed/blocks.py",
    ]
    for name, path in files.items():
        copy = tmp_path / "launched" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    (folder / "_settings.py").write_text("LATENT = 5\n")
    (folder / "_layers.py").unlink()
    (folder.parent / "elsewhere" / "mine_installed" / "blocks.py").write_text("WIDTH = 1000\n")
    again = traced(tmp_path / "launched" / "mine.py")
    assert again.hash == tree.hash
    assert again["root"].model.build().n == 12


def test_files_of_shipped_recipes_are_the_recipe_alone() -> None:
    for path in recipe_folders()[0].glob("[a-z]*.py"):
        assert source_files(path) == {path.name: path}


def test_the_hash_of_a_tree_covers_what_is_built_and_shown(folder: Path) -> None:
    (folder / "mine.py").write_text(RECIPE)
    base = traced(folder / "mine.py")
    edits = {
        "an option": ("steps=steps", "steps=steps, lr=2e-3"),
        "a parameter": ("steps=10", "steps=11"),
        "an evaluation": ("        ctx.evaluate()\n", ""),
        "seeds": ('name = "mine"', 'name = "mine"; seeds = (0, 1)'),
        "a question": ('name = "mine"', 'name = "mine"; question = "Why?"'),
        "a remark": ("        ctx.evaluate()\n", "        ctx.evaluate()\n        ctx.log('seen')\n"),
        "a phase": ("        ctx.train", "        ctx.phase = 'learn'\n        ctx.train"),
    }
    hashes = {base.hash}
    for edit in edits.values():
        text = RECIPE.replace(*edit)
        assert text != RECIPE
        (folder / "mine.py").write_text(text)
        hashes.add(traced(folder / "mine.py").hash)
    assert len(hashes) == 1 + len(edits)
    (folder / "mine.py").write_text(RECIPE + "\n# a remark\n")
    assert traced(folder / "mine.py").hash == base.hash
