"""How well the latents keep the classes apart: k-NN accuracy, the manifold measures and their score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from acc_assets.families.base import Download, Family, Number
from acc_assets.families.words import MetricWords, is_number
from acc_assets.tree import LATENT, Analysis, Check, Dataset, DatasetRef, config
from acc_assets.tree.config import Positive, Several

if TYPE_CHECKING:
    from acc_assets.families.artifacts import RunArtifacts
    from acc_assets.storage import ArtifactFolder

Split = Literal["test", "train"]
Metric = Literal["euclidean", "manhattan", "cosine"]
MEASURES = (
    "trustworthiness",
    "neighbor_agreement",
    "silhouette",
    "davies_bouldin",
    "calinski_harabasz",
    "fisher_ratio",
)


class ManifoldFamily(Family):
    """One document: `label_sets` with a classifier each, `metrics` of the latents, and the same for raw pixels."""

    name = "manifold"
    title = "Manifold measures"
    document = "manifold.json"
    downloads = (Download("manifold.json", "Manifold measures and k-NN report (JSON)"),)
    metrics = {  # noqa: RUF012
        "trustworthiness": MetricWords("trustworthiness", "", "higher", "number", 3, 12),
        "neighbor_agreement": MetricWords("neighbours of the same label", "", "higher", "percent", 1, 12),
        "silhouette": MetricWords("silhouette", "", "higher", "number", 3, 12),
        "davies_bouldin": MetricWords("Davies-Bouldin index", "", "lower", "number", 2, 12),
        "calinski_harabasz": MetricWords("Calinski-Harabasz index", "", "higher", "number", 0, 12),
        "fisher_ratio": MetricWords("Fisher ratio", "", "higher", "number", 3, 12),
        "score": MetricWords("score", "", "higher", "number", 1, 10),
    }

    def numbers(self, run: RunArtifacts) -> Iterator[Number]:
        """Yield accuracy and score for each label set, the headline's first, then the other measures."""
        count = run.images("test").get(run.primary_dataset)
        yield from numbers_of(run.document(self), count)


FAMILY = ManifoldFamily()


@config
class Manifold(Analysis):
    """Measure how well the latents keep classes apart.

    label_sets: data sets whose labelled training images a k-nearest-neighbour classifier (`k`, by the distance
    `metric`) is fitted on, one classifier each; the first gives the headline; all other measures are Euclidean.
    split: of the node's data set, what is measured. pixels: measure the raw pixels in the same way, as a control.
    """

    label_sets: Several[Dataset]
    k: Positive = 5
    metric: Metric = "euclidean"
    split: Split = "test"
    pixels: bool = False

    name = "manifold"
    family = FAMILY
    version = 2
    description = (
        "k-nearest-neighbour accuracy of the latents, with a report by class, and the manifold measures."
    )
    kinds = frozenset({"pytorch", "scikitlearn"})
    needs = (LATENT,)
    after = ("latents", "neighbors")
    reads_data = True
    checks = (Check("above_chance", "A k-NN classifier of the latents is right more often than a guess."),)

    def __post_init__(self) -> None:
        names = [ref.name for ref in self.label_sets]
        if len(set(names)) != len(names):
            raise ValueError(f"label_sets {names} name a data set twice; name each once")
        for ref in self.label_sets:
            if getattr(ref.config, "kind_of_target", "class") != "class":
                raise ValueError(f"the label set '{ref.name}' has no classes; name a data set with labels")

    @property
    def datasets(self) -> tuple[DatasetRef, ...]:
        """The label sets."""
        return self.label_sets


def write(folder: ArtifactFolder, document: Mapping[str, Any]) -> None:
    """Write what was measured: see `acc_assets.analysis.separation` for the measures."""
    with folder.family(FAMILY.name) as out:
        out.json(FAMILY.document, dict(document))


def numbers_of(document: Mapping[str, Any], count: int | None = None) -> Iterator[Number]:
    """Yield the numbers of a document, also of that of raw pixels within one; `count` test images are behind them.

    A measure without an upper end may be infinite, which JSON spells "Infinity"; one that is null is left out.
    """
    sets = label_sets(document)
    for place, (name, found) in enumerate(sets):
        suffix = "" if place == 0 else f"_{name}"
        labels = f"{found['size']:,} labels"
        accuracy = measured_value(found.get("accuracy"))
        if accuracy is not None:
            yield Number(
                task=f"{knn_task(document)}{suffix}",
                metric="accuracy",
                value=accuracy,
                label=f"{knn_name(document)}, {labels}",
                rank=0,
                count=count,
            )
        score = measured_value(found.get("score"))
        if score is not None:
            yield Number(
                task=f"manifold{suffix}",
                metric="score",
                value=score,
                label=f"score, {labels}",
                rank=1 if place == 0 else 10,
                count=count,
            )
    metrics = document.get("metrics") or {}
    for metric in MEASURES if sets else ():
        value = measured_value(metrics.get(metric))
        if value is not None:
            where = "" if split_of(document) == "test" else f", {split_of(document)} split"
            label = f"{metric.replace('_', ' ')}{where}"
            yield Number(task="manifold", metric=metric, value=value, label=label, rank=12, count=count)


def measured_value(value: Any) -> float | None:
    """Return a number of an artifact, also one that JSON spells "Infinity"; None for what is no number."""
    return float(value) if is_number(value) or value in ("Infinity", "-Infinity") else None


def knn_task(document: Mapping[str, Any]) -> str:
    """Return the name that a document's classifiers have among tasks: other distances are other columns."""
    metric = document.get("metric", "euclidean")
    return "knn" if metric == "euclidean" else f"knn_{metric}"


def split_of(document: Mapping[str, Any]) -> str:
    """Return the split whose latents the measures beside the accuracy are of."""
    return {"train": "training"}.get(str(document.get("split")), "test")


def knn_name(document: Mapping[str, Any]) -> str:
    """Return what the accuracy of a document's classifiers is called: by which distance, unless it is Euclidean."""
    metric = document.get("metric", "euclidean")
    return "k-NN accuracy" if metric == "euclidean" else f"k-NN accuracy by {metric} distance"


def label_sets(document: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the label sets that a classifier was fitted on, the headline's first."""
    sets: Mapping[str, Any] = document.get("label_sets") or {}
    headline = document.get("headline")
    known = [(name, found) for name, found in sets.items() if is_number(found.get("size"))]
    return sorted(known, key=lambda item: (item[0] != headline, item[1]["size"]))
