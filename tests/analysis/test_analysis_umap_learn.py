"""umap-learn beside our own layout: the same graph and trust, densMAP, new points on a map, alignment, odd inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from acc_assets.analysis.neighbors import KnnGraph, knn_graph
from acc_assets.analysis.projections import pca, project_snapshots, umap_layout
from acc_assets.analysis.quality import density_kept, log_radii, trustworthiness
from acc_assets.analysis.umap_layout import fuzzy_edges, start_positions
from acc_assets.analysis.umap_learn import learned_layout, place
from acc_assets.families.neighbors import SHARED_NEIGHBORS
from acc_assets.families.projections import Projection

LEARNED: Mapping[str, Any] = {"engine": "umap-learn", "density": True}


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Real digits as 16 latents, 700 points, and their labels."""
    bunch = load_digits()
    return pca(bunch.data.astype(np.float32), 16).coords[:700], bunch.target[:700]


@pytest.fixture(scope="module")
def graph(digits: tuple[np.ndarray, np.ndarray]) -> KnnGraph:
    return knn_graph(digits[0], SHARED_NEIGHBORS)


def unequal_clusters(n: int = 400) -> np.ndarray:
    """Two Gaussian groups in five dimensions, the second ten times as wide as the first."""
    rng = np.random.default_rng(0)
    wide = np.where(np.arange(n) % 2 == 0, 1.0, 10.0)[:, None]
    return (rng.normal(size=(n, 5)) * wide + np.where(wide > 1.0, 60.0, 0.0)).astype(np.float32)


def test_our_layout_is_as_good_as_theirs(digits: tuple[np.ndarray, np.ndarray], graph: KnnGraph) -> None:
    points, _ = digits
    for dim in (2, 3):
        theirs = learned_layout(
            points, graph, start_positions(pca(points, dim).coords, 0), seed=0, n_epochs=500
        )
        ours = trustworthiness(points, umap_layout(points, graph, dim, seed=0), 15)
        assert ours == pytest.approx(trustworthiness(points, theirs, 15), abs=0.01)
        assert ours > 0.95


def test_our_graph_and_radii_are_theirs(digits: tuple[np.ndarray, np.ndarray], graph: KnnGraph) -> None:
    import umap

    points, _ = digits
    near = graph.nearest(14)
    indices = np.column_stack([np.arange(graph.n), near.indices])
    distances = np.column_stack([np.zeros(graph.n, np.float32), near.distances])
    theirs, _, _, lengths = umap.umap_.fuzzy_simplicial_set(
        points,
        15,
        np.random.RandomState(0),
        "euclidean",
        knn_indices=indices,
        knn_dists=distances,
        return_dists=True,
    )
    own = fuzzy_edges(graph, 15)
    np.testing.assert_allclose(np.asarray(theirs.todense())[own.heads, own.tails], own.weights, atol=1e-4)
    assert theirs.sum() == pytest.approx(own.weights.sum(), rel=1e-5)
    weights, squared = np.asarray(theirs.todense()), np.square(np.asarray(lengths.todense()))
    radii = np.log(1e-8 + (weights * squared).sum(axis=1) / weights.sum(axis=1))
    np.testing.assert_allclose(log_radii(graph, 15), radii, atol=1e-4)


def test_radii_of_two_scales_differ_by_the_scale() -> None:
    points = unequal_clusters()
    radii = log_radii(knn_graph(points, SHARED_NEIGHBORS))
    assert radii[1::2].mean() - radii[::2].mean() == pytest.approx(2 * np.log(10.0), abs=0.3)
    assert density_kept(radii, 3.0 * radii - 1.0) == pytest.approx(1.0)
    assert density_kept(radii, -radii) == pytest.approx(-1.0)
    assert density_kept(radii, np.zeros_like(radii)) is None


def test_densmap_keeps_the_density_that_umap_evens_out() -> None:
    points = unequal_clusters()
    found = project_snapshots({1: points}, {1: knn_graph(points, SHARED_NEIGHBORS)}, dims=(2,), **LEARNED)
    assert set(found.coords) == {("pca", 2), ("umap", 2), ("densmap", 2)}
    assert found.density is not None
    kept = found.density.correlation
    assert kept["densmap", 2] > 0.8 > kept["umap", 2] + 0.2
    spread = {
        method: np.ptp(found.coords[method, 2][1][1::2], axis=0).max() for method in ("umap", "densmap")
    }
    narrow = {method: np.ptp(found.coords[method, 2][1][::2], axis=0).max() for method in ("umap", "densmap")}
    assert spread["densmap"] / narrow["densmap"] > 1.5 * spread["umap"] / narrow["umap"]


