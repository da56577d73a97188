"""The playground on the manifold in a real browser, from disk: its numbers are those of torch and of the analysis."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from browser_watch import drawn, new_context, settled, until, watch
from lab_pages import write_data, write_page
from PIL import Image
from playwright.sync_api import Browser, Page

from acc_assets.analysis.separation import barycentric_projection
from acc_assets.datasets import Digits
from acc_assets.export import export_onnx
from acc_assets.families.projections import METHODS, map_words
from acc_assets.models import ConvAutoencoder

pytestmark = pytest.mark.browser

SIZE, LATENT, K = 28, 8, 5
BRANCHES = ("plain", "normalised")
COLUMNS = 20


class Lab(NamedTuple):
    """A page on disk, and what it was made from."""

    page: Path
    site: Path
    images: np.ndarray  # (N, 1, H, W) uint8
    labels: np.ndarray
    models: dict[str, Any]
    reference: dict[str, np.ndarray]  # (R, D) as distances are measured
    coords: dict[str, np.ndarray]  # (R, 3)
    indices: np.ndarray  # (R,)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Two untrained encoders of real digits, one map with latents of length 1, on a page as the report writes it."""
    import torch

    from acc_assets.models import ModelOutput

    site = tmp_path_factory.mktemp("grounding")
    test = Digits(image_size=SIZE).load().test
    count = len(test.images) // COLUMNS * COLUMNS
    images, labels = test.images[:count], test.targets[:count].astype(np.int32)
    indices = np.arange(0, count, 2, dtype=np.int32)
    models, reference, coords = {}, {}, {}
    for seed, branch in enumerate(BRANCHES):
        torch.manual_seed(seed)
        model: Any = ConvAutoencoder(image_size=SIZE, latent_dim=LATENT).build().eval()
        with torch.no_grad():
            raw = model.encode(torch.from_numpy(images[indices]).float() / 255)[ModelOutput.LATENT].numpy()
        known = raw / np.linalg.norm(raw, axis=1, keepdims=True) if branch == "normalised" else raw
        centred = known - known.mean(axis=0)
        coords[branch] = (centred @ np.linalg.svd(centred, full_matrices=False)[2][:3].T).astype(np.float32)
        if branch == "normalised":  # torn in two, as UMAP may tear near neighbours apart
            coords[branch][labels[indices] % 2 == 1, 0] += 3 * np.ptp(coords[branch])
        models[branch], reference[branch] = model, known
        arrays = {
            "reference_points": coords[branch],
            "reference_latents": known,
            "reference_latents_raw": raw,
            "reference_labels": labels[indices],
            "indices": indices,
        }
        meta = {
            "n": len(indices),
            "latent_dim": LATENT,
            "l2_normalized": branch == "normalised",
            "projection_k": K,
            "dataset": "digits",
        }
        write_data(site, f"runs/lab/{branch}/seed-0/manifold", meta, arrays)
        _write_models(site, f"runs/lab/{branch}/seed-0/onnx", model, raw, images, labels)
    _write_dataset(site, images, labels)
    runs = [{"key": f"runs/lab/{branch}/seed-0", "label": branch} for branch in BRANCHES]
    page = write_page(site, "grounding", {"runs": runs, "maps": map_words()})
    return Lab(page, site, images, labels, models, reference, coords, indices)


def _write_models(
    site: Path, key: str, model: Any, latents: np.ndarray, images: np.ndarray, labels: np.ndarray
) -> None:
    bundle = export_onnx(model, (1, SIZE, SIZE), {"recipe": "lab"})
    meta = {
        "latent_dim": LATENT,
        "factors": [],
        "ranges": np.stack([latents.min(0), latents.max(0)], axis=1).tolist(),
        "image_size": SIZE,
        "channels": 1,
        "samples": [{"index": i, "label": int(labels[i])} for i in range(10)],
        "step": 0,
    }
    halves = {
        name: np.frombuffer(data, np.uint8)
        for name, data in (("encoder", bundle.encoder), ("decoder", bundle.decoder))
    }
    write_data(site, key, meta, {**halves, "samples": images[:10]})


