"""Pictures: tiles of images, atlases, and overlays, as arrays and PNG bytes."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np

Array = np.ndarray

INK = (128, 128, 136, 255)  # labels: readable on a light and on a dark page
MARK = (242, 140, 40, 255)  # outline of a marked tile: seen on both, and against black and white images
LABEL_SIZE = 11


def to_uint8(images: Array) -> Array:
    """Images as uint8: floats in [0, 1] are scaled and clipped, uint8 passes through."""
    array = np.asarray(images)
    if array.dtype == np.uint8:
        return array
    if not np.isfinite(array).all():
        raise ValueError("to_uint8: the images hold NaN or infinity; look at the training loss of this node")
    return np.rint(np.clip(array, 0.0, 1.0) * 255.0).astype(np.uint8)


def tile(
    images: Array,
    gap: int = 2,
    scale: int = 1,
    row_labels: Sequence[str] | None = None,
    column_labels: Sequence[str] | None = None,
    marks: Sequence[int | None] | None = None,
) -> Array:
    """Lay images (R, C, channels, H, W) out as a grid, returned as RGBA (height, width, 4) uint8.

    Channels: 1 or 3; uint8, or floats in [0, 1]. gap: transparent pixels between tiles, before scaling;
    scale: whole-number enlargement without smoothing. Labels stand left of the rows and above the columns.
    marks: for each row the column to outline (None: none), drawn in the gap, so that no pixel of an image is lost;
    the grid then has the gap's width around it as well.
    """
    array = to_uint8(images)
    if array.ndim != 5 or array.shape[2] not in (1, 3) or 0 in array.shape:
        raise ValueError(f"tile: expected images (rows, columns, 1 or 3, H, W), got shape {array.shape}")
    if scale < 1 or gap < 0:
        raise ValueError(f"tile: scale is {scale} and gap {gap}; allowed: 1 or more, and 0 or more")
    for labels, count, what in (
        (row_labels, array.shape[0], "row"),
        (column_labels, array.shape[1], "column"),
        (marks, array.shape[0], "row"),
    ):
        if labels is not None and len(labels) != count:
            kind = "marks" if labels is marks else "labels"
            raise ValueError(f"tile: {len(labels)} {what} {kind} for {count} {what}s")
    rows, columns, _, height, width = array.shape
    margin = gap if marks is not None else 0
    shape = (rows * (height + gap) - gap + 2 * margin, columns * (width + gap) - gap + 2 * margin, 4)
    grid = np.zeros(shape, dtype=np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = margin + row * (height + gap), margin + column * (width + gap)
            if marks is not None and marks[row] == column:
                grid[top - gap : top + height + gap, left - gap : left + width + gap] = MARK
            cell = grid[top : top + height, left : left + width]
            cell[..., :3] = array[row, column].transpose(1, 2, 0)
            cell[..., 3] = 255
    grid = grid.repeat(scale, axis=0).repeat(scale, axis=1)
    if row_labels is None and column_labels is None:
        return grid
    steps = ((height + gap) * scale, (width + gap) * scale)
    return _labelled(grid, row_labels, column_labels, *steps, margin * scale)


def _labelled(
    grid: Array,
    rows: Sequence[str] | None,
    columns: Sequence[str] | None,
    row_step: int,
    column_step: int,
    margin: int,
) -> Array:
    """Add a margin with row labels, right-aligned, and column labels, centred."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=LABEL_SIZE)
    left = round(max((font.getlength(text) for text in rows), default=0)) + 8 if rows else 0
    top = LABEL_SIZE + 8 if columns else 0
    canvas = Image.new("RGBA", (grid.shape[1] + left, grid.shape[0] + top))
    canvas.paste(Image.fromarray(grid), (left, top))
    draw = ImageDraw.Draw(canvas)
    for index, text in enumerate(rows or ()):
        draw.text((left - 6, top + margin + (index + 0.5) * row_step), text, INK, font, anchor="rm")
    for index, text in enumerate(columns or ()):
        draw.text((left + margin + (index + 0.5) * column_step, top - 4), text, INK, font, anchor="ms")
    return np.asarray(canvas)


def to_png(image: Array) -> bytes:
    """Encode (H, W), (H, W, 3) or (H, W, 4) uint8 as PNG; the same pixels give the same bytes."""
    from PIL import Image

    if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4))):
        raise ValueError(
            f"to_png: expected uint8 (H, W), (H, W, 3) or (H, W, 4), got {image.dtype} {image.shape}"
        )
    buffer = BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, format="PNG", compress_level=9)
    return buffer.getvalue()


def atlas(images: Array, columns: int | None = None) -> tuple[bytes, int]:
    """Put N images (N, C, H, W), C = 1 or 3, row by row into one PNG; returns its bytes and its number of columns.

    Image i stands in column i % columns and row i // columns, without gaps. By default the grid is about
    square.
    """
    array = to_uint8(images)
    if array.ndim != 4 or array.shape[1] not in (1, 3) or 0 in array.shape:
        raise ValueError(f"atlas: expected images (N, 1 or 3, H, W), got shape {array.shape}")
    n, channels, height, width = array.shape
    columns = int(np.ceil(np.sqrt(n))) if columns is None else columns
    rows = -(-n // columns)
    padded = np.zeros((rows * columns, channels, height, width), dtype=np.uint8)
    padded[:n] = array
    grid = padded.reshape(rows, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    sheet = grid.reshape(rows * height, columns * width, channels)
    return to_png(sheet[..., 0] if channels == 1 else sheet), columns


def heat_overlay(images: Array, maps: Array, strength: float = 0.6, top: float | None = None) -> Array:
    """Lay heat maps (B, h, w) over images (B, C, H, W): (B, 3, H, W) uint8, in the colours of cividis.

    Maps are enlarged bilinearly and scaled so that `top` (by default the largest value) is the bright end.
    strength: share of heat in the mix, 0 to 1.
    """
    from matplotlib import colormaps
    from PIL import Image

    if maps.ndim != 3 or images.ndim != 4 or len(maps) != len(images):
        raise ValueError(f"heat_overlay: maps {maps.shape} and images {images.shape} do not fit")
    height, width = images.shape[2:]
    bound = float(maps.max()) if top is None else top
    scaled = np.clip(maps / bound, 0.0, 1.0) if bound > 0.0 else np.zeros(maps.shape)
    enlarged = np.stack(
        [
            np.asarray(
                Image.fromarray(part.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
            )
            for part in scaled
        ]
    )
    heat = colormaps["cividis"](enlarged)[..., :3].transpose(0, 3, 1, 2)  # (B, 3, H, W)
    plain = to_uint8(images).astype(np.float64).mean(axis=1, keepdims=True) / 255.0
    return to_uint8((1.0 - strength) * plain + strength * heat)
