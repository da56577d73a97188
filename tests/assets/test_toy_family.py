"""A family of artifacts that one module of a user's own brings, and analyses of every scope."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from built_tiny import environment

from acc_assets.assets.build import build
from acc_assets.assets.instance import open_instance
from acc_assets.assets.launched import Project
from acc_assets.assets.location import application
from acc_assets.assets.plans import plans
from acc_assets.recipes import find_recipes
from acc_assets.report.scripts import decode
from acc_assets.storage import Store
from acc_assets.tree import Tree

RECIPES = Path(__file__).parents[1] / "toy_recipes"
NODES = ("one_trained", "other_trained")


def traced(**parameters: int) -> Tree:
    found = find_recipes({"toy": parameters}, [RECIPES])
    assert not found.broken, found.broken[0]
    return found.trees["toy"]


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("toy")
    with environment(folder) as patch:
        patch.setenv("ACC_RECIPES", str(RECIPES))
        tree = traced()
        report = build(Project({"toy": tree}), "toy", Store(folder), in_process=True)
        assert not report.failed, report.failed
        yield folder


def test_it_is_an_asset_with_its_check(storage: Path) -> None:
    graph = application(Project({"toy": traced()})).resolve_asset_graph()
    node = graph.get(dg.AssetKey(["toy", "one_trained_ink"]))
    assert node.description == "How much ink the test images have."
    checks = {key.name for key in graph.asset_check_keys if key.asset_key == node.key}
    assert checks == {"matches_recipe", "some_ink"}
    with open_instance(Store(storage)) as instance:
        asked = dg.AssetRecordsFilter(asset_key=node.key, asset_partitions=["1"])
        found = instance.fetch_materializations(asked, limit=1).records[0].asset_materialization
    assert 0 < found.metadata["mean ink"].value < 1


@pytest.mark.parametrize("node", NODES)
def test_the_nodes_page_shows_its_numbers_picture_chart_download_and_provenance(
    storage: Path, node: str
) -> None:
    site = storage / "site"
    page = (site / f"recipes/toy/nodes/{node}.html").read_text()
    measured = Store(storage).run("toy", node, 0).read_json("ink/ink.json")
    assert "ink mean ink" in page
    assert f"{measured['mean']:.3f}" in page
    assert "Ink of the latents" in page
    assert "How much ink the images have." in page
    assert json.dumps(measured["counts"][0]) in page
    assert (site / f"figures/toy/{node}/seed-0/ink.png").is_file()
    (link,) = re.findall(rf'href="([^"]*downloads/toy/{node}/seed-1/ink.npz)"', page)
    with np.load((site / f"recipes/toy/nodes/{link}").resolve()) as arrays:
        assert arrays["ink"].shape == (360,)
    assert f"toy/{node}_ink" in page


def test_the_recipes_page_compares_it(storage: Path) -> None:
    page = (storage / "site/recipes/toy/index.html").read_text()
    assert "ink mean ink" in page
    assert "Ink of the latents" in page
    assert "toy/one_trained_ink" in (storage / "site/reproduce.html").read_text()


def test_what_it_offers_to_the_browser_is_a_data_script_of_the_viewer(storage: Path) -> None:
    page = (storage / "site/recipes/toy/latent/one_trained.html").read_text()
    key = "runs/toy/one_trained/seed-0/ink"
    assert key in page
    found, meta, arrays = decode((storage / f"site/data/{key}.js").read_bytes())
    assert (found, meta["bins"], arrays["ink"].shape) == (key, 4, (360,))
    assert meta["provenance"]["asset"] == "toy/one_trained_ink"


def test_the_viewer_may_colour_the_points_by_what_a_family_knows_of_them(storage: Path) -> None:
    data = storage / "site/data/runs/toy/one_trained/seed-0"
    _, meta, _ = decode((data / "points.js").read_bytes())
    assert {"id": "ink:share", "label": "Ink", "kind": "scalar"} in meta["colorings"]
    ink = Store(storage).run("toy", "one_trained", 0).read_npz("ink/ink.npz")["ink"]
    half = np.ptp(ink) / 2 / 65_534  # of a level: what pages draw is sent rounded
    assert len(meta["fact_steps"]) > 1
    for step in meta["fact_steps"]:
        values = decode((data / f"facts-{step}.js").read_bytes())[2]["ink:share"]
        np.testing.assert_allclose(values, ink, rtol=1e-6, atol=half)


def test_densities_and_distortion_of_the_maps_are_shown(storage: Path) -> None:
    page = (storage / "site/recipes/toy/nodes/one_trained.html").read_text()
    assert "Density on the latent map (UMAP)" in page
    assert "Distortion on the PCA map" in page
    assert "toy/one_trained_distortion" in page
    for theme in ("light", "dark"):
        assert (storage / f"site/figures/toy/one_trained/seed-0/density-umap-{theme}.png").is_file()
    _, meta, _ = decode((storage / "site/data/runs/toy/one_trained/seed-0/points.js").read_bytes())
    assert "distortion:umap_2d" in {one["id"] for one in meta["colorings"]}
    page = (storage / "site/recipes/toy/index.html").read_text()
    assert "UMAP 2-D typical stretch of neighbourhoods" in page


def test_an_analysis_brings_what_it_reads(storage: Path) -> None:
    names = [one.name for one in plans(traced()) if one.request is not None and one.node is not None]
    assert [name for name in names if name.startswith("one")] == [
        "one_trained_ink",
        "one_trained_spread",
        "one_trained_latents",
        "one_trained_neighbors",
        "one_trained_projection",
        "one_trained_density",
        "one_trained_distortion",
    ]
    assert [name for name in names if name.startswith("other")] == [
        "other_trained_ink",
        "other_trained_spread",
    ]


def test_an_option_makes_its_own_asset_stale_and_nothing_else() -> None:
    before, after = ({one.name: one.code_version for one in plans(traced(bins=bins))} for bins in (4, 5))
    assert {name for name in before if before[name] != after[name]} == {f"{node}_ink" for node in NODES}


def test_an_analysis_may_be_of_a_node_over_its_seeds_or_of_all_nodes_of_a_seed(storage: Path) -> None:
    store = Store(storage)
    ink = {
        (node, seed): store.run("toy", node, seed).read_json("ink/ink.json")["mean"]
        for node in NODES
        for seed in (0, 1)
    }
    for node in NODES:
        assert store.node("toy", node).read_json("spread/spread.json")["ink"] == [ink[node, 0], ink[node, 1]]
    for seed in (0, 1):
        found = store.seed("toy", seed).read_json("together/together.json")
        assert found == {node: ink[node, seed] for node in NODES}
    graph = application(Project({"toy": traced()})).resolve_asset_graph()
    assert graph.get(dg.AssetKey(["toy", "tree_together"])).partitions_def is not None
    assert graph.get(dg.AssetKey(["toy", "one_trained_spread"])).partitions_def is None


def test_a_data_set_may_see_the_seed(storage: Path) -> None:
    store = Store(storage)
    digests = {seed: store.seed("toy", seed).read_json("data-few/dataset.json")["digest"] for seed in (0, 1)}
    assert digests[0] != digests[1]
    for node in NODES:  # every branch of a seed sees the same images
        for seed in (0, 1):
            config = store.run("toy", node, seed).read_json("config.json")
            assert config["datasets"]["few"]["digest"] == digests[seed]
    graph = application(Project({"toy": traced()})).resolve_asset_graph()
    assert graph.get(dg.AssetKey(["toy", "data_few"])).partitions_def is not None


def test_everything_is_fresh_afterwards(storage: Path) -> None:
    again = build(Project({"toy": traced()}), "toy", Store(storage), in_process=True)
    assert [one.asset for one in again.built] == []
