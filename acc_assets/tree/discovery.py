"""Finding recipes in folders; a broken file becomes an error of its own and takes no other down."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acc_assets.tree.errors import RecipeError
from acc_assets.tree.forks import ForkError, RecordedFork, RecordedOf
from acc_assets.tree.guard import TRACE_SECONDS, OutOfTimeError, guarded
from acc_assets.tree.modules import load_recipe_module
from acc_assets.tree.names import MAX_NAME
from acc_assets.tree.nodes import Tree
from acc_assets.tree.recipe import Recipe
from acc_assets.tree.sources import source_files
from acc_assets.tree.tracing import recipe_name, trace
from acc_assets.tree.yaml_loader import RecipeFileError
from acc_assets.tree.yaml_recipe import Vocabulary, YamlRecipe

MAX_MESSAGE = 600  # characters


@dataclass(frozen=True)
class BrokenRecipe:
    """A recipe file that could not be read, a recipe in it that could not be traced, or a fork recorded beside it."""

    name: str
    path: Path
    line: int | None
    error: str
    fork: str = ""  # that the recipe `name` has no place for

    def __str__(self) -> str:
        told = f"{self.path.name}{f':{self.line}' if self.line else ''}: {self.error}"
        if not self.fork:
            return told
        return (
            f"{told} The fork '{self.fork}' is left out; remove it: acc fork {self.name} --remove {self.fork}"
        )


@dataclass(frozen=True)
class Discovered:
    """What a look into recipe files found."""

    trees: Mapping[str, Tree]
    broken: tuple[BrokenRecipe, ...]


def discover(
    folders: Sequence[Path],
    vocabulary: Vocabulary,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    seconds: float = TRACE_SECONDS,
    recorded: RecordedOf = lambda recipe: None,
) -> Discovered:
    """Trace every recipe in the folders' `*.py`, `*.yaml` and `*.yml` files; names with `_` in front are skipped.

    `parameters` override those of a recipe, by its name; `seconds` are what one file may take; `recorded` gives the
    forks beside a recipe. Raises `RecipeError` for a folder that cannot be read.
    """
    trees: dict[str, Tree] = {}
    broken: list[BrokenRecipe] = []
    for path in _recipe_files(folders):
        found = discover_file(path, vocabulary, parameters, seconds=seconds, recorded=recorded)
        broken += found.broken
        for name, tree in found.trees.items():
            if name in trees:
                broken.append(_twice(name, trees[name], path))
            else:
                trees[name] = tree
    return Discovered(trees, tuple(broken))


def discover_file(
    path: Path,
    vocabulary: Vocabulary,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    seconds: float = TRACE_SECONDS,
    recorded: RecordedOf = lambda recipe: None,
) -> Discovered:
    """Trace the recipes of one file; whatever is wrong with it is in `broken`, and nothing is raised.

    The file's code runs for at most `seconds`, imports of libraries aside, and a file that ran out of them is not tried
    again at once. See `guard` for what else it is kept from.
    """
    tried = (str(path), repr(parameters))
    if time.monotonic() < _given_up.get(tried, (0.0, b""))[0] and _content(path) == _given_up[tried][1]:
        return _too_long(path, seconds, None)
    try:
        return guarded(lambda: _trace_file(path, vocabulary, parameters or {}, recorded), path, seconds)
    except OutOfTimeError as error:
        _given_up[tried] = (time.monotonic() + RETRY_SECONDS, _content(path))
        return _too_long(path, seconds, error.line)
    except Exception as error:
        return Discovered({}, (_broken(path.stem, path, error),))


RETRY_SECONDS = 60.0
_given_up: dict[tuple[str, str], tuple[float, bytes]] = {}  # until when, and the content that was tried


def _trace_file(
    path: Path,
    vocabulary: Vocabulary,
    parameters: Mapping[str, Mapping[str, Any]],
    recorded: RecordedOf,
) -> Discovered:
    trees: dict[str, Tree] = {}
    broken: list[BrokenRecipe] = []
    try:
        recipes = list(_recipes_in(path, vocabulary))
    except BaseException as error:
        return Discovered({}, (_broken(path.stem, path, error),))
    for recipe in recipes:
        name = path.stem
        try:
            name = recipe_name(recipe)
            tree, left_out = _with_forks(recipe, name, vocabulary, parameters.get(name, {}), recorded)
            tree = replace(tree, source=str(path))
            broken += left_out
        except BaseException as error:
            broken.append(_broken(one_line(name, MAX_NAME), path, error))
            continue
        if name in trees:
            broken.append(_twice(name, trees[name], path))
        trees.setdefault(name, tree)
    return Discovered(trees, tuple(broken))


def _with_forks(
    recipe: Recipe, name: str, vocabulary: Vocabulary, parameters: Mapping[str, Any], recorded: RecordedOf
) -> tuple[Tree, list[BrokenRecipe]]:
    """The tree with all recorded forks that the recipe has a place for, and those that it has none for."""

    def traced(forks: Sequence[RecordedFork]) -> Tree:
        tree = trace(recipe, forks, vocabulary, **parameters)
        vocabulary.check(tree)
        return tree

    own = traced(())
    beside = recorded(name)
    if beside is None:
        return own, []
    broken = (
        [BrokenRecipe(name, beside.file, None, one_line(beside.error, MAX_MESSAGE))] if beside.error else []
    )
    forks = list(beside.forks)
    while forks:
        try:
            return traced(forks), broken
        except RecipeError as error:
            bad = error.fork if isinstance(error, ForkError) else forks[-1].name
            forks = [fork for fork in forks if fork.name != bad]
            broken.append(BrokenRecipe(name, beside.file, None, one_line(str(error), MAX_MESSAGE), bad))
    return own, broken


def _recipe_files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        try:
            paths = sorted(folder.iterdir())
        except OSError as error:
            raise RecipeError(
                f"the folder of recipes {folder} cannot be read ({error.strerror}).",
                remedy="Name folders that exist, separated by colons, in ACC_RECIPES.",
            ) from error
        for path in paths:
            if (
                path.suffix in (".py", ".yaml", ".yml")
                and not path.name.startswith("_")
                and not path.is_dir()
            ):
                yield path


def _content(path: Path) -> bytes:
    """The text of a file and of all local files behind it, as far as they can be read."""
    try:
        return b"".join(file.read_bytes() for file in source_files(path).values() if file.is_file())
    except (OSError, SyntaxError, ValueError):
        return b""


def _recipes_in(path: Path, vocabulary: Vocabulary) -> Iterator[Recipe]:
    if path.exists() and not path.is_file():  # a pipe, which never ends
        raise RecipeError(f"{path.name} is no regular file.", remedy="Put a file in its place.")
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
    for kind in classes:
        yield kind()


def _twice(name: str, first: Tree, path: Path) -> BrokenRecipe:
    error = RecipeError(
        f"there is a recipe of this name in {Path(first.source).name} already.",
        remedy="Rename one of them.",
        recipe=name,
    )
    return _broken(name, path, error)


def _too_long(path: Path, seconds: float, line: int | None) -> Discovered:
    error = (
        f"it ran for longer than {seconds:g} s and was stopped. A recipe only names what is to be done, so it must "
        "neither wait nor compute; ACC_TRACE_SECONDS sets another limit."
    )
    return Discovered({}, (BrokenRecipe(path.stem, path, line, error),))


def _broken(name: str, path: Path, error: BaseException) -> BrokenRecipe:
    try:
        message = _message(error, path)
    except BaseException:  # raised by the error's own __str__
        message = f"{type(error).__name__}, whose message cannot be shown"
    return BrokenRecipe(name, path, _line_in(error, path), one_line(message, MAX_MESSAGE))


def _message(error: BaseException, path: Path) -> str:
    if isinstance(error, RecipeError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"SystemExit: sys.exit({error.code!r}) ends this recipe alone. Take it out of the file."
    if isinstance(error, SyntaxError):
        there = (
            "" if error.filename in _names(path) else f" ({Path(error.filename or '?').name}:{error.lineno})"
        )
        return f"{type(error).__name__}: {error.msg}{there}"
    # A helper file beside the recipe, where the error arose in one.
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    beside = [(file, line) for file, line in frames if Path(file).parent == path.resolve().parent]
    there = (
        f" ({Path(beside[-1][0]).name}:{beside[-1][1]})"
        if beside and beside[-1][0] not in _names(path)
        else ""
    )
    return f"{type(error).__name__}: {error}{there}"


def one_line(text: str, limit: int) -> str:
    """The text as one line that any terminal and any file can take; of a long one beginning and end."""
    if len(text) > 2 * limit:
        text = f"{text[:limit]} {text[-limit:]}"
    words = " ".join(text.split())
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)
    return shown if len(shown) <= limit else f"{shown[: limit * 2 // 3]} ... {shown[-limit // 3 :]}"


def _names(path: Path) -> set[str]:
    return {str(path), str(path.resolve())}


def _line_in(error: BaseException, path: Path) -> int | None:
    """The last line of the recipe file that the error passed through."""
    if isinstance(error, RecipeFileError):
        return error.line
    if isinstance(error, SyntaxError) and error.filename in _names(path):
        return error.lineno
    lines = [
        line
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename in _names(path)
    ]
    return lines[-1] if lines else None
