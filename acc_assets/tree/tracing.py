"""Running a recipe with a recording context, and checking what it says of itself."""

from __future__ import annotations

import dataclasses
import inspect
import math
import reprlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from acc_assets.tree.config import config
from acc_assets.tree.errors import RecipeError
from acc_assets.tree.forks import RecordedFork, frozen, replay
from acc_assets.tree.names import MAX_NAME, NAME_RULE, checked_text, is_name
from acc_assets.tree.nodes import Tree
from acc_assets.tree.recipe import Recipe, RecipeContext
from acc_assets.tree.spec import canonical

if TYPE_CHECKING:
    from acc_assets.tree.yaml_recipe import Vocabulary

MAX_SEED, MAX_SEEDS = 2**63 - 1, 10_000
SEED_RULE = f"Give up to {MAX_SEEDS:,} distinct whole numbers from 0 to 2^63 - 1."


def recipe_parameters(run: Callable[..., Any]) -> dict[str, Any]:
    """The parameters of a recipe's `run` and their defaults."""
    parameters = list(inspect.signature(run).parameters.values())[1:]
    return {p.name: p.default for p in parameters}


def trace(
    recipe: Recipe,
    forks: Sequence[RecordedFork] = (),
    vocabulary: Vocabulary | None = None,
    /,
    **overrides: Any,
) -> Tree:
    """Run a recipe with a recording context, replay the forks that were recorded beside it, and return its tree.

    `overrides` replace the recipe's own parameters; `vocabulary`: see `replay`. Raises `RecipeError` for anything that
    is wrong with the recipe, and `ForkError` for the first fork that it has no place for.
    """
    name = recipe_name(recipe)
    if not is_name(name):
        raise RecipeError(
            f"{reprlib.repr(name)} is not a valid name.", remedy=NAME_RULE, recipe=str(name)[:MAX_NAME]
        )
    words = {}
    for field_name in ("title", "description", "question", "hypothesis"):
        words[field_name] = getattr(recipe, field_name)
        try:
            checked_text(words[field_name])
        except (TypeError, ValueError) as error:
            problem = f"{field_name} is {reprlib.repr(words[field_name])}: {error}."
            raise RecipeError(problem, remedy="Write text.", recipe=name) from None
    seeds = _checked_seeds(recipe.seeds, name)
    defaults = recipe.parameters if hasattr(recipe, "parameters") else recipe_parameters(recipe.run)
    unknown = sorted(set(overrides) - set(defaults))
    if unknown:
        raise RecipeError(
            f"there is no parameter {unknown}.",
            remedy=f"Parameters are: {sorted(defaults) or 'none'}.",
            recipe=name,
        )
    missing = [
        key for key, value in defaults.items() if value is inspect.Parameter.empty and key not in overrides
    ]
    if missing:
        raise RecipeError(
            f"parameter {missing} has no default.", remedy="Give every parameter one.", recipe=name
        )
    parameters = {
        key: _checked_parameter(key, value, defaults[key], name)
        for key, value in {**defaults, **overrides}.items()
    }
    _check_annotated(recipe.run, parameters, name)
    ctx = RecipeContext(name, frozen(forks), vocabulary)
    recipe.run(ctx, **parameters)
    for fork in forks:
        replay(ctx, fork, vocabulary)
    nodes = ctx.finish()
    tree = Tree(
        name=name,
        title=words["title"] or name.replace("_", " ").capitalize(),
        description=inspect.cleandoc(words["description"]),
        question=inspect.cleandoc(words["question"]),
        hypothesis=inspect.cleandoc(words["hypothesis"]),
        seeds=seeds,
        parameters=parameters,
        nodes=nodes,
        datasets=ctx.datasets,
        requests=ctx.requests,
        forks=tuple(forks),
        opened=ctx.opened,
    )
    tree.hash  # noqa: B018  of the code as it is now
    return tree


def recipe_name(recipe: Recipe) -> str:
    """The name that a recipe gives itself, else that of its class."""
    return recipe.name or type(recipe).__name__


def _checked_seeds(seeds: Any, recipe: str) -> tuple[int, ...]:
    listed = isinstance(seeds, list | tuple | range) and 0 < len(seeds) <= MAX_SEEDS
    whole = listed and all(type(seed) is int and 0 <= seed <= MAX_SEED for seed in seeds)
    if not whole or len(set(seeds)) < len(seeds):
        raise RecipeError(f"seeds={reprlib.repr(seeds)} is not allowed.", remedy=SEED_RULE, recipe=recipe)
    return tuple(seeds)


def _checked_parameter(key: str, value: Any, default: Any, recipe: str) -> Any:
    """The value in the type of the parameter's default; a whole number will do for a float, a list for a tuple."""
    kind = type(default)
    if kind is float and type(value) in (int, float) and math.isfinite(value):
        value = float(value)
    elif kind in (list, tuple) and isinstance(value, list | tuple):
        value = kind(value)
    elif kind in (bool, int, float, str, list, tuple) and type(value) is not kind:
        raise RecipeError(
            f"parameter '{key}' is {reprlib.repr(value)}; its default {default!r} is of type {kind.__name__}.",
            remedy=f"Give it {_KINDS[kind]}.",
            recipe=recipe,
        )
    try:
        canonical(value)
    except TypeError as error:
        raise RecipeError(
            f"parameter '{key}': {error}.", remedy="Give it such a value.", recipe=recipe
        ) from None
    return value


def _check_annotated(run: Callable[..., Any], parameters: dict[str, Any], recipe: str) -> None:
    """Hold parameters to those annotations of `run` that say more than a plain type, such as a choice or a range."""
    told = inspect.get_annotations(run)
    try:
        hints = {
            key: eval(told[key], getattr(run, "__globals__", {})) if isinstance(told[key], str) else told[key]
            for key in parameters
            if key in told
        }
        stricter = [(key, hint) for key, hint in hints.items() if hint not in _KINDS]
        if stricter:
            checked: Any = config(dataclasses.make_dataclass("parameters", stricter, frozen=True))
            checked(**{key: parameters[key] for key, _ in stricter})
    except (NameError, AttributeError, SyntaxError) as error:
        raise RecipeError(
            f"the annotations of run() cannot be read: {error}.",
            remedy="Import its types outside of TYPE_CHECKING.",
            recipe=recipe,
        ) from None
    except ValueError as error:
        raise RecipeError(f"{error}.", remedy="Give it such a value.", recipe=recipe) from None


_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text, in quotes where it could be read as a number",
    list: "a list",
    tuple: "a list",
}
