"""What the catalog says of an asset before it is built: what a branch changes, and where its recipe stands."""

from __future__ import annotations

import os
from typing import Any

import dagster as dg

from acc_assets.assets import comparison, dataset, site
from acc_assets.assets.plans import COMPARISON, SITE, AssetPlan
from acc_assets.tree import Tree, TreeNode, canonical

SITE_URL_VARIABLE = "ACC_SITE_URL"  # where the site is served; `acc ui` sets it, and serves it there
SITE_PORT = 8000  # also of `acc serve`


def describe(tree: Tree, plan: AssetPlan) -> str:
    """The description of an asset."""
    if plan.dataset is not None:
        return dataset.describe(plan.dataset)
    if plan.node is None:
        return (comparison.__doc__ if plan.name == COMPARISON else site.__doc__) or ""
    if plan.kind is not None:
        return plan.kind.description
    return _describe_checkpoint(tree, plan.node)


def kinds_of(plan: AssetPlan) -> set[str]:
    """What the icons on an asset show."""
    if plan.kind is not None:
        return set(plan.kind.kinds)
    if plan.node is not None:
        return {"pytorch", plan.node.kind}
    return {COMPARISON: {"table"}, SITE: {"html", "typescript"}}.get(plan.name, {"numpy"})


def metadata_of(tree: Tree, plan: AssetPlan) -> dict[str, Any]:
    """Where the recipe's code and the site's page of an asset are; for a checkpoint also its spec."""
    node = plan.node
    found: dict[str, Any] = {"page": dg.MetadataValue.url(page_url(tree, plan))}
    if os.path.isabs(tree.source):
        reference = dg.LocalFileCodeReference(
            file_path=tree.source, line_number=(node.line if node is not None else None) or 1
        )
        found["dagster/code_references"] = dg.CodeReferencesMetadataValue(code_references=[reference])
    if node is not None and plan.kind is None:
        found |= {"spec": dg.MetadataValue.json(node.spec), "spec_hash": node.spec_hash}
    return found


def page_url(tree: Tree, plan: AssetPlan) -> str:
    """The page of the site that shows an asset."""
    base = os.environ.get(SITE_URL_VARIABLE) or f"http://127.0.0.1:{SITE_PORT}"
    if plan.node is not None:
        return f"{base}/recipes/{tree.name}/nodes/{plan.node.tag}.html"
    if plan.dataset is not None:
        return f"{base}/datasets.html"
    return f"{base}/recipes/{tree.name}/index.html"


def _describe_checkpoint(tree: Tree, node: TreeNode) -> str:
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
