"""A store with real digits, and a client folder that stands in its place on disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from laboratory import Site, build_site, tree_of, view_of, write_store

from acc_assets.report import Frame, RecipeView
from acc_assets.storage import Store
from acc_assets.tree import BrokenRecipe

_WRITE_SECONDS = 300.0


@pytest.fixture(scope="session")
def frame(tmp_path_factory: pytest.TempPathFactory) -> Frame:
    """Files in the places of the client's bundle; the report copies their bytes and reads nothing in them."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "acc.js").write_text("// the bundle\n")
    (folder / "ort.wasm").write_bytes(b"\0asm-runtime")
    return Frame(folder / "out", folder, folder / "ort.wasm")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The store of the fixture; tests read it and change nothing. Test processes side by side share one."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    store = Store(base / "laboratory")
    with FileLock(base / "laboratory.lock", timeout=_WRITE_SECONDS):
        if not (base / "laboratory.done").exists():
            write_store(store, tree_of())
            (base / "laboratory.done").touch()
    return store


@pytest.fixture
def own_lab(lab: Store, tmp_path: Path) -> Store:
    """A copy of the store that a test may change."""
    shutil.copytree(lab.root, tmp_path / "own")
    return Store(tmp_path / "own")


@pytest.fixture(scope="session")
def drawn(lab: Store, frame: Frame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the fixture's site, with no other recipe; read only."""
    return build_site(frame, tmp_path_factory.mktemp("drawn"), view_of(lab)).folder


@pytest.fixture
def rendered(drawn: Path, tmp_path: Path) -> Path:
    """A copy of it to render into again: what does not change is not drawn again."""
    return Path(shutil.copytree(drawn, tmp_path / "site"))


@pytest.fixture
def view(lab: Store) -> RecipeView:
    """The recipe of the fixture with its artifacts."""
    return view_of(lab)


@pytest.fixture(scope="session")
def site(lab: Store, drawn: Path, frame: Frame, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The site of the fixture with a recipe that nobody built, one without pages and a broken one; read only."""
    return build_site(
        frame,
        shutil.copytree(drawn, tmp_path_factory.mktemp("site"), dirs_exist_ok=True),
        view_of(lab),
        view_of(lab, name="not_yet", title="Not yet"),
        unbuilt=[tree_of(name="untouched", title="Untouched")],
        broken=[BrokenRecipe("half", Path("half.py"), 3, "?")],
    )
