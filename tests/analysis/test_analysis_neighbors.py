"""The neighbour graph: exact, without self, ties to the lower index."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from acc_assets.analysis.neighbors import KnnGraph, edge_distances, knn_graph


def brute_force(points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    exact = points.astype(np.float32).astype(np.float64)
    distances = np.sqrt(np.square(exact[:, None] - exact[None]).sum(-1))
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distances, order, axis=1)


def test_a_line_of_points_has_its_known_neighbours() -> None:
    graph = knn_graph(np.array([[0.0], [1.0], [3.0], [7.0]]), k=2)
    assert graph.indices.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    assert graph.distances.tolist() == [[1, 3], [1, 2], [2, 3], [4, 6]]


def test_it_equals_a_search_in_float64_far_from_the_origin() -> None:
    # the mean is 1,000 times the spread: a plain float32 product would lose the order
    points = np.random.default_rng(0).normal(loc=1000.0, size=(1500, 8)).astype(np.float32)
    graph = knn_graph(points, k=20)
    order, distances = brute_force(points, 20)
    np.testing.assert_array_equal(graph.indices, order)
    np.testing.assert_allclose(graph.distances, distances, rtol=1e-5)


def test_one_far_outlier_does_not_spoil_the_rest() -> None:
    points = np.random.default_rng(1).normal(size=(300, 4)).astype(np.float32)
    points[0] = 1e5
    order, _ = brute_force(points, 5)
    np.testing.assert_array_equal(knn_graph(points, k=5).indices, order)


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        np.float32, st.tuples(st.integers(2, 60), st.integers(1, 3)), elements=st.integers(-3, 3).map(float)
    ),
    st.integers(1, 40),
)
def test_ties_and_duplicates_go_to_the_lower_index_and_never_to_self(points: np.ndarray, k: int) -> None:
    graph = knn_graph(points, k)
    order, _ = brute_force(points, min(k, len(points) - 1))
    np.testing.assert_array_equal(graph.indices, order)


def test_all_points_in_one_place() -> None:
    graph = knn_graph(np.ones((200, 3)), k=4)
    assert not (graph.indices == np.arange(200)[:, None]).any()
    assert (graph.distances == 0).all()
    assert graph.indices[7].tolist() == [0, 1, 2, 3]


def test_edges_are_measured_in_another_space() -> None:
    graph = knn_graph(np.array([[0.0], [1.0], [3.0]]), k=2)
    coords = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 8.0]])
    np.testing.assert_allclose(edge_distances(coords, graph), [[5, 8], [5, 5], [5, 8]])


def test_nan_is_named_with_its_row() -> None:
    points = np.zeros((5, 2))
    points[3, 1] = np.nan
    with pytest.raises(ValueError, match="1 of 5 points hold NaN or infinity \\(first: row 3\\)"):
        knn_graph(points)


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 points"):
        knn_graph(np.zeros((1, 2)))
    with pytest.raises(ValueError, match="one shape"):
        KnnGraph(np.zeros((3, 2), np.int32), np.zeros((3, 3), np.float32))
    with pytest.raises(ValueError, match="must be equal"):
        edge_distances(np.zeros((4, 2)), knn_graph(np.random.default_rng(0).normal(size=(5, 2)), k=2))
