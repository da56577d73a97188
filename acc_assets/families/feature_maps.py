"""A picture of one example's way through the layers of a network: a row a layer, a square a channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from acc_assets.families.scatter import PANEL_INK, reduced_png

ROWS, ACROSS = 12, 8  # layers and channels shown
SIDE, GAP, NAME = 44, 6, 230  # pixels
VERSION = 1


def shown_layers(layers: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The layers that the picture shows: those that give maps, evenly chosen where there are many."""
    maps = [layer for layer in layers if len(layer["shape"]) == 3 and not layer["matrix"]]
    places = np.linspace(0, max(len(maps) - 1, 0), min(len(maps), ROWS)).round().astype(int)
    return [maps[place] for place in places]


def picture_size(layers: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Width and height in pixels."""
    return NAME + ACROSS * (SIDE + GAP), (1 + len(shown_layers(layers))) * (SIDE + GAP)


def feature_maps_png(
    arrays: Mapping[str, np.ndarray], layers: Sequence[Mapping[str, Any]], theme: str
) -> bytes:
    """Draw the first example: itself and its reconstruction, then of each layer some channels.

    arrays: those of the part `forward`. Each map goes from black at its smallest to white at its largest value.
    """
    canvas = Image.new("RGBA", picture_size(layers))
    draw = ImageDraw.Draw(canvas)
    ink, font = PANEL_INK[theme], ImageFont.load_default(size=13)
    ends = [arrays[name][0] for name in ("input", "recon") if name in arrays]
    words = "input, and what is made of it" if len(ends) > 1 else "input"
    rows = [(words, ends)]
    for layer in shown_layers(layers):
        maps = arrays.get(f"layer/{layer['id']}")
        if maps is not None:
            rows.append((layer["name"], list(maps[0, :ACROSS, None])))
    for row, (name, images) in enumerate(rows):
        top = row * (SIDE + GAP)
        draw.text((0, top + SIDE // 2), name[-32:], ink, font, anchor="lm")
        for column, image in enumerate(images):
            canvas.paste(_square(image), (NAME + column * (SIDE + GAP), top))
    return reduced_png(canvas)


def _square(image: np.ndarray) -> Image.Image:
    """A uint8 image (C, h, w) of one, three or other channels, unsmoothed, fitted into a square."""
    colored = (
        image.transpose(1, 2, 0) if len(image) == 3 else np.repeat(image[:1], 3, axis=0).transpose(1, 2, 0)
    )
    height, width = image.shape[1:]
    scale = SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    tile = Image.new("RGBA", (SIDE, SIDE))
    tile.paste(Image.fromarray(np.ascontiguousarray(colored)).resize(size, Image.Resampling.NEAREST), (0, 0))
    return tile
