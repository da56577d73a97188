"""Finding recipes in folders; a broken file becomes an error of its own and takes no other down."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acc_assets.tree.errors import RecipeError
from acc_assets.tree.nodes import Tree
from acc_assets.tree.recipe import Recipe, trace
from acc_assets.tree.spec import USER_CODE, digest
from acc_assets.tree.yaml_recipe import RecipeFileError, Vocabulary, YamlRecipe


@dataclass(frozen=True)
class BrokenRecipe:
    """A recipe file that could not be read or traced."""

    name: str
    path: Path
    line: int | None
    error: str

    def __str__(self) -> str:
        return f"{self.path.name}{f':{self.line}' if self.line else ''}: {self.error}"


@dataclass(frozen=True)
class Discovered:
    """What a look into the recipe folders found."""

    trees: Mapping[str, Tree]
    broken: tuple[BrokenRecipe, ...]


def discover(
    folders: Sequence[Path], vocabulary: Vocabulary, parameters: Mapping[str, Mapping[str, Any]] | None = None
) -> Discovered:
    """Trace every recipe in the folders' `*.py`, `*.yaml` and `*.yml` files; names with `_` in front are skipped.

    `parameters` override those of a recipe, by its name.
    """
    trees: dict[str, Tree] = {}
    broken: list[BrokenRecipe] = []
    overrides = parameters or {}
    for path in _recipe_files(folders):
        try:
            for recipe in _recipes_in(path, vocabulary):
                name = recipe.name or type(recipe).__name__
                if name in trees:
                    raise RecipeError(
                        f"there is a recipe of this name in {Path(trees[name].source).name} already.",
                        remedy="Rename one of them.",
                        recipe=name,
                    )
                tree = trace(recipe, **overrides.get(name, {}))
                trees[tree.name] = _with_source(tree, path)
        except Exception as error:
            broken.append(BrokenRecipe(path.stem, path, _line_in(error, path), _message(error)))
    return Discovered(trees, tuple(broken))


def _recipe_files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if path.suffix in (".py", ".yaml", ".yml") and not path.name.startswith("_"):
                yield path


def _recipes_in(path: Path, vocabulary: Vocabulary) -> Iterator[Recipe]:
    if path.suffix != ".py":
        yield YamlRecipe(path, vocabulary)
        return
    # Files of one name in two folders are two modules.
    name = f"{USER_CODE}{path.stem}_{digest(str(path.resolve().parent))[:6]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and inspect look modules up by name
    spec.loader.exec_module(module)
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Recipe) and value.__module__ == name
    ]
    if not classes:
        raise RecipeError(
            "the file defines no recipe.", remedy="Define a subclass of acc_assets.tree.Recipe."
        )
    yield from (cls() for cls in classes)


def _with_source(tree: Tree, path: Path) -> Tree:
    return replace(tree, source=str(path))


def _message(error: Exception) -> str:
    if isinstance(error, RecipeError):
        return str(error)
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    return f"{type(error).__name__}: {error}"


def _line_in(error: BaseException, path: Path) -> int | None:
    """The last line of the recipe file that the error passed through."""
    if isinstance(error, RecipeFileError):
        return error.line
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    return lines[-1] if lines else None
