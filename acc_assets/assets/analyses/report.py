"""Every plot that applies to a node's model, why the others do not, and the run in words."""

from __future__ import annotations

from acc_assets.assets.analyses import class_plots, component_plots
from acc_assets.assets.analyses.class_plots import measured
from acc_assets.assets.analyses.component_plots import no_classes, no_responsibilities, no_tau
from acc_assets.assets.analyses.plots import Plot, first_of
from acc_assets.assets.evaluated import evaluated
from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork
from acc_assets.families import Evaluated, RunArtifacts, families_of, report
from acc_assets.report.run_text import Told, run_text


def untrained(found: Evaluated) -> str | None:
    """Why there are no learning curves."""
    return None if found.node.kind == "trained" else "nothing was trained"


def no_latent(found: Evaluated) -> str | None:
    """Why the viewer has no points."""
    return None if found.steps else "the model returns no flat latent"


NO_KL = "no task measures it (ComponentKLTask, CategoricalKLTask)"
ELSEWHERE = (
    Plot(title="Loss curves", where="Learning curves", applies=untrained),
    Plot(title="Latents by label", where="Latent viewer, colour by Label", applies=first_of(no_latent, no_classes)),
    Plot(title="Latents by component", where="Latent viewer, colour by Component",
         applies=first_of(no_latent, no_responsibilities)),
)  # fmt: skip
METRICS = (
    *(measured(name, NO_KL) for name in ("qc_neff", "qc_active", "qc_confidence", "qc_hardness", "nmi", "ari")),
    Plot(title="KL of the components", where="Metrics on the test split", kind="metric",
         applies=measured("qc_neff", NO_KL).applies),  # whoever measures the one measures the other
    Plot(title="Coverage of τ", where="Metrics on the test split", kind="metric", applies=no_tau),
    measured("accuracy", "no task classifies"),
    measured("ece", "no task measures it (TauTask, HeadClassifierTask)"),
)  # fmt: skip
PLOTS: tuple[Plot, ...] = (*ELSEWHERE, *component_plots.PLOTS, *class_plots.PLOTS, *METRICS)


def run(work: NodeWork) -> Outcome:
    """Draw what applies; the same rule decides what is drawn and what the table of it says."""
    found = evaluated(work)
    sheets: dict[str, bytes] = {}
    charts, statuses = [], []
    for one in PLOTS:
        why = one.applies(found)
        statuses.append(report.Status(one.title, one.kind, one.where, why or ""))
        if why is None and one.draw is not None:
            charts.append(one.draw(found, sheets))
    run = RunArtifacts(work.run, work.tree.name, work.node.tag, work.seed, families=families_of(work.node))
    told = Told(work.tree, work.node, work.plan.key.to_user_string(), work.made_from)
    report.write(work.folder, charts, statuses, sheets, run_text(told, run, charts, statuses))
    shown = sum(not one.why_not for one in statuses)
    return Outcome(metadata={"apply": shown, "do not apply": len(statuses) - shown})
