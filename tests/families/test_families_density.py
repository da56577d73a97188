"""A densMAP among the maps of a run: stored beside the others, shown, and with what its crowding is worth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from acc_assets.families import projections
from acc_assets.families.artifacts import RunArtifacts
from acc_assets.families.density import DensityFamily
from acc_assets.storage import Store


def test_a_densmap_is_a_map_like_the_others_and_says_how_much_density_it_keeps(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    folder = Store(tmp_path).run("tiny", "root", 0)
    keys = [(method, dim) for method in ("pca", "umap", "densmap") for dim in (2, 3)]
    coords = {key: {step: rng.normal(size=(8, key[1])) for step in (5, 10)} for key in keys}
    edges = {key: {step: np.ones((8, 3)) for step in (5, 10)} for key in keys}
    projections.write(
        folder,
        coords,
        edges,
        trustworthiness={"umap_2d": 0.9, "densmap_2d": 0.8},
        trust_neighbors=15,
        explained_variance={10: [0.5, 0.3]},
        density={"umap_2d": -0.2, "densmap_2d": 0.91},
        radii={"latents": np.arange(8.0), "densmap_2d": np.arange(8.0)},
        params={},
    )
    np.testing.assert_array_equal(
        projections.series("densmap", 2).read(folder)["coords"], coords["densmap", 2][10]
    )
    assert ("densmap", 3) in projections.maps(folder)
    run = RunArtifacts(folder, "tiny", "root", 0)
    shown = {payload.what for payload in projections.FAMILY.payloads(run, run)}
    assert {"projection-densmap-2d", "projection-umap-3d"} <= shown
    assert dict(projections.FAMILY.facts(run))["Crowding kept, densMAP 2-D"].startswith("0.91")


def test_densities_that_are_not_built_yet_show_nothing(tmp_path: Path) -> None:
    run = RunArtifacts(Store(tmp_path).run("tiny", "root", 0), "tiny", "root", 0)
    assert list(DensityFamily().pictures(run, run)) == []
