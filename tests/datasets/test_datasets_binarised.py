"""Black and white pixels drawn by grey values: anew for each training batch, once for validation and test."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from acc_assets.datasets import Binarised, Digits, LabelBudget
from acc_assets.tasks.baselines import on_training_images
from acc_assets.training.batches import BatchSource

GREY = Digits(image_size=8)


def test_validation_and_test_are_one_draw_and_training_images_stay_grey() -> None:
    grey, data, other = GREY.load(), Binarised(of=GREY).load(), Binarised(of=GREY, seed=1).load()
    np.testing.assert_array_equal(data.train.images, grey.train.images)
    assert data.train.dynamic
    assert data.digest != grey.digest
    for split in ("validation", "test"):
        drawn, shown = getattr(data, split), getattr(grey, split).images
        assert set(np.unique(drawn.images)) == {0, 255}
        assert not drawn.dynamic
        assert (drawn.images[shown == 255] == 255).all()
        assert (drawn.images[shown == 0] == 0).all()
        assert drawn.images.mean() == pytest.approx(shown.mean(), rel=0.02)
        assert (drawn.images != getattr(other, split).images).any()
    again = Binarised(of=Digits(image_size=8), seed=1)._read()
    np.testing.assert_array_equal(again["test"].images, other.test.images)
    assert Binarised(of=GREY).describe()["source"].endswith("once (seed 0) for validation and test")
    with pytest.raises(
        ValueError, match=r"each seed sees differently; put it outside: LabelBudget\(of=Binarised"
    ):
        Binarised(of=LabelBudget(of=GREY))


def batches(seed: int, at: int = 0) -> BatchSource:
    data: Any = Binarised(of=GREY).load()
    device = torch.device("cpu")
    return BatchSource("digits", data, batch_size=500, seed=seed, device=device, position=500 * at)


def test_each_training_step_draws_its_pixels_and_a_resumed_one_draws_the_same() -> None:
    source, count = batches(0), len(GREY.load().train)
    first, second = source.next(0).images, source.next(1).images
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert first.mean() == pytest.approx(GREY.load().train.images.mean() / 255, rel=0.02)
    assert torch.equal(batches(0, at=1).next(1).images, second)
    assert not torch.equal(batches(1).next(0).images, first)
    whole = SimpleNamespace(train=Binarised(of=GREY).load().train)
    assert not torch.equal(batches(0).next(7).images, first)  # the same images, drawn for another step
    fixed = on_training_images(whole).test.images
    assert set(np.unique(fixed)) == {0, 255}
    assert len(fixed) == count
    np.testing.assert_array_equal(fixed, on_training_images(whole).test.images)