def test_snapshots_are_aligned_and_a_seed_repeats_its_bits(
    digits: tuple[np.ndarray, np.ndarray], graph: KnnGraph
) -> None:
    points, labels = digits
    noise = np.random.default_rng(1).normal(size=points.shape).astype(np.float32)
    latents = {10: (0.8 * points + 2.0 * noise).astype(np.float32), 20: points}
    graphs = {10: knn_graph(latents[10], SHARED_NEIGHBORS), 20: graph}
    seen: list[tuple[int, int]] = []
    found, again = (
        project_snapshots(
            latents,
            graphs,
            3,
            **LEARNED,
            n_epochs=100,
            dims=(2,),
            progress=lambda done, all_: seen.append((done, all_)),
        )
        for _ in range(2)
    )
    other = project_snapshots(latents, graphs, 4, n_epochs=100, dims=(2,), **LEARNED)
    for method in ("umap", "densmap"):
        earlier, last = (found.coords[method, 2][step] for step in (10, 20))
        np.testing.assert_array_equal(earlier, again.coords[method, 2][10])
        assert not np.array_equal(last, other.coords[method, 2][20])
        centres = np.stack([last[labels == label].mean(axis=0) for label in range(10)])
        apart = np.linalg.norm(centres[:, None] - centres[None], axis=2)
        assert np.linalg.norm(earlier - last, axis=1).mean() < 0.5 * apart[apart > 0].mean()
    assert seen[-1] == (2 * 150, 2 * 150)
    assert found.params["engine"] == "umap-learn"


def test_a_new_point_lies_among_its_neighbours(digits: tuple[np.ndarray, np.ndarray]) -> None:
    points, labels = digits
    known, new = points[:600], points[600:]
    graph = knn_graph(known, SHARED_NEIGHBORS)
    coords = umap_layout(known, graph, 2, seed=0)
    before = coords.copy()
    placed = place(new, known, graph, coords, seed=1)
    np.testing.assert_array_equal(coords, before)
    np.testing.assert_array_equal(placed, place(new, known, graph, coords, seed=1))
    nearest = np.linalg.norm(new[:, None] - known[None], axis=2).argsort(axis=1)[:, :5]
    on_map = np.linalg.norm(placed[:, None] - coords[None], axis=2).argsort(axis=1)[:, :5]
    alike, alike_on_map = ((labels[:600][near] == labels[600:, None]).mean() for near in (nearest, on_map))
    assert alike_on_map > alike - 0.05 > 0.8
    away = np.linalg.norm(placed - coords[nearest[:, 0]], axis=1)
    assert np.median(away) < 0.1 * np.ptp(coords, axis=0).max()
    with pytest.raises(ValueError, match=r"place: new \(100, 16\), latents \(600, 16\), coords \(700, 2\)"):
        place(new, known, graph, np.zeros((700, 2), np.float32))


def test_a_point_of_the_map_is_placed_where_it_is(
    digits: tuple[np.ndarray, np.ndarray], graph: KnnGraph
) -> None:
    points, _ = digits
    coords = umap_layout(points, graph, 3, seed=0)
    away = np.linalg.norm(place(points[:50], points, graph, coords) - coords[:50], axis=1)
    assert np.median(away) < 0.05 * np.ptp(coords, axis=0).max()


@pytest.mark.parametrize("n", [3, 10, 40])
def test_tiny_and_collapsed_sets_work(n: int) -> None:
    for points in (np.random.default_rng(n).normal(size=(n, 4)), np.zeros((n, 4))):
        latents = points.astype(np.float32)
        found = project_snapshots({5: latents}, {5: knn_graph(latents)}, n_epochs=50, **LEARNED)
        assert all(np.isfinite(by_step[5]).all() for by_step in found.coords.values())
        assert found.density is not None
        assert np.isfinite(found.density.radii).all()


def test_bad_requests_are_named() -> None:
    with pytest.raises(ValueError, match="n_neighbors is 40"):
        Projection(n_neighbors=40)
    with pytest.raises(ValueError, match="min_dist is 2"):
        Projection(min_dist=2.0)
    with pytest.raises((ValueError, TypeError), match="engine is 'tsne'"):
        Projection(engine="tsne")  # type: ignore[arg-type]
    two = np.eye(2, dtype=np.float32)
    with pytest.raises(ValueError, match="needs at least 3 points"):
        learned_layout(two, knn_graph(two), two, seed=0, n_epochs=10)
