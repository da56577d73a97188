"""The latent explorer of a mixture VAE, from the data scripts that its families offer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from browser_watch import drawn, new_context, settled, until, watch
from lab_pages import write_data, write_page
from playwright.sync_api import Browser, Page, expect
from small_mixture import EXAMPLES, RUN, STEPS, K, run_of

from acc_assets.analysis.figures import atlas
from acc_assets.analysis.neighbors import edge_distances, knn_graph
from acc_assets.analysis.projections import pca
from acc_assets.assets.analyses import density as density_asset
from acc_assets.assets.analyses import distortion as distortion_asset
from acc_assets.assets.analyses import mixture as mixture_asset
from acc_assets.assets.analyses import samples as samples_asset
from acc_assets.assets.work import NodeWork
from acc_assets.datasets import Digits
from acc_assets.families import (
    Artifacts,
    Density,
    Distortion,
    RunArtifacts,
    Samples,
    dataset,
    density,
    distortion,
    latents,
    mixture,
    neighbors,
    projections,
    samples,
)
from acc_assets.storage import RunDirectory, Store

pytestmark = pytest.mark.browser

FAMILIES = (
    latents.FAMILY,
    neighbors.FAMILY,
    projections.FAMILY,
    density.FAMILY,
    distortion.FAMILY,
    mixture.FAMILY,
    samples.FAMILY,
)
KEY = f"runs/{RUN[0]}/{RUN[1]}/seed-{RUN[2]}"
DRAWS, POINT = 4, EXAMPLES[0]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("explorer") / "storage")


@pytest.fixture(scope="module")
def run(store: Store) -> RunDirectory:
    """A run with all families of the explorer, on digits; its map is PCA alone."""
    test = Digits(image_size=16).load().test
    run, work = run_of(store, test.images, "digits")
    graphs = {step: knn_graph(latents.SERIES.read(run, step)["mu"], 15) for step in STEPS}
    neighbors.write(
        run, {step: {"indices": one.indices, "distances": one.distances} for step, one in graphs.items()}, 15
    )
    coords = {
        ("pca", dim): {step: pca(latents.SERIES.read(run, step)["mu"], dim).coords for step in STEPS}
        for dim in (2, 3)
    }
    projections.write(
        run,
        coords,
        {
            kind: {step: edge_distances(one, graphs[step]) for step, one in by_step.items()}
            for kind, by_step in coords.items()
        },
        trustworthiness={},
        trust_neighbors=15,
        explained_variance={},
        density=None,
        radii={},
        params={},
    )
    pictures, columns = atlas(test.images)
    dataset.write(
        store.recipe(RUN[0]),
        "digits",
        images=test.images,
        targets=test.targets,
        factors={},
        properties={},
        atlas=pictures,
        grid=pictures,
        target_counts={},
        facts={
            "source": "digits",
            "kind_of_target": "class",
            "atlas_columns": columns,
            "class_names": list("0123456789"),
        },
    )
    for request, asset in (
        (Density(samples=200, cells=32), density_asset),
        (Distortion(), distortion_asset),
        (None, mixture_asset),
        (Samples(examples=2, draws=DRAWS), samples_asset),
    ):
        work.request = request
        asset.run(cast(NodeWork, work))
    return run


@pytest.fixture(scope="module")
def address(store: Store, run: RunDirectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The explorer's page of that run, with the scripts that its families offer."""
    site = tmp_path_factory.mktemp("explorer_site")
    shown, shared = RunArtifacts(run, *RUN, families=FAMILIES), Artifacts(store.recipe(RUN[0]))
    images = dataset.DatasetFamily("digits").of_test_images(shared, "viewer")
    offered = [payload for family in FAMILIES for payload in family.payloads(shown, shared)]
    for key, payload in (
        *((f"datasets/{RUN[0]}/{one.what}", one) for one in images),
        *((f"{KEY}/{one.what}", one) for one in offered),
    ):
        write_data(site, key, *payload.make())
    needs = " ".join(f"{KEY}/{one.what}" for one in offered)
    return write_page(
        site,
        "latent-viewer",
        {"runs": [{"key": KEY, "label": "one"}], "needs": needs, "maps": projections.map_words()},
    )


