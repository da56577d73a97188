"""Values with their units, durations, sizes and commands, as pages print them."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from typing import Any

from acc_assets.families.words import number, words


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


def threads(count: int) -> str:
    """How many threads a training had."""
    return f"{count} thread{'s' if count != 1 else ''}"


def fork_command(recipe: str, tag: str, name: str, settings: Mapping[str, Any], steps: int | None) -> str:
    """Return the command that records a fork; values are such as the command reads them."""
    parts = ["acc", "fork", recipe, tag, name]
    for key, value in settings.items():
        parts += ["--set", f"{key}={json.dumps(value)}"]
    if steps is not None:
        parts += ["--steps", str(steps)]
    return shlex.join(parts)


def build_command(recipe: str, node: str | None = None, seed: int | None = None) -> str:
    """Return the command that builds a recipe, or one node and one seed of it."""
    parts = ["acc build", recipe]
    if node is not None:
        parts += ["--select", node]
    if seed is not None:
        parts += ["--seeds", str(seed)]
    return " ".join(parts)
