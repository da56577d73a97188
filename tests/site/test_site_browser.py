"""The built site as a reader sees it, opened by double-click: every page, the viewer and the playground."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from browser_watch import drawn, settled, until
from playwright.sync_api import Page, expect

from acc_assets.storage import Store

pytestmark = pytest.mark.browser

VIEWER = "recipes/tiny/latent/labelled_trained.html"
PLAYGROUND = "recipes/tiny/playground.html"
GROUND = "getComputedStyle(document.body).backgroundColor"


def loaded(page: Page) -> Page:
    assert settled(page).locator("[data-acc-state=failed]").count() == 0
    return page


def state(page: Page, name: str) -> object:
    return page.evaluate(f"window.accViewer.state().{name}")


def brightness(colour: str) -> float:
    return sum(map(float, colour.removeprefix("rgb(").removesuffix(")").split(",")[:3])) / 3


def test_every_page_loads_on_a_phone_in_the_dark_and_fits(open_page, site: Path) -> None:
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    assert len(pages) == 13
    for path in pages:
        page = loaded(open_page(path, width=390, scheme="dark"))
        assert drawn(page).evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert brightness(page.evaluate(GROUND)) < 64, path
        assert page.title()
        assert page.locator("h1").count() == 1, path
        images = page.locator("img:visible").evaluate_all(
            """all => Promise.all(all.map((one) => {
              one.loading = 'eager';
              return one.decode().then(() => one.naturalWidth);
            }))"""
        )
        assert all(images), path
        page.context.close()


def test_pages_on_a_wide_screen_in_the_light(open_page, site: Path) -> None:
    for path in ("index.html", "recipes/tiny/index.html", "recipes/tiny/nodes/labelled_trained.html"):
        page = loaded(open_page(path, width=1920))
        assert drawn(page).evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert brightness(page.evaluate(GROUND)) > 200, path


def test_names_of_recipes_are_text_and_never_markup(open_page) -> None:
    page = loaded(open_page("index.html"))
    assert "Tiny <b>& quick</b>" in page.locator("h2").first.inner_text()
    assert page.locator("h2 b").count() == 0


def test_a_reader_goes_from_the_tree_to_a_node_to_its_latents(open_page) -> None:
    page = loaded(open_page("index.html"))
    page.locator(".tree-node", has_text="labelled_trained").click()
    page.wait_for_url("**/nodes/labelled_trained.html")
    loaded(page)
    said = page.locator("main").inner_text()
    assert "acc build tiny --select labelled_trained" in said
    assert "real handwritten digits" in said
    page.locator("a[href$='latent/labelled_trained.html']").first.click()
    page.wait_for_url("**/latent/labelled_trained.html*")
    assert loaded(page).evaluate("window.accViewer.count") == 360


def test_hovering_a_point_shows_its_picture_and_facts(open_page) -> None:
    page = drawn(open_page(VIEWER))
    assert page.evaluate("window.accViewer.count") == 360
    # A point at the edge of the cloud, so that nothing lies over it.
    index = page.evaluate(
        """() => { const at = [...Array(360).keys()].map((i) => window.accViewer.screenPosition(i));
        return at.map((p, i) => [p.x, i]).sort((a, b) => a[0] - b[0])[0][1]; }"""
    )
    place = page.evaluate("i => window.accViewer.screenPosition(i)", index)
    assert place["visible"]
    page.mouse.move(place["x"] + 30, place["y"] + 30)
    page.mouse.move(place["x"], place["y"])
    card = page.locator(".acc-hover-card:visible")
    card.wait_for()
    facts = card.filter(has_text=f"#{index}").inner_text()
    for word in ("label", "predicted", "error", "digit", "style"):
        assert word in facts


def test_the_slider_goes_through_the_snapshots(open_page) -> None:
    page = drawn(open_page(VIEWER))
    assert state(page, "step") == 12
    last = page.evaluate("window.accViewer.screenPosition(7)")
    slider = page.get_by_label("Training step")
    slider.focus()
    page.keyboard.press("Home")
    until(page, "window.accViewer.state().step === 0")
    until(page, "window.location.hash.includes('step=0')")
    assert drawn(page).evaluate("window.accViewer.screenPosition(7)") != last
    page.keyboard.press("ArrowRight")
    until(page, "window.accViewer.state().step === 6")
    assert "step 6" in page.locator(".acc-timeline").inner_text()


def test_method_and_dimensions_change_the_layout(open_page) -> None:
    page = loaded(open_page(VIEWER))
    layouts = set()
    for method in ("UMAP", "PCA"):
        for dimensions in ("2-D", "3-D"):
            page.get_by_role("button", name=method, exact=True).click()
            page.get_by_role("button", name=dimensions, exact=True).click()
            asked = {"method": method.lower(), "dimensions": int(dimensions[0])}
            assert asked.items() <= page.evaluate("window.accViewer.state()").items()
            place = drawn(page).evaluate("window.accViewer.screenPosition(11)")
            layouts.add((round(place["x"]), round(place["y"])))
    assert len(layouts) == 4


def test_clicking_a_point_lists_the_neighbours_of_the_graph(open_page, built_storage: Path) -> None:
    page = loaded(open_page(VIEWER))
    run = str(state(page, "run"))
    seed = int(run.rsplit("-", 1)[1])
    graph = Store(built_storage).run("tiny", "labelled_trained", seed).read_npz("neighbors/knn_latest.npz")
    page.evaluate("window.accViewer.set({focus: 42})")
    card = page.get_by_label("Focused point")
    card.get_by_text("Point 42", exact=True).wait_for()
    settled(page)
    shown = card.locator(".acc-thumb").evaluate_all("all => all.map(one => Number(one.dataset.index))")
    assert shown == graph["indices"][42][: len(shown)].tolist()
    assert len(shown) == 15
    card.locator(".acc-thumb").first.click()
    until(page, f"window.accViewer.state().focus === {shown[0]}")


def test_an_address_brings_the_same_view_back(open_page) -> None:
    page = loaded(open_page(VIEWER))
    page.evaluate("window.accViewer.set({focus: 5, color: 'prediction', step: 6, selection: [1, 2, 30]})")
    until(page, "window.location.hash.includes('point=5')")
    fragment = page.evaluate("window.location.hash")
    again = loaded(open_page(f"{VIEWER}{fragment}"))
    for name in ("focus", "color", "step", "method", "dimensions", "run"):
        assert state(again, name) == state(page, name), name
    assert state(again, "selection") == [1, 2, 30]


@pytest.mark.parametrize("node", ["plain_trained", "labelled_trained"])
def test_the_playground_encodes_what_torch_encoded(open_page, built_storage: Path, node: str) -> None:
    page = loaded(open_page(f"{PLAYGROUND}#run=runs/tiny/{node}/seed-1"))
    assert page.evaluate("window.accPlayground.branches()") == [f"runs/tiny/{node}/seed-1"]
    store = Store(built_storage)
    images = store.recipe("tiny").read_npz("data-digits/test.npz")["images"].reshape(360, -1) / 255
    latents = store.run("tiny", node, 1).read_npz("latents/latents_latest.npz")
    for sample in (0, 3):
        picture = np.array(page.evaluate("i => window.accPlayground.sample(i)", sample))
        index = int(np.abs(images - picture).mean(axis=1).argmin())
        np.testing.assert_allclose(picture, images[index], atol=1e-6)
        mu = page.evaluate("i => window.accPlayground.encode(window.accPlayground.sample(i))", sample)
        np.testing.assert_allclose(mu, latents["mu"][index], atol=1e-4)
        decoded = np.array(page.evaluate("mu => window.accPlayground.decode(mu)", mu))
        assert ((decoded - picture) ** 2).mean() == pytest.approx(float(latents["error"][index]), abs=1e-4)


def test_moving_a_factor_changes_the_decoded_picture(open_page) -> None:
    page = loaded(open_page(PLAYGROUND))
    assert page.locator(".acc-slider").count() == 5
    assert page.locator(".acc-factor legend").all_inner_texts()[0].startswith("digit")
    canvas = page.locator(".acc-branch-pictures canvas").nth(1)
    caption = page.locator(".acc-branch-pictures figcaption").nth(1)
    pixels = "canvas => canvas.toDataURL()"
    assert "PSNR" in page.locator(".acc-branch-facts").inner_text()
    before = canvas.evaluate(pixels)
    slider = page.locator(".acc-slider input").first
    slider.focus()
    page.keyboard.press("End")
    settled(page)
    assert caption.inner_text() == "decoded, edited"
    assert canvas.evaluate(pixels) != before
    page.get_by_role("button", name="Reset to encoded").click()
    settled(page)
    assert caption.inner_text() == "decoded"
    assert canvas.evaluate(pixels) == before


def test_two_branches_side_by_side(open_page) -> None:
    page = loaded(open_page(PLAYGROUND))
    page.get_by_role("button", name="Compare side by side").click()
    expect(settled(page).locator(".acc-branch-view")).to_have_count(2)
    assert len(set(page.evaluate("window.accPlayground.branches()"))) == 2
    until(page, "window.location.hash.includes('with=')")