def opened(browser: Browser, address: Path, fragment: str = "", **options: Any) -> Iterator[Page]:
    context = new_context(browser, **options)
    page = context.new_page()
    faults = watch(page, address.parent)
    page.goto(address.as_uri() + fragment)
    yield settled(page)
    context.close()
    assert faults == []


@pytest.fixture(scope="module")
def explorer(browser: Browser, address: Path) -> Iterator[Page]:
    yield from opened(browser, address, viewport={"width": 1280, "height": 900})


@pytest.fixture
def page(explorer: Page) -> Page:
    """The page, in the state in which it opens."""
    explorer.evaluate(
        "window.accViewer.set({color: 'label', focus: null, selection: [], only: false, ground: '', edges: 'top', "
        "extent: 1, part: null, camera: null, dimensions: 2, step: 5, hidden: []})"
    )
    return settled(explorer)


def stage(page: Page) -> bytes:
    """The points and what lies below them, as they are drawn, with no point under the mouse."""
    page.mouse.move(0, 0)
    return drawn(page).locator(".acc-stage").screenshot()


def state(page: Page, name: str) -> Any:
    return page.evaluate("name => window.accViewer.state()[name]", name)


def test_points_are_coloured_by_component_responsibility_and_entropy(page: Page, run: RunDirectory) -> None:
    shares = latents.SERIES.read(run)["component"]
    page.get_by_role("combobox", name="Colour").select_option(label="Component")
    counts = [int(text) for text in page.locator(".acc-legend-count").all_inner_texts()]
    assert counts == np.bincount(shares.argmax(1), minlength=K).tolist()
    assert page.locator("optgroup[label=Responsibility] option").count() == K
    for label, color in (
        ("Entropy of q(c|x) (nats)", "mixture:entropy"),
        ("Responsibility of component 2", "mixture:q2"),
    ):
        page.get_by_role("combobox", name="Colour").select_option(label=label)
        assert state(page, "color") == color
        page.get_by_role("img", name=label).wait_for()


def test_the_mixture_is_that_of_the_snapshot_and_a_component_shows_its_samples(
    page: Page, run: RunDirectory
) -> None:
    for step in STEPS:
        page.evaluate("step => window.accViewer.set({step})", step)
        told = run.read_json(mixture.SERIES.path(step))
        page.get_by_role("heading", name=f"{told['neff']:.1f} of {K} components in effect").wait_for()
        for component, (weight, count) in enumerate(zip(told["p"], told["argmax_counts"], strict=True)):
            said = f"Component {component}: weight {round(100 * weight)} %, likeliest of {count} images"
            page.get_by_role("button", name=said).wait_for()
    settled(page).locator("[data-part='1']").click()
    assert (state(page, "part"), state(page, "color")) == (1, "mixture:q1")
    page.get_by_role("heading", name="Samples of component 1, at step 5").wait_for()
    kept = samples.series(samples.PRIOR, DRAWS).read(run)["images"][1]
    settled(page)
    shown = page.locator(".acc-draws canvas").evaluate_all(
        "all => all.map(one => [...one.getContext('2d').getImageData(0, 0, 16, 16).data].filter((_, i) => i % 4 === 0))"
    )
    np.testing.assert_array_equal(np.array(shown), kept.reshape(DRAWS, -1))
    settled(page).get_by_role("group", name="Components").get_by_role("button").nth(1).press("Enter")
    assert state(page, "part") is None


def test_posterior_samples_stand_beside_the_point_that_they_are_drawn_around(page: Page) -> None:
    page.get_by_role("heading", name="Samples of q(z|x) around these images").wait_for()
    page.locator(f".acc-mixture .acc-thumb[data-index='{POINT}']").click()
    page.get_by_role("heading", name=f"Samples of q(z|x) around point {POINT}, at step 5").wait_for()
    expect(page.locator(".acc-draws canvas")).to_have_count(DRAWS)
    assert state(page, "focus") == POINT


