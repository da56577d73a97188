"""Recording forks beside a recipe and taking them away again. No torch, no dagster."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from acc_assets.recipes import FORKS, find_recipes, read_forks
from acc_assets.storage import Store
from acc_assets.tree import ForksFile, RecipeError, Recorded, RecordedFork, Tree

WAIT_SECONDS = 30.0  # for another writer

Forks = tuple[RecordedFork, ...]


@dataclass(frozen=True)
class Removed:
    """A fork that was taken away, and the nodes of which results stay in the store."""

    fork: RecordedFork
    kept: tuple[str, ...]


def record_fork(store: Store, recipe: str, fork: RecordedFork) -> Tree:
    """Record a fork beside a recipe and return the tree with it.

    Raises `RecipeError` where the recipe has no place for it, such as a key that no task has; then nothing is recorded.
    """
    return record_forks(store, recipe, lambda tree: [fork])


def record_forks(store: Store, recipe: str, wanted: Callable[[Tree], Sequence[RecordedFork]]) -> Tree:
    """Record the forks that `wanted` asks for of the tree as it is: all of them, or on any failure none."""
    with _held(store, recipe) as kept:
        added = tuple(wanted(_tree(store, recipe, kept)))
        tree = _tree(store, recipe, kept, added)
        _write(store, recipe, (*kept, *added))
    return tree


def remove_fork(store: Store, recipe: str, name: str) -> Removed:
    """Take a fork away from a recipe. What was built of it stays in the store: recorded again, it is whole.

    Raises `RecipeError` where there is none of this name, or another recorded fork is made from it.
    """
    with _held(store, recipe) as kept:
        fork = next((fork for fork in kept if fork.name == name), None)
        if fork is None:
            known = ", ".join(fork.name for fork in kept) or "none"
            raise RecipeError(
                f"no fork '{name}' is recorded.", remedy=f"Recorded are: {known}.", recipe=recipe
            )
        children = [one.name for one in kept if one.checkpoint in (fork.name, fork.trained)]
        if children:
            raise RecipeError(
                f"{', '.join(children)} {'is' if len(children) == 1 else 'are'} made from '{name}'.",
                remedy=f"Remove first: acc fork {recipe} --remove {children[-1]}",
                recipe=recipe,
            )
        _write(store, recipe, tuple(one for one in kept if one is not fork))
    stored = store.nodes(recipe)
    return Removed(fork, tuple(tag for tag in (fork.name, fork.trained) if tag in stored))


@contextlib.contextmanager
def _held(store: Store, recipe: str) -> Iterator[Forks]:
    """The recorded forks, while nobody else writes them; raises where their file cannot be read, and leaves it so."""
    with store.folder(FORKS).lock(WAIT_SECONDS):
        recorded = read_forks(store, recipe)
        if recorded.error:
            raise RecipeError(recorded.error, remedy="", recipe=recipe)
        yield recorded.forks


def _write(store: Store, recipe: str, forks: Forks) -> None:
    document = ForksFile(schema=1, forks=forks).model_dump(mode="json", by_alias=True)
    store.folder(FORKS).write_json(f"{recipe}.json", document)


def _tree(store: Store, recipe: str, kept: Forks, added: Forks = ()) -> Tree:
    """The recipe with the forks that it has and others; raises `RecipeError` for the first that it has no place for."""
    forks = Recorded(read_forks(store, recipe).file, (*kept, *added))
    found = find_recipes(recorded=lambda name: forks if name == recipe else None)
    for one in found.broken:
        if one.name == recipe:
            new = one.fork in {fork.name for fork in added}
            raise RecipeError(one.error if new else str(one), remedy="", recipe=recipe)
    if recipe not in found.trees:
        raise RecipeError(f"there is no recipe '{recipe}'.", remedy=f"Recipes are: {', '.join(found.trees)}.")
    return found.trees[recipe]
