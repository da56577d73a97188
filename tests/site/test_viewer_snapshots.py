"""The viewer at a snapshot before the last one: what it says and shows is of that snapshot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from browser_watch import drawn, settled

from acc_assets.storage import Store

pytestmark = pytest.mark.browser

VIEWER = "recipes/tiny/latent/labelled_trained.html"
RUN = ("tiny", "labelled_trained", 0)
POINT = 42


def share_of_label(storage: Path, step: int, labels: np.ndarray, point: int) -> int:
    graph = Store(storage).run(*RUN).read_npz(f"neighbors/knn_step_{step}.npz")
    return int((labels[graph["indices"][point][:15]] == labels[point]).sum())


@pytest.fixture
def labels(built_storage: Path) -> np.ndarray:
    return np.asarray(Store(built_storage).recipe("tiny").read_npz("data-digits/test.npz")["targets"])


@pytest.mark.parametrize("step", [0, 6, 12])
def test_the_facts_are_those_of_the_snapshot(
    open_page, built_storage: Path, labels: np.ndarray, step: int
) -> None:
    latents = Store(built_storage).run(*RUN).read_npz(f"latents/latents_step_{step}.npz")
    predicted = latents["pred/digit"]
    page = settled(open_page(f"{VIEWER}#step={step}&point={POINT}&color=outcome"))
    same = share_of_label(built_storage, step, labels, POINT)
    card = page.get_by_label("Focused point")
    card.get_by_text(f"{same} of 15 nearest neighbours share its label, at step {step}").wait_for()
    right = predicted[POINT] == labels[POINT]
    said = card.locator(".acc-facts").inner_text().split("\n")
    assert said[said.index("predicted") + 1] == f"{predicted[POINT]} {'✓' if right else '✗'}"
    assert float(said[said.index("error") + 1]) == pytest.approx(float(latents["error"][POINT]), abs=5e-4)
    assert said[said.index("at step") + 1] == str(step)
    listed = page.locator(".acc-focus-card .acc-thumb").evaluate_all(
        "all => all.map(one => +one.dataset.index)"
    )
    graph = Store(built_storage).run(*RUN).read_npz(f"neighbors/knn_step_{step}.npz")
    assert listed == graph["indices"][POINT][:15].tolist()
    counts = page.locator(".acc-legend-count").all_inner_texts()
    wrong = int((predicted != labels).sum())
    assert [int(text) for text in counts] == [len(labels) - wrong, wrong]


def test_facts_follow_the_slider(open_page, built_storage: Path, labels: np.ndarray) -> None:
    page = settled(open_page(f"{VIEWER}#point={POINT}"))
    card = page.get_by_label("Focused point")
    for step in (0, 12, 6):
        page.evaluate("step => window.accViewer.set({step})", step)
        same = share_of_label(built_storage, step, labels, POINT)
        card.get_by_text(f"{same} of 15 nearest neighbours share its label, at step {step}").wait_for()


@pytest.mark.parametrize("projection", ["umap-2", "umap-3", "pca-2"])
def test_every_snapshot_fills_the_view(open_page, projection: str) -> None:
    method, dimensions = projection.split("-")
    page = settled(open_page(f"{VIEWER}#proj={method}&dim={dimensions}&step=0"))
    assert page.evaluate("window.accViewer.state().method") == method
    for step in (0, 6, 12):
        page.evaluate("step => window.accViewer.set({step})", step)
        box = drawn(page).locator(".acc-stage").bounding_box()
        assert box is not None
        places = page.evaluate(
            "[...Array(360).keys()].map((i) => window.accViewer.screenPosition(i)).map(({x, y}) => [x, y])"
        )
        at = np.array(places) - [box["x"], box["y"]]
        low, high = np.percentile(at, [2, 98], axis=0)
        side = min(box["width"], box["height"])
        assert (high - low).max() > 0.5 * side, (step, low, high)
        assert np.abs((low + high) / 2 - [box["width"] / 2, box["height"] / 2]).max() < 0.25 * side, step


def test_class_names_stand_where_the_shown_snapshot_has_the_classes(
    open_page, built_storage: Path, labels: np.ndarray
) -> None:
    page = settled(open_page(VIEWER))
    for step in (12, 0):
        page.evaluate("step => window.accViewer.set({step})", step)
        coords = (
            Store(built_storage).run(*RUN).read_npz(f"projections/latent_2d_step_{step}_umap.npz")["coords"]
        )
        spread = np.linalg.norm(coords - np.median(coords, axis=0), axis=1)
        width = 0.08 * np.percentile(spread, 99)
        named = {one["name"]: one["index"] for one in page.evaluate("window.accViewer.classNames()")}
        assert len(named) == 10
        for name, index in named.items():
            own = coords[labels == int(name)]
            density = np.exp(-((own[:, None] - own[None]) ** 2).sum(-1) / (2 * width**2)).sum(1)
            here = np.exp(-((own - coords[index]) ** 2).sum(-1) / (2 * width**2)).sum()
            assert here > np.percentile(density, 80), (step, name)
