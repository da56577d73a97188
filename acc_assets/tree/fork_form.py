"""What may be set of a fork, as a JSON schema that a form is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from acc_assets.tree.errors import RecipeError
from acc_assets.tree.forks import free_name, trained_as
from acc_assets.tree.growth import Growth
from acc_assets.tree.names import MAX_NAME, NAME_PATTERN, NAME_RULE
from acc_assets.tree.nodes import Tree, TreeNode
from acc_assets.tree.phases import TrainPhase
from acc_assets.tree.references import DatasetRef
from acc_assets.tree.yaml_recipe import Vocabulary
from acc_assets.tree.yaml_schema import DIALECT, definition, definitions, named

GROWING = (
    "Larger widths keep the weights, and the model computes what it did (Net2Net): units are copied, and further "
    "layers begin as the identity.\n\nWithout noise, copies of a unit learn the same for ever where nothing else, such "
    "as dropout, tells them apart. The noise is a share of the deviation of their layer's weights; accuracy dips by it "
    "at first."
)


def fork_schema(tree: Tree, tag: str, vocabulary: Vocabulary) -> dict[str, Any]:
    """JSON schema of a fork of a checkpoint: `name`, `steps`, and the settings `task.<task>.<field>`, `train.<option>`.

    Defaults are what the fork has of itself: the checkpoint's tasks, and the training of the branch that it is off.
    Raises `RecipeError` for a checkpoint without tasks.
    """
    node, example = tree[tag], trained_as(tree.nodes, tag)
    if not node.tasks:
        able = ", ".join(one.tag for one in tree if one.tasks)
        problem = f"'{tag}' has no task, so that a fork of it has nothing to learn."
        raise RecipeError(problem, remedy=f"Checkpoints with tasks are: {able}.", recipe=tree.name)
    refs, defs = definitions(vocabulary, {Growth, *(type(task) for task in node.tasks)})
    names = named(vocabulary)

    def present(config: Any, title: str, *but: str) -> dict[str, Any]:
        """The schema of a configuration with its values, `but` for some fields."""
        kind = definition(refs[type(config)], defs)
        told = {}
        for name, field in kind["properties"].items():
            if name in but:
                continue
            value = getattr(config, name)
            field = {"enum": list(tree.datasets)} if isinstance(value, DatasetRef) else field
            told[name] = {**field, "default": plain(value, names)}
        return {**_object(told), "title": title, "description": kind.get("description", "")}

    tasks = {task.name: present(task, task.kind, "type", "name") for task in node.tasks}
    train = present(example or TrainPhase(steps=1, tasks=()), "training", "steps", "tasks", "name")
    steps = definition(refs[TrainPhase], defs)["properties"]["steps"]
    steps = {**steps, **({"default": example.steps} if example else {})}
    name = {
        "type": "string",
        "title": "Name",
        "description": NAME_RULE,
        "pattern": rf"^{NAME_PATTERN}$",
        "maxLength": MAX_NAME,
        "not": {"enum": [*tree.nodes]},
        "default": free_name(tree.nodes, node.branch),
    }
    parts = {"name": name, "steps": steps, "task": _object(tasks), "train": train}
    if (growing := getattr(node.model, "grows", None)) is not None:
        widths = definition(refs[type(node.model)], defs)["properties"][growing]
        noise = definition(refs[Growth], defs)["properties"]["noise"]
        fields = {growing: {**widths, "default": plain(getattr(node.model, growing), names)}, "noise": noise}
        parts["grow"] = {**_object(fields), "title": "model", "description": GROWING}
    form = _object(parts)
    used = _reached(form, defs)
    return {"$schema": DIALECT, "title": f"Fork of {tag}", **form, "$defs": {one: defs[one] for one in used}}


def present_settings(nodes: Mapping[str, TreeNode], tag: str) -> dict[str, Any]:
    """The weights of a checkpoint's tasks and the learning rate, which forks change most, as settings of a fork."""
    example = trained_as(nodes, tag)
    found: dict[str, Any] = {}
    for task in nodes[tag].tasks:
        values = plain({"weight": getattr(task, "weight", None)}, {})
        found |= {f"task.{task.name}.{key}": value for key, value in _leaves(values) if value is not None}
    return found | ({"train.lr": example.lr} if example else {})


def plain(value: Any, names: Mapping[type, str]) -> Any:
    """A value of a configuration as a YAML recipe writes it, in JSON's types."""
    if isinstance(value, DatasetRef):
        return value.name
    if dataclasses.is_dataclass(value):
        kind = {"type": names[type(value)]} if type(value) in names else {}
        fields = [field.name for field in dataclasses.fields(value) if field.init]
        return kind | {name: plain(getattr(value, name), names) for name in fields}
    if isinstance(value, Mapping):
        return {key: plain(item, names) for key, item in value.items()}
    return [plain(item, names) for item in value] if isinstance(value, list | tuple) else value


def _leaves(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{inner}", leaf) for inner, leaf in _leaves(value))
        else:
            yield key, value


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def _reached(schema: Any, defs: Mapping[str, Any]) -> list[str]:
    """The definitions that a schema refers to, also by way of others."""
    found: list[str] = []
    ahead = list(_references(schema))
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.append(name)
            ahead += _references(defs[name])
    return sorted(found)


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rpartition("/")[2]
        for item in schema.values():
            yield from _references(item)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)
