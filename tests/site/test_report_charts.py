"""The charts of a run's report, in a browser: rows sorted, quantities chosen, opacity by responsibility."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser_watch import drawn, new_context
from lab_pages import write_page
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

HEAT: dict[str, Any] = {
    "kind": "heat", "rows": ["C0", "C1"], "columns": ["a", "b"], "row": "component", "column": "class", "sort": "peak",
    "panels": [
        {"title": "share", "unit": "%", "digits": 0, "values": [[10, 90], [80, 20]]},
        {"title": "images", "unit": "", "digits": 0, "values": [[1, 9], [16, None]]},
    ],
}  # fmt: skip
CHANNELS: dict[str, Any] = {
    "kind": "channels", "sheet": "sheet.png", "cell": [16, 16], "components": ["C0", "C1"],
    "images": [{"index": 7, "label": "three"}], "shares": [[0.9, 0.1]], "errors": [[0.01, 0.2]],
}  # fmt: skip


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = new_context(browser)
    yield context.new_page()
    context.close()


def opened(page: Page, folder: Path, spec: dict[str, Any]) -> Page:
    """The page with one chart, whose inline script has run."""
    page.goto(write_page(folder, "chart", spec).as_uri())
    page.evaluate("document.documentElement.classList.add('js')")
    return drawn(page)


def test_a_heat_map_is_sorted_and_shows_the_chosen_quantity(page: Page, tmp_path: Path) -> None:
    opened(page, tmp_path, HEAT)
    rows = page.locator("[aria-label='y-axis tick label'] text")
    expect(rows).to_have_text(["C0", "C1"])
    page.get_by_role("button", name="by class").click()
    expect(rows).to_have_text(["C1", "C0"])
    page.get_by_role("button", name="images").click()
    cells = page.locator("[aria-label='text'] text").filter(has_text=re.compile("."))
    expect(cells).to_have_text(["16", "1", "9"])


def test_what_a_component_decodes_is_as_opaque_as_it_is_responsible(page: Page, tmp_path: Path) -> None:
    opened(page, tmp_path, CHANNELS)
    first, second = (page.get_by_role("img", name=f"C{at}: responsibility") for at in (0, 1))
    expect(first).to_have_css("opacity", "0.9")
    expect(second).to_have_css("opacity", "0.1")
    page.get_by_role("button", name="all").click()
    expect(second).to_have_css("opacity", "1")
    expect(second).to_have_attribute("title", "C1: responsibility 10.0 %, squared error 0.2000")
