"""The generators: deterministic, antialiased, and only the named factor predicts the target."""

from __future__ import annotations

import time

import numpy as np
import pytest

from acc_assets.datasets import Shapes, Slant, Thickness
from acc_assets.datasets.drawing import arc_points, draw_strokes, rotate

BIG = 3_000


def ink_and_centre(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum of brightness (N,) in 0-1 units and its centre (N, 2) in pixels."""
    brightness = images[:, 0].astype(np.float64) / 255
    place = np.arange(images.shape[-1]) + 0.5
    ink = brightness.sum(axis=(1, 2))
    x = (brightness * place).sum(axis=(1, 2)) / ink
    y = (brightness * place[:, None]).sum(axis=(1, 2)) / ink
    return ink, np.stack([x, y], axis=1)


def explained(features: np.ndarray, target: np.ndarray) -> float:
    """R² of a least-squares fit on features, their squares and a constant."""
    features = features.reshape(len(target), -1).astype(np.float64)
    design = np.concatenate([np.ones((len(target), 1)), features, features**2], axis=1)
    weights, *_ = np.linalg.lstsq(design, target, rcond=None)
    return float(1 - np.var(target - design @ weights) / np.var(target))


def test_stroke_ink_is_its_area_at_any_width_place_and_angle() -> None:
    rng = np.random.default_rng(0)
    width, length = rng.uniform(1, 8, 200), rng.uniform(3, 14, 200)
    points = rotate(arc_points(length, np.zeros(200), 1), rng.uniform(0, 7, 200))
    points += rng.uniform(14, 18, (200, 1, 2))
    ink = draw_strokes(points, width, 32).sum(axis=(1, 2))
    area = width * length + np.pi * width**2 / 4
    assert np.abs(ink / area - 1).max() < 0.05
    assert np.abs(ink / area - 1).mean() < 0.01


def test_arc_length_and_chord() -> None:
    points = arc_points(np.array([20.0, 20.0]), np.array([0.0, np.pi]), 64)
    steps = np.hypot(*np.moveaxis(np.diff(points, axis=1), -1, 0))
    np.testing.assert_allclose(steps.sum(axis=1), 20)
    chord = points[:, -1] - points[:, 0]
    np.testing.assert_allclose(chord, [[0, -20], [0, -40 / np.pi]], atol=0.01)


@pytest.mark.parametrize("config_type", [Thickness, Slant, Shapes])
def test_deterministic_in_the_seed(config_type: type) -> None:
    config = config_type(n=30, seed=5)
    first, again = config._read(), config._read()
    other = config_type(n=30, seed=6)._read()
    for split in ("train", "validation", "test"):
        np.testing.assert_array_equal(first[split].images, again[split].images)
        np.testing.assert_array_equal(first[split].targets, again[split].targets)
        assert not np.array_equal(first[split].images, other[split].images)


@pytest.mark.parametrize("config_type", [Thickness, Slant, Shapes])
def test_nothing_is_cut_off_at_the_border(config_type: type) -> None:
    for size in (32, 48):
        images = config_type(n=500, image_size=size).load().train.images[:, 0]
        border = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
        assert border.max() == 0


def test_thickness_target_is_the_drawn_width() -> None:
    train = Thickness(n=BIG).load().train
    width = 1 + 7 * train.targets[:, 0]
    np.testing.assert_allclose(width, train.factors["width"], rtol=1e-5)
    assert width.min() < 1.02
    assert width.max() > 7.98
    straight = (train.factors["kind"] == 0) & (train.factors["length"] > 10)
    ink, _ = ink_and_centre(train.images[straight])
    area = ink / train.factors["brightness"][straight]
    # Solve w * length + pi w^2 / 4 = area for w: the width can be read off the picture to a tenth of a pixel.
    length = train.factors["length"][straight]
    seen = 2 / np.pi * (np.sqrt(length**2 + np.pi * area) - length)
    assert np.abs(seen - width[straight]).mean() < 0.05
    assert np.abs(seen - width[straight]).max() < 0.3


def test_only_width_predicts_thickness() -> None:
    train = Thickness(n=BIG).load().train
    target = train.targets[:, 0].astype(np.float64)
    ink, centre = ink_and_centre(train.images)
    assert 0.3 < explained(ink, target) < 0.6  # thick strokes have more ink; it must not settle the matter
    assert explained(centre, target) < 0.01
    for name in ("kind", "length", "direction", "x", "y", "brightness"):
        assert explained(train.factors[name], target) < 0.01, name


def test_slant_is_the_angle_from_the_vertical_axis() -> None:
    train = Slant(n=BIG).load().train
    factors = train.factors
    np.testing.assert_allclose(train.targets[:, 0], (factors["angle"] + 45) / 90, rtol=1e-4, atol=1e-6)
    assert factors["angle"].min() < -44.5
    assert factors["angle"].max() > 44.5
    # The principal axis of one straight stroke, from its second moments.
    single = (factors["strokes"] == 1) & (factors["bow"] == 0) & (factors["length"] > 14)
    brightness = train.images[single, 0].astype(np.float64)
    _, centre = ink_and_centre(train.images[single])
    place = np.arange(32) + 0.5
    x = place[None, None, :] - centre[:, 0, None, None]
    y = centre[:, 1, None, None] - place[None, :, None]  # up
    xx, yy, xy = ((brightness * part).sum(axis=(1, 2)) for part in (x * x, y * y, x * y))
    seen = np.degrees(np.arctan2(2 * xy, yy - xx) / 2)  # from the vertical, positive to the right
    assert np.abs(seen - factors["angle"][single]).max() < 1.5


def test_only_the_angle_predicts_slant() -> None:
    train = Slant(n=BIG).load().train
    target = train.targets[:, 0].astype(np.float64)
    ink, centre = ink_and_centre(train.images)
    assert explained(ink, target) < 0.01
    assert explained(centre, target) < 0.01
    for name in ("strokes", "length", "bow", "width", "x", "y", "brightness"):
        assert explained(train.factors[name], target) < 0.01, name


def test_shapes_have_the_area_and_place_that_they_claim() -> None:
    train = Shapes(n=BIG, targets=("x", "y", "scale")).load().train
    factors = train.factors
    ink, centre = ink_and_centre(train.images)
    side = 5 + 6 * factors["scale"]
    assert np.abs(ink / side**2 - 1).max() < 0.08
    np.testing.assert_allclose(centre, 11 + 10 * train.targets[:, :2], atol=0.15)
    np.testing.assert_array_equal(train.targets[:, 2], factors["scale"])


def test_ink_does_not_tell_the_shape() -> None:
    train = Shapes(n=BIG).load().train
    ink, centre = ink_and_centre(train.images)
    for shape in range(3):
        member = (train.targets == shape).astype(np.float64)
        assert 0.28 < member.mean() < 0.39
        assert explained(ink, member) < 0.01
        assert explained(centre, member) < 0.01


def test_shape_label_and_real_targets_of_one_seed_are_the_same_pictures() -> None:
    label, place = Shapes(n=50).load(), Shapes(n=50, targets=("y",)).load()
    np.testing.assert_array_equal(label.train.images, place.train.images)
    assert Shapes(targets=("y", "x")).target_names == ("y", "x")


def test_generating_is_fast() -> None:
    began = time.process_time()
    Thickness(n=5_400, seed=11).load()
    Slant(n=5_400, seed=11).load()
    assert time.process_time() - began < 4  # two data sets of 7,020 pictures; they take 0.5 s
