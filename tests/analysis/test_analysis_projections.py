"""PCA and UMAP: known planes, alignment, determinism, odd inputs."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from acc_assets.analysis.neighbors import KnnGraph, knn_graph
from acc_assets.analysis.projections import pca, procrustes, project_snapshots, umap_layout
from acc_assets.analysis.quality import trustworthiness
from acc_assets.analysis.umap_layout import curve_parameters, fuzzy_edges


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """Real digits as 16 latents: 1,797 points."""
    return pca(load_digits().data.astype(np.float32), 16).coords


def rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def blobs(n: int = 150, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three well separated groups in five dimensions, with their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    return (rng.normal(size=(n, 5)) + 12.0 * np.eye(5)[labels]).astype(np.float32), labels


def test_pca_equals_scikit_learn_up_to_sign(digits: np.ndarray) -> None:
    ours, theirs = pca(digits, 3), PCA(3).fit(digits)
    np.testing.assert_allclose(np.abs(ours.coords), np.abs(theirs.transform(digits)), atol=1e-3)
    np.testing.assert_allclose(ours.explained_variance, theirs.explained_variance_ratio_, rtol=1e-5)
    largest = np.abs(ours.components).argmax(axis=1)
    assert (ours.components[np.arange(3), largest] > 0).all()


def test_pca_of_fewer_dimensions_than_wanted_pads_with_zeros() -> None:
    found = pca(np.random.default_rng(0).normal(size=(30, 2)), 3)
    assert found.coords.shape == (30, 3)
    assert (found.coords[:, 2] == 0).all()
    assert found.explained_variance.sum() == pytest.approx(1.0)


def test_procrustes_undoes_a_rotation_a_reflection_and_a_shift() -> None:
    points = np.random.default_rng(0).normal(size=(50, 2))
    moved = (points * [1.0, -1.0]) @ rotation(0.7) + [3.0, -5.0]
    np.testing.assert_allclose(procrustes(moved, points), points, atol=1e-5)
    np.testing.assert_allclose(
        np.ptp(procrustes(2 * points, points), axis=0), 2 * np.ptp(points, axis=0), rtol=1e-5
    )


def test_the_curve_has_the_known_parameters() -> None:
    assert curve_parameters(0.1) == pytest.approx((1.5769, 0.8951), abs=1e-3)
    with pytest.raises(ValueError, match="min_dist is 2"):
        curve_parameters(2.0)


def test_umap_keeps_groups_apart_and_repeats_its_bits() -> None:
    points, labels = blobs()
    graph = knn_graph(points, 20)
    layout = umap_layout(points, graph, 2, seed=3, n_epochs=100)
    np.testing.assert_array_equal(layout, umap_layout(points, graph, 2, seed=3, n_epochs=100))
    assert not np.array_equal(layout, umap_layout(points, graph, 2, seed=4, n_epochs=100))
    own = knn_graph(layout, 10)
    assert (labels[own.indices] == labels[:, None]).mean() > 0.99


def test_snapshots_are_aligned_shared_and_deterministic() -> None:
    final, labels = blobs()
    noise = np.random.default_rng(1).normal(size=final.shape).astype(np.float32)
    latents = {0: 0.3 * final + noise, 10: 0.8 * final + 0.3 * noise, 20: final}
    graphs = {step: knn_graph(points, 20) for step, points in latents.items()}
    seen: list[tuple[int, int]] = []
    found = project_snapshots(
        latents, graphs, seed=0, n_epochs=200, progress=lambda done, total: seen.append((done, total))
    )
    again = project_snapshots(latents, graphs, seed=0, n_epochs=200, threads=1)
    assert found.steps == (0, 10, 20)
    assert set(found.coords) == {("pca", 2), ("pca", 3), ("umap", 2), ("umap", 3)}
    for key, by_step in found.coords.items():
        for step, coords in by_step.items():
            assert coords.shape == (150, key[1])
            np.testing.assert_array_equal(coords, again.coords[key][step])
    # the last snapshot is the plain result
    np.testing.assert_array_equal(
        found.coords["umap", 2][20], umap_layout(final, graphs[20], 2, seed=0, n_epochs=200)
    )
    np.testing.assert_array_equal(found.coords["pca", 2][20], pca(final, 2).coords)
    # a point stays in its place: it moves less between snapshots than the groups are apart
    moved = np.linalg.norm(found.coords["umap", 2][10] - found.coords["umap", 2][20], axis=1).mean()
    centres = np.stack([found.coords["umap", 2][20][labels == label].mean(axis=0) for label in range(3)])
    assert moved < 0.5 * np.linalg.norm(centres[0] - centres[1])
    assert seen[-1][0] == seen[-1][1]
    assert sum(found.explained_variance[20]) <= 1.0


def test_an_earlier_snapshot_is_as_trustworthy_as_a_layout_of_its_own(digits: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    earlier = (digits @ rng.normal(size=(16, 16)) + rng.normal(size=digits.shape)).astype(np.float32)
    latents = {1: earlier, 2: digits}
    graphs = {step: knn_graph(points, 20) for step, points in latents.items()}
    found = project_snapshots(latents, graphs, seed=0, dims=(2,))
    plain = umap_layout(earlier, graphs[1], 2, seed=0)
    warm = trustworthiness(earlier, found.coords["umap", 2][1], 15)
    assert warm > trustworthiness(earlier, plain, 15) - 0.01


@pytest.mark.parametrize("n", [2, 3, 10, 40])
def test_tiny_sets_work(n: int) -> None:
    points = np.random.default_rng(n).normal(size=(n, 4)).astype(np.float32)
    found = project_snapshots({5: points}, {5: knn_graph(points)}, n_epochs=50)
    assert all(np.isfinite(by_step[5]).all() for by_step in found.coords.values())


def test_collapsed_latents_give_a_finite_cloud() -> None:
    points = np.zeros((60, 3), np.float32)
    found = project_snapshots({5: points}, {5: knn_graph(points)}, n_epochs=50)
    assert (found.coords["pca", 2][5] == 0).all()
    assert np.isfinite(found.coords["umap", 3][5]).all()
    assert found.explained_variance[5] == [0.0, 0.0, 0.0]


def test_bad_inputs_are_named() -> None:
    points, _ = blobs(30)
    graph = knn_graph(points, 5)
    with pytest.raises(ValueError, match="step 7: 1 of 30 points hold NaN"):
        project_snapshots({7: np.where(np.arange(150).reshape(30, 5) == 0, np.nan, points)}, {7: graph})
    with pytest.raises(ValueError, match="no neighbour graph for steps \\[3\\]"):
        project_snapshots({3: points}, {})
    with pytest.raises(ValueError, match="no snapshots"):
        project_snapshots({}, {})
    with pytest.raises(ValueError, match="graph of 30 points"):
        umap_layout(points[:20], graph, 2)
    with pytest.raises(ValueError, match="n_neighbors is 1"):
        fuzzy_edges(KnnGraph(graph.indices, graph.distances), 1)
