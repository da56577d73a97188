"""The site of the built tiny recipe in a headless Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from built_tiny import built_storage
from playwright.sync_api import Browser, Page

__all__ = ["built_storage"]

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def site(built_storage: Path) -> Path:
    """The folder of the site."""
    return built_storage / "site"


@pytest.fixture
def open_page(browser: Browser, site: Path) -> Iterator[Open]:
    """Open a page of the site; any console error or request outside the site fails the test at its end."""
    faults: list[str] = []
    contexts = []

    def open_(path: str, width: int = 1280, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 844}, reduced_motion="reduce", color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda one: faults.append(f"{path}: {one.text}") if one.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(f"{path}: {error}"))
        page.on("requestfailed", lambda request: faults.append(f"{path}: failed {request.url}"))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((site.as_uri(), "data:", "blob:"))
                else faults.append(f"{path}: asks for {request.url}")
            ),
        )
        name, _, fragment = path.partition("#")
        page.goto((site / name).as_uri() + (f"#{fragment}" if fragment else ""))
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not faults
