"""A small store of run directories, written through the real storage: two branches, two seeds, real digits.

The latents are principal components of scikit-learn's digits and the decoder is their inverse, so every picture and
number of the fixture is computed and none is invented.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from acc_assets.analysis.probing import probe_classes
from acc_assets.models import FactorGroup
from acc_assets.report import AssetView, NodeView, RecipeView
from acc_assets.storage import Store

SEEDS = (0, 1)
GROUPS = [("digit", 0, 4), ("thickness", 4, 7), ("slant", 7, 10), ("free", 10, 16)]
FAMILIES = {
    "latents": "latents",
    "metrics": "metrics",
    "reconstructions": "reconstructions",
    "traversals": "traversals",
    "sorted": "sorted",
    "attention": "attention",
    "neighbors": "neighbors",
    "projections": "projection",
    "onnx": "onnx",
}
STEPS = (0, 300, 600)


class Client(NamedTuple):
    """Where the bundle and the ONNX runtime lie."""

    dist: Path
    wasm: Path


def task(kind: str, name: str, dataset: str = "digits", **options: Any) -> dict[str, Any]:
    """A task as its canonical JSON."""
    return {
        "type": kind,
        "name": name,
        "dataset": {"type": "DatasetRef", "name": dataset},
        "weight": 1.0,
        **options,
    }


BASE = [
    task("ReconstructionTask", "recon"),
    task("KLDivergenceTask", "kl"),
    task("ClassificationTask", "digit_classify", latent_slice=[0, 4], weight=10.0),
]
EXTRA = [task("RegressionTask", "thickness", "strokes", latent_slice=[4, 7])]


def recipe_view(name: str = "quickstart", **changes: Any) -> RecipeView:
    """The recipe of the fixture: root, two forks, two trained nodes."""
    model = {"type": "FactorSlotAutoencoder", "image_size": 16, "backbone": [16, 32]}

    def node(
        tag: str, kind: str, parent: str | None, branch: str, tasks: Sequence[Any], steps: int = 0
    ) -> NodeView:
        phases = [
            {"type": "TrainPhase", "name": f"Train {tag}", "steps": steps, "tasks": list(tasks), "lr": 1e-3}
        ]
        owned = {f: f"{name}/{tag}_{suffix}" for f, suffix in FAMILIES.items()} if steps else {}
        return NodeView(
            tag=tag,
            kind=kind,
            parent=parent,
            branch=branch,
            evaluated=bool(steps),
            model=model,
            tasks=list(tasks),
            phases=phases if steps else [],
            assets={
                "checkpoints": AssetView(key=f"{name}/{tag}", code_version="c0de0000"),
                **{f: AssetView(key=key, code_version="c0de1234") for f, key in owned.items()},
            },
        )

    view = RecipeView(
        name=name,
        title="Quickstart",
        description="Two branches of one factor-slot VAE on real handwritten digits.",
        question="Does a synthetic curriculum make a latent slot mean stroke thickness?",
        hypothesis="Training a slot on drawn strokes of known width carries over to real digits.",
        source="acc_assets/recipes/quickstart.py",
        parameters={"steps": 600},
        seeds=SEEDS,
        nodes=[
            node("experiment_root", "root", None, "experiment_root", []),
            node("digits_only", "fork", "experiment_root", "digits_only", BASE),
            node("digits_only_600", "trained", "digits_only", "digits_only", BASE, 600),
            node("with_curriculum", "fork", "experiment_root", "with_curriculum", [*BASE, *EXTRA]),
            node("curriculum_600", "trained", "with_curriculum", "with_curriculum", [*BASE, *EXTRA], 600),
        ],
    )
    return replace(view, **changes)


def png(array: np.ndarray) -> bytes:
    """Encode (H, W) uint8."""
    out = io.BytesIO()
    Image.fromarray(array).save(out, format="PNG")
    return out.getvalue()


def tile(images: np.ndarray, gap: int = 2) -> np.ndarray:
    """Lay (R, C, H, W) images out as one picture."""
    rows, columns, height, width = images.shape
    canvas = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), 60, np.uint8)
    for r in range(rows):
        for c in range(columns):
            y, x = r * (height + gap), c * (width + gap)
            canvas[y : y + height, x : x + width] = images[r, c]
    return canvas


class Digits:
    """Real digits at 16 x 16 with their principal components."""

    def __init__(self, count: int) -> None:
        digits = load_digits()
        large = np.kron(digits.images, np.ones((2, 2))) * (255 / 16)
        repeat = -(-count // len(large))
        self.images = np.tile(large, (repeat, 1, 1))[:count].astype(np.uint8)[:, None]  # (N, 1, 16, 16)
        self.targets = np.tile(digits.target, repeat)[:count].astype(np.int64)
        flat = self.images.reshape(count, -1) / 255.0
        self.mean = flat.mean(axis=0)
        _, values, self.axes = np.linalg.svd(flat - self.mean, full_matrices=False)
        self.scale = values[:16] / np.sqrt(count)

    def encode(self, rng: np.random.Generator, noise: float) -> np.ndarray:
        """Latents (N, 16), unit variance, with some noise."""
        flat = self.images.reshape(len(self.images), -1) / 255.0
        mu = (flat - self.mean) @ self.axes[:16].T / self.scale
        return (mu + noise * rng.normal(size=mu.shape)).astype(np.float32)

    def decode(self, mu: np.ndarray) -> np.ndarray:
        """Images (..., 16, 16) uint8 of latents (..., 16)."""
        flat = (mu * self.scale) @ self.axes[:16] + self.mean
        return (np.clip(flat, 0, 1) * 255).astype(np.uint8).reshape(*mu.shape[:-1], 16, 16)


def write_store(store: Store, view: RecipeView, count: int = 240) -> None:
    """Write every artifact of every node and seed of the fixture."""
    digits = Digits(count)
    write_dataset(store, view, digits)
    for node in view.nodes:
        for seed in view.seeds:
            write_run(store, view, node, seed, digits)


def write_dataset(store: Store, view: RecipeView, digits: Digits) -> None:
    """Write the recipe's one data set."""
    columns = int(np.ceil(np.sqrt(len(digits.images))))
    padded = np.zeros((columns * columns, 16, 16), np.uint8)
    padded[: len(digits.images)] = digits.images[:, 0]
    counts = np.bincount(digits.targets, minlength=10)
    facts = {"num_classes": 10, "class_names": [str(i) for i in range(10)], "kind_of_target": "class"}
    with store.recipe(view.name).family("data-digits") as out:
        out.npz("test.npz", images=digits.images, targets=digits.targets)
        out.png("atlas.png", png(tile(padded.reshape(columns, columns, 16, 16), gap=0)))
        out.png("grid.png", png(tile(digits.images[:96, 0].reshape(6, 16, 16, 16))))
        out.json("targets.json", {"kind": "class", "names": facts["class_names"], "counts": counts.tolist()})
        out.json(
            "dataset.json",
            {
                **facts,
                "source": "scikit-learn digits",
                "train": 1200,
                "validation": 200,
                "test": len(digits.images),
            },
        )


