"""Metrics of every task on the test split, and what each latent dimension carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from acc_assets.assets.kinds import AnalysisKind, Check, NodeWork, Outcome, Verdict, digest_of
from acc_assets.models.abilities import LATENT

if TYPE_CHECKING:
    from acc_assets.analysis.latent_stats import LatentStats
    from acc_assets.analysis.probing import Probe
    from acc_assets.models import Abilities

FAMILY = "metrics"


def run(work: NodeWork) -> Outcome:
    """Evaluate every task on its test split, next to its baseline, and describe the latents."""
    from acc_assets.analysis.latent_stats import latent_stats
    from acc_assets.training import evaluate

    loaded = work.model()
    datasets = {name: ref.config.load() for name, ref in work.node.datasets.items()}
    measured = evaluate(loaded.model, loaded.heads, work.node.tasks, datasets, split="test")
    stats, probes = None, []
    if LATENT not in work.abilities.lacks:
        latents = work.run.read_npz("latents/latents_latest.npz")
        stats = latent_stats(latents["mu"], latents.get("logvar"), work.abilities.factor_groups)
        probes = _slot_probes(work, latents["mu"])
    tasks: dict[str, Any] = {
        task.name: {
            "kind": task.kind,
            "dataset": task.dataset.name,
            "factor": getattr(task, "factor_name", None),
            "metrics": measured[task.name],
            "baseline": task.baseline(datasets[task.dataset.name]),
        }
        for task in work.node.tasks
    }
    with work.run.family(FAMILY) as out:
        out.json(
            "metrics.json",
            {
                "step": loaded.step,
                "split": "test",
                "tasks": tasks,
                "latent": stats.to_json() if stats is not None else None,
                "probes": [probe.to_json() for probe in probes],
            },
        )
    numbers = {
        f"{name} {metric}": value for name, facts in measured.items() for metric, value in facts.items()
    }
    numbers |= {f"R² of {probe.property} from {probe.slice}": probe.r2 for probe in probes}
    return Outcome(
        data_version=digest_of(work.run.manifest(FAMILY)),
        metadata={
            **numbers,
            **_latent_facts(stats, work.abilities),
            "step": loaded.step,
            "data": "; ".join(f"{name}: {data.source}" for name, data in datasets.items()),
            "path": str(work.run.local_path(FAMILY)),
        },
        verdicts={
            "beats_mean_image": _beats_mean_image(tasks),
            "latent_not_collapsed": _not_collapsed(stats, work.abilities),
        },
    )


def _slot_probes(work: NodeWork, mu: np.ndarray) -> list[Probe]:
    """What each slot knows of the strokes' measured thickness and slant, where the data are handwriting."""
    from acc_assets.analysis.probing import probe_properties

    folder = work.store.recipe(work.tree.name)
    name = f"data-{work.dataset_name}/properties.npz"
    if not folder.exists(name):
        return []
    return probe_properties(mu, work.groups, folder.read_npz(name), work.data.test.targets)


def _beats_mean_image(tasks: dict[str, Any]) -> Verdict:
    found = [facts for facts in tasks.values() if facts["kind"] == "reconstruction"]
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


KIND = AnalysisKind(
    suffix="metrics",
    family=FAMILY,
    version=2,
    description="Every task's metrics on the test split beside its baseline; KL and activity of each dimension.",
    kinds=frozenset({"pytorch", "table"}),
    analyse=run,
    reads_data=True,
    after=("latents",),
    checks=(
        Check("beats_mean_image", "The reconstruction scores a higher PSNR than the mean training image."),
        Check(
            "latent_not_collapsed",
            "Every factor group has a dimension whose posterior mean varies over the data.",
        ),
    ),
)
