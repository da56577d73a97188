"""Every plot that applies to a node's model, why the others do not, and the run in words."""

from __future__ import annotations

from dataclasses import dataclass

from acc_assets.assets.analyses import class_plots, component_plots
from acc_assets.assets.analyses.component_plots import no_classes, no_responsibilities, no_tau
from acc_assets.assets.analyses.plots import first_of
from acc_assets.assets.evaluated import evaluated
from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork
from acc_assets.families import Evaluated, Provided, RunArtifacts, families_of, report
from acc_assets.families.providers import Applies
from acc_assets.families.words import words
from acc_assets.report.run_text import Told, run_text


def untrained(found: Evaluated) -> str | None:
    """Why there are no learning curves."""
    return None if found.node.kind == "trained" else "nothing was trained"


def no_latent(found: Evaluated) -> str | None:
    """Why the viewer has no points."""
    return None if found.steps else "the model returns no flat latent"


@dataclass(frozen=True)
class Elsewhere:
    """A plot or metric that another part of the page shows: `where`, and why a model has none (None: it has)."""

    title: str
    where: str
    applies: Applies
    kind: str = "plot"


def measured(metric: str, otherwise: str, title: str = "") -> Elsewhere:
    """A metric of `metrics.json`: it applies where a task measured it."""

    def applies(found: Evaluated) -> str | None:
        if any(metric in values for values in found.metrics.values()):
            return None
        return no_responsibilities(found) or otherwise

    label = title or words(metric).label
    return Elsewhere(f"{label[:1].upper()}{label[1:]}", METRICS, applies, kind="metric")


METRICS = "Metrics on the test split"
NO_KL = "no task measures it (ComponentKLTask, CategoricalKLTask)"
PLOTS: tuple[Provided | Elsewhere, ...] = (
    Elsewhere("Loss curves", "Learning curves", untrained),
    Elsewhere("Latents by label", "Latent viewer, colour by Label", first_of(no_latent, no_classes)),
    Elsewhere(
        "Latents by component", "Latent viewer, colour by Component", first_of(no_latent, no_responsibilities)
    ),
    *component_plots.PLOTS,
    *class_plots.PLOTS,
    *(
        measured(name, NO_KL)
        for name in ("qc_neff", "qc_active", "qc_confidence", "qc_hardness", "nmi", "ari")
    ),
    measured("qc_neff", NO_KL, "KL of the components"),  # whoever measures the one measures the other
    Elsewhere("Coverage of τ", METRICS, no_tau, kind="metric"),
    measured("accuracy", "no task classifies"),
    measured("ece", "no task measures it (TauTask, HeadClassifierTask)"),
)


def run(work: NodeWork) -> Outcome:
    """Draw what applies; the same rule decides what is drawn and what the table of it says."""
    found = evaluated(work)
    charts, statuses = [], []
    for one in PLOTS:
        if isinstance(one, Elsewhere):
            why = one.applies(found) or ""
            statuses.append(report.Status(one.title, one.kind, "" if why else one.where, why))
            continue
        why = one.reason(found) or ""
        if not why:
            charts.append(one.function(found))
        statuses.append(report.Status(one.family.title, one.kind, "" if why else charts[-1].title, why))
    run = RunArtifacts(work.run, work.tree.name, work.node.tag, work.seed, families=families_of(work.node))
    told = Told(work.tree, work.node, work.plan.key.to_user_string(), work.made_from)
    report.write(work.folder, charts, statuses, run_text(told, run, charts, statuses))
    shown = sum(not one.why_not for one in statuses)
    return Outcome(metadata={"apply": shown, "do not apply": len(statuses) - shown})
