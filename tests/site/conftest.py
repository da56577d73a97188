"""The site of the built tiny recipe in a headless Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser_watch import new_context, watch
from built_tiny import build_recipe, built_storage, environment
from playwright.sync_api import Browser, Page

from acc_assets.storage import Store

__all__ = ["built_storage"]

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def site(built_storage: Path) -> Path:
    """The folder of the site."""
    return built_storage / "site"


@pytest.fixture(scope="session")
def odd_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the recipe whose names every JavaScript object has already; it has every kind of page."""
    storage = tmp_path_factory.mktemp("odd")
    with environment(storage) as patch:
        patch.setenv("ACC_RECIPES", str(Path(__file__).parents[1] / "odd_recipes"))
        report = build_recipe("prototype", Store(storage))
        assert not report.failed, report.failed
    return storage / "site"


@pytest.fixture
def open_page(browser: Browser, site: Path) -> Iterator[Open]:
    """Open a page of the site; any console error or request outside the site fails the test at its end."""
    yield from opener(browser, site)


@pytest.fixture
def open_odd_page(browser: Browser, odd_site: Path) -> Iterator[Open]:
    """The same for the site of `odd_site`."""
    yield from opener(browser, odd_site)


def opener(browser: Browser, site: Path) -> Iterator[Open]:
    opened: list[tuple[str, list[str]]] = []
    contexts = []

    def open_(path: str, width: int = 1280, scheme: str = "light") -> Page:
        context = new_context(browser, viewport={"width": width, "height": 844}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        opened.append((path, watch(page, site)))
        name, _, fragment = path.partition("#")
        page.goto((site / name).as_uri() + (f"#{fragment}" if fragment else ""))
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not [(path, faults) for path, faults in opened if faults]
