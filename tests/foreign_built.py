"""Recipes as people outside the project write them, built once for a test session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from built_tiny import build_recipe
from filelock import FileLock

from acc_assets.recipes import find_recipes
from acc_assets.storage import Store
from acc_assets.tree import Tree

RECIPES = Path(__file__).with_name("foreign_recipes")
_BUILD_SECONDS = 300.0


def foreign_tree(name: str = "foreign") -> Tree:
    """One of the recipes, traced."""
    with _environment(None):
        return find_recipes().trees[name]


@contextmanager
def _environment(storage: Path | None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACC_RECIPES", str(RECIPES))
        patch.delenv("ACC_PARAMETERS", raising=False)
        if storage is not None:
            patch.setenv("ACC_STORAGE", str(storage))
            patch.setenv("DAGSTER_HOME", str(storage / "dagster"))
        yield


@pytest.fixture(scope="session")
def foreign_storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of the built recipes; only to be looked at. Test processes side by side share one."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    storage = base / "built-foreign"
    with FileLock(base / "built-foreign.lock", timeout=_BUILD_SECONDS), _environment(storage):
        if not (storage / "done").exists():
            for name in ("foreign", "measured", "two_part"):
                report = build_recipe(name, Store(storage))
                assert not report.failed, report.failed
            (storage / "done").touch()
    return storage


@pytest.fixture
def storage(foreign_storage: Path) -> Iterator[Path]:
    """The built store, with the environment pointing at it."""
    with _environment(foreign_storage):
        yield foreign_storage
