"""Pictures: pixels where they belong, the same bytes for the same input, sizes that a page can carry."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from acc_assets.analysis.figures import (
    MARK,
    atlas,
    heat_overlay,
    tile,
    to_png,
    to_uint8,
)


def opened(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(png)))


def test_tiles_stand_where_they_belong() -> None:
    images = np.arange(6, dtype=np.uint8).reshape(2, 3, 1, 1, 1) * np.ones((1, 1, 1, 4, 5), np.uint8)
    grid = tile(images, gap=1)
    assert grid.shape == (9, 17, 4)
    assert grid[0, 0].tolist() == [0, 0, 0, 255]
    assert grid[6, 14].tolist() == [5, 5, 5, 255]
    assert grid[4, 0, 3] == 0  # gaps are transparent
    assert tile(images, gap=1, scale=3).shape == (27, 51, 4)
    np.testing.assert_array_equal(opened(to_png(grid)), grid)


def test_labels_widen_the_margins_only() -> None:
    images = np.zeros((2, 3, 3, 16, 16), np.uint8)
    plain, labelled = tile(images), tile(images, row_labels=["input", "output"], column_labels=list("abc"))
    assert labelled.shape[0] > plain.shape[0]
    assert labelled.shape[1] > plain.shape[1]
    np.testing.assert_array_equal(labelled[-plain.shape[0] :, -plain.shape[1] :], plain)
    with pytest.raises(ValueError, match="3 row labels for 2 rows"):
        tile(images, row_labels=["a", "b", "c"])


def test_a_mark_outlines_one_tile_of_a_row_and_hides_no_pixel() -> None:
    images = np.zeros((2, 3, 1, 8, 8), np.uint8)
    grid = tile(images, gap=2, scale=2, marks=[1, None])
    plain = tile(images, gap=2, scale=2)
    assert grid.shape[:2] == (plain.shape[0] + 8, plain.shape[1] + 8)
    outline = (grid == MARK).all(axis=2)
    assert outline.any()
    rows, columns = np.nonzero(outline)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 23, 20, 43)
    np.testing.assert_array_equal(grid[4:-4, 4:-4][plain[..., 3] == 255], plain[plain[..., 3] == 255])
    with pytest.raises(ValueError, match="1 row marks for 2 rows"):
        tile(images, marks=[0])


def test_floats_are_scaled_and_nan_is_refused() -> None:
    assert to_uint8(np.array([-1.0, 0.0, 0.5, 1.0, 2.0])).tolist() == [0, 0, 128, 255, 255]
    with pytest.raises(ValueError, match="NaN"):
        to_uint8(np.array([np.nan]))
    with pytest.raises(ValueError, match="expected images"):
        tile(np.zeros((2, 2, 4, 4)))


@pytest.mark.parametrize("channels", [1, 3])
def test_an_atlas_holds_image_i_at_its_place(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, channels, 4, 6), dtype=np.uint8)
    png, columns = atlas(images)
    assert columns == 3
    sheet = opened(png).reshape(12, 18, channels)
    for index in range(7):
        row, column = divmod(index, columns)
        cell = sheet[row * 4 : row * 4 + 4, column * 6 : column * 6 + 6]
        np.testing.assert_array_equal(cell.transpose(2, 0, 1), images[index])
    assert atlas(images)[0] == png
    assert atlas(images, columns=7)[1] == 7


def test_heat_is_bright_where_the_map_is_high() -> None:
    maps = np.zeros((1, 4, 4))
    maps[0, 0, 0] = 2.0
    heat = heat_overlay(np.zeros((1, 1, 16, 16)), maps)
    assert heat.shape == (1, 3, 16, 16)
    assert heat[0, :, 1, 1].sum() > 2 * heat[0, :, 14, 14].sum()
    assert (
        heat_overlay(np.zeros((1, 1, 16, 16)), maps * 0)[0, 0]
        == heat_overlay(np.zeros((1, 1, 8, 8)), maps * 0)[0, 0, 0, 0]
    ).all()
