"""The network inspector in a real browser, from disk: what it computes is what torch has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from browser_watch import drawn, new_context, settled, until, watch
from lab_pages import write_data, write_page
from playwright.sync_api import Browser, Page

from acc_assets.analysis.network_layers import describe_layers
from acc_assets.analysis.network_snapshot import look_into
from acc_assets.datasets import Digits
from acc_assets.export import export_onnx
from acc_assets.families import Artifacts, RunArtifacts, network, onnx
from acc_assets.families.dataset import TEST, DatasetFamily
from acc_assets.models import ConvAutoencoder, observe
from acc_assets.models.network_choice import choose_network
from acc_assets.storage import RunDirectory, Store

pytestmark = pytest.mark.browser

SIZE = 16
SHAPE = (1, SIZE, SIZE)
CHANNELS = {"narrow": (4, 6), "wide": (6, 12)}  # branch -> widths
STEPS = (0, 40)
SECOND, RELU = "backbone.2", "backbone.3"


class Lab(NamedTuple):
    """A page on disk, and what it was made from."""

    page: Path
    site: Path
    images: np.ndarray  # (E, 1, H, W) in [0, 1]: the examples
    models: dict[tuple[str, int], Any]  # by branch and step
    facts: dict[str, Any]  # of the narrow branch


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Two branches with two snapshots each, captured and written as the asset does."""
    import torch

    site, store = tmp_path_factory.mktemp("network"), Store(tmp_path_factory.mktemp("store"))
    test = Digits(image_size=SIZE).load().test
    shared = store.recipe("lab")
    with shared.family(DatasetFamily("digits").name) as out:
        out.npz(TEST, {"images": test.images, "targets": test.targets})
    models, documents = {}, {}
    for branch, channels in CHANNELS.items():
        snapshots, described = {}, []
        for step in STEPS:
            torch.manual_seed(step)
            model: Any = ConvAutoencoder(image_size=SIZE, latent_dim=4, channels=channels).build().eval()
            models[branch, step] = model
            choice = choose_network(model, SHAPE, range(6), observe(model, SHAPE))
            described = describe_layers(model, SHAPE, choice)
            examples, subset = test.images[choice["examples"]], test.images[:40]
            seen = look_into(model, choice, described, examples, subset, 5, decodes=True)
            for place, (difference, tolerance) in seen.differences.items():
                described[place]["conv_step"] |= {"difference": difference, "tolerance": tolerance}
            snapshots[step] = seen
        documents[branch] = {
            "epochs": [0.0, 1.5],
            "image_shape": list(SHAPE),
            "examples": choice["examples"],
            "close_examples": choice["close_examples"],
            "subset_n": 40,
            "k": 5,
            "layers": described,
            "left_out": choice["left_out"],
            "latents": seen.latents,
            "perturb": seen.perturbed,
            "lacks": {},
            "sampling": None,
            "chosen_before_training": True,
        }
        run = store.run("lab", branch, 0)
        run.write_json("config.json", {"primary_dataset": "digits"})
        network.write(run, {step: one.parts for step, one in snapshots.items()}, documents[branch])
        if branch == "narrow":
            _write_graphs(run, model, [layer["name"] for layer in described])
        for family in (network.FAMILY, onnx.FAMILY):
            for payload in family.payloads(RunArtifacts(run, "lab", branch, 0), Artifacts(shared)):
                write_data(site, f"{_run(branch)}/{payload.what}", *payload.make())
    runs = [{"key": _run(branch), "label": f"{branch}, seed 0"} for branch in CHANNELS]
    needs = " ".join(f"{_run(branch)}/network-images" for branch in CHANNELS)
    page = write_page(site, "network", {"runs": runs, "needs": needs})
    images = test.images[documents["narrow"]["examples"]].astype(np.float32) / 255
    return Lab(page, site, images, models, documents["narrow"])


def _write_graphs(run: RunDirectory, model: Any, layers: list[str]) -> None:
    """Both halves with their layers, as the asset writes them."""
    bundle = export_onnx(model, SHAPE, {}, layers)
    facts = {**bundle.to_json(), "step": STEPS[-1], "examples": [0], "ranges": [[-3.0, 3.0]] * 4}
    onnx.write(run, bundle.encoder, bundle.decoder, {}, facts)


def _run(branch: str) -> str:
    return f"runs/lab/{branch}/seed-0"


