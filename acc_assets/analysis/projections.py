"""PCA, UMAP and densMAP of latents, in two and three dimensions, aligned from one snapshot to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Literal

import numpy as np

from acc_assets.analysis.neighbors import KnnGraph, checked_points, knn_graph
from acc_assets.analysis.principal import pca, procrustes
from acc_assets.analysis.quality import density_kept, log_radii
from acc_assets.analysis.umap_layout import default_epochs, fuzzy_edges, optimize_layout, start_positions

Array = np.ndarray
Engine = Literal["own", "umap-learn"]
LayOut = Callable[[int, Array, int, float], Array]  # step, start, epochs, learning rate -> coordinates

WARM_RATE = 0.5  # first learning rate of a layout that starts from its neighbour in time
WARM_SHARE = 5  # such a layout runs a fifth of the epochs ...
WARM_LEAST = 50  # ... but not fewer than this
DENSITY_EPOCHS = 200  # that densMAP takes more, as in umap-learn


def umap_layout(
    latents: Array,
    graph: KnnGraph,
    dim: int,
    seed: int = 0,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    init: Array | None = None,
    n_epochs: int | None = None,
) -> Array:
    """Lay out latents (N, D) in `dim` dimensions by UMAP, on a graph that exists already.

    Returns (N, dim) float32. Starts from the principal components, or warm from `init` (N, dim), then with
    half the learning rate. Collapsed latents (all equal) give a shapeless cloud, not an error: the check for
    collapse is a metric's business. Raises ValueError for NaN or infinity and for lengths that disagree.
    """
    array = checked_points(latents, "umap_layout")
    if graph.n != array.shape[0]:
        raise ValueError(
            f"umap_layout: {array.shape[0]} latents for a graph of {graph.n} points; they must be equal"
        )
    edges = fuzzy_edges(graph, n_neighbors)
    start = (
        start_positions(pca(array, dim).coords, seed) if init is None else np.asarray(init, dtype=np.float32)
    )
    return optimize_layout(
        edges,
        start,
        seed=seed,
        n_epochs=default_epochs(edges.n) if n_epochs is None else n_epochs,
        min_dist=min_dist,
        rate=1.0 if init is None else WARM_RATE,
    )


@dataclass(frozen=True)
class KeptDensity:
    """Crowding of the latents, and what maps of the last snapshot show of it.

    radii: (N,) logarithms of local radii of the latents; mapped_radii: the same of each map; correlation: of the two,
    None where either does not vary.
    """

    radii: Array
    mapped_radii: dict[tuple[str, int], Array]
    correlation: dict[tuple[str, int], float | None]


@dataclass(frozen=True)
class SnapshotProjections:
    """Projections of every snapshot of one node.

    steps: ascending; coords[(method, dim)]: step -> (N, dim) float32, methods `pca`, `umap` and, where density was
    asked for, `densmap`; explained_variance: step -> shares of the first three principal components; density: None
    where it was not asked for; params: what they were made with, for the record.
    """

    steps: tuple[int, ...]
    coords: dict[tuple[str, int], dict[int, Array]]
    explained_variance: dict[int, list[float]]
    density: KeptDensity | None
    params: dict[str, int | float | str]


def project_snapshots(
    latents_by_step: Mapping[int, Array],
    graphs_by_step: Mapping[int, KnnGraph],
    seed: int = 0,
    *,
    engine: Engine = "own",
    density: bool = False,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    n_epochs: int | None = None,
    dims: tuple[int, ...] = (2, 3),
    threads: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> SnapshotProjections:
    """Project the latents of all snapshots so that a reader can follow the points from one to the next.

    The last snapshot is laid out from scratch. Each earlier one starts from its successor's layout with a
    fifth of the epochs and half the learning rate, and is then rotated onto it (Procrustes, no scaling); PCA
    coordinates are rotated the same way, within the plane or space that PCA chose. 2-D and 3-D run in two threads
    (one after the other by umap-learn, which allows no more). Deterministic for a seed, whatever `threads` is.
    All snapshots must show the same N points.

    engine: what lays UMAP out; density: by densMAP too (by umap-learn, whatever the engine). n_neighbors counts the
    point. progress(done, total) counts layout epochs and may be called from another thread.
    """
    steps = tuple(sorted(latents_by_step))
    if not steps:
        raise ValueError("project_snapshots: no snapshots given; at least the final one is needed")
    missing = [step for step in steps if step not in graphs_by_step]
    if missing:
        raise ValueError(f"project_snapshots: no neighbour graph for steps {missing}")
    latents = {
        step: checked_points(latents_by_step[step], f"project_snapshots, step {step}") for step in steps
    }
    counts = {step: len(latents[step]) for step in steps}
    if len(set(counts.values())) != 1 or any(graphs_by_step[step].n != counts[step] for step in steps):
        raise ValueError(f"project_snapshots: snapshots or graphs differ in their number of points: {counts}")
    full = default_epochs(counts[steps[-1]]) if n_epochs is None else n_epochs
    epochs = {"umap": (full, _warm(full))}
    if density:
        denser = full + DENSITY_EPOCHS if n_epochs is None else n_epochs
        epochs["densmap"] = (denser, _warm(denser))
    components = {step: pca(latents[step], max(3, *dims)) for step in steps}

    total = len(dims) * sum(first + later * (len(steps) - 1) for first, later in epochs.values())
    count, lock = [0], Lock()

    def passed(more: int) -> None:
        with lock:
            before, count[0] = count[0], count[0] + more
            if progress is not None and (count[0] // 10 > before // 10 or count[0] == total):
                progress(count[0], total)

    coords: dict[tuple[str, int], dict[int, Array]] = {}
    for dim in dims:
        coords["pca", dim] = _pca_chain({step: part.coords[:, :dim] for step, part in components.items()})
    for method, schedule in epochs.items():
        learned = method == "densmap" or engine == "umap-learn"
        lay_out = (
            _by_umap_learn(latents, graphs_by_step, seed, n_neighbors, min_dist, method == "densmap", passed)
            if learned
            else _by_own_engine(graphs_by_step, seed, n_neighbors, min_dist, passed)
        )

        def chain(
            dim: int, lay_out: LayOut = lay_out, schedule: tuple[int, int] = schedule
        ) -> dict[int, Array]:
            start = start_positions(components[steps[-1]].coords[:, :dim], seed)
            return _layout_chain(steps, lay_out, start, schedule)

        with ThreadPoolExecutor(max_workers=1 if learned else max(1, min(threads, len(dims)))) as pool:
            for dim, layouts in zip(dims, pool.map(chain, dims), strict=True):
                coords[method, dim] = layouts
    return SnapshotProjections(
        steps=steps,
        coords=coords,
        explained_variance={step: part.explained_variance[:3].tolist() for step, part in components.items()},
        density=_density(graphs_by_step[steps[-1]], coords, steps[-1], n_neighbors) if density else None,
        params={
            "seed": seed,
            "engine": engine,
            "n_neighbors": n_neighbors,
            "min_dist": min_dist,
            **{
                f"epochs_{when}" + ("" if method == "umap" else f"_{method}"): value
                for method, schedule in epochs.items()
                for when, value in zip(("final", "earlier"), schedule, strict=True)
            },
            "alignment": "earlier snapshots start from their successor and are rotated onto it (Procrustes)",
        },
    )


def _warm(full: int) -> int:
    """Epochs of a layout that starts from its neighbour in time."""
    return min(full, max(WARM_LEAST, full // WARM_SHARE))


def _density(
    graph: KnnGraph, coords: Mapping[tuple[str, int], Mapping[int, Array]], step: int, n_neighbors: int
) -> KeptDensity:
    """Local radii of the latents and of every map of one step, and how well they agree."""
    radii = log_radii(graph, n_neighbors)
    mapped = {
        key: log_radii(knn_graph(by_step[step], n_neighbors - 1), n_neighbors)
        for key, by_step in coords.items()
    }
    return KeptDensity(radii, mapped, {key: density_kept(radii, own) for key, own in mapped.items()})


def _by_own_engine(
    graphs: Mapping[int, KnnGraph],
    seed: int,
    n_neighbors: int,
    min_dist: float,
    passed: Callable[[int], None],
) -> LayOut:
    edges = {step: fuzzy_edges(graph, n_neighbors) for step, graph in graphs.items()}

    def lay_out(step: int, start: Array, n_epochs: int, rate: float) -> Array:
        return optimize_layout(
            edges[step],
            start,
            seed=seed,
            n_epochs=n_epochs,
            min_dist=min_dist,
            rate=rate,
            epoch_done=lambda _done, _total: passed(1),
        )

    return lay_out


def _by_umap_learn(
    latents: Mapping[int, Array],
    graphs: Mapping[int, KnnGraph],
    seed: int,
    n_neighbors: int,
    min_dist: float,
    density: bool,
    passed: Callable[[int], None],
) -> LayOut:
    from acc_assets.analysis.umap_learn import learned_layout

    def lay_out(step: int, start: Array, n_epochs: int, rate: float) -> Array:
        layout = learned_layout(
            latents[step],
            graphs[step],
            start,
            seed=seed,
            n_epochs=n_epochs,
            n_neighbors=n_neighbors,
            min_dist=min_dist,
            rate=rate,
            density=density,
        )
        passed(n_epochs)
        return layout

    return lay_out


def _pca_chain(coords: dict[int, Array]) -> dict[int, Array]:
    """Rotate every snapshot's components onto its successor's, from the last back to the first."""
    aligned: dict[int, Array] = {}
    following: Array | None = None
    for step in sorted(coords, reverse=True):
        following = coords[step].copy() if following is None else procrustes(coords[step], following)
        aligned[step] = following
    return aligned


def _layout_chain(
    steps: tuple[int, ...], lay_out: LayOut, start: Array, epochs: tuple[int, int]
) -> dict[int, Array]:
    """Lay out the last snapshot from `start` and each earlier one from its successor."""
    full, warm = epochs
    layouts = {steps[-1]: lay_out(steps[-1], start, full, 1.0)}
    for earlier, step in zip(steps[-2::-1], steps[:0:-1], strict=True):
        following = layouts[step]
        layouts[earlier] = procrustes(lay_out(earlier, following, warm, WARM_RATE), following)
    return layouts
