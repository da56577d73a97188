"""The pages in a real browser, opened from disk: charts draw, switches switch, nothing is requested from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_watch import drawn, new_context, reload_until, remembering, settled, until, watch
from laboratory import build_site, view_of
from playwright.sync_api import Browser, Page, expect

from acc_assets.assets.client import client_bundle, ort_wasm
from acc_assets.report import Frame
from acc_assets.storage import Store
from acc_assets.tree import BrokenRecipe

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pages(lab: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site with the real client."""
    out = tmp_path_factory.mktemp("real-client")
    half = BrokenRecipe("half", Path("half.py"), 3, "?")
    build_site(Frame(out, client_bundle(), ort_wasm()), out, view_of(lab), broken=[half])
    return out


@pytest.fixture
def page(browser: Browser, pages: Path) -> Iterator[Page]:
    """A page that fails its test on any console error and any request outside the site."""
    context = new_context(browser, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    faults = watch(page, pages)
    yield page
    context.close()
    assert not faults


def test_the_home_page_draws_trees_and_colours_them_by_a_chosen_metric(page: Page, pages: Path) -> None:
    page.goto((pages / "index.html").as_uri())
    expect(page.locator(".tree-node")).to_have_count(5)
    expect(page.locator(".tree-link")).to_have_count(4)
    trained = page.locator(".tree-node", has_text="curriculum_600")
    assert " %" in trained.inner_text()
    assert "▲" in trained.inner_text()  # loss health by shape as well as by colour
    page.get_by_label("Colour by").select_option("recon.psnr")
    before = trained.evaluate("node => node.style.background")
    assert " dB" in trained.inner_text()
    page.get_by_label("Colour by").select_option("")
    assert trained.evaluate("node => node.style.background") != before
    trained.click()
    page.wait_for_url("**/recipes/quickstart/nodes/curriculum_600.html")


def test_the_recipe_page_draws_every_chart(page: Page, pages: Path) -> None:
    page.goto((pages / "recipes/quickstart/index.html").as_uri())
    drawn(page)
    assert page.locator("[data-acc-state=failed]").count() == 0
    assert page.locator("#learning svg").count() > 0
    assert page.locator("#metrics .chart-panel").count() == 6
    page.get_by_role("button", name="Show all").click()
    assert page.locator("#metrics .chart-panel").count() > 6
    training = page.locator("#learning .chart-panel").count()
    page.locator("#learning").get_by_role("button", name="Validation").click()
    assert 0 < page.locator("#learning .chart-panel").count() < training
    first = drawn(page).locator("#learning .chart-panel").first
    lines = first.locator("path").count()
    page.locator("#learning .chart-legend button").first.click()
    drawn(page)
    assert 0 < first.locator("path").count() < lines


def test_switches_choose_seed_and_factor(page: Page, pages: Path) -> None:
    page.goto((pages / "recipes/quickstart/index.html").as_uri())
    section = settled(page).locator("#side-by-side")
    assert section.locator("[data-factor]:visible").count() == 1
    assert section.locator("[data-seed='1']:visible").count() == 0
    section.get_by_role("button", name="1", exact=True).click()
    section.get_by_role("button", name="slant", exact=True).click()
    visible = section.locator("[data-factor='slant'] [data-seed='1'] img:visible")
    assert visible.count() == 6  # traversal, single dimensions and sorted images of two branches
    assert section.locator("[data-seed='0']:visible").count() == 0
    widths = visible.evaluate_all(
        """images => Promise.all(images.map((one) => {
          one.loading = 'eager';
          return one.decode().then(() => one.naturalWidth);
        }))"""
    )
    assert all(width > 0 for width in widths)
    section.get_by_role("button", name="all", exact=True).click()
    assert section.locator("[data-factor]:visible").count() == 4


def test_the_theme_is_kept_from_page_to_page(page: Page, pages: Path) -> None:
    page.emulate_media(color_scheme="light")
    page.goto((pages / "index.html").as_uri())
    ground = "getComputedStyle(document.body).backgroundColor"
    light = remembering(page).evaluate(ground)
    page.locator(".theme-toggle").click()
    assert page.evaluate(ground) != light
    page.goto((pages / "datasets.html").as_uri())
    reload_until(page, f"light => {ground} !== light", light)


@pytest.mark.parametrize("width", [390, 768, 1920])
def test_no_page_is_wider_than_the_screen(page: Page, pages: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    for path in sorted(pages.rglob("*.html")):
        if path.name == "playground.html":
            continue  # the fixture's models are no ONNX; the playground has tests of its own
        page.goto(path.as_uri())
        assert drawn(page).evaluate("document.documentElement.scrollWidth <= innerWidth"), path.name
        assert (
            page.locator(
                "[data-acc=tree][data-acc-state=failed], [data-acc=chart][data-acc-state=failed]"
            ).count()
            == 0
        )


def test_pages_read_without_javascript(browser: Browser, pages: Path) -> None:
    context = new_context(browser, java_script_enabled=False)
    page = context.new_page()
    page.goto((pages / "recipes/quickstart/index.html").as_uri())
    expect(page.locator(".tree-fallback .chip")).to_have_count(5)
    assert page.locator("#side-by-side img:visible").count() > 20
    assert page.locator(".segmented:visible").count() == 0
    context.close()


def test_the_keyboard_reaches_the_content_and_every_node(page: Page, pages: Path) -> None:
    page.goto((pages / "index.html").as_uri())
    drawn(page).keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".tree-node").count() > 0
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.querySelector?.('.tree-tag')?.textContent ?? ''"))
    assert {"experiment_root", "digits_only", "curriculum_600"} <= reached


def test_print_shows_every_factor_and_no_controls(page: Page, pages: Path) -> None:
    page.goto((pages / "recipes/quickstart/index.html").as_uri())
    drawn(page).emulate_media(media="print")
    expect(page.locator("[data-factor]:visible")).to_have_count(4)
    expect(page.locator(".segmented:visible, .theme-toggle:visible, .site-nav:visible")).to_have_count(0)


def test_tables_sort_by_keyboard_and_come_back(page: Page, pages: Path) -> None:
    page.goto((pages / "recipes/quickstart/index.html").as_uri())
    table = settled(page).locator("#runs table[data-acc-state=ready]")
    seeds = lambda: table.locator("tbody tr td:nth-child(3)").all_inner_texts()  # noqa: E731
    own = seeds()
    button = table.get_by_role("button", name="Sort by Seed")
    button.focus()
    page.keyboard.press("Enter")
    assert seeds() == sorted(own, reverse=True) != own
    assert table.locator("th[aria-sort=descending]").inner_text().startswith("Seed")
    page.keyboard.press("Enter")
    assert seeds() == sorted(own)
    assert table.locator("th[aria-sort=ascending]").count() == 1
    page.keyboard.press("Enter")
    assert seeds() == own
    assert table.locator("th[aria-sort]").count() == 0


def test_colours_are_left_out_where_differences_are_noise(page: Page, pages: Path) -> None:
    page.goto((pages / "index.html").as_uri())
    tree = drawn(page).locator(".tree").first
    page.get_by_label("Colour by").select_option("probe.thickness.stroke_thickness")
    assert tree.locator(".is-colored").count() == 0
    assert "within the noise" in tree.locator(".tree-legend").inner_text()
    page.get_by_label("Colour by").select_option("recon.psnr")
    assert tree.locator(".is-colored").count() == 2


def test_ticks_of_an_axis_differ(page: Page, pages: Path) -> None:
    page.goto((pages / "recipes/quickstart/index.html").as_uri())
    drawn(page).get_by_role("button", name="Show all").click()
    panels = "[...document.querySelectorAll('#metrics .chart-panel')]"
    until(page, f"{panels}.length > 6 && {panels}.every((panel) => panel.querySelector('svg'))")
    axes = page.locator("#metrics svg [aria-label='x-axis tick label']").all()
    assert len(axes) > 6
    for axis in axes:
        texts = axis.locator("text").all_text_contents()
        assert len(set(texts)) == len(texts), texts
