"""UMAP (McInnes, Healy and Melville 2018, arXiv:1802.03426) from a neighbour graph that exists already.

The same algorithm and defaults as umap-learn, against which the tests compare it and which `umap_learn.py` offers
beside it. It is written out here because of what surrounds the algorithm there: importing umap-learn and compiling
its functions costs some six seconds in every process, and its loop holds Python's lock, so that a 2-D and a 3-D
layout cannot run side by side. Start positions are principal components, not a spectral layout: as good (Kobak and
Linderman 2021, Nature Biotechnology 39:156), always defined, and the plane that a reader sees in the PCA view.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from acc_assets.analysis.neighbors import KnnGraph

Array = np.ndarray

NEGATIVES = 5.0  # random points per sampled edge
START_WIDTH = 10.0  # extent of the start positions along their longest axis
SMALL = 10_000  # points up to which a layout gets the long schedule


@dataclass(frozen=True)
class FuzzyEdges:
    """The symmetric fuzzy simplicial set as directed edges in row order.

    heads, tails: (E,) int32; weights: (E,) float32 in (0, 1]; n: number of points.
    """

    heads: Array
    tails: Array
    weights: Array
    n: int


def default_epochs(n: int) -> int:
    """Epochs of a layout from scratch: 500 up to 10,000 points, else 200, as in umap-learn."""
    return 500 if n <= SMALL else 200


def fuzzy_edges(graph: KnnGraph, n_neighbors: int = 15) -> FuzzyEdges:
    """Build the fuzzy simplicial set of the data (UMAP, section 3.1 and algorithms 2 and 3).

    Each point's distances are scaled by sigma so that sum_j exp(-(d_ij - rho_i) / sigma_i) =
    log2(n_neighbors), with rho_i the distance to the nearest distinct neighbour; the union is w_ij + w_ji -
    w_ij w_ji. As in umap-learn, `n_neighbors` counts the point itself; it is cut to what the graph holds.
    """
    from scipy.sparse import coo_matrix

    if n_neighbors < 2:
        raise ValueError(
            f"fuzzy_edges: n_neighbors is {n_neighbors}; allowed: 2 or more (it counts the point)"
        )
    graph = graph.nearest(min(n_neighbors - 1, graph.k))
    n, k = graph.indices.shape
    distances = graph.distances.astype(np.float64)
    rho = np.where(distances > 0.0, distances, np.inf).min(axis=1)
    rho[~np.isfinite(rho)] = 0.0
    sigma = _bandwidths(np.maximum(distances - rho[:, None], 0.0), np.log2(k + 1.0))
    own_mean = distances.sum(axis=1) / (k + 1)  # the point itself counts, with distance zero
    floor = 1e-3 * np.where(rho > 0.0, own_mean, own_mean.mean())
    sigma = np.maximum(sigma, floor)
    excess = distances - rho[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.where(
            (excess <= 0.0) | (sigma[:, None] == 0.0), 1.0, np.exp(-np.maximum(excess, 0.0) / sigma[:, None])
        )
    rows = np.repeat(np.arange(n, dtype=np.int32), k)
    directed = coo_matrix((weights.ravel(), (rows, graph.indices.ravel())), shape=(n, n)).tocsr()
    backward = directed.T.tocsr()
    union = (directed + backward - directed.multiply(backward)).tocsr()
    union.sort_indices()
    edges = union.tocoo()
    keep = edges.data > 0.0
    return FuzzyEdges(
        edges.row[keep].astype(np.int32),
        edges.col[keep].astype(np.int32),
        edges.data[keep].astype(np.float32),
        n,
    )


def _bandwidths(excess: Array, target: float, iterations: int = 64) -> Array:
    """Solve sum_j exp(-excess_ij / sigma_i) = target for sigma by bisection: (N, k) -> (N,)."""
    low = np.zeros(excess.shape[0])
    high = np.full(excess.shape[0], np.inf)
    sigma = np.ones(excess.shape[0])
    active = np.arange(excess.shape[0])
    for _ in range(iterations):
        with np.errstate(divide="ignore", invalid="ignore"):
            total = np.exp(-excess[active] / sigma[active, None]).sum(axis=1)
        off = np.abs(total - target) >= 1e-5
        active, total = active[off], total[off]
        if active.size == 0:
            break
        above = total > target
        high[active[above]] = sigma[active[above]]
        low[active[~above]] = sigma[active[~above]]
        bounded = np.isfinite(high[active])
        sigma[active[bounded]] = (low[active[bounded]] + high[active[bounded]]) / 2.0
        sigma[active[~bounded]] *= 2.0
    return sigma


def curve_parameters(min_dist: float, spread: float = 1.0) -> tuple[float, float]:
    """Fit a and b of 1 / (1 + a x^(2b)) to the curve that is 1 up to min_dist and then decays as exp(-x / spread)."""
    from scipy.optimize import curve_fit

    if not 0.0 <= min_dist <= spread:
        raise ValueError(f"curve_parameters: min_dist is {min_dist}; allowed: 0 to spread ({spread})")
    x = np.linspace(0.0, 3.0 * spread, 300)
    wanted = np.where(x < min_dist, 1.0, np.exp(-(x - min_dist) / spread))
    (a, b), _ = curve_fit(lambda x, a, b: 1.0 / (1.0 + a * x ** (2.0 * b)), x, wanted)
    return float(a), float(b)


def start_positions(points: Array, seed: int) -> Array:
    """Scale (N, d) coordinates to ten units along the longest axis and add 1e-4 of noise, so that no two coincide."""
    width = float(np.ptp(points, axis=0).max())
    scale = START_WIDTH / width if width > 0.0 else 0.0
    noise = np.random.default_rng(seed).normal(scale=1e-4, size=points.shape)
    return ((points - points.mean(axis=0)) * scale + noise).astype(np.float32)


def optimize_layout(
    edges: FuzzyEdges,
    start: Array,
    *,
    seed: int,
    n_epochs: int,
    min_dist: float = 0.1,
    rate: float = 1.0,
    epoch_done: Callable[[int, int], None] | None = None,
) -> Array:
    """Optimize (N, d) float32 coordinates from `start`; the same inputs give the same bits.

    rate: learning rate of the first epoch; it falls linearly to zero (1.0 for a layout from scratch).
    epoch_done(done, total) is called as the epochs pass. Raises ValueError for a start of another length.
    """
    from acc_assets.analysis.layout_kernel import force_tables, run_epoch

    if start.shape[0] != edges.n:
        raise ValueError(f"optimize_layout: {start.shape[0]} start positions for a graph of {edges.n} points")
    if n_epochs < 1:
        raise ValueError(f"optimize_layout: n_epochs is {n_epochs}; allowed: 1 or more")
    pull, push = force_tables(*curve_parameters(min_dist))
    coords = np.ascontiguousarray(start, dtype=np.float32).copy()
    top = edges.weights.max(initial=0.0)
    keep = edges.weights >= top / n_epochs  # weaker edges would never be due
    period = (top / edges.weights[keep]).astype(np.float32)
    heads, tails = edges.heads[keep], edges.tails[keep]
    due, negative_due = period.copy(), (period / np.float32(NEGATIVES)).astype(np.float32)
    random_state = np.random.default_rng(seed).integers(1, 2**63, size=edges.n, dtype=np.uint64)
    for epoch in range(n_epochs):
        step = np.float32(rate * (1.0 - epoch / n_epochs))
        run_epoch(
            coords,
            heads,
            tails,
            period,
            due,
            negative_due,
            random_state,
            epoch,
            step,
            pull,
            push,
            np.float32(NEGATIVES),
        )
        if epoch_done is not None:
            epoch_done(epoch + 1, n_epochs)
    return coords
