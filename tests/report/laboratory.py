"""A small recipe with a store of its artifacts: two branches, two seeds, real digits, the package's own writers.

The latents are principal components of scikit-learn's digits and the decoder is their inverse, so every picture and
number of the fixture is computed and none is invented; nothing is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from acc_assets.analysis.attention import attention_overlays, attention_summary
from acc_assets.analysis.figures import atlas, tile, to_png, to_uint8
from acc_assets.analysis.latent_stats import latent_stats
from acc_assets.analysis.neighbors import edge_distances, knn_graph
from acc_assets.analysis.probing import probe_classes, probe_properties
from acc_assets.analysis.quality import trustworthiness
from acc_assets.analysis.sorting import sort_by_activation
from acc_assets.analysis.stroke_properties import stroke_thickness
from acc_assets.analysis.traversals import traverse
from acc_assets.assets.results import recipe_view
from acc_assets.datasets import Digits, ImageData, Thickness
from acc_assets.families import (
    STANDARD,
    Manifold,
    attention,
    dataset,
    latents,
    metrics,
    neighbors,
    onnx,
    projections,
    reconstructions,
    sorted_images,
    traversals,
)
from acc_assets.models import FactorGroup, FactorSlotAutoencoder
from acc_assets.report import Frame, RecipeView, SiteResult, build_home, build_recipe
from acc_assets.storage import Store
from acc_assets.tasks import (
    NOT_TRAINED,
    ClassificationTask,
    KLDivergenceTask,
    ReconstructionTask,
    RegressionTask,
)
from acc_assets.training.config_record import describe_run, viz_indices
from acc_assets.training.progress import NoProgress
from acc_assets.training.record import RunRecord
from acc_assets.training.summary import summarize_tasks, worst_health
from acc_assets.tree import Analysis, BrokenRecipe, Recipe, RecipeContext, Tree, TreeNode, trace

A, B = "digits_only_600", "curriculum_600"
FAMILIES = [request.family.name for request in STANDARD]
GROUPS = tuple(
    FactorGroup(*group)
    for group in (("digit", 0, 4), ("thickness", 4, 7), ("slant", 7, 10), ("free", 10, 16))
)
STEPS = (0, 300, 600)


class Laboratory(Recipe):
    """Root, two forks, two trained and evaluated nodes."""

    name = "quickstart"
    title = "Quickstart"
    description = "Two branches of one factor-slot VAE on real handwritten digits."
    question = "Does a synthetic curriculum make a latent slot mean stroke thickness?"
    hypothesis = "Training a slot on drawn strokes of known width carries over to real digits."
    seeds: ClassVar[Sequence[int]] = (0, 1)
    requests: ClassVar[Sequence[Analysis]] = STANDARD
    judged: ClassVar[bool] = False  # whether a manifold analysis is asked for as well

    def run(self, ctx: RecipeContext, steps: int = STEPS[-1]) -> None:
        digits = ctx.load_dataset("digits", Digits, image_size=16)
        strokes = ctx.load_dataset("strokes", Thickness, image_size=16, n=200)
        ctx.create_model(FactorSlotAutoencoder, image_size=16, factor_groups=GROUPS)
        root = ctx.save_checkpoint("experiment_root")
        for branch, tag in (("digits_only", A), ("with_curriculum", B)):
            ctx.fork(root, branch)
            ctx.attach_task(ReconstructionTask("recon", digits))
            ctx.attach_task(KLDivergenceTask("kl", digits))
            ctx.attach_task(ClassificationTask("digit_classify", digits, latent_slice=(0, 4), weight=10.0))
            if tag == B:
                ctx.attach_task(RegressionTask("thickness", strokes, latent_slice=(4, 7)))
            ctx.phase = f"Train {tag}"
            ctx.train(steps=steps)
            ctx.save_checkpoint(tag)
            ctx.evaluate(*self.requests, *([Manifold(label_sets=(digits,))] if self.judged else []))


def tree_of(**words: Any) -> Tree:
    """The recipe of the fixture, traced; `words` replace its class fields."""
    return trace(type("Changed", (Laboratory,), words)())


def view_of(store: Store, **words: Any) -> RecipeView:
    """The recipe of the fixture as the report sees it, with what is in a store now."""
    return recipe_view(tree_of(**words), store)


def with_nodes(view: RecipeView, change: Callable[[TreeNode], TreeNode]) -> RecipeView:
    """A view whose nodes are changed, and with them no artifact."""
    return replace(view, nodes={tag: change(node) for tag, node in view.nodes.items()})


@dataclass(frozen=True)
class Site:
    """What the builds of a site did: those of the recipes' pages and, last, of the pages that all share."""

    folder: Path
    results: tuple[SiteResult, ...]

    def __getattr__(self, name: str) -> Any:
        """All that the results have of a kind: pages, problems, broken links; or the sum of a number."""
        found = [getattr(result, name) for result in self.results]
        return sum(found) if isinstance(found[0], int) else tuple(chain.from_iterable(found))


