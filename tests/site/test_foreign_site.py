"""Pages of recipes with users' own modules and data, in a real browser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from browser_watch import drawn, settled, until
from foreign_built import foreign_storage
from playwright.sync_api import Page

from acc_assets.storage import Store

__all__ = ["foreign_storage"]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="session")
def site(foreign_storage: Path) -> Path:
    return foreign_storage / "site"


@pytest.fixture
def store(foreign_storage: Path) -> Store:
    return Store(foreign_storage)


def loaded(page: Page) -> Page:
    assert settled(page).locator("[data-acc-state=failed]").count() == 0
    return page


def test_a_module_without_latent_dim_has_playground_colours_and_chart(open_page, store: Store) -> None:
    page = loaded(open_page("recipes/foreign/playground.html"))
    assert page.locator(".acc-slider").count() == 6
    assert page.locator(".acc-factor legend").all_inner_texts() == ["what reset", "how reset"]
    encoded = page.evaluate("window.accPlayground.encode(window.accPlayground.sample(0))")
    decoded = page.evaluate("mu => window.accPlayground.decode(mu)", encoded)
    assert (len(encoded), len(decoded)) == (6, 256)
    viewer = loaded(open_page("recipes/foreign/latent/own_groups_trained.html"))
    options = viewer.locator("select option").all_inner_texts()
    assert {"what activation", "how activation"} <= set(options)
    node = loaded(open_page("recipes/foreign/nodes/own_groups_trained.html"))
    node.locator("#latent").scroll_into_view_if_needed()
    node.locator("#latent .chart svg").first.wait_for()
    assert node.locator("#latent table").first.locator("tbody tr").count() == 2


def test_a_page_shows_what_was_left_out_on_a_phone_too(open_page) -> None:
    page = loaded(open_page("recipes/foreign/nodes/encoder_only_trained.html", width=390, scheme="dark"))
    said = page.locator(".not-built:visible").all_inner_texts()
    assert any("EncoderOnly has no method decode(code)" in text for text in said)
    assert drawn(page).evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(
    ("node", "names"),
    [
        ("both_trained", ["Label", "x (ground truth)", "y (ground truth)", "x (predicted by place)"]),
        ("numbers_trained", ["x (ground truth)", "shape (ground truth)", "y (predicted by height)"]),
    ],
)
def test_points_are_coloured_by_every_named_factor(open_page, node: str, names: list[str]) -> None:
    page = loaded(open_page(f"recipes/measured/latent/{node}.html"))
    options = page.locator("select option").all_inner_texts()
    assert set(names) <= set(options)
    page.evaluate("window.accViewer.set({color: 'data:y', focus: 3})")
    page.locator(".acc-colorbar").wait_for()
    assert "y (ground truth)" in str(settled(page).locator(".acc-colorbar").get_attribute("aria-label"))
    assert "scale (ground truth)" in page.locator(".acc-focus-card").inner_text()


def test_a_class_factor_of_real_targets_has_its_names_in_the_legend(open_page) -> None:
    page = loaded(open_page("recipes/measured/latent/numbers_trained.html#color=data:shape"))
    page.locator(".acc-legend-item").first.wait_for()
    assert page.locator(".acc-legend-name").all_inner_texts() == ["square", "ellipse", "triangle"]


def test_the_playground_reads_a_regression_as_torch_does(open_page, store: Store) -> None:
    page = loaded(open_page("recipes/measured/playground.html"))
    run = store.run("measured", "both_trained", 0)
    test = store.recipe("measured").read_npz("data-shapes/test.npz")
    first = int(np.flatnonzero(test["targets"] == 0)[0])  # the first sample that the page shows
    x, y = run.read_npz("latents/latents_latest.npz")["pred/place"][first]
    said = page.locator(".acc-reading", has_text="place").inner_text().split()
    assert (said[0], said[1], said[3]) == ("place:", "x", "y")
    shown = [float(word.strip(",").replace("−", "-")) for word in (said[2], said[4])]
    np.testing.assert_allclose(shown, [x, y], atol=6e-3)


def test_a_map_of_training_images_shows_them_and_says_so(open_page, store: Store) -> None:
    page = loaded(open_page("recipes/measured/grounding.html"))
    assert "nearest training pictures" in page.locator(".acc-neighbors").inner_text()
    title = str(page.locator(".acc-neighbors .acc-thumb").first.get_attribute("title"))
    assert "training picture" in title
    page.locator(".acc-neighbors .acc-thumb").first.click()  # becomes the question
    until(page, "document.querySelector('.acc-chosen').textContent.startsWith('training picture')")
    chosen = int(page.locator(".acc-chosen").inner_text().split()[-1])
    indices = store.run("measured", "both_trained", 0).read_npz("interactive/manifold.npz")["indices"]
    assert chosen in indices


def test_perfect_separation_reaches_the_page(open_page) -> None:
    page = loaded(open_page("recipes/measured/nodes/apart_trained.html"))
    rows = {row.split("\n")[0]: row for row in page.locator("#metrics tbody tr").all_inner_texts()}
    fisher = next(row for name, row in rows.items() if "fisher ratio" in name.lower())
    assert "∞" in fisher
    score = next(row for name, row in rows.items() if name.lower().startswith("score"))
    assert "100.0" in score


def test_a_drawing_goes_through_every_module_or_the_page_says_why_not(open_page) -> None:
    runs = "~".join(f"foreign/{one}_trained/seed-0" for one in ("forward_only", "encoder_only", "map_code"))
    page = loaded(open_page(f"recipes/foreign/network.html#runs={runs}"))
    page.get_by_role("button", name="Edit this one").click()
    settled(page)
    looks = page.evaluate("accNetwork.branches().map(({ look }) => look?.isDrawn ?? null)")
    assert looks == [True, True, None]
    said = page.locator(".acc-network-view [role=status]").nth(2).inner_text()
    assert "MapCode returns no flat latent (B, D) under ModelOutput.LATENT" in said
    rebuilt = page.locator(".acc-layer-picture:visible", has_text="reconstruction")
    assert rebuilt.count() == 1  # there is none of an encoder alone
    assert rebuilt.locator("canvas").is_visible()