def test_densities_and_distortion_lie_below_the_points_of_two_dimensional_maps(page: Page) -> None:
    plain = stage(page)
    choice = page.get_by_label("Below the points")
    options = choice.locator("option").all_inner_texts()
    assert options == [
        "Nothing",
        *(f"Density: {source}" for source in ("posterior", "prior, uniform", "prior, empirical")),
        "Distortion of the map",
    ]
    seen = {plain}
    for label, note in zip(
        options[1:],
        (
            "Density of the posterior",
            "weighed alike",
            "as the test images use them",
            "neighbourhoods are drawn larger",
        ),
        strict=True,
    ):
        choice.select_option(label=label)
        page.get_by_text(note).wait_for()
        seen.add(stage(page))
    assert len(seen) == len(options)
    page.evaluate("window.accViewer.set({opacity: 0})")
    assert stage(page) == plain
    page.evaluate("window.accViewer.set({opacity: 0.7, dimensions: 3})")
    choice.wait_for(state="hidden")


def test_edges_fade_beyond_an_extent_that_grows_with_the_distance_in_latent_space(
    page: Page, run: RunDirectory
) -> None:
    graph = neighbors.SERIES.read(run)
    page.evaluate("focus => window.accViewer.set({focus})", POINT)
    until(page, "window.accViewer.edges().length === 15")
    assert (
        settled(page).evaluate("window.accViewer.edges().map(({to}) => to)")
        == graph["indices"][POINT].tolist()
    )
    reaches = {}
    for focus in (POINT, 20, 100, 200):
        page.evaluate("focus => window.accViewer.set({focus, edges: 'extent'})", focus)
        until(page, "focus => window.accViewer.edges()[0]?.from === focus", focus)
        reaches[focus] = settled(page).evaluate("window.accViewer.edges()[0].reach")
    farthest = graph["distances"][list(reaches), -1]
    np.testing.assert_allclose(
        np.array([*reaches.values()]) / reaches[POINT], farthest / farthest[0], rtol=1e-4
    )
    page.evaluate("window.accViewer.set({extent: 2})")
    assert page.evaluate("window.accViewer.edges()[0].reach") == pytest.approx(2 * reaches[200])
    page.keyboard.press("e")
    assert (state(page, "edges"), page.evaluate("window.accViewer.edges().length")) == ("none", 0)


def test_a_focused_set_is_shown_alone_with_its_edges(page: Page) -> None:
    visible = "[...Array(360).keys()].filter((i) => window.accViewer.screenPosition(i).visible).length"
    page.get_by_role("button", name="150 evenly").click()
    page.get_by_text("150 of 360 points shown.").wait_for()
    assert page.evaluate(visible) == 150
    until(page, "window.accViewer.edges().length === 150 * 15")
    page.evaluate("focus => window.accViewer.set({focus})", POINT)
    settled(page).get_by_role("button", name="Neighbourhood").click()
    assert POINT in state(page, "selection")
    page.get_by_role("button", name="All", exact=True).click()
    assert page.evaluate(visible) == 360
    page.evaluate("window.accViewer.set({focus: null})")
    page.keyboard.press("f")
    assert (state(page, "only"), len(state(page, "selection"))) == (True, 150)


def test_a_link_opens_the_same_view_on_a_phone(browser: Browser, address: Path, page: Page) -> None:
    page.get_by_role("button", name="150 evenly").click()
    wanted = {
        "ground": "density:prior",
        "opacity": 0.4,
        "edges": "extent",
        "extent": 0.5,
        "part": 2,
        "focus": 12,
    }
    page.evaluate("wanted => window.accViewer.set(wanted)", wanted)
    until(page, "location.hash.includes('part=2')")
    fragment = page.evaluate("location.hash")
    options = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}
    for phone in opened(browser, address, fragment, **options):
        found = phone.evaluate("window.accViewer.state()")
        assert {name: found[name] for name in wanted} == wanted
        assert (found["only"], len(found["selection"])) == (True, 150)
        phone.get_by_role("heading", name="Samples of component 2").wait_for()
        phone.get_by_label("Below the points").wait_for()
        assert drawn(phone).evaluate("document.documentElement.scrollWidth") <= 390
