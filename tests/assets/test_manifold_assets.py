"""The manifold and interactive assets of a real node, built small, against independent computations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from built_tiny import build_recipe

from acc_assets.analysis.separation import barycentric_projection, manifold_score
from acc_assets.assets.client import client_bundle, ort_wasm
from acc_assets.assets.results import recipe_view
from acc_assets.models import ModelOutput
from acc_assets.recipes import find_recipes
from acc_assets.report import Frame, build_home
from acc_assets.report.comparison import compare
from acc_assets.report.site import build_recipe as build_pages
from acc_assets.storage import Store
from acc_assets.training import load_model
from acc_assets.tree import Tree

PARAMETERS = {"data": "digits", "scale": 0.01, "points": 120}
CONTRACT = {
    "experiment",
    "num_points",
    "latent_dim",
    "l2_normalized",
    "projection_k",
    "reference_points",
    "reference_latents",
    "reference_latents_raw",
    "reference_labels",
    "digit_samples",
}


@pytest.fixture(scope="module")
def tree() -> Tree:
    return find_recipes({"grounding": PARAMETERS}).trees["grounding"]


@pytest.fixture(scope="module")
def store(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with the self-supervised branch, and the untrained network with the raw pixels."""
    store = Store(tmp_path_factory.mktemp("grounding") / "storage")
    wanted = tuple(
        f"self_supervised_trained_{kind}" for kind in ("metrics", "onnx", "interactive", "manifold")
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACC_STORAGE", str(store.root))
        patch.delenv("DAGSTER_HOME", raising=False)
        patch.delenv("ACC_RECIPES", raising=False)
        for select in (*wanted, "untrained_conv_manifold"):
            report = build_recipe("grounding", store, PARAMETERS, select=select, seeds=[0])
            assert not report.failed
    return store


def encoded(store: Store, tree: Tree, images: np.ndarray) -> np.ndarray:
    node = tree["self_supervised_trained"]
    model = load_model(store.run("grounding", node.tag, 0), node).model
    with torch.no_grad():
        return model.encode(torch.from_numpy(images).float() / 255)[ModelOutput.LATENT].numpy()  # type: ignore[operator]


def test_accuracy_is_that_of_a_classifier_written_out(store: Store, tree: Tree) -> None:
    found = store.run("grounding", "self_supervised_trained", 0).read_json("manifold/manifold.json")
    assert found["headline"] == "digits_100"
    for name, size in (("digits_100", 100), ("digits_full", 1257)):
        data = tree.datasets[name].config.load()
        train, test = (encoded(store, tree, split.images) for split in (data.train, data.test))
        squared = np.square(test[:, None, :].astype(np.float64) - train[None]).sum(axis=2)
        nearest = data.train.targets[np.argsort(squared, axis=1, kind="stable")[:, :5]]
        votes = np.array([np.bincount(row, minlength=10).argmax() for row in nearest])
        one = found["label_sets"][name]
        assert one["size"] == size
        assert one["accuracy"] == pytest.approx((votes == data.test.targets).mean(), abs=0.006)
        confusion = np.array(one["confusion"])
        assert confusion.sum(axis=1).tolist() == np.bincount(data.test.targets).tolist()
        assert np.trace(confusion) / confusion.sum() == pytest.approx(one["accuracy"])
        assert one["report"]["accuracy"] == pytest.approx(one["accuracy"])
    assert found["draws"]["draws"] == 20
    assert 0 < found["draws"]["sd"] < 0.1


def test_the_score_joins_the_measures(store: Store) -> None:
    found = store.run("grounding", "self_supervised_trained", 0).read_json("manifold/manifold.json")
    metrics = found["metrics"]
    parts = {k: v for k, v in metrics.items() if k not in ("score", "calinski_harabasz", "knn_accuracy")}
    for one in found["label_sets"].values():
        assert one["score"] == pytest.approx(manifold_score(one["accuracy"], **parts))
    assert metrics["score"] == found["label_sets"]["digits_100"]["score"]
    assert found["parameters"]["total"] == 53_473
    assert found["parameters"]["encoder"] + found["parameters"]["decoder"] == 53_473


def test_raw_pixels_are_the_control(store: Store, tree: Tree) -> None:
    pixels = store.run("grounding", "untrained_conv", 0).read_json("manifold/manifold.json")["pixels"]
    assert pixels["metrics"]["trustworthiness"] == 1.0
    assert pixels["label_sets"]["digits_full"]["accuracy"] > 0.95
    view = recipe_view(tree, store)
    comparison = compare(view)
    column = comparison.column("knn.accuracy")
    assert column.baseline == pixels["label_sets"]["digits_100"]["accuracy"]
    assert column.label == "k-NN accuracy, 100 labels"
    assert set(comparison.controls) == {"raw pixels", "untrained_conv"}
    assert set(comparison.controls["untrained_conv"]) >= {"knn.accuracy", "manifold.score"}
    assert (
        store.run("grounding", "self_supervised_trained", 0).read_json("manifold/manifold.json")["pixels"]
        is None
    )


def test_the_interactive_file_keeps_its_contract(store: Store, tree: Tree) -> None:
    run = store.run("grounding", "self_supervised_trained", 0)
    assets = json.loads(run.read_bytes("interactive/interactive_assets.json"))
    assert set(assets) == CONTRACT
    assert (assets["num_points"], assets["latent_dim"], assets["l2_normalized"]) == (120, 32, True)
    assert np.shape(assets["reference_points"]) == (120, 3)
    assert np.shape(assets["reference_latents"]) == np.shape(assets["reference_latents_raw"]) == (120, 32)
    assert np.shape(assets["digit_samples"]) == (10, 784)
    assert np.min(assets["digit_samples"]) >= 0
    assert np.max(assets["digit_samples"]) <= 1
    np.testing.assert_allclose(np.linalg.norm(assets["reference_latents"], axis=1), 1, atol=1e-3)
    arrays = run.read_npz("interactive/manifold.npz")
    test = tree.datasets["digits_100"].config.load().test
    assert assets["reference_labels"] == test.targets[arrays["indices"]].tolist()
    np.testing.assert_allclose(
        arrays["reference_latents_raw"], encoded(store, tree, test.images[arrays["indices"]]), atol=1e-5
    )
    counts = np.bincount(assets["reference_labels"])
    assert counts.max() - counts.min() <= 2  # stratified


def test_a_known_image_lands_on_its_own_point(store: Store) -> None:
    arrays = store.run("grounding", "self_supervised_trained", 0).read_npz("interactive/manifold.npz")
    known, coords = arrays["reference_latents"], arrays["reference_points"]
    placed = barycentric_projection(known[:5], known, coords, k=12)
    np.testing.assert_allclose(placed.coords, coords[:5], atol=1e-5)


def test_the_site_tells_the_story_and_offers_the_playground(store: Store, tree: Tree, tmp_path: Path) -> None:
    site = tmp_path / "site"
    frame = Frame(site, client_dist=client_bundle(), ort_wasm=ort_wasm())
    _, part = build_pages(recipe_view(tree, store), frame)
    result = build_home([part], [], [], frame)
    assert not result.broken
    page = (site / "recipes/grounding/index.html").read_text()
    for words in ("What keeps the classes apart", "raw pixels", "untrained_conv", "with the same 100 labels"):
        assert words in page
    playground = (site / "recipes/grounding/grounding.html").read_text()
    key = "runs/grounding/self_supervised_trained/seed-0"
    assert 'data-acc="grounding"' in playground
    assert key in playground
    script = (site / f"data/{key}/manifold.js").read_text()
    for name in (
        "reference_points",
        "reference_latents",
        "reference_latents_raw",
        "reference_labels",
        "indices",
    ):
        assert f'"{name}"' in script
    for fact in ('"projection_k":12', '"l2_normalized":true', '"latent_dim":32', '"n":120'):
        assert fact in script.replace(" ", "")
