"""What metrics are called, their units and which direction is better; and numbers for people."""

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


# Kinds of tasks whose loss is a divergence or an entropy: neither more nor less of it is better by itself.
DIVERGENCES = (
    *("kl", "categorical_kl", "mixture_kl", "entropy_bonus"),
    *("posterior_kl", "component_kl", "logit_mixture", "usage_entropy", "dirichlet", "curriculum", "oracle"),
    "hierarchical_kl",
)
RECONSTRUCTIONS = ("reconstruction", "expected_reconstruction")
CLASSIFIERS = ("classification", "head_classifier", "tau")
METRICS: dict[str, MetricWords] = {}  # every family brings its own


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


def is_number(value: Any) -> bool:
    """Say whether a JSON value is a number (a bool is not)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
