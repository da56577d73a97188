"""One exact neighbour graph of the latents per snapshot, shared by projection, viewer and quality measures."""

from __future__ import annotations

from acc_assets.assets.kinds import AnalysisKind, NodeWork, Outcome, digest_of
from acc_assets.models.abilities import LATENT
from acc_assets.tree.projection import SHARED_NEIGHBORS

FAMILY = "neighbors"


def run(work: NodeWork) -> Outcome:
    """Find the nearest neighbours of every test point in latent space, at every snapshot."""
    from acc_assets.analysis.neighbors import knn_graph

    work.runtime.apply()
    facts = work.run.read_json("latents/latents.json")
    steps = facts["steps"]
    k = min(SHARED_NEIGHBORS, facts["points"] - 1)
    labels = work.data.test.targets
    with work.run.family(FAMILY) as out:
        for step in steps:
            graph = knn_graph(work.run.read_npz(f"latents/latents_step_{step}.npz")["mu"], k)
            out.npz(f"knn_step_{step}.npz", indices=graph.indices, distances=graph.distances)
        out.latest(f"knn_step_{steps[-1]}.npz", "knn_latest.npz")
        out.json("neighbors.json", {"steps": steps, "k": k, "metric": "euclidean", "space": "posterior mean"})
    metadata = {"neighbours": k, "snapshots": len(steps), "mean distance": float(graph.distances.mean())}
    if labels.ndim == 1:
        metadata["share of neighbours with the same label"] = float(
            (labels[graph.indices] == labels[:, None]).mean()
        )
    return Outcome(
        data_version=digest_of(work.run.manifest(FAMILY)),
        metadata={**metadata, "path": str(work.run.local_path(FAMILY))},
    )


KIND = AnalysisKind(
    suffix="neighbors",
    family=FAMILY,
    version=1,
    description=f"The {SHARED_NEIGHBORS} nearest neighbours of every test point in latent space, at every snapshot.",
    kinds=frozenset({"numpy"}),
    analyse=run,
    needs=(LATENT,),
    reads_model=False,
    after=("latents",),
)
