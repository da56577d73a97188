"""Antialiased drawing by signed distance, batched over images.

Coordinates are pixels: x to the right, y down, the frame is [0, size] x [0, size] and pixel (i, j) has its centre at
(j + 0.5, i + 0.5). Coverage goes from 1 to 0 over the one pixel around an outline, so that the ink of a shape is its
area at any sub-pixel width, position and angle.
"""

from __future__ import annotations

import numpy as np

CHUNK = 64  # images; their working arrays stay in the cache


def draw_strokes(points: np.ndarray, widths: np.ndarray, size: int) -> np.ndarray:
    """Draw one polyline with round caps and joins per image.

    points: (N, P, 2) pixels, P >= 2, consecutive points apart. widths: (N,) pixels. Returns coverage float32
    (N, size, size) in 0-1.
    """
    points = points.astype(np.float32)
    widths = widths.astype(np.float32)
    coverage = np.empty((len(points), size, size), dtype=np.float32)
    for start in range(0, len(points), CHUNK):
        part = slice(start, start + CHUNK)
        squared = _squared_distance(points[part], size)
        distance = np.sqrt(squared, out=squared)
        np.subtract(widths[part, None, None] / 2 + 0.5, distance, out=distance)
        coverage[part] = np.clip(distance, 0, 1, out=distance)
    return coverage


def _squared_distance(points: np.ndarray, size: int) -> np.ndarray:
    """Squared distance (N, size, size) of every pixel centre to the polylines (N, P, 2)."""
    centre = np.arange(size, dtype=np.float32) + 0.5
    starts = points[:, :-1]
    steps = np.diff(points, axis=1)
    lengths = np.hypot(steps[..., 0], steps[..., 1])  # (N, P-1)
    ux, uy = steps[..., 0] / lengths, steps[..., 1] / lengths
    nearest = np.full((len(points), size, size), np.inf, dtype=np.float32)
    for s in range(starts.shape[1]):
        x = centre[None, None, :] - starts[:, s, 0, None, None]  # (N, 1, size)
        y = centre[None, :, None] - starts[:, s, 1, None, None]  # (N, size, 1)
        dx, dy, half = ux[:, s, None, None], uy[:, s, None, None], lengths[:, s, None, None] / 2
        across = (x * dy) - (y * dx)  # (N, size, size): distance from the segment's line
        beyond = (x * dx - half) + (y * dy)  # distance along the line from the segment's middle
        np.abs(beyond, out=beyond)
        beyond -= half
        np.maximum(beyond, 0, out=beyond)
        across *= across
        beyond *= beyond
        across += beyond
        np.minimum(nearest, across, out=nearest)
    return nearest


def arc_points(length: np.ndarray, sweep: np.ndarray, segments: int) -> np.ndarray:
    """Polylines (N, segments + 1, 2) along circular arcs, centred on their middle, whose chord points upward (-y).

    length: (N,) arc length in pixels. sweep: (N,) radians turned from end to end, its sign the side that the arc bows
    to; 0 is a straight line.
    """
    heading = sweep[:, None] * (np.arange(segments) + 0.5 - segments / 2) / segments  # (N, segments)
    step = length[:, None] / segments
    return _walk(np.stack([step * np.sin(heading), -step * np.cos(heading)], axis=-1))


def zigzag_points(length: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Polylines (N, T + 2, 2) of equal segments and total `length` (N,) that turn by `turns` (N, T) radians."""
    heading = np.concatenate([np.zeros((len(turns), 1)), np.cumsum(turns, axis=1)], axis=1)
    step = length[:, None] / heading.shape[1]
    return _walk(np.stack([step * np.sin(heading), -step * np.cos(heading)], axis=-1))


def _walk(steps: np.ndarray) -> np.ndarray:
    points = np.concatenate([np.zeros_like(steps[:, :1]), np.cumsum(steps, axis=1)], axis=1)
    centred: np.ndarray = points - box_centre(points)[:, None]
    return centred


def rotate(points: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Rotate points (N, P, 2) by `angle` (N,) radians about the origin, clockwise as seen on the screen."""
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y = points[..., 0], points[..., 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)


def box_centre(points: np.ndarray) -> np.ndarray:
    """Centre (N, 2) of the bounding boxes of points (N, P, 2)."""
    centre: np.ndarray = (points.min(axis=1) + points.max(axis=1)) / 2
    return centre


def box_extent(points: np.ndarray) -> np.ndarray:
    """Width and height (N, 2) of the bounding boxes of points (N, P, 2)."""
    extent: np.ndarray = points.max(axis=1) - points.min(axis=1)
    return extent


def to_uint8(coverage: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """Images (N, 1, H, W) uint8 from coverage (N, H, W) in 0-1 and brightness (N,) in 0-1."""
    scaled = coverage * (255 * brightness[:, None, None]).astype(np.float32)
    return np.rint(scaled, out=scaled).astype(np.uint8)[:, None]
