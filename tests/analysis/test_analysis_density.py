"""Densities on a grid, and distortion, against cases whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from acc_assets.analysis.density import (
    Mixture,
    linear_placing,
    map_densities,
    posterior_samples,
    prior_samples,
    standard_normal,
)
from acc_assets.analysis.grids import Square, cell_means, kernel_density
from acc_assets.analysis.neighbors import edge_distances, knn_graph, nearest_points
from acc_assets.analysis.projections import pca
from acc_assets.analysis.quality import distortion, relative_distortion, typical_stretch
from acc_assets.analysis.separation import barycentric_projection

RNG = np.random.default_rng(3)


def centres(square: Square) -> tuple[np.ndarray, np.ndarray]:
    left, _, bottom, _ = square.bounds
    at = (np.arange(square.cells) + 0.5) * square.cell
    return left + at, bottom + at


def test_a_gaussian_integrates_to_one_has_its_mode_at_the_mean_and_is_the_known_density() -> None:
    points = np.random.default_rng(0).normal((2.0, -1.0), 1.0, size=(200_000, 2))
    square, bandwidth = Square(-6.0, -9.0, 16.0, 80), 0.3
    found = kernel_density(points, square, bandwidth)
    assert found.sum() * square.cell**2 == pytest.approx(1.0, abs=1e-4)
    x, y = centres(square)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert (x[column], y[row]) == pytest.approx((2.0, -1.0), abs=1.5 * square.cell)
    variance = 1 + bandwidth**2  # of points and kernel together
    squares = (x[None, :] - 2) ** 2 + (y[:, None] + 1) ** 2
    known = np.exp(-squares / (2 * variance)) / (2 * np.pi * variance)
    np.testing.assert_allclose(found, known, atol=0.03 * known.max())


def test_one_point_is_the_kernel_and_what_lies_beyond_the_square_is_missing() -> None:
    square = Square(0.0, 0.0, 10.0, 50)
    x, y = centres(square)
    found = kernel_density(np.array([[4.0, 6.0]]), square, 1.0)
    known = np.exp(-((x[None, :] - 4) ** 2 + (y[:, None] - 6) ** 2) / 2) / (2 * np.pi)
    np.testing.assert_allclose(found, known, atol=2e-3)
    at_the_edge = kernel_density(np.array([[0.0, 5.0]]), square, 0.5)
    assert at_the_edge.sum() * square.cell**2 == pytest.approx(0.5, abs=0.01)
    weighted = kernel_density(np.array([[4.0, 6.0], [40.0, 6.0]]), square, 1.0, np.array([1.0, 3.0]))
    np.testing.assert_allclose(weighted, found / 4, atol=1e-7)


def test_another_size_of_the_map_changes_the_units_alone() -> None:
    points = RNG.normal(size=(500, 2))
    small, large = Square.around(points, 32), Square.around(10 * points + 3, 32)
    before = kernel_density(points, small, 0.02 * small.side)
    after = kernel_density(10 * points + 3, large, 0.02 * large.side)
    np.testing.assert_allclose(100 * after, before, rtol=1e-4, atol=1e-7)
    assert Square.around(np.ones((4, 2)), 8).side == 1.0
    with pytest.raises(ValueError, match=r"expected coordinates \(N, 2\)"):
        Square.around(np.ones((4, 3)), 8)


def test_means_of_cells() -> None:
    coords = np.array([[0.5, 0.5], [0.6, 0.4], [1.5, 0.5], [1.5, 1.5], [9.0, 0.5]])
    found = cell_means(coords, np.array([1.0, 3.0, 5.0, np.nan, 7.0]), Square(0.0, 0.0, 2.0, 2))
    np.testing.assert_array_equal(found, [[2.0, 5.0], [np.nan, np.nan]])


def test_samples_have_the_moments_of_what_they_are_drawn_from() -> None:
    mu = np.tile([[0.0, 4.0], [2.0, -4.0]], (50, 1)).astype(np.float32)
    drawn = posterior_samples(mu, np.full_like(mu, np.log(0.25)), 20_000)
    np.testing.assert_allclose(drawn.mean(axis=0), [1.0, 0.0], atol=0.05)
    np.testing.assert_allclose(drawn.var(axis=0), [1.25, 16.25], rtol=0.03)
    prior = Mixture(np.array([[0.0, 0.0], [8.0, 8.0]]), np.log([[1.0, 4.0], [9.0, 1.0]]))
    samples, of = prior_samples(prior, 20_000)
    assert np.bincount(of).tolist() == [10_000, 10_000]
    for component in (0, 1):
        own = samples[of == component]
        np.testing.assert_allclose(own.mean(axis=0), prior.means[component], atol=0.1)
        np.testing.assert_allclose(own.var(axis=0), np.exp(prior.logvars[component]), rtol=0.06)
    with pytest.raises(ValueError, match="one number a component"):
        Mixture(prior.means, prior.logvars, np.ones(3))


def test_an_unused_component_is_in_the_uniform_prior_and_not_in_the_empirical_one() -> None:
    mu = RNG.normal(size=(400, 2)).astype(np.float32) + np.array([0.0, 6.0], np.float32)
    mu[:200] -= [0, 12]
    prior = Mixture(np.array([[0.0, -6.0], [0.0, 6.0]]), np.zeros((2, 2)), np.array([1.0, 0.0]))
    square = Square.around(mu, 40)
    found = map_densities(mu, np.zeros_like(mu), prior, mu, linear_placing(mu, mu), square, 0.3, 4000)
    upper = {name: values[20:].sum() * square.cell**2 for name, values in found.items()}
    assert upper["posterior"] == pytest.approx(0.5, abs=0.05)
    assert upper["prior"] == pytest.approx(0.5, abs=0.05)
    assert upper["prior_empirical"] == pytest.approx(0.0, abs=0.01)
    alone = map_densities(mu, None, None, mu, linear_placing(mu, mu), square, 0.3, 4000)
    np.testing.assert_array_equal(alone["posterior"], kernel_density(mu, square, 0.3))
    assert list(alone) == ["posterior"]
    assert standard_normal(3).means.shape == (1, 3)


def test_a_linear_map_places_new_latents_as_pca_does() -> None:
    latents = (RNG.normal(size=(300, 5)) * [5, 3, 1, 0, 0.1]).astype(np.float32)
    mapped = pca(latents, 2)
    new = (RNG.normal(size=(20, 5)) * [5, 3, 1, 0, 0.1]).astype(np.float32)
    expected = (new - mapped.mean) @ mapped.components.T
    np.testing.assert_allclose(linear_placing(latents, mapped.coords)(new), expected, atol=1e-4)


def test_nearest_points_are_those_of_all_distances_with_ties_to_the_lower_row() -> None:
    known = RNG.integers(0, 4, size=(200, 3)).astype(np.float32)  # many ties and copies
    new = RNG.integers(0, 4, size=(50, 3)).astype(np.float32)
    found, distances = nearest_points(new, known, 5)
    everything = np.sqrt(((new[:, None] - known[None]).astype(np.float64) ** 2).sum(2))
    expected = np.argsort(everything, axis=1, kind="stable")[:, :5]
    np.testing.assert_array_equal(distances, np.take_along_axis(everything, expected, 1))
    np.testing.assert_array_equal(found, expected)
    placed = barycentric_projection(known[:3], known, np.arange(400.0).reshape(200, 2), 1)
    np.testing.assert_array_equal(placed.weights, np.ones((3, 1)))
    with pytest.raises(ValueError, match="1 or more"):
        nearest_points(new, known, 0)


def test_a_map_by_pca_of_two_dimensional_latents_has_distortion_one_everywhere() -> None:
    latents = (RNG.normal(size=(300, 2)) * [4, 1]).astype(np.float32)
    graph = knn_graph(latents, 10)
    ratio = distortion(edge_distances(pca(latents, 2).coords, graph), graph.distances)
    np.testing.assert_allclose(ratio, 1.0, rtol=1e-4)
    relative, scale = relative_distortion(ratio)
    np.testing.assert_allclose(relative, 1.0, rtol=1e-4)
    assert scale == pytest.approx(1.0, rel=1e-4)
    assert typical_stretch(relative) == pytest.approx(1.0, abs=1e-4)


def test_another_size_of_the_map_changes_no_relative_distortion() -> None:
    latents = RNG.normal(size=(200, 4)).astype(np.float32)
    graph, coords = knn_graph(latents, 10), RNG.normal(size=(200, 3)).astype(np.float32)
    found = [
        relative_distortion(distortion(edge_distances(size * coords, graph), graph.distances))
        for size in (1, 64)
    ]
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5)
    assert found[1][1] == pytest.approx(64 * found[0][1], rel=1e-5)
    assert typical_stretch(np.array([0.5, 1.0, 2.0, 2.0])) == pytest.approx(2.0)


def test_where_all_points_coincide_no_distortion_is_known() -> None:
    relative, scale = relative_distortion(distortion(np.zeros((5, 3)), np.zeros((5, 3))))
    assert np.isnan(relative).all()
    assert np.isnan(scale)
    assert typical_stretch(relative) is None
    with pytest.raises(ValueError, match=r"both must be \(N, k\)"):
        distortion(np.zeros((5, 3)), np.zeros((5, 4)))
