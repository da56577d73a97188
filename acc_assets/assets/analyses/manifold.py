"""How well the latents keep the classes apart: k-NN accuracy, the manifold measures and their score."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np

from acc_assets.assets.kinds import Outcome, Verdict
from acc_assets.assets.work import NodeWork
from acc_assets.families import Manifold, latents, manifold, neighbors

if TYPE_CHECKING:
    from acc_assets.analysis.neighbors import KnnGraph

DRAWS = 20  # of the first label set's size, from the last one's images


def run(work: NodeWork) -> Outcome:
    """Classify the test latents by the labels of each label set, and measure the latents of the asked split."""
    from acc_assets.analysis.neighbors import KnnGraph

    request: Manifold = work.request
    work.runtime.apply()
    loaded, data = work.model(), work.data
    encode = work.encode
    labelled = {ref.name: work.load(ref).train.of_labelled() for ref in request.label_sets}
    test_latents = latents.SERIES.read(work.run)["mu"]
    split = data.test if request.split == "test" else data.train.of_labelled()

    measured = test_latents if request.split == "test" else encode(split.images)
    graph = KnnGraph.of(neighbors.SERIES.read(work.run)) if request.split == "test" else None
    codes = {name: encode(train.images) for name, train in labelled.items()}
    labels = {name: train.targets for name, train in labelled.items()}
    facts = _measure(codes, labels, test_latents, data.test.targets, measured, split, request, graph)
    pixels: dict[str, Any] | None = None
    if request.pixels:
        raw = {name: _flat(train.images) for name, train in labelled.items()}
        own = _flat(split.images)
        pixels = _measure(raw, labels, _flat(data.test.images), data.test.targets, own, split, request)
    document = {
        "step": loaded.step,
        "dataset": work.dataset_name,
        "split": request.split,
        "points": len(measured),
        "latent_dim": int(test_latents.shape[1]),
        "k": request.k,
        "metric": request.metric,
        "parameters": _parameters(loaded.model),
        **facts,
        "pixels": pixels,
    }
    manifold.write(work.folder, document)
    headline = facts["label_sets"][facts["headline"]]
    chance = float(np.bincount(data.test.targets).max() / len(data.test))
    return Outcome(
        metadata={
            **{f"k-NN accuracy, {name}": found["accuracy"] for name, found in facts["label_sets"].items()},
            **{f"score, {name}": found["score"] for name, found in facts["label_sets"].items()},
            **{name.replace("_", " "): float(value) for name, value in facts["metrics"].items()},
            **({"raw pixels: score": pixels["metrics"]["score"]} if pixels else {}),
            "parameters": document["parameters"]["total"],
            f"report by class, {facts['headline']}": dg.MetadataValue.md(_report_table(headline["report"])),
        },
        verdicts={
            "above_chance": Verdict(
                passed=headline["accuracy"] > chance,
                reason=f"k-NN accuracy {headline['accuracy']:.3f} with {headline['size']:,} labels, "
                f"always guessing the most frequent class {chance:.3f}",
                numbers={"accuracy": headline["accuracy"], "chance": chance},
            )
        },
    )


def _measure(
    latents: dict[str, np.ndarray],
    labels: dict[str, np.ndarray],
    test_latents: np.ndarray,
    test_labels: np.ndarray,
    measured: np.ndarray,
    split: Any,
    request: Manifold,
    graph: KnnGraph | None = None,
) -> dict[str, Any]:
    """One classifier and one score for each label set; all other measures know no label set."""
    from acc_assets.analysis.separation import (
        knn_classification,
        knn_over_draws,
        manifold_metrics,
        manifold_score,
    )

    k = request.k
    reports = {
        name: knn_classification(codes, labels[name], test_latents, test_labels, k, request.metric)
        for name, codes in latents.items()
    }
    names = list(latents)
    first, last = names[0], names[-1]
    metrics = manifold_metrics(measured, split.targets, split.images, reports[first].accuracy, k, graph=graph)
    parts = {
        name: getattr(metrics, name)
        for name in ("trustworthiness", "neighbor_agreement", "silhouette", "davies_bouldin", "fisher_ratio")
    }
    classes = np.union1d(test_labels, labels[last])
    size = len(labels[first])
    spread = (
        knn_over_draws(latents[last], labels[last], test_latents, test_labels, size, DRAWS, k, request.metric)
        if 2 * size <= len(labels[last])
        else None
    )
    return {
        "headline": first,
        "label_sets": {
            name: {
                "size": report.train_size,
                "k": report.k,
                "accuracy": report.accuracy,
                "score": manifold_score(report.accuracy, **parts),
                "report": report.report,
                "confusion": _confusion(test_labels, report.predictions, classes),
            }
            for name, report in reports.items()
        },
        "draws": asdict(spread) if spread is not None else None,
        "metrics": metrics.to_json(),
    }


def _report_table(report: dict[str, Any]) -> str:
    """Precision, recall, F1 and support of every class as a Markdown table."""
    columns = ("precision", "recall", "f1-score", "support")
    rows = [
        f"| {name} | " + " | ".join(f"{facts[column]:.3g}" for column in columns) + " |"
        for name, facts in report.items()
        if isinstance(facts, dict)
    ]
    return "\n".join([f"| class | {' | '.join(columns)} |", "| --- " * (len(columns) + 1) + "|", *rows])


def _confusion(truth: np.ndarray, predicted: np.ndarray, classes: np.ndarray) -> list[list[int]]:
    """Counts, rows the true and columns the predicted class."""
    size = len(classes)
    pairs = np.searchsorted(classes, truth) * size + np.searchsorted(classes, predicted)
    counts: list[list[int]] = np.bincount(pairs, minlength=size * size).reshape(size, size).tolist()
    return counts


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def _parameters(model: Any) -> dict[str, int]:
    """Parameters of the whole model, and of its decoder where it has a part of that name."""
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    decoder = sum(count for name, count in sizes.items() if name.startswith("decoder."))
    return {"total": sum(sizes.values()), "encoder": sum(sizes.values()) - decoder, "decoder": decoder}