def build_site(
    frame: Frame,
    out: Path,
    *views: RecipeView,
    unbuilt: Sequence[Tree] = (),
    broken: Sequence[BrokenRecipe] = (),
) -> Site:
    """Render a whole site, as the assets of its recipes and that of the shared pages do one after another."""
    frame = replace(frame, out=out)
    results, parts = zip(*(build_recipe(view, frame) for view in views), strict=True)
    return Site(out, (*results, build_home(parts, unbuilt, broken, frame)))


def write_store(store: Store, tree: Tree) -> None:
    """Write every artifact of every node and seed of the fixture."""
    components = Components(tree.datasets["digits"].config.load())
    for name, ref in tree.datasets.items():
        _write_dataset(store, tree, name, ref.config)
    for node in tree:
        for seed in tree.seeds:
            _write_training(store, tree, node, seed)
            if node.evaluated:
                _write_analyses(store, tree, node, seed, components)


class Components:
    """Principal components of the test digits: latents of unit variance, and images of latents."""

    def __init__(self, data: ImageData) -> None:
        self.data = data
        self.images, self.targets = data.test.images, data.test.targets  # (N, 1, 16, 16) uint8, (N,)
        self.thickness = stroke_thickness(self.images)
        flat = self.images.reshape(len(self.images), -1) / 255
        self.mean = flat.mean(axis=0)
        _, values, axes = np.linalg.svd(flat - self.mean, full_matrices=False)
        self.axes, self.scale = axes[:16], values[:16] / np.sqrt(len(flat))
        self.mu = (flat - self.mean) @ self.axes.T / self.scale  # (N, 16)

    def decode(self, mu: np.ndarray, *_: Any) -> np.ndarray:
        """Images (B, 1, 16, 16) in [0, 1] of latents (B, 16)."""
        return np.clip((mu * self.scale) @ self.axes + self.mean, 0, 1).reshape(-1, 1, 16, 16)


def _write_dataset(store: Store, tree: Tree, name: str, config: Any) -> None:
    data, described = config.load(), config.describe()
    labelled = described["kind_of_target"] == "class"
    counts, edges = (
        (np.bincount(data.train.targets), None) if labelled else np.histogram(data.train.targets, 20, (0, 1))
    )
    histogram = {"kind": "class", "counts": counts.tolist()}
    if edges is not None:
        histogram = {"kind": "real", "counts": [counts.tolist()], "edges": edges.tolist()}
    pictures, columns = atlas(data.test.images)
    dataset.write(
        store.recipe(tree.name),
        name,
        images=data.test.images,
        targets=data.test.targets,
        factors=data.test.factors or {},
        properties={},
        atlas=pictures,
        grid=to_png(tile(data.train.images[:96].reshape(6, 16, 1, 16, 16))),
        target_counts={**histogram, "names": list(data.target_names)},
        facts={
            **described,
            "digest": data.digest,
            "atlas_columns": columns,
            "class_names": list(data.target_names) if labelled else None,
        },
    )


