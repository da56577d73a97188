"""Measured thickness and slant against drawn strokes and real digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from acc_assets.analysis.stroke_properties import slant, stroke_thickness

FINE = 8


def stroke(width: float, degrees: float) -> np.ndarray:
    """A straight anti-aliased stroke through the middle, leaning right by so many degrees: (1, 28, 28) uint8."""
    sheet = Image.new("L", (28 * FINE, 28 * FINE))
    lean = np.tan(np.radians(degrees)) * 8 * FINE
    ends = [(14 * FINE - lean, 22 * FINE), (14 * FINE + lean, 6 * FINE)]
    ImageDraw.Draw(sheet).line(ends, fill=255, width=round(width * FINE))
    return np.asarray(sheet.resize((28, 28), Image.Resampling.BOX))[None]


@pytest.mark.parametrize("degrees", [0, 20, -35])
def test_thickness_is_the_width_across_the_stroke(degrees: float) -> None:
    widths = np.array([2.0, 3.0, 4.0, 5.0, 6.0])
    drawn = np.stack([stroke(width, degrees) for width in widths])
    measured = stroke_thickness(drawn)
    np.testing.assert_allclose(measured, widths, atol=0.45)
    assert (np.diff(measured) > 0.5).all()


def test_slant_is_the_lean_in_degrees() -> None:
    angles = np.array([-40.0, -20.0, 0.0, 15.0, 35.0])
    measured = slant(np.stack([stroke(2, angle) for angle in angles]))
    np.testing.assert_allclose(measured, angles, atol=1.5)
    np.testing.assert_allclose(
        slant(np.stack([stroke(2, angle) / 255.0 for angle in angles])), measured, atol=1e-9
    )


def test_an_empty_image_has_neither() -> None:
    empty = np.zeros((2, 1, 28, 28), np.uint8)
    assert np.isnan(stroke_thickness(empty)).all()
    assert np.isnan(slant(empty)).all()
    with pytest.raises(ValueError, match="expected images"):
        slant(empty[0])


def test_neighbours_on_the_sheet_do_not_touch() -> None:
    full = np.full((3, 1, 28, 28), 255, np.uint8)
    alone = stroke_thickness(full[:1])
    np.testing.assert_array_equal(stroke_thickness(full), np.repeat(alone, 3))


@pytest.mark.mnist
def test_real_digits_lie_in_the_known_range(mnist_dir: Path) -> None:
    raw = (mnist_dir / "MNIST" / "raw" / "t10k-images-idx3-ubyte").read_bytes()
    images = np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 1, 28, 28)[:1000]
    # thickness about 1 to 6 pixels, slant within 45 degrees and to the right on average, as in Morpho-MNIST
    thickness = stroke_thickness(images)
    assert 2.0 < thickness.mean() < 3.5
    assert thickness.max() < 12.0
    assert 0.0 < slant(images).mean() < 12.0
