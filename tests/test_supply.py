"""`requirements.lock`: all that pyproject.toml asks for, pinned with hashes; `make lock` writes it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ASKED = [
    Requirement(text)
    for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for text in group
]
PINNED = [
    Requirement(line.partition(" \\")[0]) for line in LOCK.splitlines() if not line.startswith((" ", "#"))
]


def test_every_line_is_pinned_and_hashed_and_names_no_place() -> None:
    blocks = re.split(r"\n(?=\S)", LOCK.strip())
    assert len(blocks) == len(PINNED)
    for block, pin in zip(blocks, PINNED, strict=True):
        assert [one.operator for one in pin.specifier] == ["=="], pin
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), pin
    assert not re.search(r"https?:|file:|index-url|find-links|\+cpu|\+cu", LOCK)
    assert len(LOCK) < 1_000_000


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_every_requirement_is_satisfied_by_one_line(python: str, system: str) -> None:
    here = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": system}
    lines = [pin for pin in PINNED if pin.marker is None or pin.marker.evaluate(here)]
    by_name = {canonicalize_name(pin.name): pin for pin in lines}
    assert len(by_name) == len(lines)
    for asked in ASKED:
        name = canonicalize_name(asked.name)
        if name != PROJECT["name"] and (asked.marker is None or asked.marker.evaluate(here)):
            assert name in by_name, f"{asked} is not in requirements.lock: make lock"
            (pin,) = by_name[name].specifier
            assert asked.specifier.contains(pin.version, prereleases=True), f"{asked}, {pin}: make lock"
