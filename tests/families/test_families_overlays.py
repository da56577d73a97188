"""Densities and distortion of the built tiny recipe: written, read again, shown, and the same when made again."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from built_tiny import environment, tiny_tree
from PIL import Image

from acc_assets.analysis.density import linear_placing, map_densities
from acc_assets.analysis.grids import Square
from acc_assets.analysis.projections import pca
from acc_assets.assets.analyses import density as density_asset
from acc_assets.assets.analyses import distortion as distortion_asset
from acc_assets.assets.work import NodeWork
from acc_assets.families import (
    ANALYSES,
    STANDARD,
    Density,
    Distortion,
    RunArtifacts,
    analyses_of,
    density,
    distortion,
    latents,
    neighbors,
    projections,
)
from acc_assets.models import GaussianMixtureVAE
from acc_assets.storage import Store
from acc_assets.training import encode_split

NODE, STEPS, MAPS = "labelled_trained", (0, 6, 12), (("pca", 2), ("pca", 3), ("umap", 2), ("umap", 3))


@pytest.fixture(scope="module")
def store(built_storage: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A copy of one run and its data, with both families made of it by the functions of the assets."""
    root = tmp_path_factory.mktemp("overlays") / "storage"
    for part in (f"{NODE}/seed-0", "_recipe"):
        shutil.copytree(built_storage / "runs/tiny" / part, root / "runs/tiny" / part)
    store = Store(root)
    made(store, Density(samples=500))
    made(store, Distortion())
    return store


def made(store: Store, request: Density | Distortion) -> Mapping[str, Any]:
    """Make a family of the run, as its asset does."""
    run = store.run("tiny", NODE, 0)
    work = SimpleNamespace(request=request, run=run, folder=run, runtime=SimpleNamespace(apply=lambda: None))
    module = density_asset if isinstance(request, Density) else distortion_asset
    return module.run(cast(NodeWork, work)).metadata


def shown(store: Store) -> RunArtifacts:
    return RunArtifacts(
        store.run("tiny", NODE, 0), "tiny", NODE, 0, families=(distortion.FAMILY, density.FAMILY)
    )


def test_there_is_a_grid_of_every_source_map_and_snapshot_with_units_bounds_and_a_latest(
    store: Store,
) -> None:
    run = store.run("tiny", NODE, 0)
    facts = run.read_json("density/density.json")
    assert (facts["steps"], facts["methods"], facts["sources"]) == (
        list(STEPS), ["pca", "umap"], ["posterior", "prior"],
    )  # fmt: skip
    assert (facts["components"], facts["subset_n"], facts["cells"]) == (1, 500, 96)
    for method in ("pca", "umap"):
        coords = projections.series(method, 2).read(run)["coords"]
        for source in ("posterior", "prior"):
            kept = density.series(source, method)
            values, bounds = (kept.read(run)[name] for name in ("values", "bounds"))
            left, right, bottom, top = bounds
            assert values.shape == (96, 96)
            assert right - left == pytest.approx(top - bottom)
            assert (coords > [left, bottom]).all()
            assert (coords < [right, top]).all()
            told = facts["maps"][method]["12"][source]
            assert told["bounds"] == bounds.tolist()
            assert told["max"] == pytest.approx(values.max())
            assert 0 < told["inside"] < 1.001
            np.testing.assert_array_equal(kept.read(run, 12)["values"], values)
            assert not np.array_equal(kept.read(run, 6)["values"], values)


def test_both_are_the_same_bytes_when_made_again(store: Store) -> None:
    run = store.run("tiny", NODE, 0)
    before = {name: run.manifest(name).digest for name in ("density", "distortion")}
    made(store, Density(samples=500))
    made(store, Distortion())
    assert {name: run.manifest(name).digest for name in before} == before
    made(store, Density(samples=500, bandwidth=0.03))
    assert run.manifest("density").digest != before["density"]
    made(store, Density(samples=500))


def test_a_map_by_pca_places_its_own_points_where_they_lie(
    store: Store,
) -> None:
    run = store.run("tiny", NODE, 0)
    for step in STEPS:
        mu, coords = (
            latents.SERIES.read(run, step)["mu"],
            projections.series("pca", 2).read(run, step)["coords"],
        )
        spread = np.ptp(coords)
        np.testing.assert_allclose(linear_placing(mu, coords)(mu), coords, atol=1e-4 * spread)


def test_what_is_left_of_a_model_without_variances_and_what_components_bring() -> None:
    mu = np.zeros((6, 2), np.float32)
    assert density_asset.prior_of({"mu": mu}) is None
    plain = density_asset.prior_of({"mu": mu, "logvar": mu})
    assert plain is not None
    assert (plain.means.shape, plain.usage) == ((1, 2), None)
    used = np.tile([0.25, 0.75, 0.0], (6, 1))
    mixture = density_asset.prior_of(
        {"mu": mu, "logvar": mu, "component_means": np.ones((3, 2)), "component": used}
    )
    assert mixture is not None
    assert mixture.usage is not None
    np.testing.assert_allclose(mixture.usage, [0.25, 0.75, 0])
    np.testing.assert_array_equal(mixture.logvars, np.zeros((3, 2)))