@pytest.fixture(scope="module")
def window(browser: Browser, lab: Lab) -> Iterator[Page]:
    """One page for all tests; they fail together on any console error and any request outside the folder."""
    context = new_context(browser, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    faults = watch(page, lab.site)
    yield page
    context.close()
    assert not faults


@pytest.fixture
def page(window: Page, lab: Lab) -> Page:
    """The page as it opens without an address."""
    return _open(window, lab)


def _open(page: Page, lab: Lab, fragment: str = "") -> Page:
    page.goto("about:blank")
    page.goto(lab.page.as_uri() + fragment)
    return settled(page)


def _saved(page: Page) -> str:
    """The address's fragment, once it is that of what is shown; it is written a moment after the last change."""
    until(page, "location.hash.slice(1) === accNetwork.fragment()")
    return str(page.evaluate("location.hash"))


def _look(page: Page, branch: int = 0) -> dict[str, Any]:
    return dict(page.evaluate("branch => accNetwork.branches()[branch].look", branch))


def _shows(page: Page, **wanted: Any) -> dict[str, Any]:
    """What the first branch shows, which is what is wanted."""
    look = _look(settled(page))
    assert {name: look[name] for name in wanted} == wanted
    return look


def _inputs_and_outputs(lab: Lab, branch: str, step: int, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """What a layer of a model gets and gives for the examples."""
    import torch

    seen: dict[str, Any] = {}
    model = lab.models[branch, step]
    module = dict(model.named_modules())[layer]
    handle = module.register_forward_hook(lambda _, given, made: seen.update(given=given[0], made=made))
    with torch.no_grad():
        model(torch.from_numpy(lab.images))
    handle.remove()
    return seen["given"].numpy(), seen["made"].numpy()


def _check_step(lab: Lab, look: dict[str, Any], branch: str = "narrow") -> None:
    """Compare the terms and the value of the shown convolution with the model's weights and torch's output."""
    given, made = _inputs_and_outputs(lab, branch, look["step"], look["layer"])
    module = dict(lab.models[branch, look["step"]].named_modules())[look["layer"]]
    weight, bias = module.weight.detach().numpy(), module.bias.detach().numpy()
    example, channel, (x, y) = look["example"], look["channel"], look["at"]
    padded = np.pad(given[example], ((0, 0), (1, 1), (1, 1)))[:, 2 * y : 2 * y + 3, 2 * x : 2 * x + 3]
    shown = look["convolution"]
    within = 1e-5 if shown["isExact"] else shown["tolerance"]
    assert len(shown["terms"]) == weight.shape[1]
    for term in shown["terms"]:
        assert np.allclose(term["kernel"], weight[channel, term["channel"]].ravel(), atol=1e-6)
        assert np.allclose(term["patch"], padded[term["channel"]].ravel(), atol=within)
        assert np.allclose(term["product"], np.multiply(term["patch"], term["kernel"]), atol=1e-6)
        assert term["sum"] == pytest.approx(sum(term["product"]), abs=1e-5)
    assert shown["sum"] == pytest.approx(sum(term["sum"] for term in shown["terms"]), abs=1e-5)
    assert shown["bias"] == pytest.approx(bias[channel], abs=1e-6)
    value = made[example, channel, y, x]
    assert shown["computed"] == pytest.approx(value, abs=within)
    assert shown["captured"] == pytest.approx(value, abs=within)
    assert shown["activated"] == pytest.approx(max(value, 0.0), abs=within)


def test_the_layers_stand_in_columns_with_all_their_maps(page: Page) -> None:
    heads = page.locator(".acc-layer-head b").all_inner_texts()
    assert heads == ["input", "backbone.0", SECOND, "code", "decoder.layers.0", *heads[5:7], "reconstruction"]
    maps = [column.locator(".acc-map").count() for column in page.locator(".acc-layer").all()]
    assert maps[:3] == [4, 6, 4]
    assert drawn(page).locator(".acc-flow-wires").evaluate("one => one.width > 0 && one.height > 0")
    assert page.locator(".acc-network-examples button").count() == 6
    label = page.locator(".acc-map").first.get_attribute("aria-label")
    assert str(label).startswith("backbone.0 after ReLU, channel 0: from")


def test_the_maps_follow_the_pages_theme(page: Page) -> None:
    pixel = "() => String(document.querySelector('.acc-map canvas').getContext('2d').getImageData(0, 0, 1, 1).data)"
    light = page.evaluate(pixel)
    page.emulate_media(color_scheme="dark")
    until(page, f"light => ({pixel})() !== light", light)
    page.emulate_media(color_scheme="light")
    until(page, f"light => ({pixel})() === light", light)


def test_a_layer_a_channel_and_a_place_lead_to_patch_times_kernel(page: Page, lab: Lab) -> None:
    page.locator(".acc-layer").nth(1).locator(".acc-map").nth(2).click()
    look = _shows(page, layer=SECOND, channel=2)
    stored = lab.facts["layers"][[one["name"] for one in lab.facts["layers"]].index(SECOND)]["positions"]
    assert list(look["at"]) in [list(place) for place in stored]
    assert look["convolution"]["isExact"]
    _check_step(lab, look)
    box = page.locator(".acc-map-large").bounding_box()
    assert box is not None
    x, y = next([x, y] for x in range(4) for y in range(4) if [x, y] not in [list(one) for one in stored])
    page.mouse.click(box["x"] + (x + 0.5) / 4 * box["width"], box["y"] + (y + 0.5) / 4 * box["height"])
    look = _shows(page, at=[x, y])
    assert not look["convolution"]["isExact"]
    _check_step(lab, look)
    shown = page.locator(".acc-totals").inner_text()
    assert f"{look['convolution']['computed']:.3f}".replace("-", "−") in shown
    assert "Within the 8 bits" in shown


def test_every_example_and_place_of_the_first_layer_is_torchs(page: Page, lab: Lab) -> None:
    for example, x, y, step in ((0, 0, 0, 40), (5, 7, 3, 40), (3, 4, 7, 0), (1, 2, 5, 0)):
        page.evaluate(
            "([example, x, y, step]) => accNetwork.set({layer: 'backbone.0', channel: 1, example, at: [x, y], step})",
            [example, x, y, step],
        )
        look = _shows(page, layer="backbone.0", channel=1, example=example, at=[x, y], step=step)
        _check_step(lab, look)
        _, made = _inputs_and_outputs(lab, "narrow", step, "backbone.0")
        assert (
            np.abs(np.array(look["values"]) - made[example, 1].ravel()).max()
            <= np.ptp(made[example, 1]) / 255
        )


def test_an_address_that_asks_for_what_is_not_there_says_so_or_falls_back(window: Page, lab: Lab) -> None:
    page = _open(
        window, lab, "#layer=constructor&channel=99&at=99-99&example=99&step=7&move=constructor~0~0&runs=x"
    )
    assert "no layer called constructor" in page.locator(".acc-network-view [role=status]").inner_text()
    page.evaluate("accNetwork.set({layer: 'backbone.0'})")
    look = _shows(page, layer="backbone.0", example=5, step=0)
    assert look["at"] in [[x, y] for x in range(8) for y in range(8)]
    _check_step(lab, look)


def test_what_a_place_sees_is_marked_on_the_picture(page: Page) -> None:
    page.evaluate("accNetwork.set({layer: 'backbone.2', channel: 0, at: [0, 1]})")
    _shows(page, layer=SECOND, at=[0, 1])
    assert "rows 1 to 7, columns 0 to 3" in page.locator(".acc-place figcaption").first.inner_text()
    style = str(page.locator(".acc-place .acc-box").first.get_attribute("style"))
    assert "top: 6.25%" in style
    assert "width: 25%" in style


def test_an_address_brings_the_view_back(page: Page, lab: Lab) -> None:
    page.evaluate(
        "accNetwork.set({layer: 'backbone.2', channel: 3, at: [2, 1], example: 1, step: 0, rank: 'mean', "
        "moved: {latent: 'z', dim: 1, move: 4}, colors: 'channel', training: true})"
    )
    _shows(page, layer=SECOND, channel=3, step=0)
    page.get_by_role("button", name="Compare with a branch").click()
    settled(page)
    saved = _saved(page)
    assert "training=1" in saved
    assert "wide" in saved
    before = page.evaluate("[accNetwork.state(), accNetwork.branches().map(({ run }) => run)]")
    _open(page, lab, page.evaluate("location.hash"))
    assert page.evaluate("[accNetwork.state(), accNetwork.branches().map(({ run }) => run)]") == before
    assert before[1] == [_run("narrow"), _run("wide")]
    assert page.locator(".acc-training-map[aria-pressed=true]").count() == 2
    for place, branch in enumerate(("narrow", "wide")):
        _check_step(lab, _look(page, place), branch)


def test_keys_move_the_place_the_channel_the_layer_and_the_snapshot(page: Page) -> None:
    page.evaluate("accNetwork.set({layer: 'backbone.0', channel: 0, at: [3, 3]})")
    _shows(page, at=[3, 3])
    page.locator(".acc-map-large").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    _shows(page, at=[4, 4])
    for key, wanted in (
        ("j", {"channel": 1}),
        ("k", {"channel": 0}),
        ("]", {"layer": "backbone.1"}),
        (",", {"step": 0}),
        (".", {"step": 40}),
        ("e", {"example": 1}),
    ):
        page.keyboard.press(key)
        _shows(page, **wanted)
    page.locator(".acc-map[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    _shows(page, channel=1)
    page.keyboard.press("ArrowRight")
    _shows(page, layer=SECOND)
    assert page.evaluate("document.activeElement.className") == "acc-map"


def test_a_moved_latent_shows_what_torch_decodes(page: Page, lab: Lab) -> None:
    import torch

    moved = lab.facts["perturb"]["z"]
    page.get_by_label("Dimension").select_option("2")
    slider = page.get_by_label("moved by").first
    slider.fill("0")
    settled(page)
    model = lab.models["narrow", 40]
    with torch.no_grad():
        latent = model.encode(torch.from_numpy(lab.images[:1]))["latent"]
        value = page.locator(".acc-moved figcaption strong")
        latent[0, 2] = float(value.inner_text().replace("−", "-"))
        decoded = model.decode({"latent": latent})["reconstruction"].numpy().ravel()
    assert np.abs(_pixels(page, ".acc-moved figure canvas") - decoded).max() < 0.02
    assert len(moved["moves"]) == page.locator(".acc-strip button").count()


def _draw(page: Page, strokes: list[list[tuple[float, float]]], *, finger: bool = False) -> None:
    """Draw with the mouse, or with a finger as a touch screen has it."""
    canvas = page.locator(".acc-drawing-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    touch = page.context.new_cdp_session(page) if finger else None
    for stroke in strokes:
        for i, (x, y) in enumerate(stroke):
            at = {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
            if touch is not None:
                kind = "touchStart" if i == 0 else "touchMove"
                touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [at]})
                continue
            page.mouse.move(at["x"], at["y"])
            if i == 0:
                page.mouse.down()
        if touch is not None:
            touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.mouse.up()
    settled(page)


def _picture(page: Page) -> np.ndarray:
    """What is drawn (1, 1, H, W), when the page has answered it."""
    pixels = settled(page).evaluate("[...accNetwork.state().picture]")
    return np.array(pixels, np.float32).reshape(1, *SHAPE)


def _check_drawing(page: Page, lab: Lab) -> np.ndarray:
    """Compare all that is shown of a drawing with torch's own, every place of a convolution included."""
    import torch

    picture = _picture(page)
    seen: dict[str, Any] = {}
    model = lab.models["narrow", STEPS[-1]]
    modules = dict(model.named_modules())
    hooks = [
        modules[name].register_forward_hook(
            lambda _, given, made, name=name: seen.update({name: (given[0][0].numpy(), made[0].numpy())})
        )
        for name in ("backbone.0", SECOND)
    ]
    with torch.no_grad():
        rebuilt = model(torch.from_numpy(picture))["reconstruction"].numpy().ravel()
    for hook in hooks:
        hook.remove()
    for layer in seen:
        given, made = seen[layer]
        weight = modules[layer].weight.detach().numpy()
        padded = np.pad(given, ((0, 0), (1, 1), (1, 1)))
        for x, y in ((0, 0), (made.shape[2] - 1, 2)):
            page.evaluate("([layer, at]) => accNetwork.set({layer, channel: 1, at})", [layer, [x, y]])
            look = _shows(page, layer=layer, at=[x, y], isDrawn=True)
            shown = look["convolution"]
            assert shown["isExact"]
            for term in shown["terms"]:
                patch = padded[term["channel"], 2 * y : 2 * y + 3, 2 * x : 2 * x + 3]
                assert np.allclose(term["patch"], patch.ravel(), atol=1e-5)
                assert np.allclose(term["kernel"], weight[1, term["channel"]].ravel(), atol=1e-6)
            assert shown["computed"] == pytest.approx(made[1, y, x], abs=1e-4)
            assert shown["captured"] == pytest.approx(made[1, y, x], abs=1e-4)
            assert np.allclose(look["values"], made[1].ravel(), atol=1e-4)
            assert "Equal to what the model had" in page.locator(".acc-totals").inner_text()
    shown = _pixels(page, ".acc-layer-picture:last-child canvas")
    assert np.abs(shown - rebuilt).max() < 0.01
    return picture


def _pixels(page: Page, canvas: str) -> np.ndarray:
    """The grey levels (H*W in 0..1) of a canvas."""
    levels = page.locator(canvas).evaluate(
        "one => [...one.getContext('2d').getImageData(0, 0, one.width, one.height).data].filter((_, i) => i % 4 === 0)"
    )
    return np.array(levels) / 255


def test_a_drawing_goes_through_the_network_as_torch_has_it(page: Page, lab: Lab) -> None:
    page.get_by_role("button", name="Draw", exact=True).click()
    settled(page)
    assert not _picture(page).any()  # nothing is drawn yet
    _draw(page, [[(0.3, 0.2), (0.5, 0.5), (0.6, 0.8)], [(0.2, 0.6), (0.8, 0.6)]])
    drawn = _check_drawing(page, lab)
    assert drawn.max() > 0.9
    assert page.locator(".acc-network-head .acc-button[aria-pressed=true]").inner_text() == "Draw"
    assert page.locator(".acc-network-examples [aria-pressed=true]").count() == 0
    _open(page, lab, _saved(page))
    assert np.array_equal(_picture(page), drawn)
    page.get_by_role("button", name="Undo stroke").click()
    assert 0 < _picture(page).sum() < drawn.sum()
    page.get_by_role("button", name="Clear").click()
    assert not _check_drawing(page, lab).any()
    page.locator(".acc-drawing-canvas").focus()
    for key in ("ArrowUp", "Space", *["ArrowRight"] * 3, "Space", "ArrowDown"):
        page.keyboard.press(key)
    assert _picture(page).max() > 0.5  # a thin line between two rows of pixels
    page.locator(".acc-sample").nth(1).click()
    assert not _shows(page, example=1)["isDrawn"]
    assert not page.locator(".acc-drawing-canvas").is_visible()


def test_an_example_can_be_drawn_upon_and_erased(page: Page, lab: Lab) -> None:
    page.evaluate("accNetwork.set({example: 2})")
    page.get_by_role("button", name="Edit this one").click()
    settled(page)
    assert np.allclose(_picture(page), lab.images[2], atol=1e-6)
    page.get_by_role("button", name="Eraser").click()
    _draw(page, [[(0.5, 0.1), (0.5, 0.9)]])
    changed = _check_drawing(page, lab)[0, 0] - lab.images[2, 0]
    assert changed.min() < -0.3
    assert changed.max() < 1e-6
    assert np.abs(changed[:, [0, 1, 2, -3, -2, -1]]).max() < 1e-6  # far from the eraser
    assert "on=example" in _saved(page)
    _open(page, lab, _saved(page))
    assert np.allclose(_picture(page)[0, 0] - lab.images[2, 0], changed)


def test_a_latent_of_a_drawing_is_moved_live(page: Page, lab: Lab) -> None:
    import torch

    page.get_by_role("button", name="Edit this one").click()
    page.get_by_label("Dimension").select_option("1")
    page.get_by_label("moved by").first.fill("0")
    settled(page)
    model = lab.models["narrow", STEPS[-1]]
    picture = torch.from_numpy(_picture(page))
    value = page.locator(".acc-moved figcaption strong").inner_text().replace("−", "-")
    with torch.no_grad():
        latent = model.encode(picture)["latent"]
        assert abs(float(value) - latent[0, 1]) > 0.01
        latent[0, 1] = float(value)
        decoded = model.decode({"latent": latent})["reconstruction"].numpy().ravel()
    assert np.abs(_pixels(page, ".acc-moved figure canvas") - decoded).max() < 0.02


def test_a_branch_without_graphs_says_why_it_cannot_follow_a_drawing(page: Page) -> None:
    page.get_by_role("button", name="Compare with a branch").click()
    settled(page).get_by_role("button", name="Draw", exact=True).click()
    settled(page)
    told = page.locator(".acc-network-view [role=status]").nth(1)
    assert "cannot be followed through this network: not exported yet" in told.inner_text()
    assert page.locator(".acc-flow:visible").count() == 1
    page.locator(".acc-sample").first.click()
    settled(page)
    assert page.locator(".acc-flow:visible").count() == 2


def test_a_phone_shows_it_all_without_scrolling_sideways(browser: Browser, lab: Lab) -> None:
    context = new_context(browser, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = _open(context.new_page(), lab, f"#layer={SECOND}&channel=1")
    assert drawn(page).evaluate("document.documentElement.scrollWidth") == 390
    page.locator(".acc-layer").nth(1).locator(".acc-map").nth(3).tap()
    _shows(page, channel=3)
    page.locator(".acc-map-large").scroll_into_view_if_needed()
    box = page.locator(".acc-map-large").bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + 0.9 * box["height"])
    _shows(page, at=[3, 3])
    page.get_by_role("button", name="Draw", exact=True).tap()
    _draw(page, [[(0.4, 0.2), (0.6, 0.8)]], finger=True)
    assert _check_drawing(page, lab).max() > 0.9
    assert drawn(page).evaluate("document.documentElement.scrollWidth") == 390
    context.close()