def _write_training(store: Store, tree: Tree, node: TreeNode, seed: int) -> None:
    """What training leaves: configuration, events, summary, and curves that fall towards a part of the baseline."""
    rng = np.random.default_rng([seed, len(node.tag)])
    data = {name: ref.config.load() for name, ref in node.datasets.items()}
    model = node.model.build()
    record = RunRecord(store.run(tree.name, node.tag, seed), NoProgress(), start=0, total=node.steps)
    config = describe_run(
        node, recipe=tree.name, seed=seed, model=model, datasets=data, device=torch.device("cpu"),
        flushes_denormals=False, code="laboratory",
    )  # fmt: skip
    record.begin(config, {"recipe": tree.name, "node": node.tag, "seed": seed})
    if node.kind != "trained":
        record.completed(0, {"health": NOT_TRAINED})
        return
    starts = {task.name: task.baseline(data[task.dataset.name]).get("loss") or 50.0 for task in node.tasks}
    for step in range(0, node.steps, 2):
        row = {"step": float(step), "lr": 1e-3}
        for number, task in enumerate(node.tasks):
            level = (
                0.7 if (task.name, seed) == ("thickness", 1) else 0.2
            )  # of the baseline: worth a warning, or not
            fallen = level + (1 - level) * np.exp(-step / (80 + 40 * number))
            row[f"loss/{task.name}"] = starts[task.name] * float(fallen * (1 + 0.06 * rng.normal()))
        row["total"] = sum(value for name, value in row.items() if name.startswith("loss/"))
        record.history.train.append(row)
        if step and step % 60 == 0:
            record.logged(step, f"Train {node.tag}", row, 64)
            accuracy = 0.97 - 0.8 * np.exp(-step / 120) + 0.004 * rng.normal()
            psnr = 21 - 9 * np.exp(-step / 150)
            record.validated(step, {"digit_classify": {"accuracy": accuracy}, "recon": {"psnr": psnr}})
    record.write_history()
    tasks = summarize_tasks(node.tasks, record.history, data, model)
    record.completed(node.steps, {"tasks": tasks, "health": worst_health(tasks)})


