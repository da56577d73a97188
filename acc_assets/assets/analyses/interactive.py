"""A fixed map of the latents that new images are placed on: what the grounding playground reads."""

from __future__ import annotations

import numpy as np

from acc_assets.assets.kinds import Outcome, Verdict
from acc_assets.assets.work import NodeWork
from acc_assets.families import Interactive, interactive, latents


def run(work: NodeWork) -> Outcome:
    """Lay out a stratified choice of the asked split's latents by UMAP in 3-D and write them with their labels."""
    from acc_assets.analysis.figures import atlas
    from acc_assets.analysis.neighbors import knn_graph
    from acc_assets.analysis.projections import umap_layout
    from acc_assets.datasets.data import stratified_draw
    from acc_assets.training.snapshots import checkpoint_steps, file_name

    request: Interactive = work.request
    work.runtime.apply()
    split = work.data.test if request.split == "test" else work.data.train
    count = min(request.points, len(split))
    # The choice depends on the labels alone: every branch and seed shows the same images.
    indices = np.sort(stratified_draw(split.targets, count, np.random.default_rng(0)))
    of_test = request.split == "test"
    raw = latents.SERIES.read(work.run)["mu"][indices] if of_test else work.encode(split.images[indices])
    reference = unit_length(raw) if request.l2_normalize else raw
    graph = knn_graph(reference, request.umap_neighbors)
    coords = umap_layout(
        reference,
        graph,
        3,
        seed=work.seed,
        n_neighbors=min(request.umap_neighbors, graph.k),
        min_dist=request.min_dist,
    )
    labels = split.targets[indices]
    finite = bool(np.isfinite(coords).all())
    pictures, columns = None, None
    if not of_test:  # the data asset keeps those of the test split
        pictures, columns = atlas(split.images[indices])
    interactive.write(
        work.folder,
        points=coords,
        latents=reference,
        raw=raw,
        labels=labels,
        indices=indices,
        samples=_one_of_each(split.images, split.targets),
        atlas=pictures,
        experiment=f"{work.tree.name}/{work.node.tag}/seed-{work.seed}",
        checkpoint=f"{work.run.path}/checkpoints/{file_name(checkpoint_steps(work.run)[-1])}",
        settings={
            "l2_normalized": request.l2_normalize,
            "projection_k": min(request.projection_k, count),
            "dataset": work.dataset_name,
            "split": request.split,
            "atlas_columns": columns,
            "umap": {
                "n_neighbors": request.umap_neighbors,
                "min_dist": request.min_dist,
                "seed": work.seed,
            },
        },
    )
    return Outcome(
        metadata={
            "points": count,
            "split": request.split,
            "latents brought to length 1": request.l2_normalize,
        },
        verdicts={
            "map_finite": Verdict(
                passed=finite,
                reason="all coordinates are finite" if finite else "some coordinates are not finite",
            )
        },
    )


def unit_length(latents: np.ndarray) -> np.ndarray:
    """Latents (N, D) divided by their Euclidean length; a latent of length 0 stays 0."""
    length = np.linalg.norm(latents, axis=1, keepdims=True)
    return (latents / np.where(length > 0, length, 1)).astype(np.float32)


def _one_of_each(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The first image of every class, flat, in [0, 1]."""
    first = np.array([np.flatnonzero(labels == label)[0] for label in np.unique(labels)])
    return images[first].reshape(len(first), -1) / 255