def test_a_mixture_vae_has_a_uniform_and_an_empirical_prior() -> None:
    config = GaussianMixtureVAE(image_size=16, latent_dim=3, components=4)
    images = np.random.default_rng(0).integers(0, 256, size=(20, 1, 16, 16), dtype=np.uint8)
    arrays = encode_split(config.build(), {}, [], images)
    prior = density_asset.prior_of(arrays)
    assert prior is not None
    assert prior.usage is not None
    np.testing.assert_allclose(prior.usage.sum(), 1, rtol=1e-6)
    np.testing.assert_array_equal(prior.means, arrays["component_means"])
    np.testing.assert_array_equal(prior.logvars, arrays["component_logvars"])
    coords = pca(arrays["mu"], 2).coords
    square = Square.around(coords, 32)
    place = linear_placing(arrays["mu"], coords)
    found = map_densities(arrays["mu"], arrays["logvar"], prior, coords, place, square, 0.1, 200)
    assert set(found) == set(density.SOURCES)


def test_distortion_is_of_the_stored_edges_and_its_scale_of_each_map_alone(store: Store) -> None:
    run = store.run("tiny", NODE, 0)
    facts = run.read_json("distortion/distortion.json")
    assert (facts["metric"], facts["k"], facts["steps"]) == ("knn_mean_ratio", 15, list(STEPS))
    for method, dim in MAPS:
        for step in STEPS:
            coords = projections.series(method, dim).read(run, step)["coords"].astype(np.float64)
            graph = neighbors.SERIES.read(run, step)
            near = coords[graph["indices"][:, :15]] - coords[:, None]
            expected = np.sqrt((near**2).sum(2)).mean(1) / graph["distances"][:, :15].mean(1)
            found = distortion.series(method, dim).read(run, step)
            np.testing.assert_allclose(found["ratio"], expected, rtol=1e-4)
            np.testing.assert_allclose(found["relative"], expected / np.median(expected), rtol=1e-4)
            told = facts["maps"][f"{method}_{dim}d"][str(step)]
            assert told["median"] == pytest.approx(np.median(expected), rel=1e-4)
            assert told["stretch"] == pytest.approx(
                np.exp(np.median(abs(np.log(found["relative"])))), rel=1e-4
            )
            assert found["counts"].sum() == len(coords)
            assert ("grid" in found) == (dim == 2)


def test_pages_get_numbers_a_chart_a_table_and_a_colouring_of_every_map(store: Store) -> None:
    run, family = shown(store), distortion.FAMILY
    told = store.run("tiny", NODE, 0).read_json("distortion/distortion.json")["maps"]
    numbers = {one.task: one.value for one in family.numbers(run)}
    assert numbers == {
        "UMAP 2-D": told["umap_2d"]["12"]["stretch"],
        "PCA 2-D": told["pca_2d"]["12"]["stretch"],
    }
    charts = list(family.charts(run))
    assert [sum(bar["count"] for bar in one.spec["bars"]) for one in charts] == [360, 360]
    (table,) = family.tables(run)
    assert len(table.rows) == len(MAPS)
    recipe = Store(store.root).recipe("tiny")
    points, *facts = latents.FAMILY.payloads(run, RunArtifacts(recipe, "tiny", NODE, 0))
    meta, _ = points.make()
    assert [one["id"] for one in meta["colorings"]][-4:] == [
        "distortion:umap_2d", "distortion:umap_3d", "distortion:pca_2d", "distortion:pca_3d",
    ]  # fmt: skip
    kept = distortion.series("umap", 3).read(store.run("tiny", NODE, 0))["relative"]
    np.testing.assert_allclose(facts[-1].make()[1]["distortion:umap_3d"], np.log2(kept), rtol=1e-5)


def test_a_colouring_that_cannot_be_read_is_left_out_and_told(store: Store, tmp_path: Path) -> None:
    shutil.copytree(store.root, tmp_path / "storage")
    own = Store(tmp_path / "storage")
    own.run("tiny", NODE, 0).local_path("distortion/metric_ratio_2d_step_6_umap.npz").unlink()
    run = shown(own)
    points, *facts = latents.FAMILY.payloads(run, RunArtifacts(own.recipe("tiny"), "tiny", NODE, 0))
    meta, arrays = points.make()
    ids = [one["id"] for one in meta["colorings"]]
    assert "label" in ids
    assert "distortion:pca_2d" in ids
    assert "distortion:umap_2d" not in {*ids, *arrays, *facts[-1].make()[1]}
    assert any("metric_ratio_2d_step_6_umap" in problem for problem in run.problems)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_densities_are_drawn_beside_the_points(store: Store, theme: str) -> None:
    shared = RunArtifacts(store.recipe("tiny"), "tiny", NODE, 0)
    pictures = list(density.FAMILY.pictures(shown(store), shared))
    assert [one.name for one in pictures] == ["density-umap", "density-pca"]
    for one in pictures:
        assert one.draw is not None
        image = Image.open(io.BytesIO(one.draw(theme))).convert("RGBA")
        assert image.size == one.size
        assert "N(0, I)" in one.caption
        opaque = np.asarray(image)[:, :, 3]
        for left, top in ((0, 26), (314, 26), (0, 366)):  # points, posterior and prior
            assert opaque[top + 10 : top + 290, left + 10 : left + 290].max() > 120
        assert opaque[366:, 314:].max() == 0


def test_requests_have_names_in_yaml_and_bring_what_they_read(tmp_path: Path) -> None:
    assert {"density": Density, "distortion": Distortion}.items() <= ANALYSES.items()
    assert not {"density", "distortion"} & {one.name for one in STANDARD}
    with environment(tmp_path):
        node = replace(tiny_tree()[NODE], requests=(Density(), Distortion()))
    asked = [one.name for one in analyses_of(node)]
    assert asked == ["latents", "neighbors", "projection", "density", "distortion"]
    with pytest.raises(ValueError, match="bandwidth"):
        Density(bandwidth=0.0)
