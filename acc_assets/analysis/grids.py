"""Square grids over a two-dimensional map: densities of points, and means of what points have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray
TRUNCATE = 4.0  # standard deviations at which the kernel ends


@dataclass(frozen=True)
class Square:
    """A square of a map, in its units, cut into `cells` x `cells`; grids are (y, x) with y growing."""

    left: float
    bottom: float
    side: float
    cells: int

    @classmethod
    def around(cls, coords: Array, cells: int, margin: float = 0.15) -> Square:
        """The smallest square around coordinates (N, 2) with a margin, a share of its inner side, on all sides.

        Coordinates that are all equal get a square of side 1 around them. Raises ValueError for another shape.
        """
        if coords.ndim != 2 or coords.shape[1] != 2 or not len(coords):
            raise ValueError(f"Square.around: expected coordinates (N, 2), got shape {coords.shape}")
        low, high = (np.asarray(edge, np.float64) for edge in (coords.min(axis=0), coords.max(axis=0)))
        inner = float((high - low).max())
        side = inner * (1 + 2 * margin) if inner > 0.0 else 1.0
        left, bottom = (low + high) / 2 - side / 2
        return cls(float(left), float(bottom), side, cells)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top."""
        return self.left, self.left + self.side, self.bottom, self.bottom + self.side

    @property
    def cell(self) -> float:
        """Side of one cell."""
        return self.side / self.cells

    def places(self, coords: Array) -> Array:
        """Coordinates (N, 2) in cells: column and row, 0 at the left and lower edge."""
        placed: Array = (np.asarray(coords, np.float64) - [self.left, self.bottom]) / self.cell
        return placed


def kernel_density(coords: Array, square: Square, bandwidth: float, weights: Array | None = None) -> Array:
    """Density (cells, cells) of points (N, 2) by a Gaussian kernel, a share of all weight by square unit of the map.

    bandwidth: standard deviation of the kernel, in the map's units; weights: (N,), equal where there are none. Points
    are spread over the four nearest cells first (linear binning, Wand 1994). Points beyond the square count in the
    whole, so that the grid sums to the share of the density within the square, 1 at most.
    """
    from scipy.ndimage import gaussian_filter

    sigma = bandwidth / square.cell
    pad = int(np.ceil(TRUNCATE * sigma)) + 1
    size = square.cells + 2 * pad
    share = np.full(len(coords), 1.0) if weights is None else np.asarray(weights, np.float64)
    column, row = (square.places(coords) - 0.5 + pad).T
    seen = (column >= 0) & (column < size - 1) & (row >= 0) & (row < size - 1)
    total, share, column, row = share.sum(), share[seen], column[seen], row[seen]
    x, y = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
    right, up = column - x, row - y
    counts = np.zeros(size * size)
    for dx, dy, part in ((0, 0, (1 - right) * (1 - up)), (1, 0, right * (1 - up)),
                         (0, 1, (1 - right) * up), (1, 1, right * up)):  # fmt: skip
        counts += np.bincount((y + dy) * size + x + dx, share * part, minlength=size * size)
    smooth = gaussian_filter(counts.reshape(size, size), sigma, mode="constant", truncate=TRUNCATE)
    density: Array = smooth[pad:-pad, pad:-pad] / (total * square.cell**2)
    return density.astype(np.float32)


def cell_means(coords: Array, values: Array, square: Square) -> Array:
    """Mean (cells, cells) of the values (N,) of the points (N, 2) in each cell, NaN where none is known."""
    column, row = np.floor(square.places(coords)).astype(np.int64).T
    inside = (column >= 0) & (column < square.cells) & (row >= 0) & (row < square.cells)
    known = inside & np.isfinite(values)
    at, size = row[known] * square.cells + column[known], square.cells**2
    counts = np.bincount(at, minlength=size)
    sums = np.bincount(at, values[known].astype(np.float64), minlength=size)
    means = np.divide(sums, counts, out=np.full(size, np.nan), where=counts > 0)
    return means.reshape(square.cells, square.cells).astype(np.float32)
