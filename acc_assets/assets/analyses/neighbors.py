"""One exact neighbour graph of the latents per snapshot, shared by projection, viewer and quality measures."""

from __future__ import annotations

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork
from acc_assets.families import latents, neighbors


def run(work: NodeWork) -> Outcome:
    """Find the nearest neighbours of every test point in latent space, at every snapshot."""
    from acc_assets.analysis.neighbors import knn_graph

    work.runtime.apply()
    facts = latents.facts(work.run)
    steps = facts["steps"]
    k = min(neighbors.SHARED_NEIGHBORS, facts["points"] - 1)
    labels = work.data.test.targets
    graphs = {step: knn_graph(latents.SERIES.read(work.run, step)["mu"], k) for step in steps}
    graph = graphs[steps[-1]]
    neighbors.write(
        work.folder,
        {step: {"indices": one.indices, "distances": one.distances} for step, one in graphs.items()},
        k,
    )
    metadata = {"neighbours": k, "snapshots": len(steps), "mean distance": float(graph.distances.mean())}
    if labels.ndim == 1:
        metadata["share of neighbours with the same label"] = float(
            (labels[graph.indices] == labels[:, None]).mean()
        )
    return Outcome(
        metadata={**metadata},
    )
