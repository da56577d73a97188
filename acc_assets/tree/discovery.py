"""Finding recipes in folders; a broken file becomes an error of its own and takes no other down."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acc_assets.tree.errors import RecipeError
from acc_assets.tree.modules import load_recipe_module
from acc_assets.tree.nodes import Tree
from acc_assets.tree.recipe import Recipe
from acc_assets.tree.tracing import recipe_name, trace
from acc_assets.tree.yaml_recipe import RecipeFileError, Vocabulary, YamlRecipe


@dataclass(frozen=True)
class BrokenRecipe:
    """A recipe file that could not be read, or a recipe in it that could not be traced."""

    name: str
    path: Path
    line: int | None
    error: str

    def __str__(self) -> str:
        return f"{self.path.name}{f':{self.line}' if self.line else ''}: {self.error}"


@dataclass(frozen=True)
class Discovered:
    """What a look into recipe files found."""

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
    for path in _recipe_files(folders):
        found = discover_file(path, vocabulary, parameters)
        broken += found.broken
        for name, tree in found.trees.items():
            if name in trees:
                broken.append(_twice(name, trees[name], path))
            else:
                trees[name] = tree
    return Discovered(trees, tuple(broken))


def discover_file(
    path: Path, vocabulary: Vocabulary, parameters: Mapping[str, Mapping[str, Any]] | None = None
) -> Discovered:
    """Trace the recipes of one file; what is wrong with it is in `broken`, and nothing is raised."""
    trees: dict[str, Tree] = {}
    broken: list[BrokenRecipe] = []
    try:
        recipes = list(_recipes_in(path, vocabulary))
    except BaseException as error:
        return Discovered({}, (_broken(path.stem, path, error),))
    for recipe in recipes:
        name = recipe_name(recipe)
        try:
            tree = replace(trace(recipe, **(parameters or {}).get(name, {})), source=str(path))
        except BaseException as error:
            broken.append(_broken(name, path, error))
            continue
        if name in trees:
            broken.append(_twice(name, trees[name], path))
        trees.setdefault(name, tree)
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
    module = load_recipe_module(path)
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Recipe) and value.__module__ == module.__name__
    ]
    if not classes:
        raise RecipeError(
            "the file defines no recipe.", remedy="Define a subclass of acc_assets.tree.Recipe."
        )
    yield from (cls() for cls in classes)


def _twice(name: str, first: Tree, path: Path) -> BrokenRecipe:
    error = RecipeError(
        f"there is a recipe of this name in {Path(first.source).name} already.",
        remedy="Rename one of them.",
        recipe=name,
    )
    return _broken(name, path, error)


def _broken(name: str, path: Path, error: BaseException) -> BrokenRecipe:
    return BrokenRecipe(name, path, _line_in(error, path), _message(error))


def _message(error: BaseException) -> str:
    if isinstance(error, RecipeError):
        return str(error)
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    return f"{type(error).__name__}: {error}"


def _line_in(error: BaseException, path: Path) -> int | None:
    """The last line of the recipe file that the error passed through."""
    if isinstance(error, RecipeFileError):
        return error.line
    files = {str(path), str(path.resolve())}
    if isinstance(error, SyntaxError) and error.filename in files:
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    return lines[-1] if lines else None
