"""Small pictures of a latent map: points with soft edges and densities, on a transparent ground."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# The viewer's ten class colours, told apart also with a colour vision deficiency (client/src/shared/palette.ts).
PALETTES = {
    "light": "4870ff deb586 9c0e13 959ba4 5c4dba 8a5b7a cb4907 d78b03 4a3961 11caff",
    "dark": "5f9af6 eeaa80 bc411e a5c3ee 7259e0 9c8f9b e3730d e8e549 8d5a7c 8dffff",
}
RAMP = np.array([[38, 70, 140], [122, 122, 120], [222, 190, 60]], dtype=np.float64)  # cividis, three stops
PANEL_GAP, PANEL_TOP, PANEL_TITLE = 14, 26, 15  # pixels
PANELS_ACROSS = 2
PANEL_INK = {"light": (70, 74, 82, 255), "dark": (190, 196, 206, 255)}


Bounds = tuple[float, float, float, float]  # left, right, bottom and top of a square of a map


def scatter_png(
    coords: np.ndarray, labels: np.ndarray | None, theme: str = "light", size: int = 480
) -> bytes:
    """Draw (N, 2) coordinates as a PNG of `size` x `size` pixels; labels are classes or, if real, a ramp.

    Points that are not finite are left out. Coordinates keep their aspect ratio.
    """
    return reduced_png(scatter_image(coords, labels, theme, size))


def scatter_image(
    coords: np.ndarray, labels: np.ndarray | None, theme: str, size: int, bounds: Bounds | None = None
) -> Image.Image:
    """The picture of `scatter_png`; with `bounds` it shows exactly that square."""
    finite = np.isfinite(coords).all(axis=1)
    points = coords[finite].astype(np.float64)
    colors = point_colors(labels, len(coords), theme)[finite]
    scale = 2  # drawn twice as large and reduced, which smooths the edges
    side = size * scale
    canvas = np.zeros((side, side, 4), dtype=np.uint8)
    if len(points):
        if bounds is None:
            low, high, margin = points.min(axis=0), points.max(axis=0), 0.04 * side
        else:
            low, high, margin = np.array(bounds[::2]), np.array(bounds[1::2]), 0.0
        span = max(float((high - low).max()), 1e-12)
        unit = (points - (low + high) / 2) / span
        pixels = np.rint(unit * [1, -1] * (side - 2 * margin) + side / 2).astype(np.int64)
        order = np.random.default_rng(0).permutation(len(pixels))  # no class lies on top of the others
        radius = int(np.clip(round(90 * scale / np.sqrt(len(points) + 400)), 2, 8))
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                if dx * dx + dy * dy <= radius * radius:
                    ys = np.clip(pixels[order, 1] + dy, 0, side - 1)
                    xs = np.clip(pixels[order, 0] + dx, 0, side - 1)
                    canvas[ys, xs, :3] = colors[order]
                    canvas[ys, xs, 3] = 225
    image = Image.fromarray(canvas, "RGBA").convert("RGBa").reduce(scale)  # averaged premultiplied
    return image.convert("RGBA")


def heat_image(values: np.ndarray, theme: str, size: int) -> Image.Image:
    """Draw a grid (y, x), y growing upwards, from transparent at 0 to the first class colour at its maximum."""
    top = float(values.max(initial=0.0))
    share = np.sqrt(np.clip(values[::-1] / top, 0, 1)) if top > 0 else np.zeros(values.shape)
    color = point_colors(None, 1, theme)[0]
    canvas = np.empty((*values.shape, 4), np.uint8)
    canvas[..., :3], canvas[..., 3] = color, np.rint(255 * share)
    return Image.fromarray(canvas, "RGBA").resize((size, size), Image.Resampling.BILINEAR)


def panels_image(panels: Sequence[tuple[str, Image.Image]], theme: str) -> Image.Image:
    """Set square pictures of one size in rows of two, each with its title above and a frame."""
    size, ink = panels[0][1].width, PANEL_INK[theme]
    font = ImageFont.load_default(size=PANEL_TITLE)
    canvas = Image.new("RGBA", panels_size(size, len(panels)))
    draw = ImageDraw.Draw(canvas)
    for place, (title, image) in enumerate(panels):
        row, column = divmod(place, PANELS_ACROSS)
        left, top = column * (size + PANEL_GAP), PANEL_TOP + row * (size + PANEL_GAP + PANEL_TOP)
        canvas.paste(image, (left, top))
        draw.text((left, top - 7), title, ink, font, anchor="ls")
        draw.rectangle((left, top, left + size - 1, top + size - 1), outline=(*ink[:3], 90))
    return canvas


def panels_size(size: int, count: int) -> tuple[int, int]:
    """Width and height, in pixels, of so many panels of a size."""
    across, rows = min(count, PANELS_ACROSS), -(-count // PANELS_ACROSS)
    return across * (size + PANEL_GAP) - PANEL_GAP, rows * (size + PANEL_TOP + PANEL_GAP) - PANEL_GAP


def reduced_png(image: Image.Image) -> bytes:
    """Encode a picture of few colours as a small PNG."""
    out = io.BytesIO()
    image.quantize(colors=128, method=Image.Quantize.FASTOCTREE).save(out, format="PNG", optimize=True)
    return out.getvalue()


def point_colors(labels: np.ndarray | None, count: int, theme: str) -> np.ndarray:
    """Return (N, 3) uint8 colours: of classes, else places on a ramp, the same as in the viewer."""
    codes = PALETTES[theme].split()
    palette = np.array([[int(code[i : i + 2], 16) for i in (0, 2, 4)] for code in codes], dtype=np.uint8)
    if labels is None or len(labels) != count:
        return np.repeat(palette[:1], count, axis=0)
    values = np.asarray(labels).reshape(count, -1)[:, 0]
    if np.issubdtype(values.dtype, np.integer):
        return palette[values % len(palette)]
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    t = np.nan_to_num((values - low) / max(high - low, 1e-12))[:, None]
    lower = RAMP[0] + (RAMP[1] - RAMP[0]) * np.minimum(t * 2, 1)
    return np.where(t < 0.5, lower, RAMP[1] + (RAMP[2] - RAMP[1]) * (t * 2 - 1)).astype(np.uint8)
