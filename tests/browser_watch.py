"""What must not happen on a page of a static site, whoever opens it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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
