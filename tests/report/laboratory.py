"""A small recipe with a store of its artifacts: two branches, two seeds, real digits, the package's own writers.

The latents are principal components of scikit-learn's digits and the decoder is their inverse, so every picture and
number of the fixture is computed and none is invented; nothing is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from acc_assets.analysis.latent_stats import latent_stats
from acc_assets.analysis.probing import probe_classes, probe_properties
from acc_assets.analysis.stroke_properties import stroke_thickness
from acc_assets.assets.launched import Project
from acc_assets.assets.plans import plans
from acc_assets.assets.results import recipe_view
from acc_assets.assets.work import NodeWork, Work
from acc_assets.datasets import Digits, Thickness
from acc_assets.families import (
    CHECKPOINTS,
    STANDARD,
    Manifold,
    latents,
    metrics,
    onnx,
)
from acc_assets.models import FactorGroup, FactorSlotAutoencoder, observe
from acc_assets.report import Frame, RecipeView, SiteResult, build_home, build_recipe
from acc_assets.storage import MadeFrom, Store
from acc_assets.tasks import ClassificationTask, KLDivergenceTask, ReconstructionTask, RegressionTask
from acc_assets.training import LoadedModel, build_checkpoint
from acc_assets.training.config_record import describe_run
from acc_assets.training.progress import NoProgress
from acc_assets.training.record import RunRecord
from acc_assets.training.summary import summarize_tasks, worst_health
from acc_assets.tree import Analysis, BrokenRecipe, Recipe, RecipeContext, Tree, TreeNode, trace

A, B = "digits_only_600", "curriculum_600"
FAMILIES = [request.family.name for request in STANDARD if request.name != "mixture"]  # of which it has none
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
    """Write every artifact of the fixture, upstream first: what needs a trained model from principal components."""
    for plan in plans(tree):
        for seed in plan.seeds(tree) if plan.node is not None or plan.dataset is not None else ():
            made_from = MadeFrom(plan.code_version, {})
            work = Work(Project({}), tree, plan, seed, store, "cpu", 1, NoProgress(), made_from)
            if plan.node is None:
                plan.kind.run(work)
            else:
                own = ComponentsWork(**vars(work) | {"node": plan.node})
                OWN.get(plan.family, plan.kind.run)(own)


@dataclass(frozen=True, kw_only=True)
class ComponentsWork(NodeWork):
    """Work on a node that encodes by principal components with some noise, less of it after the curriculum."""

    @property
    def noise(self) -> tuple[np.random.Generator, float]:
        """The generator of this node and seed, and how much it adds to latents of unit variance."""
        return np.random.default_rng([self.seed, len(self.node.tag)]), 0.15 if self.node.tag == B else 0.25

    def model(self, step: int | None = None) -> LoadedModel:
        """The model that the node starts from, with new heads: nobody trained it."""
        loaded = self.at(self.tree[str(self.node.parent)]).model()
        heads = {
            task.name: task.build_head(loaded.model, self.load(task.dataset)) for task in self.node.tasks
        }
        return replace(loaded, heads={name: head for name, head in heads.items() if head is not None})

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Latents (N, 16) of images (N, 1, 16, 16) in [0, 1]."""
        mean, axes, scale = components()
        return ((images.reshape(len(images), -1) - mean) @ axes.T / scale).astype(np.float32)

    def decode(self, mu: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Images (B, 1, 16, 16) in [0, 1] of latents (B, 16)."""
        mean, axes, scale = components()
        return np.clip((mu * scale) @ axes + mean, 0, 1).reshape(-1, 1, 16, 16).astype(np.float32)

    def decoder(self) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        return self.decode

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        return self.decode(self.encode(images))


@cache
def components() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (256,), axes (16, 256) and deviations (16,) of the test digits' principal components."""
    images = Digits(image_size=16).load().test.images
    flat = images.reshape(len(images), -1) / 255
    _, values, axes = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    return flat.mean(axis=0), axes[:16], values[:16] / np.sqrt(len(flat))


def write_training(work: ComponentsWork) -> None:
    """What training leaves: of a trained node curves that fall towards a part of the baseline, and no checkpoint."""
    node, parent = work.node, work.node.parent
    if not node.phases:
        above = work.store.run(work.tree.name, parent, work.seed) if parent else None
        build_checkpoint(node, recipe=work.tree.name, seed=work.seed, run=work.run, parent_run=above)
        return
    rng, _ = work.noise
    data = {name: work.load(ref) for name, ref in node.datasets.items()}
    model = node.model.build()
    record = RunRecord(work.run, NoProgress(), start=0, total=node.steps)
    config = describe_run(
        node, recipe=work.tree.name, seed=work.seed, model=model, datasets=data, device=torch.device("cpu"),
        flushes_denormals=False, code="laboratory",
    )  # fmt: skip
    record.begin(config, {})
    starts = {task.name: task.baseline(data[task.dataset.name]).get("loss") or 50.0 for task in node.tasks}
    for step in range(0, node.steps, 2):
        row = {"step": float(step), "lr": 1e-3}
        for number, task in enumerate(node.tasks):
            end = 0.7 if (task.name, work.seed) == ("thickness", 1) else 0.2  # the first is worth a warning
            fallen = end + (1 - end) * np.exp(-step / (80 + 40 * number))
            row[f"loss/{task.name}"] = starts[task.name] * float(fallen * (1 + 0.06 * rng.normal()))
        row["total"] = sum(value for name, value in row.items() if name.startswith("loss/"))
        record.history.train.append(row)
        if step and step % 60 == 0:
            record.logged(step, node.phases[0].name, row, 64)
            accuracy = 0.97 - 0.8 * np.exp(-step / 120) + 0.004 * rng.normal()
            psnr = 21 - 9 * np.exp(-step / 150)
            record.validated(step, {"digit_classify": {"accuracy": accuracy}, "recon": {"psnr": psnr}})
    record.write_history(node.steps)
    tasks = summarize_tasks(node.tasks, record.history, data, model)
    record.completed(node.steps, {"tasks": tasks, "health": worst_health(tasks)})


def write_latents(work: ComponentsWork) -> None:
    """Latents that grow from snapshot to snapshot, and predictions some of which are wrong."""
    test, (rng, noise) = work.data.test, work.noise
    mu = work.encode(test.images / 255)
    mu += (noise * rng.normal(size=mu.shape)).astype(np.float32)
    error = np.square(work.decode(mu) - test.images / 255).mean(axis=(1, 2, 3)).astype(np.float32)
    predicted = test.targets.copy()
    wrong = rng.choice(len(mu), int(len(mu) * noise / 10), replace=False)
    predicted[wrong] = (predicted[wrong] + 1) % 10
    told = {"error": error, f"{latents.PREDICTED}digit_classify": predicted}
    grown = {step: mu * np.float32(0.2 + 0.8 * step / STEPS[-1]) for step in STEPS}
    able = observe(work.model().model, test.images.shape[1:]).to_json()
    facts = {**able, "dataset": work.dataset_name, "split": "test", "points": len(mu)}
    snapshots = {step: {"mu": one, "logvar": np.full_like(one, -2), **told} for step, one in grown.items()}
    latents.write(work.folder, facts, snapshots)


def write_metrics(work: ComponentsWork) -> None:
    """Metrics of every task and what the slots know, from the stored latents and the pictures' own strokes."""
    arrays, test = latents.SERIES.read(work.run), work.data.test
    mu, error = arrays["mu"], arrays["error"]
    stats = latent_stats(mu, arrays["logvar"], GROUPS)
    thickness = stroke_thickness(test.images)
    fit = np.c_[mu[:, 4:7], np.ones(len(mu))]
    residual = thickness - fit @ np.linalg.lstsq(fit, thickness, rcond=None)[0]
    right = arrays[f"{latents.PREDICTED}digit_classify"] == test.targets
    measured = {
        "recon": {"psnr": -10 * float(np.log10(error.mean())), "l1": float(np.sqrt(error).mean())},
        "kl": {"kl": stats.kl},
        "digit_classify": {"accuracy": float(right.mean())},
        "thickness": {
            "r2": 1 - float(residual.var() / thickness.var()),
            "mae": float(np.abs(residual).mean()),
        },
    }
    tasks = {
        task.name: {
            "kind": task.kind,
            "unit": task.unit,
            "dataset": task.dataset.name,
            "metrics": measured[task.name],
            "baseline": task.baseline(work.load(task.dataset)),
        }
        for task in work.node.tasks
    }
    known = [
        *probe_classes(mu, GROUPS, test.targets),
        *probe_properties(mu, GROUPS, {"stroke_thickness": thickness}, test.targets),
    ]
    metrics.write(
        work.folder,
        step=work.node.steps,
        tasks=tasks,
        generalisation=None,
        latent=stats.to_json(),
        probes=[probe.to_json() for probe in known],
    )


def write_onnx(work: ComponentsWork) -> None:
    """Bytes in the place of the graphs: the report hands them on and reads nothing in them."""
    ranges = latent_stats(latents.SERIES.read(work.run)["mu"], None, GROUPS).ranges
    examples = work.examples(30).tolist()
    facts = {
        "opset": 18,
        "parity": {"passed": True},
        "ranges": ranges,
        "examples": examples,
        "step": work.node.steps,
    }
    tag = work.node.tag.encode()
    onnx.write(work.folder, b"encoder " + tag, b"decoder " + tag, {}, facts)


OWN: dict[str, Callable[[ComponentsWork], None]] = {
    CHECKPOINTS.name: write_training,
    latents.FAMILY.name: write_latents,
    metrics.FAMILY.name: write_metrics,
    onnx.FAMILY.name: write_onnx,
}
