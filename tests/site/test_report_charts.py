"""The charts of a run's report, in a browser: rows sorted, quantities chosen, opacity by responsibility."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lab_pages import write_page
from playwright.sync_api import Browser, Page

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


def opened(browser: Browser, folder: Path, spec: dict[str, Any]) -> Page:
    """A page with one chart, whose inline script has run."""
    page = browser.new_page()
    page.goto(write_page(folder, "chart", spec).as_uri())
    page.evaluate("document.documentElement.classList.add('js')")
    return page


def test_a_heat_map_is_sorted_and_shows_the_chosen_quantity(browser: Browser, tmp_path: Path) -> None:
    page = opened(browser, tmp_path, HEAT)
    rows = page.locator("[aria-label='y-axis tick label'] text")
    page.get_by_role("button", name="by class").wait_for()
    assert rows.all_text_contents() == ["C0", "C1"]
    page.get_by_role("button", name="by class").click()
    assert rows.all_text_contents() == ["C1", "C0"]
    page.get_by_role("button", name="images").click()
    cells = page.locator("[aria-label='text'] text").all_text_contents()
    assert [cell for cell in cells if cell] == ["16", "1", "9"]
    page.close()


def test_what_a_component_decodes_is_as_opaque_as_it_is_responsible(browser: Browser, tmp_path: Path) -> None:
    page = opened(browser, tmp_path, CHANNELS)
    first, second = (page.get_by_role("img", name=f"C{at}: responsibility") for at in (0, 1))
    first.wait_for()
    assert [one.evaluate("one => one.style.opacity") for one in (first, second)] == ["0.9", "0.1"]
    page.get_by_role("button", name="all").click()
    assert second.evaluate("one => one.style.opacity") == "1"
    assert second.get_attribute("title") == "C1: responsibility 10.0 %, squared error 0.2000"
    page.close()
