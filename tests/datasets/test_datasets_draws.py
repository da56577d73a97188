"""Drawing a few training images: which, how many of each class, and what stays as it was."""

from __future__ import annotations

import numpy as np
import pytest

from acc_assets.datasets import Digits
from acc_assets.datasets.data import draw


def test_a_stratified_draw_keeps_the_class_shares() -> None:
    few = Digits(train_samples=100, stratified=True).load()
    assert len(few.train) == Digits(train_samples=100).train_size == 100
    everything = Digits().load()
    shares = np.bincount(everything.train.targets) / len(everything.train)
    assert np.abs(np.bincount(few.train.targets) - 100 * shares).max() < 1
    assert np.array_equal(few.test.images, everything.test.images)
    assert np.array_equal(few.validation.targets, everything.validation.targets)


def test_drawn_images_are_training_images_and_the_seed_decides_which() -> None:
    pool = {image.tobytes() for image in Digits().load().train.images}
    first, second = (Digits(train_samples=50, seed=seed).load().train for seed in (0, 1))
    assert {image.tobytes() for image in first.images} <= pool
    assert not np.array_equal(first.images, second.images)


def test_a_draw_is_without_replacement() -> None:
    labels = np.arange(40) % 4
    for stratified in (False, True):
        chosen = draw(labels, 20, stratified, 3)
        assert len(set(chosen.tolist())) == 20
        assert np.array_equal(chosen, draw(labels, 20, stratified, 3))
    assert np.bincount(labels[draw(labels, 20, True, 3)]).tolist() == [5, 5, 5, 5]


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="train_samples is 1258"):
        Digits(train_samples=1258)
