"""The numbers of a run, each with its column: what it is called, its unit, direction, baseline and error."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from acc_assets.report.artifacts import RunArtifacts, is_number
from acc_assets.report.manifold import manifold_numbers
from acc_assets.report.vocabulary import words

CLASS, WHOLE = "class", "latent"  # a probe's target, and the slice that is no slot


@dataclass(frozen=True)
class Column:
    """One metric of one task (or of the latent), the same for every node."""

    key: str  # "digit_classify.accuracy"
    task: str
    metric: str
    label: str
    unit: str
    better: str | None
    dataset: str
    rank: int
    baseline: float | None = None
    count: int | None = None  # test images behind one value, where it is a share or an R² of them
    slot: str = ""  # of a probe: what it reads, and what it predicts from it
    target: str = ""

    @property
    def named(self) -> bool:
        """Whether this probe asks a slot for what the recipe says it means: only then is more better."""
        return bool(self.slot) and self.better is not None

    def error(self, value: float) -> float | None:
        """Standard error of one value from the finite number of test images; None where it is not known.

        A share p of n images: sqrt(p (1 - p) / n), with p moved towards 1/2 by one image of each kind, so that no
        share is free of error. R²: sqrt(4 R² (1 - R²)² / n) (Olkin and Finn 1995), taken as 0 below 0.
        """
        if not self.count or not math.isfinite(value):
            return None
        if words(self.metric).style == "percent":
            share = (min(max(value, 0.0), 1.0) * self.count + 1) / (self.count + 2)
            return math.sqrt(share * (1 - share) / self.count)
        if self.metric in ("r2", "probe_r2"):
            return math.sqrt(4 * min(max(value, 0.0), 1.0) / self.count) * (1 - min(max(value, 0.0), 1.0))
        return None


def measured(run: RunArtifacts) -> Iterable[tuple[Column, float]]:
    """Yield every number that a run's metrics hold, with the column it belongs to."""
    images = run.images("test")
    for task, entry in run.task_metrics().items():
        metrics = entry.get("metrics") or {}
        divergence = (
            entry.get("kind") == "kl"
        )  # neither more nor less is better, and no baseline means anything
        baseline = {} if divergence else entry.get("baseline") or {}
        for metric, value in metrics.items():
            if is_number(value) and not (divergence and metric == "loss" and "kl" in metrics):
                data = str(entry.get("dataset", ""))
                column = column_of(task, metric, data, baseline.get(metric))
                yield replace(column, count=images.get(data)), float(value)
    classified = classified_slots(run)
    for probe in run.metrics.get("probes") or []:
        for metric, key in (("probe_r2", "r2"), ("probe_accuracy", "accuracy")):
            if isinstance(probe, Mapping) and is_number(probe.get(key)):
                yield probe_column(probe, metric, classified), float(probe[key])
    yield from _manifold(run, run.manifold)
    latent = run.metrics.get("latent") or {}
    if is_number(latent.get("active_dims")):
        yield column_of("latent", "active_dims", "", None, rank=60), float(latent["active_dims"])
    for name, group in (latent.get("groups") or {}).items():
        if is_number(group.get("kl")):
            yield column_of(f"{name} slot", "kl", "", None, rank=61), float(group["kl"])
    factors = run.json("traversals/traversals.json").get("factors")
    for name, factor in factors.items() if isinstance(factors, Mapping) else ():
        if isinstance(factor, Mapping) and is_number(factor.get("effect")):
            yield column_of(f"{name} traversal", "effect", "", None, rank=62), float(factor["effect"])


def pixel_numbers(run: RunArtifacts) -> Iterable[tuple[Column, float]]:
    """Yield what raw pixels reach where a run's latents were judged beside them."""
    yield from _manifold(run, run.manifold.get("pixels") or {})


def _manifold(run: RunArtifacts, document: Mapping[str, Any]) -> Iterable[tuple[Column, float]]:
    count = run.images("test").get(str(run.config.get("primary_dataset")))
    for number in manifold_numbers(document):
        column = column_of(number.task, number.metric, "", None, rank=number.rank)
        yield replace(column, label=number.label, count=count), number.value


def classified_slots(run: RunArtifacts) -> set[str]:
    """Return the slots that a classification of this run reads, and nothing beside them."""
    found = set()
    for task in run.config.get("tasks") or []:
        kind = (run.task_metrics().get(str(task.get("name"))) or {}).get("kind")
        for group in run.groups if kind == "classification" else ():
            bounds = [group["start"], group["stop"]]
            if task.get("factor_name") == group["name"] or task.get("latent_slice") == bounds:
                found.add(str(group["name"]))
    return found


def probe_column(probe: Mapping[str, Any], metric: str, classified: Collection[str]) -> Column:
    """Build the column of a linear probe from a slot of the latent to the class or a measured property.

    A slot that is called after the property, or that a classification reads, is to tell it: more is better there. In
    any other slot neither more nor less is.
    """
    word = words(metric)
    slot, target = str(probe.get("slice")), str(probe.get("property"))
    means = slot == target or slot in target.split("_") or (target == CLASS and slot in classified)
    of = "the whole latent" if slot == WHOLE else f"the {slot} slot"
    return Column(
        key=f"probe.{slot}.{target}",
        task=f"{slot} → {target}",
        metric=metric,
        label=f"{word.label} {target.replace('_', ' ')} from {of}",
        unit="",
        better=word.better if means else None,
        dataset="",
        rank=0 if means else word.rank,
        baseline=float(probe["chance"]) if is_number(probe.get("chance")) else None,
        count=int(probe["n"]) if is_number(probe.get("n")) else None,
        slot=slot,
        target=target,
    )


def column_of(task: str, metric: str, dataset: str, baseline: Any, rank: int | None = None) -> Column:
    """Build the column of one task's metric."""
    word = words(metric)
    known = float(baseline) if is_number(baseline) else None
    label = word.label if task.lower() == metric else f"{task} {word.label}"
    rank = word.rank if rank is None else rank
    return Column(f"{task}.{metric}", task, metric, label, word.unit, word.better, dataset, rank, known)
