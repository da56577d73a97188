"""A fixed map of the latents that new images are placed on: what the grounding playground reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from acc_assets.assets.kinds import AnalysisKind, Check, NodeWork, Outcome, Verdict, asked_of, digest_of
from acc_assets.models.abilities import LATENT

FAMILY = "interactive"
DECIMALS = 5  # of the JSON; the npz holds float32


def run(work: NodeWork) -> Outcome:
    """Lay out a stratified choice of the asked split's latents by UMAP in 3-D and write them with their labels."""
    from acc_assets.analysis.figures import atlas
    from acc_assets.analysis.neighbors import knn_graph
    from acc_assets.analysis.projections import umap_layout
    from acc_assets.datasets.data import stratified_draw
    from acc_assets.training.snapshots import checkpoint_steps, file_name

    request = work.node.manifold
    assert request is not None  # the kind applies to no other node
    work.runtime.apply()
    split = work.data.test if request.split == "test" else work.data.train
    count = min(request.points, len(split))
    # The choice depends on the labels alone: every branch and seed shows the same images.
    indices = np.sort(stratified_draw(split.targets, count, np.random.default_rng(0)))
    if request.split == "test":
        raw = work.run.read_npz("latents/latents_latest.npz")["mu"][indices]
    else:
        raw = work.encode(split.images[indices])
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
    with work.run.family(FAMILY) as out:
        out.npz(
            "manifold.npz",
            reference_points=coords,
            reference_latents=reference,
            reference_latents_raw=raw,
            reference_labels=labels.astype(np.int32),
            indices=indices.astype(np.int32),
        )
        columns = None
        if request.split != "test":  # whose pictures the data asset keeps
            pictures, columns = atlas(split.images[indices])
            out.png("atlas.png", pictures)
        experiment = f"{work.tree.name}/{work.node.tag}/seed-{work.seed}"
        # The key names of this file and the next are a contract with other programs.
        out.json(
            "latent_points.json",
            {
                "experiment": experiment,
                "split": request.split,
                "checkpoint": f"{work.run.path}/checkpoints/{file_name(checkpoint_steps(work.run)[-1])}",
                "num_points": count,
                "latent_dim": int(raw.shape[1]),
                "projection": "umap_3d",
                "umap_n_neighbors": request.umap_neighbors,
                "umap_min_dist": request.min_dist,
                "l2_normalized": request.l2_normalize,
                "points": _rounded(coords),
                "labels": labels.tolist(),
            },
        )
        out.json(
            "interactive_assets.json",
            {
                "experiment": experiment,
                "num_points": count,
                "latent_dim": int(raw.shape[1]),
                "l2_normalized": request.l2_normalize,
                "projection_k": min(request.projection_k, count),
                "reference_points": _rounded(coords),
                "reference_latents": _rounded(reference),
                "reference_latents_raw": _rounded(raw),
                "reference_labels": labels.tolist(),
                "digit_samples": _rounded(_one_of_each(split.images, split.targets)),
            },
        )
        out.json(
            "interactive.json",
            {
                "n": count,
                "latent_dim": int(raw.shape[1]),
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
        data_version=digest_of(work.run.manifest(FAMILY)),
        metadata={
            "points": count,
            "split": request.split,
            "latents brought to length 1": request.l2_normalize,
            "path": str(work.run.local_path(FAMILY)),
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


def _rounded(values: np.ndarray) -> list[Any]:
    rounded: list[Any] = np.asarray(values, dtype=np.float64).round(DECIMALS).tolist()
    return rounded


KIND = AnalysisKind(
    suffix="interactive",
    family=FAMILY,
    version=2,
    description="A fixed UMAP map of latents in 3-D on which the grounding playground places new images.",
    kinds=frozenset({"numpy", "umap"}),
    analyse=run,
    needs=(LATENT,),
    after=("latents",),
    checks=(Check("map_finite", "Every coordinate of the map is a finite number."),),
    applies=lambda node: node.manifold is not None,
    request=lambda node: asked_of(
        node.manifold, "split", "points", "l2_normalize", "umap_neighbors", "min_dist", "projection_k"
    ),
)
