"""How faithful a projection or a latent space is: trustworthiness, distortion, density."""

from __future__ import annotations

import numpy as np

from acc_assets.analysis.neighbors import CHUNK_ELEMENTS, KnnGraph, checked_points, knn_graph
from acc_assets.analysis.umap_layout import fuzzy_edges

Array = np.ndarray


def trustworthiness(points: Array, embedding: Array, k: int = 12, *, graph: KnnGraph | None = None) -> float:
    """Share, in [0, 1], to which neighbours in the embedding are neighbours among the points.

    Venna and Kaski (2001), equation 2, as in scikit-learn: 1 - 2 / (N k (2N - 3k - 1)) * sum over the k
    nearest of the embedding of max(0, rank among the points - k). points: (N, D); embedding: (N, d); graph:
    the neighbour graph of the embedding, if it exists already. k is cut so that k < N / 2.
    """
    original = checked_points(points, "trustworthiness", minimum=3)
    embedded = checked_points(embedding, "trustworthiness", minimum=3)
    n = original.shape[0]
    if embedded.shape[0] != n:
        raise ValueError(
            f"trustworthiness: {n} points and {embedded.shape[0]} embedded points; they must be equal"
        )
    k = min(k, (n - 1) // 2)
    if k < 1:
        raise ValueError(f"trustworthiness: k is {k}; allowed: 1 to fewer than half of the {n} points")
    if graph is None or graph.k < k:
        graph = knn_graph(embedded, k)
    ranks = neighbor_ranks(original, graph.nearest(k).indices)
    penalty = float(np.maximum(ranks - k, 0).sum(dtype=np.int64))
    return 1.0 - penalty * 2.0 / (n * k * (2.0 * n - 3.0 * k - 1.0))


def neighbor_ranks(points: Array, neighbors: Array) -> Array:
    """Rank (N, k), 1 for the nearest, that each listed neighbour has among all points by distance.

    points: (N, D); neighbors: (N, k) indices. Counted in chunks, never as a sorted N x N matrix. Points at
    equal distance share the rank of the first.
    """
    import torch

    from acc_assets.analysis.rank_kernel import count_closer

    exact = torch.from_numpy(checked_points(points, "neighbor_ranks")).double()
    n, k = neighbors.shape
    listed = torch.from_numpy(np.ascontiguousarray(neighbors)).long()
    norms = exact.square().sum(dim=1)
    ranks = np.empty((n, k), dtype=np.int32)
    for rows in torch.arange(n).split(max(1, CHUNK_ELEMENTS // (4 * n))):
        squared = torch.addmm(
            norms[None, :], exact[rows], exact.T, alpha=-2.0
        )  # |a|^2 of the row is a constant
        squared[torch.arange(len(rows)), rows] = torch.inf
        limits, order = squared.gather(1, listed[rows]).sort(dim=1)  # (R, k), ascending for the kernel
        closer = count_closer(squared.numpy(), limits.numpy())
        np.put_along_axis(ranks[rows.numpy()[0] : rows.numpy()[-1] + 1], order.numpy(), closer + 1, axis=1)
    return ranks


def distortion(mapped: Array, original: Array) -> Array:
    """Distortion (N,) of a map: mean distance on it over mean original distance to the k nearest neighbours.

    mapped and original: (N, k) lengths of the same edges of the neighbour graph of the original space, each measured in
    the dimensions of its own space (`knn_mean_ratio`). Where all k neighbours coincide
    with the point, the ratio is NaN.
    """
    if mapped.shape != original.shape or mapped.ndim != 2:
        raise ValueError(
            f"distortion: lengths {mapped.shape} on the map and {original.shape} before; both must be (N, k)"
        )
    before, after = (lengths.astype(np.float64).mean(axis=1) for lengths in (original, mapped))
    return np.divide(after, before, out=np.full(len(before), np.nan), where=before > 0.0)


def relative_distortion(ratio: Array) -> tuple[Array, float]:
    """Distortion (N,) in units of the map's own scale, and that scale: the median of the ratios above 0.

    A map has no unit of length, so that only differences of distortion within it mean anything: 2 is a neighbourhood
    drawn twice as large as the usual one, and a map of another size gives the same. Without any ratio above 0 (all
    points coincide) everything is NaN.
    """
    known = ratio[np.isfinite(ratio) & (ratio > 0.0)]
    scale = float(np.median(known)) if len(known) else float("nan")
    return ratio / scale, scale


def typical_stretch(relative: Array) -> float | None:
    """The factor (1 or more) by which, or by more, half of the neighbourhoods are drawn too large or too small.

    exp of the median of |ln relative| (N,); None where no distortion is known.
    """
    known = relative[np.isfinite(relative) & (relative > 0.0)]
    return float(np.exp(np.median(np.abs(np.log(known))))) if len(known) else None


def log_radii(graph: KnnGraph, n_neighbors: int = 15) -> Array:
    """Logarithm (N,) float32 of each point's local radius: large where points are sparse.

    log(1e-8 + sum_j w_ij d_ij^2 / sum_j w_ij) over the edges of UMAP's fuzzy graph (Narayan, Berger and Cho 2021,
    Nature Biotechnology 39:765, equation 3, with umap-learn's constant). graph: of the latents, or of the
    coordinates of a map.
    """
    from scipy.sparse import coo_matrix

    edges = fuzzy_edges(graph, n_neighbors)
    rows = np.repeat(np.arange(graph.n), graph.k)
    directed = coo_matrix(
        (graph.distances.ravel(), (rows, graph.indices.ravel())), shape=(graph.n, graph.n)
    ).tocsr()
    lengths = np.asarray(directed.maximum(directed.T)[edges.heads, edges.tails], dtype=np.float64).ravel()
    squared = np.bincount(edges.heads, edges.weights * np.square(lengths), minlength=graph.n)
    return np.log(1e-8 + squared / np.bincount(edges.heads, edges.weights, minlength=graph.n)).astype(
        np.float32
    )


def density_kept(radii: Array, mapped_radii: Array) -> float | None:
    """Correlation, in [-1, 1], of the logarithms of local radii (N,) among the latents and on a map of them.

    1 means that crowding on the map is crowding of the latents. None where either side does not vary.
    """
    if np.ptp(radii) == 0.0 or np.ptp(mapped_radii) == 0.0:
        return None
    return float(np.corrcoef(radii, mapped_radii)[0, 1])
