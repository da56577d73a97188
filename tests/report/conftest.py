"""A store with real digits, and a client folder that stands in its place on disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from laboratory import Client, recipe_view, write_store

from acc_assets.report import RecipeView, SiteResult, build_site
from acc_assets.storage import Store


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    """Files in the places of the client's bundle; the report copies their bytes and reads nothing in them."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "acc.js").write_text("// the bundle\n")
    (folder / "ort.wasm").write_bytes(b"\0asm-runtime")
    return Client(folder, folder / "ort.wasm")


@pytest.fixture(scope="session")
def _laboratory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("laboratory")
    write_store(Store(root), recipe_view())
    return root


@pytest.fixture(scope="session")
def lab(_laboratory: Path) -> Store:
    """The store of the fixture; tests read it and change nothing."""
    return Store(_laboratory)


@pytest.fixture
def own_lab(_laboratory: Path, tmp_path: Path) -> Store:
    """A copy of the store that a test may change."""
    shutil.copytree(_laboratory, tmp_path / "own")
    return Store(tmp_path / "own")


@pytest.fixture
def view() -> RecipeView:
    """The recipe of the fixture."""
    return recipe_view()


@pytest.fixture(scope="session")
def site(_laboratory: Path, client: Client, tmp_path_factory: pytest.TempPathFactory) -> SiteResult:
    """The site of the fixture, with a recipe that nobody built and one that cannot be read; read only."""
    recipes = [
        recipe_view(),
        recipe_view("not_yet", title="Not yet"),
        RecipeView(name="half", error="line 3: ?"),
    ]
    out = tmp_path_factory.mktemp("site")
    return build_site(Store(_laboratory), recipes, out, client_dist=client.dist, ort_wasm=client.wasm)
