"""Metrics of every task on the test split, whether they hold there, and what each latent dimension carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np

from acc_assets.assets.kinds import Outcome, Verdict
from acc_assets.assets.work import NodeWork, outputs_of
from acc_assets.families import dataset, latents, metrics
from acc_assets.families.words import RECONSTRUCTIONS
from acc_assets.tree import LATENT

if TYPE_CHECKING:
    from acc_assets.analysis.latent_stats import LatentStats
    from acc_assets.analysis.probing import ClassProbe, Probe
    from acc_assets.models import Abilities
    from acc_assets.tasks import Generalisation


def run(work: NodeWork) -> Outcome:
    """Evaluate every task on its test split, next to its baseline, and describe the latents."""
    from acc_assets.analysis.latent_stats import latent_stats
    from acc_assets.training import evaluate, judge_generalisation

    loaded = work.model()
    datasets = {name: work.load(ref) for name, ref in work.node.datasets.items()}
    measured = evaluate(loaded.model, loaded.heads, work.node.tasks, datasets, split="test")
    gaps = (
        judge_generalisation(loaded.model, loaded.heads, work.node.tasks, datasets, measured)
        if work.node.kind == "trained"
        else {}
    )
    stats, probes = None, []
    if LATENT not in work.abilities.lacks:
        arrays = latents.SERIES.read(work.run)
        stats = latent_stats(arrays["mu"], arrays.get("logvar"), work.abilities.factor_groups)
        probes = _slot_probes(work, arrays["mu"])
    told = work.run.read_json("summary.json")["tasks"]
    tasks: dict[str, Any] = {
        task.name: {
            "kind": task.kind,
            "unit": task.unit,
            "dataset": task.dataset.name,
            "factor": getattr(task, "factor_name", None),
            "outputs": outputs_of(task, loaded.heads.get(task.name)),
            "metrics": measured[task.name],
            "diagnostics": told.get(task.name, {}).get("diagnostics", {}),
            "baseline": task.baseline(datasets[task.dataset.name]),
            "generalisation": _record(gaps[task.name]) if task.name in gaps else None,
        }
        for task in work.node.tasks
    }
    metrics.write(
        work.folder,
        step=loaded.step,
        tasks=tasks,
        generalisation=_worst(work, gaps),
        latent=stats.to_json() if stats is not None else None,
        probes=[probe.to_json() for probe in probes],
    )
    numbers = {
        f"{name} {metric}": value for name, facts in measured.items() for metric, value in facts.items()
    }
    numbers |= dict(probe.told() for probe in probes)
    return Outcome(
        metadata={
            **numbers,
            "metrics": _table(tasks),
            **_latent_facts(stats, work.abilities),
            "step": loaded.step,
            "data": "; ".join(f"{name}: {data.source}" for name, data in datasets.items()),
        },
        verdicts={
            "beats_mean_image": _beats_mean_image(tasks),
            "latent_not_collapsed": _not_collapsed(stats, work.abilities),
            "generalises": _generalises(work, gaps),
        },
    )


def _table(tasks: dict[str, Any]) -> dg.MetadataValue[Any]:
    """Every task's metrics beside its baseline, as a table of the catalog."""
    records = [
        dg.TableRecord(
            {
                "task": name,
                "metric": metric,
                "value": float(value),
                "baseline": "" if (baseline := facts["baseline"].get(metric)) is None else f"{baseline:.4g}",
                "data": facts["dataset"],
            }
        )
        for name, facts in tasks.items()
        for metric, value in facts["metrics"].items()
    ]
    kinds = {"task": "string", "metric": "string", "value": "float", "baseline": "string", "data": "string"}
    schema = dg.TableSchema(columns=[dg.TableColumn(name, kind) for name, kind in kinds.items()])
    return dg.MetadataValue.table(records=records, schema=schema)


def _record(gap: Generalisation) -> dict[str, Any]:
    """The judgement of one task as metrics.json keeps it."""
    shares = {"train": gap.train, "test": gap.test, "gap": gap.gap}
    return {"level": str(gap.level), "reason": gap.reason, **shares, "thresholds": gap.thresholds}


def _worst(work: NodeWork, gaps: dict[str, Generalisation]) -> str | None:
    """The worst level; "not trained" for an untrained node, None where no task has anything to win."""
    from acc_assets.tasks import NOT_TRAINED
    from acc_assets.tasks.health import worst

    if work.node.kind != "trained":
        return NOT_TRAINED
    return worst([gap.level for gap in gaps.values()]) if gaps else None


def _generalises(work: NodeWork, gaps: dict[str, Generalisation]) -> Verdict:
    if work.node.kind != "trained":
        return Verdict(passed=True, reason="not trained, so there is nothing that could fail to hold")
    if not gaps:
        return Verdict(passed=True, reason="no task has a loss to compare")
    bad = {name: gap for name, gap in gaps.items() if str(gap.level) != "healthy"}
    told = bad or gaps
    return Verdict(
        passed=not bad,
        reason="; ".join(f"{name} is {gap.level}: {gap.reason}" for name, gap in told.items()),
        numbers={f"gap {name}": gap.gap for name, gap in gaps.items()},
    )


def _slot_probes(work: NodeWork, mu: np.ndarray) -> list[Probe | ClassProbe]:
    """What each slot knows: the class, where there is one, and what is measured of strokes or drawn by a generator."""
    from acc_assets.analysis.probing import probe_classes, probe_properties

    targets = work.data.test.targets
    classes = targets.ndim == 1 and targets.dtype.kind in "iu"
    found: list[Probe | ClassProbe] = []
    if classes:
        found += probe_classes(mu, work.groups, targets)
    properties = dataset.properties(work.data_folder(work.dataset_name), work.dataset_name)
    if not properties:
        factors = work.data.test.factors or {}
        properties = {factor: values for factor, values in factors.items() if values.dtype.kind == "f"}
    if properties:
        found += probe_properties(mu, work.groups, properties, targets if classes else None)
    return found


def _beats_mean_image(tasks: dict[str, Any]) -> Verdict:
    found = [facts for facts in tasks.values() if facts["kind"] in RECONSTRUCTIONS]
    if not found:
        return Verdict(passed=True, reason="no task reconstructs")
    ours, mean = found[0]["metrics"]["psnr"], found[0]["baseline"]["psnr"]
    return Verdict(
        passed=ours > mean,
        reason=f"PSNR {ours:.2f} dB, the mean training image scores {mean:.2f} dB",
        numbers={"psnr": ours, "mean image psnr": mean},
    )


def _latent_facts(stats: LatentStats | None, able: Abilities) -> dict[str, Any]:
    if stats is None:
        return {"latent": able.lacks[LATENT]}
    return {
        "active dimensions": len(stats.active),
        "KL (nats)": stats.kl if stats.kl is not None else "not variational",
    }


def _not_collapsed(stats: LatentStats | None, able: Abilities) -> Verdict:
    if stats is None:
        return Verdict(passed=True, reason=f"nothing to judge: {able.lacks[LATENT]}")
    collapsed = [name for name, group in stats.groups.items() if group.collapsed]
    numbers = {"active dimensions": float(len(stats.active))}
    if collapsed or not stats.active:
        what = f"collapsed groups: {', '.join(collapsed)}" if collapsed else "no dimension is active"
        return Verdict(passed=False, reason=what, numbers=numbers)
    return Verdict(
        passed=True, reason=f"{len(stats.active)} active dimensions, every group among them", numbers=numbers
    )
