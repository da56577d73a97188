"""A recipe that is built once for all tests that only look at the result."""

from __future__ import annotations

from pathlib import Path

import pytest

from acc_assets.assets.build import BuildReport, build
from acc_assets.recipes import find_recipes
from acc_assets.storage import Store
from acc_assets.tree import Tree

TINY = Path(__file__).parents[1] / "tiny_recipes"


@pytest.fixture
def tiny(storage: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny recipe over a store of this test's own."""
    monkeypatch.setenv("ACC_RECIPES", str(TINY))
    return storage


def tiny_tree(**parameters: object) -> Tree:
    """The tiny recipe, traced."""
    return find_recipes({"tiny": parameters}).trees["tiny"]


def build_tiny(storage: Path, parameters: dict[str, object] | None = None, **options: object) -> BuildReport:
    """Build the tiny recipe into a store."""
    tree = tiny_tree(**(parameters or {}))
    return build(tree, parameters or {}, Store(storage), **options)  # type: ignore[arg-type]
