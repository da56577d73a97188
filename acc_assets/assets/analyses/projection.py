"""PCA and UMAP of the latents, 2-D and 3-D, aligned over the snapshots."""

from __future__ import annotations

import numpy as np

from acc_assets.assets.kinds import Outcome, Verdict
from acc_assets.assets.work import NodeWork
from acc_assets.families import latents, neighbors, projections

TRUST_NEIGHBORS = 15


def run(work: NodeWork) -> Outcome:
    """Project every snapshot on the shared neighbour graph and measure how far the last one can be trusted."""
    from acc_assets.analysis.neighbors import KnnGraph, edge_distances
    from acc_assets.analysis.projections import project_snapshots
    from acc_assets.analysis.quality import trustworthiness

    request: projections.Projection = work.request
    work.runtime.apply()
    steps = latents.facts(work.run)["steps"]
    encoded = {step: latents.SERIES.read(work.run, step)["mu"] for step in steps}
    graphs = {step: KnnGraph.of(neighbors.SERIES.read(work.run, step)) for step in steps}
    work.progress.started(100)
    told = 0  # tenths

    def progress(done: int, total: int) -> None:
        nonlocal told
        work.progress.advanced(100 * done // total, {}, 0.0)
        if 10 * done // total > told:
            told = 10 * done // total
            work.run.append_event({"event": "projection.progress", "done": done, "of": total})

    found = project_snapshots(
        encoded,
        graphs,
        seed=work.seed,
        engine=request.engine,
        density=request.density,
        n_neighbors=request.n_neighbors,
        min_dist=request.min_dist,
        threads=work.threads,
        progress=progress,
    )
    trust = {
        _name(key): trustworthiness(encoded[steps[-1]], by_step[steps[-1]], TRUST_NEIGHBORS)
        for key, by_step in found.coords.items()
    }
    finite = all(
        np.isfinite(coords).all() for by_step in found.coords.values() for coords in by_step.values()
    )
    density: dict[str, float | None] | None = None
    radii: dict[str, np.ndarray] = {}
    if found.density is not None:
        density = {_name(key): share for key, share in found.density.correlation.items()}
        radii = {"latents": found.density.radii}
        radii |= {_name(key): values for key, values in found.density.mapped_radii.items()}
    projections.write(
        work.folder,
        found.coords,
        {
            key: {step: edge_distances(coords, graphs[step]) for step, coords in by_step.items()}
            for key, by_step in found.coords.items()
        },
        trustworthiness=trust,
        trust_neighbors=TRUST_NEIGHBORS,
        explained_variance=found.explained_variance,
        density=density,
        radii=radii,
        params=found.params,
    )
    return Outcome(
        metadata={
            **{f"trustworthiness {name}": value for name, value in trust.items()},
            **{
                f"crowding kept, {name}": share
                for name, share in (density or {}).items()
                if share is not None
            },
            "explained variance, 2 components": float(sum(found.explained_variance[steps[-1]][:2])),
            "snapshots": len(steps),
        },
        verdicts={
            "projection_finite": Verdict(
                passed=finite,
                reason="all coordinates are finite" if finite else "some coordinates are not finite",
            )
        },
    )


def _name(key: tuple[str, int]) -> str:
    """A map as documents name it."""
    return f"{key[0]}_{key[1]}d"
