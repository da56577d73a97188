"""The tiny recipe over a store of a test's own, or built once for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from built_tiny import build_tiny, built, built_storage, environment, own_built, tiny_tree

__all__ = ["build_tiny", "built", "built_storage", "own_built", "tiny", "tiny_tree"]


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """The tiny recipe over an empty store."""
    with environment(tmp_path / "storage"):
        yield tmp_path / "storage"
