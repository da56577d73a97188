"""JSON schema of YAML recipes, made from the configurations, so that an editor completes and checks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter

from acc_assets.tree.config import JsonSchema
from acc_assets.tree.epochs import Epochs
from acc_assets.tree.growth import Growth
from acc_assets.tree.opened import RANGES
from acc_assets.tree.phases import COUNTED, TrainPhase
from acc_assets.tree.yaml_recipe import NODE_KEYS, OPEN_KEYS, RECIPE_KEYS, Vocabulary

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEXT = {"type": "string"}
PARAMETER = {"type": "string", "pattern": r"^\$\{.+\}$", "description": "the value of a parameter"}
# Added to an object: exactly one of these groups of keys stands in it.
_ROOTS = [{"required": ["model", "root"]}, {"required": ["models", "roots"]}]
_ORIGINS = [{"required": ["fork"]}, {"required": ["train", "phases"]}]


def recipe_schema(vocabulary: Vocabulary) -> dict[str, Any]:
    """JSON schema (draft 2020-12) of a YAML recipe that uses this vocabulary.

    The value of a field may be a parameter, `${name}`. What hangs on more than one place (names of checkpoints and
    data sets, constraints between fields) is checked when the recipe is traced.
    """
    refs, defs = definitions(vocabulary, [Epochs, Growth, *vocabulary.analyses.values()])
    phase = definition(refs[TrainPhase], defs)
    phase["properties"]["tasks"] = _ref("tasks")
    phase["required"].remove("tasks")
    for name in COUNTED:
        phase["properties"][name] = {"anyOf": [phase["properties"][name], refs[Epochs]]}
    for one in defs.values():
        one["properties"] = {
            name: field if name == "type" else {"anyOf": [field, PARAMETER]}
            for name, field in one["properties"].items()
        }
    for group, classes in _groups(vocabulary).items():
        defs[group] = {"oneOf": [refs[kind] for kind in classes.values()]}
    growing = {"noise": definition(refs[Growth], defs)["properties"]["noise"]}
    for kind in vocabulary.models.values():
        if (field := getattr(kind, "grows", None)) is not None:
            growing[field] = definition(refs[kind], defs)["properties"][field]
    names = {"enum": list(vocabulary.analyses)}
    requests = {name: {"anyOf": [refs[kind], {"type": "null"}]} for name, kind in vocabulary.analyses.items()}
    options = _closed(tuple(requests), **requests)
    defs["tasks"] = {"type": "array", "items": _ref("task")}
    defs["node"] = _closed(
        NODE_KEYS,
        tag=TEXT,
        fork=TEXT,
        grow=_closed(tuple(growing), **growing),
        train=TEXT,
        tasks=_ref("tasks"),
        phases={"type": "array", "minItems": 1, "items": refs[TrainPhase]},
        evaluate={
            "anyOf": [{"type": "boolean"}, options, {"type": "array", "items": {"anyOf": [names, options]}}]
        },
        notes={"type": "array", "items": TEXT},
    ) | {"required": ["tag"], "oneOf": _ORIGINS}
    ranges = {"type": "object", "additionalProperties": _ref("range"), "minProperties": 1}
    opened = _closed(OPEN_KEYS, settings=ranges, metric=TEXT, maximise={"type": ["boolean", "null"]})
    opened["required"] = ["settings", "metric"]
    recipe = _closed(
        RECIPE_KEYS,
        **dict.fromkeys(("name", "title", "description", "question", "hypothesis", "root"), TEXT),
        seeds={"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
        parameters={"type": "object"},
        datasets={"type": "object", "additionalProperties": _ref("dataset")},
        model=_ref("model"),
        models={"type": "object", "additionalProperties": _ref("model")},
        roots={"type": "object", "additionalProperties": TEXT},
        nodes={"type": "array", "items": _ref("node")},
        open={"type": "object", "additionalProperties": opened},
    )
    return {
        "$schema": DIALECT,
        "title": "Recipe",
        **recipe,
        "required": ["datasets", "nodes"],
        "oneOf": _ROOTS,
        "$defs": defs,
    }


def definitions(vocabulary: Vocabulary, kinds: Iterable[type]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """JSON schemas of configuration classes: a reference by class, and what the references lead to.

    A class of a group, such as the schedules, has the name by which a recipe asks for it as its `type`.
    """
    every = {TrainPhase, *named(vocabulary), *vocabulary.parts.values(), *kinds}
    adapters: list[Any] = [(kind, "validation", TypeAdapter(kind)) for kind in every]
    found, document = TypeAdapter.json_schemas(adapters, schema_generator=JsonSchema)
    refs = {kind: schema for (kind, _), schema in found.items()}
    defs: dict[str, Any] = document["$defs"]
    definition(refs[TrainPhase], defs)["properties"]["augment"]["anyOf"][0] = refs[
        vocabulary.parts["augment"]
    ]
    for one in defs.values():
        for name in one["properties"].keys() & vocabulary.choices.keys():
            one["properties"][name] = {"oneOf": [refs[kind] for kind in vocabulary.choices[name].values()]}
    for kind, name in named(vocabulary).items():
        one = definition(refs[kind], defs)
        one["properties"]["type"] = {"const": name}
        one["required"] = ["type", *one.get("required", [])]
    return refs, defs


def definition(ref: Mapping[str, Any], defs: Mapping[str, Any]) -> dict[str, Any]:
    """What a reference leads to."""
    found: dict[str, Any] = defs[ref["$ref"].rpartition("/")[2]]
    return found


def named(vocabulary: Vocabulary) -> dict[type, str]:
    """The name by which a recipe asks for a class where several may stand."""
    return {kind: name for group in _groups(vocabulary).values() for name, kind in group.items()}


def _groups(vocabulary: Vocabulary) -> dict[str, Mapping[str, type]]:
    groups = {
        "model": vocabulary.models,
        "task": vocabulary.tasks,
        "dataset": vocabulary.datasets,
        "schedule": vocabulary.schedules,
        "range": RANGES,
    }
    for field, types in vocabulary.choices.items():
        if types not in groups.values():
            groups[field] = types
    return groups


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _closed(keys: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    """An object with these keys and no others; a key without a schema is a `KeyError`."""
    return {
        "type": "object",
        "properties": {key: properties[key] for key in keys},
        "additionalProperties": False,
    }
