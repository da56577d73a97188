"""Scores by which images are asked about, against cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from acc_assets.analysis import acquisition

RNG = np.random.default_rng(0)
SURE, TORN, EVEN = [1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.25] * 4


def test_uncertainty_is_nothing_for_the_sure_and_largest_for_the_even() -> None:
    given = np.array([SURE, TORN, EVEN])
    assert acquisition.entropy(given) == pytest.approx([0, np.log(2), np.log(4)])
    assert acquisition.least_confidence(given) == pytest.approx([0, 0.5, 0.75])
    assert acquisition.margin(given) == pytest.approx([0, 1, 1])


def test_classes_with_few_labels_are_wanted() -> None:
    given = acquisition.class_balance(np.array([SURE, TORN]), np.array([9, 0, 4, 4]))
    assert given == pytest.approx([0.1, 0.55])


def test_an_outlier_is_far_and_the_middle_is_a_boundary() -> None:
    blob = RNG.normal(size=(50, 3))
    far = acquisition.neighbour_distance(np.vstack([blob, [[20, 0, 0]]]), 5)
    assert far.argmax() == 50
    labelled, labels = np.array([[0.0, 0], [0, 2], [10, 0], [10, 2]]), np.array([3, 3, 7, 7])
    assert acquisition.boundary(np.array([[0.0, 1], [5, 1], [10, 1]]), labelled, labels) == pytest.approx(
        [0, 1, 0]
    )


def test_k_centre_is_the_plain_greedy_one_and_covers() -> None:
    points, centres = RNG.normal(size=(60, 4)), RNG.normal(size=(3, 4))
    chosen, distances = acquisition.k_centre(points, centres, 10)
    known = list(centres)
    for at, distance in zip(chosen, distances, strict=True):
        to_nearest = np.linalg.norm(points[:, None] - np.stack(known)[None], axis=2).min(1)
        assert (at, distance) == (to_nearest.argmax(), pytest.approx(to_nearest.max(), rel=1e-6))
        known.append(points[at])
    assert (np.diff(distances) <= 1e-9).all()
    alike, _ = acquisition.k_centre(np.zeros((4, 2)), np.zeros((1, 2)), 9)
    assert sorted(alike) == [0, 1, 2, 3]
    assert len(acquisition.k_centre(points, np.empty((0, 4)), 5)[0]) == 5


def test_a_new_latent_stands_between_the_places_of_its_neighbours() -> None:
    known, on_map = np.array([[0.0, 0], [2, 0], [50, 0]]), np.array([[1.0, 1], [3, 5], [9, 9]])
    found = acquisition.places(np.array([[2.0, 0], [1, 0], [0.5, 0]]), known, on_map, 2)
    assert found == pytest.approx(np.array([[3, 5], [2, 3], [1.5, 2]]))
    centres = np.array([[0.0, 3], [2, 1]])
    assert acquisition.centre_distance(known[:2], centres) == pytest.approx([5**0.5, 1])
    assert acquisition.centre_distance(known[:2], centres[:0]) == pytest.approx([1, 1])


def test_neighbours_vote_and_ties_go_to_the_lower_place() -> None:
    labelled = np.array([[0.0], [1.0], [10.0]])
    found = acquisition.neighbour_probabilities(
        np.array([[0.0], [9.9]]), labelled, np.array([2, 2, 5]), 7, k=1
    )
    assert found.argmax(1).tolist() == [2, 5]
    assert found.sum(1) == pytest.approx([1, 1])
    assert acquisition.first(np.array([1.0, 3.0, 3.0, 2.0]), 3).tolist() == [1, 2, 3]
