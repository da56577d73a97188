"""The projection of ten snapshots on shared neighbour graphs against umap.UMAP for each."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from acc_assets.analysis.neighbors import knn_graph
from acc_assets.analysis.projections import project_snapshots
from acc_assets.analysis.quality import trustworthiness
from acc_assets.datasets import load_dataset
from acc_assets.storage import Store
from acc_assets.training import Runtime, encode_split, load_model
from benchmarks.records import Record, record
from benchmarks.workloads import SMALL_CONV_VAE, has_mnist, images_config, source_words, train, workload

SNAPSHOTS = 10
POINTS = 10_000
NEIGHBORS = 30  # in the graph that viewer, distortion and projection share
K = 15


def shared_graph(rounds: int, threads: int) -> Iterator[Record]:
    """Time of the projection stage, neighbour graphs included, and how far its result can be trusted."""
    import umap

    latents = _latents(threads)
    n = len(latents[max(latents)])
    _warm_up(latents, umap)

    start = perf_counter()
    graphs = {step: knn_graph(points, NEIGHBORS) for step, points in latents.items()}
    graph_s = perf_counter() - start
    ours = project_snapshots(latents, graphs, seed=0, threads=2)
    ours_s = perf_counter() - start

    last = max(latents)
    measured = (sorted(latents)[len(latents) // 2], last)
    theirs_s, coords = 0.0, {}
    for step in measured:
        for dim in (2, 3):
            start = perf_counter()
            coords[step, dim] = _plain(umap, latents[step], dim)
            theirs_s += perf_counter() - start
    theirs_s *= len(latents) / len(measured)
    yield record(
        "projection of snapshots",
        ours_s / theirs_s,
        "ratio",
        "<=",
        0.35,
        f"neighbour graphs, PCA and UMAP of {len(latents)} snapshots of {n} test latents ({source_words()}), 2-D "
        f"and 3-D: {ours_s:.1f} s, of them graphs {graph_s:.1f} s / umap.UMAP(random_state=0) afresh for each: "
        f"{theirs_s:.1f} s ({len(measured)} snapshots measured, times {len(latents) / len(measured):g})",
    )
    for dim in (2, 3):
        shared = trustworthiness(latents[last], ours.coords["umap", dim][last], K)
        plain = trustworthiness(latents[last], coords[last, dim], K)
        yield record(
            f"trustworthiness lost, {dim}-D",
            plain - shared,
            "",
            "<=",
            0.01,
            f"last snapshot, k = {K}: umap.UMAP {plain:.4f}, shared graph {shared:.4f}",
        )


def _latents(threads: int) -> dict[int, np.ndarray]:
    steps = 1000 if has_mnist() else 200
    tree = workload(
        SMALL_CONV_VAE,
        ("recon", "kl", "digit"),
        steps=steps,
        batch_size=128,
        snapshot_every=steps // SNAPSHOTS,
    )
    with TemporaryDirectory() as folder:
        train(tree, Path(folder), Runtime(device="cpu", threads=threads))
        run = Store(folder).run(tree.name, "trained", 0)
        data = load_dataset(images_config(SMALL_CONV_VAE.image_size), 0)
        found = {}
        for step in range(steps // SNAPSHOTS, steps + 1, steps // SNAPSHOTS):
            model = load_model(run, tree["trained"], step).model
            found[step] = encode_split(model, {}, (), data.test.images, decode=False)["mu"][:POINTS]
    return found


def _warm_up(latents: dict[int, np.ndarray], umap: object) -> None:
    """Compile both sides before the clock starts."""
    few = {step: points[:300] for step, points in list(latents.items())[:2]}
    project_snapshots(few, {step: knn_graph(points, NEIGHBORS) for step, points in few.items()}, n_epochs=2)
    for points in few.values():
        _plain(umap, points, 2)


def _plain(umap: object, points: np.ndarray, dim: int) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a seed means one thread
        reducer = umap.UMAP(n_components=dim, n_neighbors=15, min_dist=0.1, random_state=0)  # type: ignore[attr-defined]
        return np.asarray(reducer.fit_transform(points))
