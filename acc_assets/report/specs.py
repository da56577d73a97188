"""A node's configuration in words, and what it changes against its parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acc_assets.families.words import number
from acc_assets.tree import TrainPhase, TreeNode

HIDDEN = ("type", "version", "name", "dataset", "source")


@dataclass(frozen=True)
class Change:
    """One difference between a node and its parent."""

    kind: str  # "added" | "removed" | "changed"
    what: str
    before: str = ""
    after: str = ""


def tasks_of(node: TreeNode) -> list[Mapping[str, Any]]:
    """Return the tasks that a node carries, as JSON."""
    return list(node.spec["tasks"])


def phases_of(node: TreeNode) -> list[Mapping[str, Any]]:
    """Return the training phases of a node, as JSON."""
    return [
        {**spec, "name": phase.name} for spec, phase in zip(node.spec["phases"], node.phases, strict=True)
    ]


def model_of(node: TreeNode) -> Mapping[str, Any]:
    """Return a node's model configuration, as JSON."""
    model: Mapping[str, Any] = node.spec["model"]
    return model


def text_of(value: Any) -> str:
    """Return a JSON value as short text: `LinearRamp(start=0, end=1, steps=500)` for a configuration."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        if set(value) - {"type"} == {"name", "start", "stop"}:  # a factor group
            return f"{value['name']} {value['start']}:{value['stop']}"
        named = {key: item for key, item in value.items() if key not in ("type", "version", "call", "source")}
        inner = ", ".join(f"{key}={text_of(item)}" for key, item in named.items())
        kind = value.get("type") or value.get("call")
        return f"{kind}({inner})" if kind else f"{{{inner}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(text_of(item) for item in value) or "none"
    return str(value)


def task_row(task: Mapping[str, Any]) -> dict[str, str]:
    """Return a task as the columns of a table: name, kind, data set, target, weight, other options."""
    dataset = task.get("dataset")
    if isinstance(dataset, Mapping):
        dataset = dataset.get("name") or text_of(dataset)
    target = "whole latent"
    if task.get("factor_name"):
        target = f"factor {task['factor_name']}"
    elif task.get("latent_slice"):
        start, stop = task["latent_slice"]
        target = f"latent {start}:{stop}"
    known = (*HIDDEN, "weight", "latent_slice", "factor_name", "kind")
    options = {key: value for key, value in task.items() if key not in known and value is not None}
    return {
        "name": str(task.get("name", "")),
        "type": str(task.get("type") or task.get("kind") or "task"),
        "dataset": str(dataset or ""),
        "target": target,
        "weight": text_of(task.get("weight", 1.0)),
        "options": ", ".join(f"{key} {text_of(value)}" for key, value in options.items()),
    }


def phase_row(phase: Mapping[str, Any]) -> dict[str, str]:
    """Return a training phase as the columns of a table."""
    tasks = phase.get("tasks") or []
    names = [str(task.get("name", "")) if isinstance(task, Mapping) else str(task) for task in tasks]
    main = ("steps", "tasks", "name", "type", "lr", "batch_size", "optimizer")
    rest = {key: value for key, value in phase.items() if key not in main and value not in (None, 0, 0.0)}
    return {
        "name": str(phase.get("name") or ""),
        "steps": f"{int(phase.get('steps') or 0):,}",
        "tasks": ", ".join(names),
        "optimizer": f"{phase.get('optimizer', 'adam')}, learning rate {text_of(phase.get('lr', 1e-3))}",
        "batch_size": text_of(phase.get("batch_size", 64)),
        "options": ", ".join(f"{key} {text_of(value)}" for key, value in sorted(rest.items())),
    }


def epochs_of(phase: TrainPhase) -> str:
    """Return how often a phase passes over the training images of each data set that tells how many it has."""
    sets = {task.dataset.name: getattr(task.dataset.config, "train_size", None) for task in phase.tasks}
    images = phase.steps * phase.batch_size
    return ", ".join(f"{number(images / size, 1)} of {name}" for name, size in sets.items() if size)


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return a configuration as {dotted key: text}."""
    rows: dict[str, str] = {}
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, Mapping) and "name" not in item:
            rows.update(flat(item, f"{name}."))
        else:
            rows[name] = text_of(item)
    return rows


def changes(node: TreeNode, parent: TreeNode | None) -> list[Change]:
    """Return how a node differs from its parent: model, tasks by name, and the training it adds."""
    if parent is None:
        return []
    found = _changed("model ", flat(model_of(parent)), flat(model_of(node)))
    if node.growth is not None:
        text = f"units copied, layers begun as the identity (Net2Net), noise {text_of(node.growth.noise)}"
        found.append(Change("added", "growth", after=text))
    before = {str(task.get("name")): task for task in tasks_of(parent)}
    after = {str(task.get("name")): task for task in tasks_of(node)}
    for name, task in after.items():
        row = task_row(task)
        if name not in before:
            text = f"{row['type']} on {row['dataset']}, {row['target']}, weight {row['weight']}"
            found.append(Change("added", f"task {name}", after=text))
        else:
            found += _changed(f"task {name} ", flat(before[name]), flat(task))
    for name, task in before.items():
        if name not in after:
            found.append(Change("removed", f"task {name}", before=task_row(task)["type"]))
    for phase in phases_of(node):
        row = phase_row(phase)
        text = f"{row['steps']} steps, {row['optimizer']}, batch {row['batch_size']}, tasks {row['tasks']}"
        found.append(Change("added", "training", after=text))
    return found


def _changed(prefix: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    found = []
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        if old != new:
            kind = "changed" if old is not None and new is not None else "added" if old is None else "removed"
            found.append(Change(kind, f"{prefix}{key}", old or "", new or ""))
    return found
