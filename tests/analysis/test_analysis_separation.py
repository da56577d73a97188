"""Manifold measures against hand-made cases and scikit-learn."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

from acc_assets.analysis.neighbors import knn_graph
from acc_assets.analysis.separation import (
    barycentric_projection,
    calinski_harabasz,
    davies_bouldin,
    fisher_ratio,
    knn_classification,
    knn_over_draws,
    manifold_metrics,
    manifold_score,
    neighbor_agreement,
)
from acc_assets.storage.arrays import to_json


def test_the_score_is_the_mean_of_six_parts() -> None:
    assert manifold_score(1.0, 1.0, 1.0, 1.0, 0.0, 1e12) == pytest.approx(100.0)
    assert manifold_score(0.0, 0.0, 0.0, -1.0, 1e12, 0.0) == pytest.approx(0.0, abs=1e-6)
    assert manifold_score(0.9, 0.8, 0.7, 0.2, 1.0, 3.0) == pytest.approx(
        100 * (0.9 + 0.8 + 0.7 + 0.6 + 0.5 + 0.75) / 6
    )


def test_the_fisher_ratio_of_two_pairs() -> None:
    points = np.array([[0.0], [2.0], [10.0], [12.0]])
    labels = np.array([0, 0, 1, 1])
    assert fisher_ratio(points, labels) == pytest.approx(100.0 / 4.0)
    assert fisher_ratio(points * 0 + labels[:, None], labels) == np.inf
    assert fisher_ratio(np.zeros((4, 1)), labels) == 0.0


def test_agreement_counts_neighbours_and_not_the_point() -> None:
    points = np.array([[0.0], [1.0], [10.0], [11.0]])
    assert neighbor_agreement(np.array([0, 0, 1, 1]), knn_graph(points, 1)) == 1.0
    assert neighbor_agreement(np.array([0, 1, 0, 1]), knn_graph(points, 1)) == 0.0


def test_knn_classifies_and_reports() -> None:
    train, labels = np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([3, 3, 8, 8])
    found = knn_classification(
        train, labels, np.array([[0.4], [10.6], [9.0], [2.0]]), np.array([3, 8, 8, 8]), k=2
    )
    assert found.predictions.tolist() == [3, 8, 8, 3]
    assert found.accuracy == 0.75
    assert found.report["3"]["recall"] == 1.0
    assert (found.train_size, found.test_size, found.k) == (4, 4, 2)


def test_the_metric_decides_which_neighbour_is_nearest() -> None:
    train, labels = np.array([[1.0, 0.0], [10.0, 10.0]]), np.array([0, 1])
    test, truth = np.array([[2.0, 2.1]]), np.array([1])
    found = {
        m: knn_classification(train, labels, test, truth, 1, m).accuracy for m in ("euclidean", "cosine")
    }
    assert found == {"euclidean": 0.0, "cosine": 1.0}


def test_real_digits_score_high_and_noise_low() -> None:
    data = load_digits()
    pixels, labels = data.data.astype(np.float32), data.target
    accuracy = knn_classification(pixels[:900], labels[:900], pixels[900:], labels[900:]).accuracy
    assert accuracy > 0.94
    good = manifold_metrics(pixels[900:], labels[900:], data.images[900:], accuracy)
    assert good.trustworthiness == 1.0  # the latents are the pixels
    assert good.neighbor_agreement > 0.9
    noise = np.random.default_rng(0).normal(size=(897, 8))
    poor = manifold_metrics(noise, labels[900:], data.images[900:], 0.1)
    assert poor.score < 40 < 60 < good.score
    assert set(good.to_json()) >= {"score", "calinski_harabasz", "silhouette"}
    with pytest.raises(ValueError, match="of 1 classes"):
        manifold_metrics(noise, np.zeros(897, int), data.images[900:], 0.1)


def test_a_new_latent_lies_between_its_neighbours() -> None:
    reference = np.array([[0.0], [1.0], [5.0]])
    coords = np.array([[0.0, 0.0], [4.0, 8.0], [100.0, 100.0]])
    placed = barycentric_projection(np.array([[0.25], [1.0]]), reference, coords, k=2)
    np.testing.assert_allclose(placed.coords, [[1.0, 2.0], [4.0, 8.0]])
    np.testing.assert_allclose(placed.weights, [[0.75, 0.25], [1.0, 0.0]])
    assert placed.indices.tolist() == [[0, 1], [1, 0]]
    with pytest.raises(ValueError, match="do not fit"):
        barycentric_projection(np.zeros((1, 2)), reference, coords)


def test_draws_of_labels_agree_where_classes_are_far_apart_and_spread_where_they_mix() -> None:
    labels = np.repeat([0, 1], 50)
    apart = labels[:, None] * 100.0 + np.random.default_rng(0).normal(size=(100, 2))
    clear = knn_over_draws(apart, labels, apart, labels, size=10, draws=5, k=3)
    assert (clear.mean, clear.sd, clear.draws, clear.size) == (1.0, 0.0, 5, 10)
    mixed = np.random.default_rng(1).normal(size=(100, 2))
    noise = knn_over_draws(mixed, labels, mixed, labels, size=10, draws=20, k=3)
    assert 0.3 < noise.mean < 0.75
    assert noise.sd > 0
    assert noise == knn_over_draws(mixed, labels, mixed, labels, size=10, draws=20, k=3)


def blobs() -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(4), 30)
    centres = np.random.default_rng(1).normal(size=(4, 3)) * 3
    return centres[labels] + np.random.default_rng(2).normal(size=(120, 3)), labels


def test_own_indices_are_scikit_learns_where_classes_have_a_spread() -> None:
    points, labels = blobs()
    assert davies_bouldin(points, labels) == pytest.approx(davies_bouldin_score(points, labels))
    assert calinski_harabasz(points, labels) == pytest.approx(calinski_harabasz_score(points, labels))


def test_perfectly_separated_classes_have_a_score_and_infinite_measures() -> None:
    _, labels = blobs()
    places = np.eye(4, dtype=np.float32)[labels]  # every class is one place
    found = manifold_metrics(places, labels, places, knn_accuracy=1.0)
    assert (found.fisher_ratio, found.calinski_harabasz, found.davies_bouldin) == (np.inf, np.inf, 0.0)
    assert found.silhouette == 1.0
    parts = (1.0, found.trustworthiness, found.neighbor_agreement, 1.0, 1.0, 1.0)
    assert found.score == pytest.approx(100 * sum(parts) / 6)
    written = json.loads(to_json(found.to_json()))
    assert (written["fisher_ratio"], written["score"]) == ("Infinity", found.score)
    assert float(written["fisher_ratio"]) == np.inf


def test_latents_that_coincide_are_worst_and_not_best() -> None:
    _, labels = blobs()
    found = manifold_metrics(np.zeros((120, 2)), labels, np.eye(120, dtype=np.float32), knn_accuracy=0.25)
    assert (found.fisher_ratio, found.calinski_harabasz, found.davies_bouldin) == (0.0, 0.0, np.inf)
    assert 0 < found.score < 50
    assert all(value is not None for value in json.loads(to_json(found.to_json())).values())
