"""Pages of a static site in a browser: how they are opened, waited for, and what must not happen on them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Error

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Request

PATIENCE = 120.0  # seconds for what a page does in its own time; they cost nothing where it comes


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """A context without animations, whose pages have time on a busy machine."""
    context = browser.new_context(reduced_motion="reduce", **options)
    context.set_default_timeout(1000 * PATIENCE)
    return context


def watch(page: Page, root: Path) -> list[str]:
    """A list that fills with the page's console errors, failed requests, and requests outside `root`."""
    faults: list[str] = []
    inside = (root.as_uri(), "data:", "blob:")

    def failed(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left while it loaded a picture
            faults.append(f"failed {request.url} ({request.failure})")

    page.on("console", lambda one: faults.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", failed)
    page.on(
        "request",
        lambda request: None if request.url.startswith(inside) else faults.append(f"asks for {request.url}"),
    )
    return faults


def until(page: Page, condition: str | Callable[[], object], arg: Any = None) -> None:
    """Wait until an expression, or a function of `arg`, is true on the page; or until one of Python's own is true.

    Playwright's own `wait_for_function` evaluates text inside the page, which our Content-Security-Policy refuses.
    Its `expect` does not: use that for what an element says or how many there are.
    """
    end = time.monotonic() + PATIENCE
    while not _holds(page, condition, arg):
        if time.monotonic() > end:
            raise TimeoutError(f"not true within {PATIENCE:g} s: {condition}")
        page.wait_for_timeout(50)


def settled(page: Page) -> Page:
    """Wait until every component of the page is there and none is `aria-busy`: what was asked for is shown.

    Charts and trees are drawn a frame later, when they know their width: see `drawn`.
    """
    waits = "[data-acc]:not([data-acc-state]), [data-acc-state=loading], [aria-busy=true]"
    until(page, f"document.readyState === 'complete' && !document.querySelector('{waits}')")
    return page


def drawn(page: Page) -> Page:
    """The same, and two frames later: what has a new size knows of it after one, and has been drawn after two.

    Also for tests that nothing happens: what the page would do of itself it has done by then.
    """
    settled(page).evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page


def remembering(page: Page) -> Page:
    """Wait until the browser keeps what the page stores, so that nothing is lost which is stored from now on.

    Of pages from disk, Chromium 156 forgets for good every tenth of the first things that are stored in a context.
    """
    end, probe = time.monotonic() + PATIENCE, 0
    while page.evaluate("localStorage.getItem('probe')") != str(probe):
        assert time.monotonic() < end, f"nothing that is stored was kept within {PATIENCE:g} s"
        probe += 1
        page.evaluate("probe => localStorage.setItem('probe', probe)", str(probe))
        page.reload()
    return settled(page)


def reload_until(page: Page, condition: str, arg: Any = None) -> None:
    """Load the page anew until a condition is true of it, as `until` has it.

    Chromium hands what a page stores on to the process of the next page in its own time, and a page reads it once.
    """
    end = time.monotonic() + PATIENCE
    while True:
        page.reload()
        if _holds(settled(page), condition, arg):
            return
        if time.monotonic() > end:
            raise TimeoutError(f"not true of any page within {PATIENCE:g} s: {condition}")
        page.wait_for_timeout(200)


def _holds(page: Page, condition: str | Callable[[], object], arg: Any) -> bool:
    if callable(condition):
        return bool(condition())
    try:
        return bool(page.evaluate(condition, arg))
    except Error as error:
        if "context was destroyed" not in str(error):  # the page is on its way to another address
            raise
        return False
