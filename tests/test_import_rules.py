"""Who may import whom: the rules of the house, read from the imports themselves."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "acc_assets"

# Each room and the rooms of ours that it may import (itself aside).
ALLOWED = {
    "tree": set(),
    "storage": set(),
    "models": {"tree"},
    "datasets": {"storage", "tree"},
    "tasks": {"models", "datasets", "tree"},
    "training": {"analysis", "families", "models", "tasks", "datasets", "storage", "tree"},
    "families": {"storage", "tree"},
    "analysis": {"models", "tasks", "datasets"},
    "export": {"models"},
    "report": {"families", "storage", "tree"},
    "server": {"report", "families", "storage", "tree"},
    "recipes": {"tree", "models", "tasks", "datasets", "families", "storage"},
    "assets": {
        "training",
        "analysis",
        "export",
        "report",
        "server",
        "families",
        "tasks",
        "models",
        "datasets",
        "storage",
        "tree",
        "recipes",
    },
}
NEVER = {
    "tree": {"torch", "dagster"},
    "storage": {"torch", "dagster"},
    "models": {"dagster"},
    "tasks": {"dagster"},
    "datasets": {"dagster"},
    "training": {"dagster"},
    "analysis": {"dagster"},
    "export": {"dagster"},
    "families": {"torch", "dagster"},
    "report": {"torch", "dagster"},
    "server": {"torch", "dagster"},
    "recipes": {"torch", "dagster"},
}
LIGHT = ("tree", "models", "tasks", "datasets", "families", "storage", "recipes")
HEAVY = {"torch", "torchvision", "sklearn", "umap", "matplotlib", "dagster", "onnx", "pandas", "pyarrow"}


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_rooms_import_downwards_only(room: str) -> None:
    for path in (PACKAGE / room).rglob("*.py"):
        rooms = {name.split(".")[1] for name in imports_of(path) if name.startswith("acc_assets.")}
        assert rooms - {room, "places"} <= ALLOWED[room], path
        libraries = {name.split(".")[0] for name in imports_of(path)}
        assert not libraries & NEVER.get(room, set()), path


@pytest.mark.parametrize("room", LIGHT)
def test_light_rooms_import_in_no_time(room: str) -> None:
    code = f"import sys, acc_assets.{room}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_command_line_imports_what_it_needs_when_it_needs_it() -> None:
    code = f"import sys, acc_assets.cli; print(*sorted({HEAVY | {'rich', 'yaml', 'numpy'}!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_what_only_looks_at_recipes_and_stores_loads_no_torch() -> None:
    code = f"import sys, acc_assets.definitions, acc_assets.assets.build; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["dagster"]
