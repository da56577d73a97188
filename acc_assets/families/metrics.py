"""Metrics of every task on the test split beside its baseline, and what each latent dimension carries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from acc_assets.families.base import Chart, Download, Family, Number, Table
from acc_assets.families.words import CLASSIFIERS, DIVERGENCES, MetricWords, is_number, number, words
from acc_assets.tree import Analysis, Check

if TYPE_CHECKING:
    from acc_assets.families.artifacts import RunArtifacts
    from acc_assets.storage import ArtifactFolder

BY_CLASS = "accuracy_"  # before the names of classes, in the metrics of a classifier
CLASS, WHOLE = "class", "latent"  # a probe's target, and the slice that is no slot


class MetricsFamily(Family):
    """`tasks`: metrics, baseline, diagnostics and the unit of each one's loss; `latent`: statistics by dimension and
    group; `probes` of slots.
    """

    name = "metrics"
    title = "Metrics"
    document = "metrics.json"
    downloads = (Download("metrics.json", "Metrics (JSON)"),)
    metrics = {  # noqa: RUF012
        "accuracy": MetricWords("accuracy", "", "higher", "percent", 2, 0),
        "psnr": MetricWords("PSNR", "dB", "higher", "number", 2, 1),
        "r2": MetricWords("R²", "", "higher", "number", 3, 2),
        "mae": MetricWords("mean absolute error", "", "lower", "number", 4, 3),
        "l1": MetricWords("L1 error", "", "lower", "number", 4, 4),
        "mse": MetricWords("mean squared error", "", "lower", "number", 4, 5),
        "kl": MetricWords("KL", "nats", None, "number", 2, 6),
        "cluster_accuracy": MetricWords("cluster accuracy", "", "higher", "percent", 1, 0),
        "nmi": MetricWords("NMI with the classes", "", "higher", "number", 3, 1),
        "ari": MetricWords("ARI with the classes", "", "higher", "number", 3, 1),
        "qc_neff": MetricWords("effective components, by mean q(c|x)", "", None, "number", 2, 7),
        "qc_argmax_neff": MetricWords("effective components, by likeliest", "", None, "number", 2, 7),
        "qc_pmax": MetricWords("largest mean q(c|x)", "", None, "percent", 1, 7),
        "qc_entropy_mean": MetricWords("mean entropy of q(c|x)", "nats", None, "number", 2, 7),
        "qc_information": MetricWords("information of q(c|x) about the image", "nats", None, "number", 2, 7),
        "qc_stable": MetricWords("component kept when distorted", "", "higher", "percent", 1, 7),
        "ece": MetricWords("expected calibration error", "", "lower", "percent", 1, 7),
        "qc_active": MetricWords("components with over 1 % of q(c|x)", "", None, "count", 0, 7),
        "qc_confidence": MetricWords("mean of the largest q(c|x)", "", None, "percent", 1, 7),
        "qc_hardness": MetricWords("routing hardness", "", None, "number", 2, 7),
        "tau_coverage": MetricWords("classes that a component stands for", "", "higher", "percent", 0, 7),
        "tau_free": MetricWords("free components", "", None, "count", 0, 8),
        "ood": MetricWords("mean OOD score", "", None, "number", 3, 8),
        "k_active": MetricWords("components in play", "", None, "count", 0, 8),
        "nll": MetricWords("negative log-likelihood", "nats", "lower", "number", 2, 7),
        "probe_r2": MetricWords("R² of", "", "higher", "number", 3, 8),
        "probe_accuracy": MetricWords("accuracy of the", "", "higher", "percent", 1, 8),
        "loss": MetricWords("loss", "", "lower", "number", 3, 20),
        "active_dims": MetricWords("active dimensions", "", None, "count", 0, 9),
    }

    def numbers(self, run: RunArtifacts) -> Iterator[Number]:
        """Yield every task's metrics, what each slot's probes read, and the latent's active dimensions."""
        images = run.images("test")
        for task, entry in run.task_metrics().items():
            values = entry.get("metrics") or {}
            divergence = entry.get("kind") in DIVERGENCES
            baseline = entry.get("baseline") or {}
            data = str(entry.get("dataset", ""))
            for metric, value in values.items():
                if metric.startswith(BY_CLASS):
                    continue  # of each class, in a chart of their own
                own = divergence and metric in ("loss", "kl")  # no baseline means anything
                if is_number(value) and not (own and metric == "loss" and "kl" in values):
                    yield Number(
                        task=task,
                        metric=metric,
                        value=float(value),
                        dataset=data,
                        baseline=None if own else _known(baseline.get(metric)),
                        count=images.get(data),
                        unit=str(entry.get("unit", "")) if metric == "loss" else None,
                        better=None if own else "as the metric",
                    )
        classified = _classified_slots(run)
        for probe in run.metrics.get("probes") or []:
            for metric, key in (("probe_r2", "r2"), ("probe_accuracy", "accuracy")):
                if isinstance(probe, Mapping) and is_number(probe.get(key)):
                    yield _probe(probe, metric, float(probe[key]), classified)
        latent = run.metrics.get("latent") or {}
        if is_number(latent.get("active_dims")):
            active = float(latent["active_dims"])
            yield Number(task="latent", metric="active_dims", value=active, rank=60)
        for name, group in (latent.get("groups") or {}).items():
            if is_number(group.get("kl")):
                yield Number(task=f"{name} slot", metric="kl", value=float(group["kl"]), rank=61)

    def charts(self, run: RunArtifacts) -> Iterator[Chart]:
        """Yield the bars of the latent: KL (or, without one, the standard deviation of mu) of each dimension."""
        latent = run.metrics.get("latent") or {}
        kl, std = latent.get("kl_per_dim") or [], latent.get("std_per_dim") or []
        values, label = (kl, "KL (nats)") if kl else (std, "Standard deviation of mu")
        meaning = (
            "; a dimension without KL carries no information." if kl else "; at 0 a dimension is constant."
        )
        against = " against a standard normal" if kl else ""  # whatever prior the model itself has
        bars = []
        for at, group in enumerate(run.groups):
            for dim in range(int(group["start"]), min(int(group["stop"]), len(values))):
                if is_number(values[dim]):  # not an infinite KL
                    value = float(f"{values[dim]:.5g}")
                    bars.append({"dim": dim, "value": value, "factor": group["name"], "group": at})
        if bars:
            yield Chart(
                title="The latent",
                spec={"kind": "latent", "label": label, "bars": bars},
                caption=f"{label} of every dimension{against} over the test split, seed {run.seed}{meaning}",
            )

    def tables(self, run: RunArtifacts) -> Iterator[Table]:
        """Yield each factor group's slice, KL and active dimensions."""
        groups = (run.metrics.get("latent") or {}).get("groups") or {}
        rows = []
        for group in run.named_groups:
            entry = groups.get(group["name"]) or {}
            active, width = entry.get("active_dims"), int(group["stop"]) - int(group["start"])
            rows.append(
                (
                    str(group["name"]),
                    f"{group['start']}:{group['stop']}",
                    number(entry.get("kl"), 2),
                    f"{active} of {width}" if is_number(active) else "—",
                )
            )
        if rows:
            head = ("Factor", "Slice", "KL, nats", "Active dimensions")
            yield Table(title="The parts of the latent", head=head, rows=rows, numbers=(2, 3))


