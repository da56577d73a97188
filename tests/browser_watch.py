"""What must not happen on a page of a static site, whoever opens it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Error

if TYPE_CHECKING:
    from playwright.sync_api import Page


def watch(page: Page, root: Path) -> list[str]:
    """A list that fills with the page's console errors, failed requests, and requests outside `root`."""
    faults: list[str] = []
    inside = (root.as_uri(), "data:", "blob:")
    page.on("console", lambda one: faults.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda request: faults.append(f"failed {request.url}"))
    page.on(
        "request",
        lambda request: None if request.url.startswith(inside) else faults.append(f"asks for {request.url}"),
    )
    return faults


def until(page: Page, condition: str, arg: Any = None, seconds: float = 60.0) -> None:
    """Wait until an expression, or a function of `arg`, is true on the page.

    Playwright's own `wait_for_function` evaluates text inside the page, which our Content-Security-Policy refuses.
    """
    end = time.monotonic() + seconds
    while not _holds(page, condition, arg):
        if time.monotonic() > end:
            raise TimeoutError(f"not true within {seconds:g} s: {condition}")
        page.wait_for_timeout(50)


def settled(page: Page) -> Page:
    """Wait until every component of the page is there and none is `aria-busy`: what was asked for is shown."""
    until(page, "document.querySelector('[data-acc-state=loading], [aria-busy=true]') === null")
    return page


def drawn(page: Page) -> Page:
    """The same, and two frames later: what has a new size knows of it after one, and has been drawn after two.

    Also for tests that nothing happens: what the page would do of itself it has done by then.
    """
    settled(page).evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page


def _holds(page: Page, condition: str, arg: Any) -> bool:
    try:
        return bool(page.evaluate(condition, arg))
    except Error as error:
        if "context was destroyed" not in str(error):  # the page is on its way to another address
            raise
        return False
