"""Checkpoints as assets: root, fork and trained nodes alike."""

from __future__ import annotations

from typing import Any

from acc_assets.assets.kinds import AssetKind, Outcome, Verdict
from acc_assets.assets.work import NodeWork
from acc_assets.families import CHECKPOINTS
from acc_assets.tree import Check, Tree, TreeNode, canonical

VERSION = 4  # raise it when equal specs would train to other bits
CHECKS = (
    Check(
        "finite_loss",
        "No loss became NaN or infinite, and training ran to its end.",
        "ERROR",
    ),
    Check(
        "loss_health",
        "Every task's training loss is healthy against its baseline; thresholds stand in summary.json. Whether that "
        "holds on test images is judged by `generalises` of the metrics.",
    ),
)


def kind_of(tree: Tree, node: TreeNode) -> AssetKind:
    """The kind of a node's checkpoint."""
    return AssetKind(
        scope="node",
        family=CHECKPOINTS,
        run=run,
        description=describe(tree, node),
        kinds=frozenset({"pytorch", node.kind}),
        checks=CHECKS if node.kind == "trained" else (),
    )


def run(work: NodeWork) -> Outcome:
    """Initialise, fork or train the checkpoint of one node and seed.

    A training that is terminated finishes its batch and saves; materializing the asset again continues from there.
    """
    from acc_assets.training import build_checkpoint

    node = work.node
    parent = work.store.run(work.tree.name, node.parent, work.seed) if node.parent else None
    run = work.run
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
        run.manifest(CHECKPOINTS.name).made_from != work.made_from
    ):  # only now: an unfinished one is not what was asked for
        with work.folder.family(CHECKPOINTS.name, keep=True):
            pass
    summary = result.summary
    config = run.read_json("config.json")
    metadata: dict[str, Any] = {
        "step": result.step,
        "parameters": config["parameters"],
        "data": "; ".join(f"{name}: {facts['source']}" for name, facts in config["datasets"].items())
        or "none",
        "device": f"{config['device']}, {config['threads']} threads",
        "path": work.run.shown(),
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
    return Outcome(metadata=metadata, verdicts=verdicts)


def describe(tree: Tree, node: TreeNode) -> str:
    """What the catalog says of a checkpoint: what a branch changes, and how it is trained."""
    question = f"\n\n*The recipe asks:* {tree.question}" if tree.question else ""
    if node.kind == "root":
        model = _words(canonical(node.model))
        return f"Root checkpoint: the model as it is initialised for each seed: {model}.{question}"
    if node.kind == "fork":
        parent = tree[node.parent] if node.parent else None
        before = {task.name: canonical(task) for task in parent.tasks} if parent is not None else {}
        now = {task.name: canonical(task) for task in node.tasks}
        changes = [f"+ {_task(task)}" for task in node.tasks if before.get(task.name) != now[task.name]]
        changes += [f"- `{name}`" for name in before if name not in now]
        told = "\n".join(changes) if changes else "the tasks stay as they are"
        return f"Fork of `{node.parent}`: its weights, with other tasks:\n\n{told}{question}"
    phases = []
    for number, phase in enumerate(node.phases, 1):
        tasks = "\n".join(f"   - {_task(task)}" for task in phase.tasks)
        phases.append(
            f"{number}. {phase.name or 'training'}: {phase.steps} steps, learning rate {phase.lr:g}, "
            f"batches of {phase.batch_size}\n{tasks}"
        )
    return f"Trained from `{node.parent}`.\n\n" + "\n".join(phases) + question


def _task(task: Any) -> str:
    target = f" on `{task.factor_name}`" if getattr(task, "factor_name", None) else ""
    weight = task.weight if isinstance(task.weight, int | float) else _words(canonical(task.weight))
    return f"`{task.name}` ({task.kind}{target}), data `{task.dataset.name}`, weight {weight}"


def _words(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    name = value.get("type") or value.get("call") or ""
    told = {key: item for key, item in value.items() if key not in ("type", "version", "call", "source")}
    inner = ", ".join(f"{key} {item}" for key, item in told.items())
    return f"{name}({inner})" if len(inner) < 200 else str(name)
