"""A decoder that takes more than the latent: the page gives it what the encoder made of the chosen image, by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
from browser_watch import new_context, settled, watch
from lab_pages import write_data, write_page
from onnx import TensorProto, helper, numpy_helper
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

SIZE, LATENT, CLASSES = 8, 3, 4
PIXELS = SIZE * SIZE
RUNS = [
    {"key": "runs/parts/whole/seed-0", "label": "whole"},
    {"key": "runs/parts/torn/seed-0", "label": "torn"},
]


class Lab(NamedTuple):
    """A playground on disk, and the weights of its model: images to `latent` and `classes`, both to images."""

    page: Path
    images: np.ndarray  # (N, 1, H, W) uint8
    weights: dict[str, np.ndarray]

    def encode(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        flat = image.reshape(-1) / 255
        scores = np.exp(flat @ self.weights["classes"])
        return flat @ self.weights["latent"], scores / scores.sum()

    def decode(self, latent: np.ndarray, classes: np.ndarray) -> np.ndarray:
        return np.asarray(np.concatenate([latent, classes]) @ self.weights["decoder"])


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """One run whose encoder gives both parts, and one whose encoder has no `classes` to give."""
    site = tmp_path_factory.mktemp("parts")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, 1, SIZE, SIZE), dtype=np.uint8)
    shapes = {
        "latent": (PIXELS, LATENT),
        "classes": (PIXELS, CLASSES),
        "decoder": (LATENT + CLASSES, PIXELS),
    }
    weights = {name: rng.normal(size=shape, scale=0.3).astype(np.float32) for name, shape in shapes.items()}
    meta = {
        "latent_dim": LATENT,
        "factors": [],
        "ranges": [[-3, 3]] * LATENT,
        "image_size": SIZE,
        "channels": 1,
        "samples": [{"index": i} for i in range(len(images))],
        "step": 0,
        "decoder_inputs": [{"name": "classes", "dims": [CLASSES]}, {"name": "latent", "dims": [LATENT]}],
    }
    for run, outputs in zip(RUNS, (("classes", "latent"), ("latent",)), strict=True):
        graphs = {"encoder": _encoder(weights, outputs), "decoder": _decoder(weights["decoder"])}
        halves = {half: np.frombuffer(graph, np.uint8) for half, graph in graphs.items()}
        write_data(site, f"{run['key']}/onnx", meta, {**halves, "samples": images})
    return Lab(write_page(site, "playground", {"runs": RUNS}), images, weights)


def _encoder(weights: dict[str, np.ndarray], outputs: tuple[str, ...]) -> bytes:
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"]),
        helper.make_node("MatMul", ["flat", "to_latent"], ["latent"]),
        helper.make_node("MatMul", ["flat", "to_classes"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["classes"], axis=1),
    ]
    known = {"to_latent": weights["latent"], "to_classes": weights["classes"]}
    widths = {"latent": LATENT, "classes": CLASSES}
    return _model(nodes, {"input": [1, SIZE, SIZE]}, {name: [widths[name]] for name in outputs}, known)


def _decoder(weights: np.ndarray) -> bytes:
    nodes = [
        helper.make_node("Concat", ["latent", "classes"], ["code"], axis=1),
        helper.make_node("MatMul", ["code", "to_image"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["reconstruction"]),
    ]
    known = {"to_image": weights, "shape": np.array([-1, 1, SIZE, SIZE], np.int64)}
    inputs = {"latent": [LATENT], "classes": [CLASSES]}
    return _model(nodes, inputs, {"reconstruction": [1, SIZE, SIZE]}, known)


def _model(
    nodes: list[Any],
    inputs: dict[str, list[int]],
    outputs: dict[str, list[int]],
    known: dict[str, np.ndarray],
) -> bytes:
    def values(shapes: dict[str, list[int]]) -> list[Any]:
        return [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])
            for name, shape in shapes.items()
        ]

    constants = [numpy_helper.from_array(value, name) for name, value in known.items()]
    graph = helper.make_graph(nodes, "half", values(inputs), values(outputs), constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.fixture
def page(browser: Browser, lab: Lab) -> Iterator[Page]:
    context = new_context(browser)
    page = context.new_page()
    faults = watch(page, lab.page.parent)
    page.goto(lab.page.as_uri())
    settled(page)
    yield page
    context.close()
    assert not [fault for fault in faults if "does not give classes" not in fault]


def test_the_other_parts_are_those_of_the_chosen_image(page: Page, lab: Lab) -> None:
    for sample in (2, 4):
        page.locator(".acc-sample").nth(sample).click()
        settled(page)
        latent, classes = lab.encode(lab.images[sample])
        shown = page.evaluate("i => accPlayground.encode(accPlayground.sample(i))", sample)
        np.testing.assert_allclose(shown, latent, atol=1e-4)
        for asked in (latent, np.zeros(LATENT)):
            decoded = page.evaluate("z => accPlayground.decode(z)", asked.tolist())
            np.testing.assert_allclose(decoded, lab.decode(asked, classes), atol=1e-4)


def test_a_slider_moves_the_latent_and_leaves_the_other_parts(page: Page, lab: Lab) -> None:
    page.locator(".acc-slider input").first.focus()
    page.keyboard.press("End")
    assert "decoded, edited" in settled(page).locator(".acc-branch").inner_text()
    latent, classes = lab.encode(lab.images[0])
    latent[0] = float(page.locator(".acc-slider input").first.get_attribute("max") or "nan")
    wanted = np.clip(lab.decode(latent, classes) * 255, 0, 255)
    drawn = page.locator(".acc-branch-pictures canvas").nth(1)
    pixels = drawn.evaluate("canvas => [...canvas.getContext('2d').getImageData(0, 0, 8, 8).data]")
    assert np.abs(np.array(pixels)[::4] - wanted).max() <= 1


def test_an_encoder_that_lacks_a_part_is_told_of_by_name(page: Page) -> None:
    page.get_by_label("Branch and seed").select_option("torn")
    alert = page.locator(".acc-branch [role=alert]")
    alert.wait_for()
    said = alert.inner_text()
    assert "does not give classes, which the decoder takes (it gives: latent)" in said
    assert "build the branch again" in said