def _write_dataset(site: Path, images: np.ndarray, labels: np.ndarray) -> None:
    rows = len(images) // COLUMNS
    tiles = images.reshape(rows, COLUMNS, SIZE, SIZE).transpose(0, 2, 1, 3)
    png = io.BytesIO()
    Image.fromarray(tiles.reshape(rows * SIZE, COLUMNS * SIZE)).save(png, "PNG")
    size = {"n": len(images), "width": SIZE, "height": SIZE, "channels": 1, "columns": COLUMNS}
    meta = {"name": "digits", "source": "scikit-learn", "classes": [str(c) for c in range(10)], **size}
    write_data(site, "datasets/lab/digits", meta, {"targets": labels})
    atlas = np.frombuffer(png.getvalue(), np.uint8)
    write_data(site, "datasets/lab/digits-pictures", {}, {"atlas": atlas})


@pytest.fixture
def page(browser: Browser, lab: Lab) -> Iterator[Page]:
    """The page with both branches ready; its test fails on any console error and any request outside the folder."""
    context = new_context(browser, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    faults = watch(page, lab.site)
    page.goto(lab.page.as_uri())
    settled(page)
    yield page
    context.close()
    assert not faults


def _state(page: Page) -> dict[str, Any]:
    return dict(page.evaluate("accGrounding.state()"))


def _torch(model: Any, part: str, values: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        given = torch.from_numpy(values.astype(np.float32))
        outputs = model.encode(given) if part == "encode" else model.decode({"latent": given})
    return np.asarray(outputs["latent" if part == "encode" else "reconstruction"].numpy())


def _placed(lab: Lab, branch: str, latent: np.ndarray) -> np.ndarray:
    new = latent / np.linalg.norm(latent) if branch == "normalised" else latent
    return np.asarray(
        barycentric_projection(new[None], lab.reference[branch], lab.coords[branch], K).coords[0]
    )


@pytest.mark.parametrize("index", [0, 1])
def test_latents_and_places_are_those_of_torch_and_of_the_analysis(page: Page, lab: Lab, index: int) -> None:
    branch = BRANCHES[index]
    for sample in range(3):
        picture = page.evaluate("i => accGrounding.sample(i)", sample)
        assert np.allclose(picture, lab.images[sample].ravel() / 255, atol=1e-6)
        latent = np.array(page.evaluate("([x, b]) => accGrounding.encode(x, b)", [picture, index]))
        expected = _torch(lab.models[branch], "encode", lab.images[sample : sample + 1] / 255)[0]
        assert np.abs(latent - expected).max() < 1e-4
        place = page.evaluate("([z, b]) => accGrounding.project(z, b)", [expected.tolist(), index])
        assert np.abs(place - _placed(lab, branch, expected)).max() < 1e-4


def test_a_probe_shows_what_torch_decodes_from_the_augmented_picture(page: Page, lab: Lab) -> None:
    page.locator(".acc-sample").nth(3).click()
    page.get_by_label("Rotation").fill("25")
    page.get_by_label("Noise").fill("0.1")
    settled(page)
    seen = np.array(page.evaluate("accGrounding.input()"), dtype=np.float32)
    assert np.abs(seen - lab.images[3].ravel() / 255).max() > 0.1
    for index, branch in enumerate(BRANCHES):
        shown = _state(page)["branches"][index]
        latent = _torch(lab.models[branch], "encode", seen.reshape(1, 1, SIZE, SIZE))
        assert np.abs(shown["latent"] - latent[0]).max() < 1e-4
        assert np.abs(shown["decoded"] - _torch(lab.models[branch], "decode", latent).ravel()).max() < 1e-4
        assert np.abs(shown["position"] - _placed(lab, branch, latent[0])).max() < 1e-3


BUSY = """() => new Promise((done) => {
  const element = document.querySelector('.acc-grounding');
  const { branches: before, settings } = accGrounding.state();
  const told = [];
  new MutationObserver(() => {
    const { isBusy, branches } = accGrounding.state();
    const answered = branches.filter(({ latent }, i) => latent[0] !== before[i].latent[0]).length;
    told.push([element.getAttribute('aria-busy'), isBusy, answered]);
    if (!isBusy) done(told);
  }).observe(element, { attributeFilter: ['aria-busy'] });
  for (const rotation of [10, 20]) accGrounding.set({ settings: { ...settings, rotation } });
})"""


def test_the_page_is_busy_from_a_question_until_every_branch_has_answered(page: Page) -> None:
    assert page.evaluate(BUSY) == [["true", True, 0], ["false", False, len(BRANCHES)]]


def test_the_noise_stays_while_another_slider_moves(page: Page) -> None:
    page.get_by_label("Masking").fill("0.4")
    settled(page)
    before = np.array(page.evaluate("accGrounding.input()"))
    page.get_by_label("Intensity").fill("0.5")
    settled(page)
    after = np.array(page.evaluate("accGrounding.input()"))
    assert np.allclose(after, before * 0.5, atol=1e-6)
    assert before.any()


def test_a_picture_of_the_map_lies_on_its_point_and_does_not_vote_for_itself(page: Page, lab: Lab) -> None:
    row = 4
    place = drawn(page).evaluate("row => accGrounding.screenPosition(row, 0)", row)
    page.mouse.move(place["x"], place["y"])
    page.mouse.down()
    page.mouse.move(place["x"] + 50, place["y"] + 10, steps=4)
    page.mouse.up()  # a drag turns the map and picks nothing
    assert drawn(page).locator(".acc-chosen").inner_text() == ""
    page.locator(".acc-thumb").first.click()
    settled(page)
    picked = int(page.locator(".acc-chosen").inner_text().removeprefix("test picture "))
    state = _state(page)["branches"][0]
    assert state["neighbors"][0] == picked
    assert state["weights"][0] > 0.99
    own = int(np.flatnonzero(lab.indices == picked)[0])
    assert np.abs(state["position"] - lab.coords["plain"][own]).max() < 1e-2
    assert "does not vote" in str(page.locator(".acc-thumb").first.get_attribute("title"))


def test_interpolation_regrounds_the_decoded_picture(page: Page, lab: Lab) -> None:
    page.get_by_role("button", name="Interpolate").click()
    a, b, t = int(lab.indices[2]), int(lab.indices[9]), 0.3
    page.evaluate("([a, b, t]) => accGrounding.set({a, b, t})", [a, b, t])
    settled(page)
    for index, branch in enumerate(BRANCHES):
        model = lab.models[branch]
        ends = _torch(model, "encode", lab.images[[a, b]] / 255)
        line = (1 - t) * ends[0] + t * ends[1]
        again = _torch(model, "encode", _torch(model, "decode", line[None]))[0]
        shown = _state(page)["branches"][index]
        assert np.abs(shown["latent"] - again).max() < 1e-4
        assert shown["drift"] == pytest.approx(float(np.linalg.norm(line - again)), abs=1e-4)
        assert np.abs(shown["decoded"] - _torch(model, "decode", again[None]).ravel()).max() < 1e-4


def test_a_marker_that_stands_where_no_test_image_is_is_called_off_the_map(page: Page, lab: Lab) -> None:
    from scipy.spatial import cKDTree

    verdicts = []
    for sample in (0, 1, 2, 5, 8):
        page.locator(".acc-sample").nth(sample).click()
        settled(page)
        for index, branch in enumerate(BRANCHES):
            latent = _torch(lab.models[branch], "encode", lab.images[sample : sample + 1] / 255)[0]
            tree = cKDTree(lab.coords[branch])
            nearest = np.sort(tree.query(lab.coords[branch], 2)[0][:, 1])
            gap = tree.query(_placed(lab, branch, latent))[0]
            off = gap > nearest[int((len(nearest) - 1) * 0.99)]
            assert _state(page)["branches"][index]["isOffMap"] == off
            facts = page.locator(".acc-branch").nth(index).locator(".acc-ground-facts").inner_text()
            assert ("off the map" in facts) == off
            assert "±" in facts
            verdicts.append(bool(off))
    assert set(verdicts) == {True, False}, verdicts


def test_the_drift_charts_share_one_labelled_axis(page: Page, lab: Lab) -> None:
    page.get_by_role("button", name="Interpolate").click()
    a, b = int(lab.indices[2]), int(lab.indices[9])
    page.evaluate("([a, b]) => accGrounding.set({a, b, t: 0.5})", [a, b])
    settled(page)
    tops = page.locator(".acc-drift-top").all_inner_texts()
    assert len(tops) == len(BRANCHES)
    assert len(set(tops)) == 1
    top = float(tops[0].removesuffix(" %")) / 100
    most = []
    for branch in BRANCHES:
        model = lab.models[branch]
        ends = _torch(model, "encode", lab.images[[a, b]] / 255)
        line = np.stack([(1 - t) * ends[0] + t * ends[1] for t in np.linspace(0, 1, 33)])
        again = _torch(model, "encode", _torch(model, "decode", line))
        most.append(float(np.linalg.norm(line - again, axis=1).max() / np.linalg.norm(ends[0] - ends[1])))
    assert max(most) <= top <= 2.6 * max(most)  # the axis ends at 1, 2 or 5 times a power of ten
    for index, share in enumerate(most):
        path = page.locator(".acc-drift-area").nth(index).get_attribute("d")
        heights = [float(point.split(" ")[1]) for point in str(path).split("L")[1:-1]]
        assert (44 - min(heights)) / 41 == pytest.approx(share / top, abs=0.01)


def test_the_page_says_what_distances_on_the_map_mean(page: Page) -> None:
    assert page.locator(".acc-map-note").first.inner_text().startswith(f"{METHODS['umap'].note} The marker")


def test_play_walks_from_a_to_b_and_stops_there(page: Page) -> None:
    page.get_by_role("button", name="Interpolate").click()
    page.evaluate("accGrounding.set({t: 0.8})")
    page.get_by_role("button", name="Play from A to B").click()
    until(page, "accGrounding.state().t === 1")
    page.get_by_role("button", name="Play from A to B").wait_for()


def test_a_drawing_reaches_every_branch(page: Page) -> None:
    before = [branch["latent"] for branch in _state(page)["branches"]]
    page.get_by_role("button", name="Draw").click()
    box = page.locator(".acc-drawing-canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"])
    page.mouse.up()
    settled(page)
    assert sum(page.evaluate("accGrounding.input()")) > 10  # one fast stroke leaves no gap
    for old, branch in zip(before, _state(page)["branches"], strict=True):
        assert branch["latent"] != old
    assert page.locator(".acc-disagreement").is_visible()


def test_an_address_brings_a_walk_back(page: Page, lab: Lab) -> None:
    page.goto(
        f"{lab.page.as_uri()}#mode=interpolate&ends=4-10&t=0.25"
    )  # an edited fragment loads the page again
    until(page, "window.accGrounding?.state().mode === 'interpolate'")
    settled(page)
    state = _state(page)
    assert (state["mode"], state["a"], state["b"], state["t"]) == ("interpolate", 4, 10, 0.25)


def test_a_phone_shows_it_all_without_scrolling_sideways(browser: Browser, lab: Lab) -> None:
    context = new_context(browser, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(lab.page.as_uri())
    settled(page)
    for mode in ("Probe", "Interpolate"):
        page.get_by_role("button", name=mode, exact=True).tap()
        assert drawn(page).evaluate("document.documentElement.scrollWidth") == 390
    place = drawn(page).evaluate("accGrounding.screenPosition(7)")
    page.touchscreen.tap(place["x"], place["y"])
    until(page, "accGrounding.state().next === 'b'")  # the tap set A
    context.close()