def _write_analyses(store: Store, tree: Tree, node: TreeNode, seed: int, known: Components) -> None:
    """All standard analyses of latents with some noise, less of it after the curriculum."""
    run, data = store.run(tree.name, node.tag, seed), known.data
    rng = np.random.default_rng([seed, len(node.tag)])
    better = node.tag == B
    mu = (known.mu + (0.15 if better else 0.25) * rng.normal(size=known.mu.shape)).astype(np.float32)
    by_step = {step: mu * np.float32(0.2 + step / STEPS[-1]) for step in STEPS[:-1]} | {STEPS[-1]: mu}
    decoded = known.decode(mu)
    error = np.square(decoded - known.images / 255).mean(axis=(1, 2, 3)).astype(np.float32)
    predictions = known.targets.copy()
    wrong = rng.choice(len(mu), len(mu) // (60 if better else 40), replace=False)
    predictions[wrong] = (predictions[wrong] + 1) % 10

    facts = run.read_json("config.json")
    able = {name: facts[name] for name in ("latent_dim", "factor_groups", "lacks")}
    encoded = {
        step: {
            "mu": values,
            "logvar": np.full_like(values, -2.0),
            "error": error,
            f"{latents.PREDICTED}digit_classify": predictions,
        }
        for step, values in by_step.items()
    }
    latents.write(run, {**able, "dataset": "digits", "split": "test", "points": len(mu)}, encoded)
    stats = latent_stats(mu, encoded[STEPS[-1]]["logvar"], GROUPS)

    fit = np.c_[mu[:, 4:7], np.ones(len(mu))]
    residual = known.thickness - fit @ np.linalg.lstsq(fit, known.thickness, rcond=None)[0]
    measured = {
        "recon": {"psnr": -10 * float(np.log10(error.mean())), "l1": float(np.sqrt(error).mean())},
        "kl": {"kl": stats.kl},
        "digit_classify": {"accuracy": float((predictions == known.targets).mean())},
        "thickness": {
            "r2": 1 - float(residual.var() / known.thickness.var()),
            "mae": float(np.abs(residual).mean()),
        },
    }
    metrics.write(
        run,
        step=node.steps,
        tasks={
            task.name: {
                "kind": task.kind,
                "dataset": task.dataset.name,
                "metrics": measured[task.name],
                "baseline": task.baseline(task.dataset.config.load()),
            }
            for task in node.tasks
        },
        generalisation=None,
        latent=stats.to_json(),
        probes=[
            probe.to_json()
            for probe in (
                *probe_classes(mu, GROUPS, known.targets),
                *probe_properties(mu, GROUPS, {"stroke_thickness": known.thickness}, known.targets),
            )
        ],
    )

    graphs = {step: knn_graph(values, 8) for step, values in by_step.items()}
    arrays = {step: {"indices": one.indices, "distances": one.distances} for step, one in graphs.items()}
    neighbors.write(run, arrays, 8)
    maps: dict[projections.Map, dict[int, np.ndarray]] = {
        (method, dim): {
            step: values[:, :dim]
            if method == "pca"
            else np.tanh(values[:, :dim]) + 0.3 * values[:, 4 : 4 + dim]
            for step, values in by_step.items()
        }
        for method in ("pca", "umap")
        for dim in (2, 3)
    }
    projections.write(
        run,
        maps,
        {
            key: {step: edge_distances(one, graphs[step]) for step, one in made.items()}
            for key, made in maps.items()
        },
        trustworthiness={"umap_2d": trustworthiness(mu, maps["umap", 2][STEPS[-1]], 15)},
        trust_neighbors=15,
        explained_variance={},
        params={},
    )
    _write_pictures(run, known, mu, viz_indices(data, 10))
    onnx.write(
        run,
        b"encoder " + node.tag.encode(),
        b"decoder " + node.tag.encode(),
        {},
        {"opset": 18, "parity": {"passed": True}, "ranges": stats.ranges, "step": node.steps},
    )


def _write_pictures(run: Any, known: Components, mu: np.ndarray, shown: list[int]) -> None:
    """Reconstructions, traversals and sorted images of the digits `shown`, and shares of attention by activation."""
    originals, decoded = known.images[shown] / 255, known.decode(mu[shown])
    error = np.square(originals - decoded).mean(axis=(1, 2, 3))
    reconstructions.write(run, to_png(tile(np.stack([originals, decoded]))), shown, error.tolist())
    moved = traverse(known.decode, mu, GROUPS, shown[:5])
    traversals.write(
        run,
        {one.name: (to_png(tile(one.images)), to_png(tile(one.dim_images))) for one in moved},
        {
            one.name: np.concatenate([known.images[shown[:5], None], to_uint8(one.images)], axis=1)
            for one in moved
        },
        indices=shown[:5],
        offsets=moved[0].offsets.tolist(),
        factors={one.name: {"start": one.start, "stop": one.stop, "effect": one.effect} for one in moved},
        captions={},
    )
    orders = sort_by_activation(mu, GROUPS)
    ends = {one.name: np.concatenate([one.lowest, one.highest]).reshape(4, 10) for one in orders}
    sorted_images.write(
        run,
        {name: to_png(tile(known.images[chosen])) for name, chosen in ends.items()},
        {one.name: {"lowest": one.lowest.tolist(), "highest": one.highest.tolist()} for one in orders},
        {},
    )
    names = [group.name for group in GROUPS]
    activity = np.stack(
        [np.abs(mu[shown[:5], g.start : g.stop]).mean(axis=1) for g in GROUPS], axis=1
    )  # (5, F)
    maps = np.broadcast_to((activity / activity.sum(axis=1, keepdims=True))[..., None, None], (5, 4, 8, 8))
    attention.write(
        run,
        to_png(tile(attention_overlays(maps, originals[:5], names))),
        maps,
        shown[:5],
        factors=[
            {"name": one.name, "share": one.share} for one in attention_summary(maps, originals[:5], names)
        ],
        measured_images=5,
        caption="",
    )
