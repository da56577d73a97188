"""Trustworthiness and distortion against scikit-learn and hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import manifold

from acc_assets.analysis.neighbors import edge_distances, knn_graph
from acc_assets.analysis.quality import distortion, neighbor_ranks, trustworthiness


@pytest.mark.parametrize("k", [5, 12, 30])
def test_trustworthiness_equals_scikit_learn(k: int) -> None:
    rng = np.random.default_rng(k)
    points = rng.normal(size=(400, 10)).astype(np.float32)
    for embedding in (points[:, :2], rng.normal(size=(400, 2)).astype(np.float32), points[:, :6]):
        theirs = manifold.trustworthiness(points.astype(np.float64), embedding, n_neighbors=k)
        assert trustworthiness(points, embedding, k) == pytest.approx(theirs, abs=1e-6)
        theirs = manifold.trustworthiness(embedding, points.astype(np.float64), n_neighbors=k)
        assert trustworthiness(embedding, points, k) == pytest.approx(theirs, abs=1e-6)


def test_a_faithful_copy_is_perfect_and_a_given_graph_is_used() -> None:
    points = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    assert trustworthiness(points, 5 * points - 2, 10) == 1.0
    assert trustworthiness(points, points, 10, graph=knn_graph(points, 20)) == 1.0


def test_ranks_of_a_line() -> None:
    ranks = neighbor_ranks(np.array([[0.0], [1.0], [3.0], [7.0]]), np.array([[3, 1], [2, 0], [0, 1], [2, 0]]))
    assert ranks.tolist() == [[3, 1], [2, 1], [2, 1], [1, 3]]


def test_distortion_is_the_change_of_size() -> None:
    points = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    graph = knn_graph(points, 6)
    np.testing.assert_allclose(distortion(edge_distances(3 * points, graph), graph.distances), 3.0, rtol=1e-5)
    assert np.isnan(distortion(graph.distances, knn_graph(np.zeros((50, 2)), 6).distances)).all()


def test_unequal_lengths_and_tiny_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="must be equal"):
        trustworthiness(np.zeros((10, 2)), np.zeros((9, 2)))
    with pytest.raises(ValueError, match="at least 3 points"):
        trustworthiness(np.zeros((2, 2)), np.zeros((2, 2)))
