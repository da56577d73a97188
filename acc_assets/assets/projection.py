"""PCA and UMAP of the latents, 2-D and 3-D, aligned over the snapshots."""

from __future__ import annotations

import numpy as np

from acc_assets.assets.kinds import AnalysisKind, Check, NodeWork, Outcome, Verdict, digest_of
from acc_assets.models.abilities import LATENT

FAMILY = "projections"
TRUST_NEIGHBORS = 15


def run(work: NodeWork) -> Outcome:
    """Project every snapshot on the shared neighbour graph and measure how far the last one can be trusted."""
    from acc_assets.analysis.neighbors import KnnGraph, edge_distances
    from acc_assets.analysis.projections import project_snapshots
    from acc_assets.analysis.quality import trustworthiness

    work.runtime.apply()
    steps = work.run.read_json("latents/latents.json")["steps"]
    latents = {step: work.run.read_npz(f"latents/latents_step_{step}.npz")["mu"] for step in steps}
    graphs = {step: KnnGraph.of(work.run.read_npz(f"neighbors/knn_step_{step}.npz")) for step in steps}
    work.progress.started(100)
    found = project_snapshots(
        latents,
        graphs,
        seed=work.seed,
        threads=work.threads,
        progress=lambda done, total: work.progress.advanced(100 * done // total, {}, 0.0),
    )
    trust = {
        f"{method}_{dim}d": trustworthiness(latents[steps[-1]], by_step[steps[-1]], TRUST_NEIGHBORS)
        for (method, dim), by_step in found.coords.items()
    }
    finite = True
    with work.run.family(FAMILY) as out:
        for (method, dim), by_step in found.coords.items():
            for step, coords in by_step.items():
                finite = finite and bool(np.isfinite(coords).all())
                out.npz(
                    name_of(step, method, dim),
                    coords=coords,
                    neighbor_distances=edge_distances(coords, graphs[step]),
                )
            out.latest(name_of(steps[-1], method, dim), f"latent_{dim}d_latest_{method}.npz")
        out.json(
            "projections.json",
            {
                "steps": list(steps),
                "methods": sorted({method for method, _ in found.coords}),
                "dimensions": sorted({dim for _, dim in found.coords}),
                "trustworthiness": {"k": TRUST_NEIGHBORS, **trust},
                "explained_variance": {
                    str(step): shares for step, shares in found.explained_variance.items()
                },
                "params": found.params,
            },
        )
    return Outcome(
        data_version=digest_of(work.run.manifest(FAMILY)),
        metadata={
            **{f"trustworthiness {name}": value for name, value in trust.items()},
            "explained variance, 2 components": float(sum(found.explained_variance[steps[-1]][:2])),
            "snapshots": len(steps),
            "path": str(work.run.local_path(FAMILY)),
        },
        verdicts={
            "projection_finite": Verdict(
                passed=finite,
                reason="all coordinates are finite" if finite else "some coordinates are not finite",
            )
        },
    )


def name_of(step: int, method: str, dim: int) -> str:
    """File name of one projection."""
    return f"latent_{dim}d_step_{step}_{method}.npz"


KIND = AnalysisKind(
    suffix="projection",
    family=FAMILY,
    version=1,
    description="PCA and UMAP of the test split in 2-D and 3-D at every snapshot, aligned from one to the next.",
    kinds=frozenset({"numpy", "umap"}),
    analyse=run,
    needs=(LATENT,),
    reads_model=False,
    after=("latents", "neighbors"),
    checks=(Check("projection_finite", "Every projected coordinate is a finite number."),),
)
