"""What all tests share: real data where it is, a browser, and stores of their own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ensure_browser import find
from hypothesis import HealthCheck, settings

from acc_assets.assets.run_process import host_address

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MEMORY = Path("/dev/shm")  # a disk in memory, where the system has one
ROOM = 2e9  # bytes; the suite takes less than half of it

os.environ.setdefault("OMP_NUM_THREADS", "1")
# The same cases at every run; `HYPOTHESIS_PROFILE=many` looks for new ones.
_SLOW_OR_SHARED = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large)
settings.register_profile(
    "ci",
    max_examples=150,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=_SLOW_OR_SHARED,
)
settings.register_profile("many", settings.get_profile("ci"), max_examples=5000, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
# Stores and Dagster's databases wait for the disk at every event: a build takes twice as long on a slow one.
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
# Files that take longest, the longest first; the second does without the built tiny recipe, which the first makes.
LONG = (
    "assets/test_assets_webserver.py",
    "cli/test_deploy_dask.py",
    "assets/test_foreign_models.py",
    "cli/test_cli_builds.py",
    "assets/test_assets_staleness.py",
    "site/test_drawn_digits.py",
    "cli/test_wheel.py",
    "cli/test_cli_damage.py",
    "cli/test_cli_object_store.py",
    "cli/test_full_disk.py",
    "assets/test_manifold_assets.py",
    "report/test_report_broken_numbers.py",
    "report/test_report_lacks.py",
    "export/test_export_onnx.py",
    "assets/test_assets_artifacts.py",
    "assets/test_toy_family.py",
    "site/test_odd_names.py",
    "recipes/test_grounding.py",
    "test_docs.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that all workers end together."""
    place = {Path(__file__).parent / name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path, len(LONG)))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let the process that runs were forked from end, which would wait for the next one."""
    if not hasattr(config, "workerinput"):
        host_address().unlink(missing_ok=True)


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """Folder with real MNIST in torchvision's layout; tests that need it say so where it is absent."""
    folder = Path(os.environ.get("ACC_DATA_DIR", "storage/datasets"))
    if not (folder / "MNIST" / "raw" / "t10k-images-idx3-ubyte").exists():
        pytest.skip(f"needs real MNIST in {folder}; set ACC_DATA_DIR to the folder that holds MNIST/raw")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium."""
    path = find()
    if path is None:
        pytest.fail("no Chromium found; `make browser` installs one")
    return path


@pytest.fixture(scope="module")  # of the session, it would bar other modules from starting Playwright
def browser(chromium: str) -> Iterator[Browser]:
    """A headless Chromium that renders WebGL in software."""
    from browser_watch import PATIENCE
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=1000 * PATIENCE)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(
            executable_path=chromium, args=arguments, timeout=1000 * PATIENCE
        )
        yield browser
        browser.close()


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store and a Dagster instance of this test's own."""
    folder = tmp_path / "storage"
    monkeypatch.setenv("ACC_STORAGE", str(folder))
    monkeypatch.setenv("DAGSTER_HOME", str(folder / "dagster"))
    return folder
