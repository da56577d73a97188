"""Branches, tasks and data called as what every JavaScript object has already: their pages hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_watch import drawn, settled, until
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

NODES = ("toString", "toLocaleString")
RECIPE = "recipes/prototype"


def loaded(page: Page) -> Page:
    assert settled(page).locator("[data-acc-state=failed]").all_inner_texts() == []
    return page


def test_every_page_loads(open_odd_page, odd_site: Path) -> None:
    pages = sorted(path.relative_to(odd_site).as_posix() for path in odd_site.rglob("*.html"))
    assert f"{RECIPE}/grounding.html" in pages
    assert f"{RECIPE}/network.html" in pages
    assert f"{RECIPE}/nodes/constructor.html" in pages
    for path in pages:
        page = loaded(open_odd_page(path))
        shown = page.locator("main").inner_text()
        assert "[object" not in shown, path
        assert "[native code]" not in shown, path
        assert "undefined" not in shown, path
        page.context.close()


def test_the_tree_links_every_node_and_the_metrics_of_every_branch_are_there(open_odd_page) -> None:
    page = loaded(open_odd_page(f"{RECIPE}/index.html"))
    for name in ("hasOwnProperty", "constructor", "isPrototypeOf", *NODES):
        assert page.locator(f"a[href*='nodes/{name}.html']").count() > 0, name
    for name in NODES:
        assert page.locator("table", has_text=name).count() > 0, name


def test_viewer_and_playgrounds_show_every_branch(open_odd_page) -> None:
    for node in NODES:
        page = settled(open_odd_page(f"{RECIPE}/latent/{node}.html#point=3&color=prediction"))
        page.get_by_label("Focused point").get_by_text("predicted").wait_for()
        assert page.evaluate("window.accViewer.state().run") == f"runs/prototype/{node}/seed-0"
        page.context.close()
    page = settled(open_odd_page(f"{RECIPE}/playground.html#run=runs/prototype/toString/seed-0"))
    assert page.locator(".acc-reading p").first.inner_text().startswith("constructor: ")
    page.get_by_role("button", name="Compare side by side").click()
    expect(settled(page).locator(".acc-reading")).to_have_count(2)
    page = settled(open_odd_page(f"{RECIPE}/grounding.html"))
    branches = page.evaluate("accGrounding.state().branches")
    assert [branch["latent"] is None for branch in branches] == [False, False]
    assert page.locator(".acc-neighbors").count() == 2


def test_the_card_beside_the_cursor_stays_small_with_many_factors(open_odd_page) -> None:
    page = drawn(open_odd_page(f"{RECIPE}/latent/toString.html"))
    place = page.evaluate(
        """() => [...Array(360).keys()].map((i) => window.accViewer.screenPosition(i))
        .sort((a, b) => a.x - b.x)[0]"""
    )
    page.mouse.move(place["x"] + 30, place["y"] + 30)
    page.mouse.move(place["x"], place["y"])
    card = page.locator(".acc-hover-card:visible")
    card.wait_for()
    box, stage = card.bounding_box(), page.locator(".acc-stage").bounding_box()
    assert box is not None
    assert stage is not None
    assert box["height"] < 0.5 * stage["height"]
    assert "32 factors" in card.inner_text()
    page.evaluate("window.accViewer.set({color: 'factor:z7', focus: 5})")
    page.mouse.move(place["x"] + 1, place["y"])
    until(page, "document.querySelector('.acc-hover-card').innerText.includes('z7')")
    assert page.get_by_label("Focused point").locator("dt").all_inner_texts().count("z31") == 1
