"""What a reader sees is in the address: a view is opened again, and carried from branch to branch."""

from __future__ import annotations

import pytest
from browser_watch import settled, until
from playwright.sync_api import Page, expect
from scripted_digits import scripted_digits

pytestmark = pytest.mark.browser

VIEWER = "recipes/tiny/latent/labelled_trained.html"
PLAYGROUND = "recipes/tiny/playground.html"


def playground(page: Page, branches: int = 1) -> Page:
    expect(settled(page).locator(".acc-branch-facts .acc-facts")).to_have_count(branches)
    return page


def test_an_address_with_a_colour_and_a_selection_opens_both(open_page) -> None:
    page = settled(open_page(f"{VIEWER}#color=outcome&sel=3.2.5&point=4"))
    assert page.evaluate("window.accViewer.state().selection") == [3, 5, 10]
    assert page.get_by_label("Selected points").locator(".acc-thumb").count() == 3
    assert page.get_by_label("Focused point").locator("h3").inner_text() == "Point 4"
    assert page.get_by_label("Show classes").locator("button").count() == 2


def test_the_branch_chips_carry_the_view(open_page) -> None:
    page = settled(open_page(VIEWER))
    page.evaluate(
        """window.accViewer.set({run: 'runs/tiny/labelled_trained/seed-1', method: 'pca', color: 'factor:style',
        focus: 7, step: 6, selection: [1, 2]})"""
    )
    until(settled(page), "window.location.hash.includes('point=7')")
    page.locator(".explore-nav a", has_text="plain_trained").click()
    page.wait_for_url("**/latent/plain_trained.html#**")
    settled(page)
    until(page, "window.accViewer.state().method === 'pca'")
    state = page.evaluate("window.accViewer.state()")
    assert state["run"] == "runs/tiny/plain_trained/seed-1"
    assert (state["color"], state["focus"], state["step"]) == ("factor:style", 7, 6)
    assert state["selection"] == [1, 2]


def test_an_address_with_a_run_a_projection_a_step_and_data_that_are_not_there_still_opens(open_page) -> None:
    page = settled(open_page(f"{VIEWER}#run=runs/tiny/gone/seed-9&proj=tsne&step=9000&point=3&data=other"))
    assert page.locator(".acc-status").inner_text() == ""
    state = page.evaluate("window.accViewer.state()")
    assert (state["run"], state["step"], state["focus"]) == ("runs/tiny/labelled_trained/seed-0", 12, None)


def test_an_address_brings_a_drawing_and_the_moved_sliders_back(open_page) -> None:
    page = playground(open_page(PLAYGROUND))
    page.get_by_role("button", name="Compare side by side").click()
    playground(page, branches=2)
    page.get_by_role("button", name="Draw", exact=True).click()
    page.get_by_label("Prepare as the data set does").uncheck()
    box = page.locator(".acc-drawing-canvas").bounding_box()
    assert box is not None
    for stroke in scripted_digits()[9][1]:
        for i, (x, y) in enumerate(stroke):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=2)
            if i == 0:
                page.mouse.down()
        page.mouse.up()
    settled(page)
    for place in (0, 1):
        row = page.locator(".acc-branch").nth(place).locator(".acc-slider").nth(1 + place)
        row.locator("input").focus()
        page.keyboard.press("Home")
        if "acc-edited" not in str(
            row.get_attribute("class")
        ):  # the drawing lies at this end of what is shown
            page.keyboard.press("End")
    until(page, "['draw', 'z', 'z2'].every((name) => new URLSearchParams(location.hash.slice(1)).has(name))")
    fragment = settled(page).evaluate("window.location.hash")
    drawn = "document.querySelector('.acc-branch-pictures canvas').toDataURL()"
    shown = "[...document.querySelectorAll('.acc-slider-value')].map((one) => one.textContent)"

    again = playground(open_page(f"{PLAYGROUND}{fragment}&unknown=1"), branches=2)
    assert again.locator(".acc-edited").count() == 2
    assert again.evaluate(drawn) == page.evaluate(drawn)
    assert again.evaluate(shown) == page.evaluate(shown)
    assert not again.get_by_label("Prepare as the data set does").is_checked()
    until(again, "fragment => window.location.hash === fragment", fragment)  # written anew, as it was


def test_the_comparison_offers_another_branch_before_another_seed(open_page) -> None:
    page = playground(open_page(f"{PLAYGROUND}#run=runs/tiny/labelled_trained/seed-1"))
    page.get_by_role("button", name="Compare side by side").click()
    assert page.evaluate("window.accPlayground.branches()") == [
        "runs/tiny/labelled_trained/seed-1",
        "runs/tiny/plain_trained/seed-1",
    ]
