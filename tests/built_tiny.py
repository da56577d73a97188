"""The tiny recipe, built once for a whole test session, and copies of it for tests that change things."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from acc_assets.assets.build import BuildReport, build
from acc_assets.assets.launched import Project
from acc_assets.recipes import find_recipes
from acc_assets.storage import Store
from acc_assets.tree import Tree

TINY_RECIPES = Path(__file__).with_name("tiny_recipes")
_BUILD_SECONDS = 300.0


def tiny_tree(**parameters: object) -> Tree:
    """The tiny recipe, traced."""
    return find_recipes({"tiny": parameters}).trees["tiny"]


def build_tiny(storage: Path, parameters: dict[str, object] | None = None, **options: object) -> BuildReport:
    """Build the tiny recipe into a store."""
    return build_recipe("tiny", Store(storage), parameters, **options)


def build_recipe(
    recipe: str, store: Store, parameters: dict[str, object] | None = None, **options: object
) -> BuildReport:
    """Build a recipe in this process; the command line and the UI have tests of their own."""
    found = find_recipes({recipe: parameters or {}})
    options = {"in_process": True, **options}
    return build(Project(found.trees, found.broken), recipe, store, **options)  # type: ignore[arg-type]


@contextmanager
def environment(storage: Path) -> Iterator[pytest.MonkeyPatch]:
    """The environment of a process that works on `storage` with the tests' recipes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACC_STORAGE", str(storage))
        patch.setenv("ACC_RECIPES", str(TINY_RECIPES))
        patch.setenv("DAGSTER_HOME", str(storage / "dagster"))
        patch.delenv("ACC_PARAMETERS", raising=False)
        yield patch


@pytest.fixture(scope="session")
def built_storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of the built recipe; only to be looked at. Test processes side by side share one."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    storage = base / "built-tiny"
    with FileLock(base / "built-tiny.lock", timeout=_BUILD_SECONDS), environment(storage):
        if not (storage / "site" / "index.html").exists():
            report = build_tiny(storage)
            assert not report.failed, report.failed
    return storage


@pytest.fixture
def built(built_storage: Path) -> Iterator[Path]:
    """The built store, with the environment pointing at it; a test reads it and changes nothing."""
    with environment(built_storage):
        yield built_storage


@pytest.fixture
def own_built(built_storage: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the built store that a test may change, with the environment pointing at it."""
    storage = tmp_path / "own"
    shutil.copytree(built_storage, storage)
    with environment(storage):
        yield storage
    shutil.rmtree(storage, ignore_errors=True)  # a daemon that a build started may still be ending
