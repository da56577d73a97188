"""How much the maps distort neighbourhoods: lengths of the stored graph's edges on the map and in latent space."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork
from acc_assets.families import Distortion, distortion, neighbors, projections
from acc_assets.families.distortion import MapDistortion

EDGES = np.linspace(
    -3.0, 3.0, 25
)  # of the histogram, in octaves: the same for all, so that branches can be compared


def run(work: NodeWork) -> Outcome:
    """Measure every map of every snapshot."""
    request: Distortion = work.request
    maps = list(projections.maps(work.run))
    steps = projections.steps(work.run)
    found: dict[projections.Map, dict[int, MapDistortion]] = {key: {} for key in maps}
    times: dict[str, float] = {}
    for step in steps:
        graph = neighbors.SERIES.read(work.run, step)
        for method, dim in maps:
            started = perf_counter()
            on_map = projections.series(method, dim).read(work.run, step)
            found[method, dim][step] = measure(on_map, graph["distances"], request.k, request.cells)
            times[f"{method}_{dim}d_{step}"] = round(1000 * (perf_counter() - started), 1)
    k = min(request.k, graph["distances"].shape[1])
    distortion.write(work.folder, found, k=k, cells=request.cells, edges=EDGES.tolist(), times=times)
    return Outcome(
        metadata={
            **{
                f"typical stretch, {method}_{dim}d": by_step[steps[-1]].stretch
                for (method, dim), by_step in found.items()
                if by_step[steps[-1]].stretch is not None
            },
            "neighbours": k,
            "snapshots": len(steps),
        }
    )


def measure(on_map: dict[str, np.ndarray], distances: np.ndarray, k: int, cells: int) -> MapDistortion:
    """Distortion of one map (`coords` (N, d), `neighbor_distances` (N, K)) of points with `distances` (N, K)."""
    from acc_assets.analysis import grids, quality

    ratio = quality.distortion(on_map["neighbor_distances"][:, :k], distances[:, :k])
    relative, scale = quality.relative_distortion(ratio)
    known = relative[np.isfinite(relative) & (relative > 0)]
    octaves = np.log2(relative, out=np.full(len(relative), np.nan), where=relative > 0)
    counts = np.histogram(np.clip(np.log2(known), EDGES[0], EDGES[-1]), EDGES)[0]
    stretch = quality.typical_stretch(relative)
    if on_map["coords"].shape[1] != 2:
        return MapDistortion(ratio, relative, scale, stretch, counts)
    square = grids.Square.around(on_map["coords"], cells)
    grid = grids.cell_means(on_map["coords"], octaves, square)
    return MapDistortion(ratio, relative, scale, stretch, counts, grid, square.bounds)