def write_run(store: Store, view: RecipeView, node: NodeView, seed: int, digits: Digits) -> None:
    """Write one node and seed: configuration and summary, and for a trained node all of its analyses."""
    run = store.run(view.name, node.tag, seed)
    rng = np.random.default_rng([seed, len(node.tag)])
    source = "scikit-learn digits (1,797 real handwritten digits)"
    groups = [{"name": name, "start": start, "stop": stop} for name, start, stop in GROUPS]
    run.write_json(
        "config.json",
        {
            "recipe": view.name, "node": node.tag, "kind": node.kind, "seed": seed, "spec_hash": "0123456789abcdef",
            "tasks": list(node.tasks), "latent_dim": 16, "factor_groups": groups, "parameters": 123456,
            "primary_dataset": "digits",
            "datasets": {"digits": {"source": source, "digest": "ab" * 32, "train": 1200, "validation": 200,
                                    "test": len(digits.images), "kind_of_target": "class", "num_classes": 10}},
            "device": "cpu", "threads": 1, "versions": {"torch": "2.13"},
        },
    )  # fmt: skip
    trained = node.kind == "trained"
    curriculum = "curriculum" in node.tag
    run.write_json(
        "summary.json", summary(node, seed, curriculum) if trained else {"status": "completed", "step": 0}
    )
    if not trained:
        return
    mu = digits.encode(rng, 0.15 if curriculum else 0.25)
    decoded = digits.decode(mu)
    error = ((decoded / 255.0 - digits.images[:, 0] / 255.0) ** 2).mean(axis=(1, 2)).astype(np.float32)
    predictions = digits.targets.copy()
    wrong = rng.choice(
        len(predictions), max(1, len(predictions) // (60 if curriculum else 40)), replace=False
    )
    predictions[wrong] = (predictions[wrong] + 1) % 10
    write_history(run, node, rng)
    logvar = np.full_like(mu, -2.0)
    with run.family("latents") as out:
        out.npz(
            "latents_step_600.npz",
            {"mu": mu, "logvar": logvar, "error": error, "pred/digit_classify": predictions},
        )
        out.latest("latents_step_600.npz", "latents_latest.npz")
        out.json("latents.json", {"steps": list(STEPS)})
    write_metrics(run, node, digits, mu, error, predictions)
    write_pictures(run, digits, mu, decoded)
    write_geometry(run, mu)
    with run.family("onnx") as out:
        out.bytes("encoder.onnx", b"encoder " + node.tag.encode())
        out.bytes("decoder.onnx", b"decoder " + node.tag.encode())
        ranges = np.percentile(mu, [1, 99], axis=0).T.tolist()
        parity = {"encoder": 1e-6, "decoder": 2e-6, "passed": True}
        out.json("onnx.json", {"opset": 18, "parity": parity, "ranges": ranges, "step": 600})


def summary(node: NodeView, seed: int, curriculum: bool) -> dict[str, Any]:
    """A summary with loss health; one task of one run only warns."""
    thresholds = {"healthy_below": 0.8, "warning_below": 1.4}
    tasks = {}
    for entry in node.tasks:
        level = "warning" if curriculum and seed == 1 and entry["name"] == "thickness" else "healthy"
        tasks[entry["name"]] = {
            "kind": entry["type"], "mean": 1.5, "final": 0.4, "min": 0.3, "max": 9.0, "trend": "improving",
            "health": level, "reason": "against the mean target", "thresholds": thresholds,
        }  # fmt: skip
    worst = "warning" if any(entry["health"] == "warning" for entry in tasks.values()) else "healthy"
    return {
        "status": "completed", "step": 600, "wall_s": 21.5, "steps_per_s": 27.9, "images_per_s": 1786.0,
        "tasks": tasks, "health": worst, "error": None,
    }  # fmt: skip


def write_history(run: Any, node: NodeView, rng: np.random.Generator) -> None:
    """Losses that fall with some noise."""
    step = np.arange(0, 600, 2)
    losses = {}
    for number, entry in enumerate(node.tasks):
        fall = (120 / (number * 20 + 1)) * np.exp(-step / (80 + 40 * number)) + 0.4 + number
        losses[f"loss/{entry['name']}"] = fall * (1 + 0.06 * rng.normal(size=len(step)))
    checks = np.arange(0, 601, 60)
    with run.family("history") as out:
        out.npz(
            "history.npz",
            {
                "step": step,
                "total": sum(losses.values()),
                **losses,
                "lr": np.full(len(step), 1e-3),
                "val_step": checks,
                "val/digit_classify/accuracy": 0.97
                - 0.8 * np.exp(-checks / 120)
                + 0.004 * rng.normal(size=len(checks)),
                "val/recon/psnr": 21 - 9 * np.exp(-checks / 150),
            },
        )


def write_metrics(
    run: Any, node: NodeView, digits: Digits, mu: np.ndarray, error: np.ndarray, predictions: np.ndarray
) -> None:
    """Metrics of every task, computed from the fixture's own arrays, and latent statistics."""
    baseline_error = float(((digits.images / 255.0 - digits.images.mean(axis=0) / 255.0) ** 2).mean())
    accuracy = float((predictions == digits.targets).mean())
    ink = (digits.images / 255.0).mean(axis=(1, 2, 3))
    fit, *_ = np.linalg.lstsq(np.c_[mu[:, 4:7], np.ones(len(mu))], ink, rcond=None)
    residual = ink - np.c_[mu[:, 4:7], np.ones(len(mu))] @ fit
    kl = (mu**2).mean(axis=0) * 0.5 * np.linspace(1.4, 0.05, 16)
    tasks = {
        "recon": {
            "kind": "reconstruction",
            "metrics": {"psnr": -10 * float(np.log10(error.mean())), "l1": float(np.sqrt(error).mean())},
            "baseline": {"psnr": -10 * float(np.log10(baseline_error))},
        },
        "kl": {"kind": "kl", "metrics": {"kl": float(kl.sum())}, "baseline": {}},
        "digit_classify": {
            "kind": "classification",
            "metrics": {"accuracy": accuracy},
            "baseline": {"accuracy": 0.1},
        },
    }
    if any(entry["name"] == "thickness" for entry in node.tasks):
        tasks["thickness"] = {
            "kind": "regression",
            "metrics": {"r2": 1 - float(residual.var() / ink.var()), "mae": float(np.abs(residual).mean())},
            "baseline": {"r2": 0.0, "mae": float(np.abs(ink - ink.mean()).mean())},
        }
    groups = {
        name: {"kl": float(kl[start:stop].sum()), "active_dims": int((kl[start:stop] > 0.05).sum())}
        for name, start, stop in GROUPS
    }
    latent = {"kl_per_dim": kl.tolist(), "active_dims": int((kl > 0.05).sum()), "groups": groups,
              "std_per_dim": mu.std(axis=0).tolist()}  # fmt: skip
    for entry in tasks.values():
        entry["dataset"] = "digits"
    with run.family("metrics") as out:
        known = probes(mu, ink, digits.targets)
        out.json("metrics.json", {"step": 600, "tasks": tasks, "latent": latent, "probes": known})


def probes(mu: np.ndarray, ink: np.ndarray, labels: np.ndarray) -> list[dict[str, Any]]:
    """How well each slot predicts the ink of an image, by least squares, and its class, by the package's own probe."""
    groups = [FactorGroup(*group) for group in GROUPS]
    found: list[dict[str, Any]] = [probe.to_json() for probe in probe_classes(mu, groups, labels)]
    for name, start, stop in GROUPS:
        design = np.c_[mu[:, start:stop], np.ones(len(mu))]
        residual = ink - design @ np.linalg.lstsq(design, ink, rcond=None)[0]
        r2 = 1 - float(residual.var() / ink.var())
        found.append(
            {"slice": name, "property": "stroke_thickness", "r2": r2, "spearman": None, "n": len(mu)}
        )
    return found


def write_pictures(run: Any, digits: Digits, mu: np.ndarray, decoded: np.ndarray) -> None:
    """Reconstructions, traversals, sorted images and attention-like overlays."""
    first = [int(np.flatnonzero(digits.targets == label)[0]) for label in range(10)]
    with run.family("reconstructions") as out:
        out.png("reconstructions.png", png(tile(np.stack([digits.images[first, 0], decoded[first]]))))
    with run.family("traversals") as out:
        for name, start, stop in GROUPS:
            grid = np.repeat(mu[first[:5], None], 9, axis=1)
            grid[:, :, start] = np.linspace(-3, 3, 9)
            out.png(f"traversal_{name}.png", png(tile(digits.decode(grid))))
            rows = np.repeat(mu[[first[3]]][None], stop - start, axis=0).repeat(9, axis=1)
            for row, dim in enumerate(range(start, stop)):
                rows[row, :, dim] = np.linspace(-3, 3, 9)
            out.png(f"traversal_{name}_dims.png", png(tile(digits.decode(rows))))
        moved = {name: {"start": start, "stop": stop, "effect": 0.04} for name, start, stop in GROUPS}
        offsets = np.linspace(-3, 3, 9).tolist()
        out.json("traversals.json", {"indices": first[:5], "offsets": offsets, "factors": moved})
    ends_of = {}
    with run.family("sorted") as out:
        for name, start, stop in GROUPS:
            order = np.argsort(mu[:, start:stop].mean(axis=1), kind="stable")
            ends = np.concatenate([order[:20], order[-20:]]).reshape(4, 10)
            out.png(f"sorted_{name}.png", png(tile(digits.images[ends, 0])))
            ends_of[name] = {"lowest": order[:20].tolist(), "highest": order[-20:].tolist()}
        out.json("sorted.json", {"factors": ends_of})
    with run.family("attention") as out:
        out.png("attention.png", png(tile(digits.images[first[:5] * 5, 0].reshape(5, 5, 16, 16))))


def write_geometry(run: Any, mu: np.ndarray) -> None:
    """Neighbours and projections of three snapshots."""
    squares = ((mu[:, None] - mu[None]) ** 2).sum(axis=-1) if len(mu) <= 2000 else None
    k = 8
    if squares is not None:
        np.fill_diagonal(squares, np.inf)
        indices = np.argsort(squares, axis=1, kind="stable")[:, :k].astype(np.int32)
        distances = np.sqrt(np.take_along_axis(squares, indices, axis=1)).astype(np.float32)
    else:
        indices = (np.arange(len(mu))[:, None] + np.arange(1, k + 1)).astype(np.int32) % len(mu)
        distances = np.ones((len(mu), k), np.float32)
    with run.family("neighbors") as out:
        out.npz("knn_step_600.npz", indices=indices, distances=distances)
        out.latest("knn_step_600.npz", "knn_latest.npz")
    with run.family("projections") as out:
        for dim in (2, 3):
            for method in ("pca", "umap"):
                for step in STEPS:
                    grown = mu[:, :dim] * (0.2 + step / STEPS[-1])
                    coords = grown if method == "pca" else np.tanh(grown) + 0.3 * mu[:, 4 : 4 + dim]
                    out.npz(f"latent_{dim}d_step_{step}_{method}.npz", coords=coords.astype(np.float32))
                out.latest(
                    f"latent_{dim}d_step_{STEPS[-1]}_{method}.npz", f"latent_{dim}d_latest_{method}.npz"
                )
        out.json("projections.json", {"steps": list(STEPS), "methods": ["pca", "umap"]})
