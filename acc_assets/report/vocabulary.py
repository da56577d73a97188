"""Words and number formats: what each metric is called, its unit, and which direction is better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MetricWords:
    """How one metric is named and printed."""

    label: str
    unit: str = ""
    better: str | None = None  # "higher" | "lower" | None: neither
    style: str = "number"  # "percent" | "number" | "count"
    digits: int = 3
    rank: int = 50  # headline metrics first


METRICS: dict[str, MetricWords] = {
    "accuracy": MetricWords("accuracy", "", "higher", "percent", 2, 0),
    "psnr": MetricWords("PSNR", "dB", "higher", "number", 2, 1),
    "r2": MetricWords("R²", "", "higher", "number", 3, 2),
    "mae": MetricWords("mean absolute error", "", "lower", "number", 4, 3),
    "l1": MetricWords("L1 error", "", "lower", "number", 4, 4),
    "mse": MetricWords("mean squared error", "", "lower", "number", 4, 5),
    "kl": MetricWords("KL", "nats", None, "number", 2, 6),
    "nll": MetricWords("negative log-likelihood", "nats", "lower", "number", 2, 7),
    "probe_r2": MetricWords("R² of", "", "higher", "number", 3, 8),
    "probe_accuracy": MetricWords("accuracy of the", "", "higher", "percent", 1, 8),
    "loss": MetricWords("loss", "", "lower", "number", 3, 20),
    "active_dims": MetricWords("active dimensions", "", None, "count", 0, 9),
    "effect": MetricWords("effect on the image", "", None, "number", 4, 11),
    "trustworthiness": MetricWords("trustworthiness", "", "higher", "number", 3, 12),
    "neighbor_agreement": MetricWords("neighbours of the same label", "", "higher", "percent", 1, 12),
    "silhouette": MetricWords("silhouette", "", "higher", "number", 3, 12),
    "davies_bouldin": MetricWords("Davies-Bouldin index", "", "lower", "number", 2, 12),
    "calinski_harabasz": MetricWords("Calinski-Harabasz index", "", "higher", "number", 0, 12),
    "fisher_ratio": MetricWords("Fisher ratio", "", "higher", "number", 3, 12),
    "score": MetricWords("score", "", "higher", "number", 1, 10),
}

FIGURES = {
    "reconstructions": "Reconstructions",
    "traversals": "Latent traversals",
    "sorted": "Sorted along the slot",
    "attention": "Cross-attention",
    "projections": "Latent map",
}

CAPTIONS = {
    "reconstructions": "Top row: test images as the encoder sees them. Bottom row: what the model makes of "
    "them, a variational one of their mean latent.",
    "traversals": "Each row is one test image, itself in the first column. The other columns put the factor's slot at "
    "fixed places along its first principal direction over the whole test split, counted in standard deviations from "
    "the mean and so the same in every row; every other dimension is held. Outlined is the column nearest to the "
    "image.",
    "traversal_dims": "One test image, itself in the first column; each row puts one dimension of the factor at the "
    "same fixed places and holds all others. Outlined is the column nearest to the image.",
    "sorted": "The test images lowest and highest along the first principal direction of the factor's slot.",
    "attention": "Where the decoder looks: the cross-attention of each factor, laid over the input.",
    "projections": "Every test image at its place in the two-dimensional {method} of the latents, coloured by {label}.",
}
# What a reader may take from a map; a linear projection needs no such word.
MAPS = {
    "umap": "UMAP keeps neighbours together: near points are alike, but the distance between groups and their size "
    "mean little.",
}


def words(metric: str) -> MetricWords:
    """Return the words for a metric; an unknown one is shown under its own name."""
    return METRICS.get(metric, MetricWords(metric.replace("_", " ")))


def number(value: Any, digits: int = 3) -> str:
    """Print a number for people: fixed digits, a real minus sign, '—' for what is no number."""
    if not isinstance(value, int | float):
        return "—"
    if math.isnan(value):
        return "not finite"
    size = abs(value)
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if size >= 1e9:
        return f"{value:.1e}".replace("e+", "e").replace("-", "−")
    text = f"{value:,.{digits}f}"
    if 0 < size < 0.5 * 10 ** (-digits):
        text = f"{value:.1g}" if size >= 1e-4 else f"{value:.0e}"
    return text.replace("-", "−")


def show(metric: str, value: float | None, signed: bool = False) -> str:
    """Print a metric's value with its unit; `signed` shows a difference (percentages become points)."""
    word = words(metric)
    if value is None or not math.isfinite(value):
        return number(value)
    sign = "+" if signed and value > 0 else ""
    if word.style == "percent":
        return f"{sign}{number(100 * value, word.digits)}" + (" points" if signed else " %")
    unit = f" {word.unit}" if word.unit else ""
    return f"{sign}{number(value, word.digits)}{unit}"


def show_spread(metric: str, mean: float | None, sd: float | None) -> str:
    """Print `97.90 ± 0.12 %`, or the mean alone where there is no spread."""
    if sd is None or mean is None or not math.isfinite(mean):
        return show(metric, mean)
    word = words(metric)
    scale, unit = (100, "%") if word.style == "percent" else (1, word.unit)
    digits = max(word.digits, 1)
    smallest = 10 ** (-digits)
    around = f"<{smallest:.{digits}f}" if 0 < scale * sd < smallest / 2 else f"{scale * sd:,.{digits}f}"
    text = f"{number(scale * mean, word.digits)} ± {around}"
    return f"{text} {unit}" if unit else text


def duration(seconds: Any) -> str:
    """Print a duration as `42 s`, `3 min 20 s` or `1 h 5 min`; '—' for what is no number."""
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return "—"
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(count: int) -> str:
    """Print a number of bytes as `512 B`, `18.2 kB` or `3.4 MB`."""
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count / 1000:.1f} kB"
    return f"{count / 1_000_000:.1f} MB"


def build_command(recipe: str, node: str | None = None, seed: int | None = None) -> str:
    """Return the command that builds a recipe, or one node and one seed of it."""
    parts = ["acc build", recipe]
    if node is not None:
        parts += ["--select", node]
    if seed is not None:
        parts += ["--seeds", str(seed)]
    return " ".join(parts)
