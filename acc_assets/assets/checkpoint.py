"""Checkpoints as assets: root, fork and trained nodes alike."""

from __future__ import annotations

from typing import Any

import dagster as dg

from acc_assets.assets.kinds import Check, NodeWork, Outcome, Verdict, digest_of
from acc_assets.tree import TreeNode

FAMILY = "checkpoints"
VERSION = 4  # raise it when equal specs would train to other bits
CHECKS = (
    Check(
        "finite_loss",
        "No loss became NaN or infinite, and training ran to its end.",
        dg.AssetCheckSeverity.ERROR,
    ),
    Check(
        "loss_health",
        "Every task's training loss is healthy against its baseline; thresholds stand in summary.json. Whether that "
        "holds on test images is judged by `generalises` of the metrics.",
    ),
)


def describe(node: TreeNode) -> str:
    """What the catalog says of a checkpoint."""
    if node.kind == "root":
        return "Root checkpoint: the model as it is initialised for each seed."
    tasks = ", ".join(f"`{task.name}`" for task in node.tasks) or "none"
    if node.kind == "fork":
        return f"Fork of `{node.parent}`: its weights, with the tasks {tasks}."
    phases = "\n".join(
        f"{number}. {phase.name or 'training'}: {phase.steps} steps, "
        + ", ".join(f"`{task.name}`" for task in phase.tasks)
        for number, phase in enumerate(node.phases, 1)
    )
    return f"Trained from `{node.parent}`.\n\n{phases}"


def run(work: NodeWork) -> Outcome:
    """Initialise, fork or train the checkpoint of one node and seed.

    A training that is terminated finishes its batch and saves; materializing the asset again continues from there.
    """
    from acc_assets.training import build_checkpoint

    node = work.node
    parent = work.store.run(work.tree.name, node.parent, work.seed) if node.parent else None
    run = work.store.run(work.tree.name, node.tag, work.seed)
    result = build_checkpoint(
        node,
        recipe=work.tree.name,
        seed=work.seed,
        run=run,
        parent_run=parent,
        runtime=work.runtime,
        progress=work.progress,
        code_version=str(VERSION),
    )
    if (
        run.manifest(FAMILY).made_from != work.made_from
    ):  # only now: an unfinished one is not what was asked for
        with work.run.family(FAMILY, keep=True):
            pass
    summary = result.summary
    config = run.read_json("config.json")
    metadata: dict[str, Any] = {
        "step": result.step,
        "parameters": config["parameters"],
        "data": "; ".join(f"{name}: {facts['source']}" for name, facts in config["datasets"].items())
        or "none",
        "device": f"{config['device']}, {config['threads']} threads",
        "path": str(work.run.local_path()),
    }
    verdicts = {}
    if node.kind == "trained":
        tasks = summary["tasks"]
        metadata |= {f"loss {name}": facts["final"] for name, facts in tasks.items()}
        metadata |= {
            "wall time (s)": summary["wall_s"],
            "steps per second": summary["steps_per_s"],
            "images per second": summary["images_per_s"],
            "health": summary["health"],
        }
        unhealthy = {name: facts for name, facts in tasks.items() if facts["health"] != "healthy"}
        verdicts = {
            # A training that diverges raises, so a result is finite; the check records it for the UI.
            "finite_loss": Verdict(
                passed=summary["status"] == "completed",
                reason=f"training {summary['status']} at step {result.step}",
            ),
            "loss_health": Verdict(
                passed=not unhealthy,
                reason="all losses are healthy"
                if not unhealthy
                else "; ".join(
                    f"{name} is {facts['health']}: {facts['reason']}" for name, facts in unhealthy.items()
                ),
            ),
        }
    return Outcome(data_version=digest_of(run.manifest(FAMILY)), metadata=metadata, verdicts=verdicts)
