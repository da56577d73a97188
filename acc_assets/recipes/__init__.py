"""The experiments: one recipe a file, in Python or YAML. Add a file and it is found."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from acc_assets import datasets, families, models, tasks
from acc_assets.storage import StorageError, Store
from acc_assets.tree import (
    COUNTED,
    TRACE_SECONDS,
    Discovered,
    EarlyStopping,
    Epochs,
    RecipeError,
    Recorded,
    RecordedOf,
    Vocabulary,
    discover,
    parse_forks,
)

RECIPES_VARIABLE = "ACC_RECIPES"  # folders to search instead of this one, separated like PATH
PARAMETERS_VARIABLE = "ACC_PARAMETERS"  # JSON: {recipe: {parameter: value}}
FORKS = "forks"  # the folder of the store with what is recorded beside recipes
SECONDS_VARIABLE = "ACC_TRACE_SECONDS"  # what tracing one recipe file may take, imports of libraries aside


def vocabulary() -> Vocabulary:
    """The names that YAML recipes may use."""
    return Vocabulary(
        models=models.MODELS,
        tasks=tasks.TASKS,
        datasets=datasets.DATASETS,
        schedules=tasks.SCHEDULES,
        parts={
            "factor_groups": models.FactorGroup,
            "augment": datasets.Augmentation,
            "early_stopping": EarlyStopping,
            "conditioning": models.Conditioning,
            "heteroscedastic": models.Heteroscedastic,
            "selection": tasks.GumbelSelection,
            **dict.fromkeys(COUNTED, Epochs),
        },
        choices={
            "encoder": models.LAYERS,
            "decoder": models.LAYERS,
            "prior": models.PRIORS,
            "of": datasets.DATASETS,
        },
        analyses=families.ANALYSES,
        standard=families.STANDARD,
        check=families.check_tree,
    )


def watched_folders() -> list[Path]:
    """Folders that are there of recipes and of what is recorded beside them."""
    return [folder for folder in (*recipe_folders(), Store().root / FORKS) if folder.is_dir()]


def recipe_folders() -> list[Path]:
    """The folders that recipes are looked for in: ACC_RECIPES, else those that come along and `./recipes`."""
    configured = os.environ.get(RECIPES_VARIABLE)
    if configured:
        return [Path(folder) for folder in configured.split(os.pathsep)]
    own = Path.cwd() / "recipes"
    return [Path(__file__).parent, *([own] if own.is_dir() else [])]


def find_recipes(
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    folders: Sequence[Path] | None = None,
    recorded: RecordedOf | None = None,
) -> Discovered:
    """Trace every recipe of the folders (default: `recipe_folders`) with the forks recorded beside it.

    `parameters` (default: those in ACC_PARAMETERS) override a recipe's own; `recorded` (default: what the store has)
    gives the forks of a recipe.
    """
    if parameters is None:
        parameters = _parameters_setting()
    looked_in = recipe_folders() if folders is None else folders
    forks = recorded or recorded_forks(Store())
    return discover(looked_in, vocabulary(), parameters, seconds=trace_seconds(), recorded=forks)


def recorded_forks(store: Store) -> RecordedOf:
    """The forks recorded beside all recipes, read now: a store that gives no answer is no recipe's fault."""
    files = (name for name in store.folder(FORKS).list() if "/" not in name)
    recipes = [name.removesuffix(".json") for name in files if name.endswith(".json")]
    return {recipe: read_forks(store, recipe) for recipe in recipes}.get


def read_forks(store: Store, recipe: str) -> Recorded:
    """The forks recorded beside a recipe, and what is wrong where their file cannot be read."""
    folder, name = store.folder(FORKS), f"{recipe}.json"
    shown = folder.shown(name)
    file = Path(shown)
    try:
        return Recorded(file, parse_forks(folder.read_bytes(name), shown) if folder.exists(name) else ())
    except (RecipeError, StorageError) as error:
        return Recorded(file, error=str(error))


def trace_seconds() -> float:
    """The time limit for tracing one recipe file."""
    text = os.environ.get(SECONDS_VARIABLE) or str(TRACE_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise RecipeError(f"{SECONDS_VARIABLE}={text} is not allowed.", remedy="Write seconds, such as 10.")
    return seconds


def _parameters_setting() -> dict[str, dict[str, Any]]:
    text = os.environ.get(PARAMETERS_VARIABLE) or "{}"
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict) or not all(isinstance(one, dict) for one in value.values()):
        raise RecipeError(
            f"{PARAMETERS_VARIABLE}={text} is not allowed.",
            remedy='Write JSON such as {"quickstart": {"steps": 100}}.',
        )
    return value
