"""The exact k-nearest-neighbour graph that projections, viewer and quality measures share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

Array = np.ndarray

CHUNK_ELEMENTS = 16_000_000  # distances held at once: 64 MB of float32
SPARE = 16  # candidates beyond k that the exact refinement may choose from


@dataclass(frozen=True)
class KnnGraph:
    """The k nearest neighbours of every point, nearest first, the point itself excluded.

    indices: (N, k) int32, distances: (N, k) float32, Euclidean. Ties go to the lower index.
    """

    indices: Array
    distances: Array

    def __post_init__(self) -> None:
        if self.indices.shape != self.distances.shape or self.indices.ndim != 2:
            raise ValueError(
                f"KnnGraph: indices {self.indices.shape} and distances {self.distances.shape} "
                "must have one shape (N, k)"
            )

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> KnnGraph:
        """The graph that `indices` and `distances` of an artifact hold."""
        return cls(arrays["indices"], arrays["distances"])

    @property
    def n(self) -> int:
        """Number of points."""
        return int(self.indices.shape[0])

    @property
    def k(self) -> int:
        """Neighbours per point."""
        return int(self.indices.shape[1])

    def nearest(self, k: int) -> KnnGraph:
        """The same graph cut to the k nearest neighbours (at most the k that it holds)."""
        if not 1 <= k <= self.k:
            raise ValueError(f"KnnGraph.nearest: k is {k}; this graph allows 1 to {self.k}")
        return KnnGraph(self.indices[:, :k], self.distances[:, :k])


def checked_points(points: Array, where: str, minimum: int = 2) -> Array:
    """Return points as a contiguous (N, D) float32 array.

    Raises ValueError, naming `where`, for another shape, fewer than `minimum` rows, or NaN and infinity.
    """
    array = np.ascontiguousarray(points, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] < 1:
        raise ValueError(f"{where}: expected points (N, D), got shape {np.shape(points)}")
    if array.shape[0] < minimum:
        raise ValueError(f"{where}: needs at least {minimum} points, got {array.shape[0]}")
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        bad = np.flatnonzero(~finite)
        raise ValueError(
            f"{where}: {bad.size} of {array.shape[0]} points hold NaN or infinity (first: row {bad[0]}); "
            "look at the training loss of this node"
        )
    return array


def knn_graph(points: Array, k: int = 30) -> KnnGraph:
    """Find the k nearest neighbours of every point, exactly and deterministically.

    points: (N, D). k is cut to N - 1 for tiny sets. Candidates come from a chunked float32 matrix product;
    their distances are then recomputed in float64, and every row in which rounding could have hidden a
    neighbour is searched again in float64, so that the result is exact, ties included.
    """
    import torch

    array = checked_points(points, "knn_graph")
    if k < 1:
        raise ValueError(f"knn_graph: k is {k}; allowed: 1 or more")
    n = array.shape[0]
    k = min(k, n - 1)
    exact = torch.from_numpy(array).double()
    centred = (exact - exact.mean(dim=0)).float()  # smaller norms: less cancellation in |a|^2 + |b|^2 - 2ab
    norms = centred.square().sum(dim=1)  # (N,)
    wanted = min(k + SPARE, n - 1)
    # float32 rounding of a squared distance: a few units in the last place of the norms that enter it
    slack = float(norms.max()) * (2.0**-23) * (8 + array.shape[1] ** 0.5)

    indices = np.empty((n, k), dtype=np.int32)
    distances = np.empty((n, k), dtype=np.float32)
    rows_per_chunk = max(1, CHUNK_ELEMENTS // n)
    for start in range(0, n, rows_per_chunk):
        rows = torch.arange(start, min(start + rows_per_chunk, n))
        approx = torch.addmm(norms[None, :], centred[rows], centred.T, alpha=-2.0)
        approx += norms[rows, None]
        approx[rows - start, rows] = torch.inf
        bound, candidates = approx.topk(wanted, dim=1, largest=False, sorted=True)  # (R, W)
        candidates = candidates.sort(dim=1).values
        squared = _squared_distances(exact, exact[rows], candidates)
        nearest, found = _stable_smallest(squared, candidates, k)
        if wanted < n - 1:
            hidden = nearest[:, -1] >= bound[:, -1].double() - slack
            for row in rows[hidden].tolist():
                everything = torch.cat([torch.arange(row), torch.arange(row + 1, n)])[None, :]
                full = _squared_distances(exact, exact[row : row + 1], everything)
                nearest[row - start], found[row - start] = (
                    part[0] for part in _stable_smallest(full, everything, k)
                )
        indices[rows.numpy()] = found.numpy()
        distances[rows.numpy()] = nearest.sqrt().numpy()
    return KnnGraph(indices, distances)


def nearest_points(new: Array, reference: Array, k: int) -> tuple[Array, Array]:
    """Find the k nearest reference points (N, D) of every new one (M, D), nearest first; ties go to the lower row.

    Returns indices (M, k) int32 and Euclidean distances (M, k) float64; k is cut to N. Candidates come from chunked
    float64 matrix products, their distances from differences, so that a new point that is a reference has distance 0.
    """
    import torch

    fresh = torch.from_numpy(checked_points(new, "nearest_points, new", minimum=1)).double()
    known = torch.from_numpy(checked_points(reference, "nearest_points, reference", minimum=1)).double()
    if fresh.shape[1] != known.shape[1] or k < 1:
        raise ValueError(
            f"nearest_points: new {tuple(fresh.shape)}, reference {tuple(known.shape)} and k {k}; expected (M, D), "
            "(N, D) and 1 or more"
        )
    k = min(k, len(known))
    centre = known.mean(dim=0)
    centred, norms = known - centre, (known - centre).square().sum(dim=1)
    wanted = min(k + SPARE, len(known))
    indices, distances = np.empty((len(fresh), k), np.int32), np.empty((len(fresh), k))
    everything = torch.arange(len(known))[None, :]
    slack = float(norms.max()) * (2.0**-52) * (8 + known.shape[1] ** 0.5)  # rounding, as in `knn_graph`
    for rows in torch.arange(len(fresh)).split(max(1, CHUNK_ELEMENTS // (2 * len(known)))):
        moved = fresh[rows] - centre
        approx = torch.addmm(norms[None, :], moved, centred.T, alpha=-2.0)
        bound, candidates = approx.topk(wanted, dim=1, largest=False, sorted=True)
        candidates = candidates.sort(dim=1).values
        nearest, found = _stable_smallest(_squared_distances(known, fresh[rows], candidates), candidates, k)
        norm = moved.square().sum(dim=1)
        if wanted < len(known):
            for place in torch.nonzero(
                nearest[:, -1] >= bound[:, -1] + norm - slack - norm * 2.0**-48
            ).ravel():
                full = _squared_distances(known, fresh[rows[place]][None], everything)
                nearest[place], found[place] = (part[0] for part in _stable_smallest(full, everything, k))
        indices[rows.numpy()], distances[rows.numpy()] = found.numpy(), nearest.sqrt().numpy()
    return indices, distances


def _squared_distances(points: torch.Tensor, origins: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Squared distances (R, W) in float64 from each origin (R, D) to its own list of points, `others` (R, W)."""
    import torch

    out = torch.empty(others.shape, dtype=torch.float64)
    step = max(1, CHUNK_ELEMENTS // (others.shape[1] * points.shape[1]))
    for start in range(0, origins.shape[0], step):
        part = slice(start, start + step)
        out[part] = (points[others[part]] - origins[part, None]).square().sum(dim=2)
    return out


def _stable_smallest(values: torch.Tensor, labels: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The k smallest values per row with their labels; labels ascend within a row, so ties keep the lowest."""
    order = values.sort(dim=1, stable=True).indices[:, :k]
    return values.gather(1, order), labels.gather(1, order)


def edge_distances(coords: Array, graph: KnnGraph) -> Array:
    """Distances (N, k) float32 in another space (such as a projection) along the edges of a graph.

    coords: (N, d).
    """
    array = checked_points(coords, "edge_distances")
    if array.shape[0] != graph.n:
        raise ValueError(
            f"edge_distances: {array.shape[0]} coordinates for a graph of {graph.n} points; they must be equal"
        )
    squared = np.zeros(graph.indices.shape, dtype=np.float64)
    for column in array.T.astype(np.float64):  # d is 2 or 3: no (N, k, d) array is needed
        squared += np.square(column[graph.indices] - column[:, None])
    return np.sqrt(squared).astype(np.float32)
