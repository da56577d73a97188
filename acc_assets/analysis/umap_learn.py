"""What only umap-learn does: densMAP, placing new points on a map, and UMAP as its authors wrote it.

Importing it and compiling its functions costs some six seconds in every process, so it is imported where it is used.
Its loops hold Python's lock and its compiled parts must not be entered by two threads at once: call from one thread.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from acc_assets.analysis.neighbors import KnnGraph, checked_points
from acc_assets.analysis.quality import log_radii

Array = np.ndarray


def learned_layout(
    latents: Array,
    graph: KnnGraph,
    start: Array,
    *,
    seed: int,
    n_epochs: int,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    rate: float = 1.0,
    density: bool = False,
) -> Array:
    """Lay out latents (N, D) from `start` (N, d) by umap-learn on a graph that exists already: (N, d) float32.

    density: by densMAP (Narayan, Berger and Cho 2021, Nature Biotechnology 39:765), which keeps local radii as well;
    where all radii are equal there is no density to keep, and the layout is plain UMAP. umap-learn stretches every
    axis of `start` to ten units. The same inputs give the same bits. Raises ValueError for fewer than three points.
    """
    points = checked_points(latents, "learned_layout", minimum=3)
    near = _near(graph, n_neighbors)
    keeps_density = density and bool(np.ptp(log_radii(graph, n_neighbors)) > 0.0)
    mapper = _mapper(
        near,
        n_components=start.shape[1],
        init=np.asarray(start, dtype=np.float32),
        n_epochs=n_epochs,
        learning_rate=rate,
        min_dist=min_dist,
        densmap=keeps_density,
        random_state=seed,
    )
    return np.asarray(_fit(mapper, points).embedding_, dtype=np.float32)


def place(
    new: Array,
    latents: Array,
    graph: KnnGraph,
    coords: Array,
    *,
    seed: int = 0,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
) -> Array:
    """Place new latents (M, D) on the map coords (N, d) of latents (N, D), which stays as it is: (M, d) float32.

    graph: the neighbour graph of the latents; n_neighbors and min_dist: those of the map. umap-learn's `transform`:
    each new point starts at the weighted mean of its nearest latents, found exactly, and is then laid out against the
    fixed map, which may come from either engine.
    """
    from scipy.sparse import coo_matrix, csr_matrix
    from sklearn.neighbors import NearestNeighbors

    fresh = checked_points(new, "place, new", minimum=1)
    known = checked_points(latents, "place, latents", minimum=3)
    n = len(known)
    if fresh.shape[1] != known.shape[1] or len(coords) != n or graph.n != n:
        raise ValueError(
            f"place: new {fresh.shape}, latents {known.shape}, coords {np.shape(coords)} and a graph of {graph.n} "
            "points do not fit; expected (M, D), (N, D), (N, d) and N points"
        )
    indices, distances = near = _near(graph, n_neighbors)
    k = indices.shape[1]
    rows = np.repeat(np.arange(n), k)
    between = coo_matrix((distances.ravel(), (rows, indices.ravel())), shape=(n, n)).tocsr()
    mapper = _mapper(near, metric="precomputed", min_dist=min_dist, random_state=seed, transform_seed=seed)
    mapper.transform_mode = "graph"  # the map is laid out already
    _fit(mapper, between.maximum(between.T))
    mapper.transform_mode, mapper.embedding_ = "embedding", np.asarray(coords, dtype=np.float32)

    away, nearest = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(known).kneighbors(fresh)
    starts = np.arange(0, nearest.size + 1, k)
    to_known = csr_matrix((away.astype(np.float32).ravel(), nearest.ravel(), starts), shape=(len(fresh), n))
    with _known_limits():
        return np.asarray(mapper.transform(to_known), dtype=np.float32)


def _near(graph: KnnGraph, n_neighbors: int) -> tuple[Array, Array]:
    """Indices and distances (N, n_neighbors) in umap-learn's form: each point is its own first neighbour."""
    graph = graph.nearest(min(n_neighbors - 1, graph.k, graph.n - 2))  # it counts fewer than all points
    own = np.arange(graph.n, dtype=np.int32)
    zeros = np.zeros(graph.n, dtype=np.float32)
    return np.column_stack([own, graph.indices]), np.column_stack([zeros, graph.distances])


def _mapper(near: tuple[Array, Array], **options: Any) -> Any:
    """A UMAP on given neighbours; a seed makes it run on one thread."""
    import umap

    return umap.UMAP(n_neighbors=near[0].shape[1], precomputed_knn=(*near, None), n_jobs=1, **options)


def _fit(mapper: Any, data: Any) -> Any:
    with _known_limits():
        return mapper.fit(data)


@contextmanager
def _known_limits() -> Iterator[None]:
    """Silence umap-learn's warnings of what given neighbours rule out: `place` does without it."""
    with warnings.catch_warnings():
        for start in (
            r"precomputed_knn\[2\]",
            "using precomputed metric",
            "Transforming new data with precomputed",
        ):
            warnings.filterwarnings("ignore", message=start)
        yield