FAMILY = MetricsFamily()


class Metrics(Analysis):
    """Evaluate every task on its test split and describe the latents."""

    name = "metrics"
    family = FAMILY
    version = 5
    description = (
        "Every task's metrics on the test split beside its baseline; KL and activity of each dimension."
    )
    kinds = frozenset({"pytorch", "table"})
    reads_data = True
    after = ("latents",)
    checks = (
        Check("beats_mean_image", "The reconstruction scores a higher PSNR than the mean training image."),
        Check(
            "latent_not_collapsed",
            "Every factor group has an active dimension: its posterior mean varies, and it carries 0.1 nats or more.",
        ),
        Check(
            "generalises",
            "What each task won over its baseline on training images holds on test images, up to a tenth of it.",
        ),
    )


def write(
    folder: ArtifactFolder,
    *,
    step: int,
    tasks: Mapping[str, Mapping[str, Any]],
    generalisation: str | None,
    latent: Mapping[str, Any] | None,
    probes: Sequence[Mapping[str, Any]],
) -> None:
    """Write what was measured at a step.

    tasks: by name kind, dataset, factor, outputs, metrics, baseline and generalisation. generalisation: the worst level
    of all tasks. latent: statistics, None for a model without a flat latent. probes: what each slot knows.
    """
    with folder.family(FAMILY.name) as out:
        out.json(
            FAMILY.document,
            {
                "step": step,
                "split": "test",
                "generalisation": generalisation,
                "tasks": tasks,
                "latent": latent,
                "probes": list(probes),
            },
        )


def _known(value: Any) -> float | None:
    return float(value) if is_number(value) else None


def _classified_slots(run: RunArtifacts) -> set[str]:
    """Return the slots that a classification of this run reads, and nothing beside them."""
    found = set()
    for task in run.config.get("tasks") or []:
        kind = (run.task_metrics().get(str(task.get("name"))) or {}).get("kind")
        for group in run.groups if kind in CLASSIFIERS else ():
            bounds = [group["start"], group["stop"]]
            if task.get("factor_name") == group["name"] or task.get("latent_slice") == bounds:
                found.add(str(group["name"]))
    return found


def _probe(probe: Mapping[str, Any], metric: str, value: float, classified: Collection[str]) -> Number:
    """The number of a linear probe from a slot of the latent to the class or a measured property.

    A slot that is called after the property, or that a classification reads, is to tell it: more is better there. In
    any other slot neither more nor less is.
    """
    word = words(metric)
    slot, target = str(probe.get("slice")), str(probe.get("property"))
    means = slot == target or slot in target.split("_") or (target == CLASS and slot in classified)
    of = "the whole latent" if slot == WHOLE else f"the {slot} slot"
    return Number(
        key=f"probe.{slot}.{target}",
        task=f"{slot} → {target}",
        metric=metric,
        value=value,
        label=f"{word.label} {target.replace('_', ' ')} from {of}",
        better=word.better if means else None,
        rank=0 if means else word.rank,
        baseline=_known(probe.get("chance")),
        count=int(probe["n"]) if is_number(probe.get("n")) else None,
        slot=slot,
        target=target,
    )
