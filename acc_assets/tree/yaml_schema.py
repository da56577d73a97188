"""JSON schema of YAML recipes, made from the configurations, so that an editor completes and checks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from acc_assets.tree.config import JsonSchema
from acc_assets.tree.epochs import Epochs
from acc_assets.tree.phases import COUNTED, TrainPhase
from acc_assets.tree.yaml_recipe import NODE_KEYS, RECIPE_KEYS, Vocabulary

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
    groups = {
        "model": vocabulary.models,
        "task": vocabulary.tasks,
        "dataset": vocabulary.datasets,
        "schedule": vocabulary.schedules,
    }
    for field, types in vocabulary.choices.items():
        if types not in groups.values():
            groups[field] = types
    kinds = [kind for group in groups.values() for kind in group.values()]
    kinds += [*vocabulary.parts.values(), TrainPhase, Epochs, *vocabulary.analyses.values()]
    adapters: list[Any] = [(kind, "validation", TypeAdapter(kind)) for kind in kinds]
    found, document = TypeAdapter.json_schemas(adapters, schema_generator=JsonSchema)
    refs = {kind: schema for (kind, _), schema in found.items()}
    defs: dict[str, Any] = document["$defs"]
    phase = _definition(refs[TrainPhase], defs)
    phase["properties"]["tasks"] = _ref("tasks")
    phase["required"].remove("tasks")
    phase["properties"]["augment"]["anyOf"][0] = refs[vocabulary.parts["augment"]]
    for name in COUNTED:
        phase["properties"][name] = {"anyOf": [phase["properties"][name], refs[Epochs]]}
    for definition in defs.values():
        fields = definition["properties"]
        for name in fields.keys() & vocabulary.choices.keys():
            fields[name] = {"oneOf": [refs[kind] for kind in vocabulary.choices[name].values()]}
        definition["properties"] = {name: {"anyOf": [field, PARAMETER]} for name, field in fields.items()}
    for group, classes in groups.items():
        for name, kind in classes.items():
            definition = _definition(refs[kind], defs)
            definition["properties"]["type"] = {"const": name}
            definition["required"] = ["type", *definition.get("required", [])]
        defs[group] = {"oneOf": [refs[kind] for kind in classes.values()]}
    names = {"enum": list(vocabulary.analyses)}
    requests = {name: {"anyOf": [refs[kind], {"type": "null"}]} for name, kind in vocabulary.analyses.items()}
    options = _closed(tuple(requests), **requests)
    defs["tasks"] = {"type": "array", "items": _ref("task")}
    defs["node"] = _closed(
        NODE_KEYS,
        tag=TEXT,
        fork=TEXT,
        train=TEXT,
        tasks=_ref("tasks"),
        phases={"type": "array", "minItems": 1, "items": refs[TrainPhase]},
        evaluate={
            "anyOf": [{"type": "boolean"}, options, {"type": "array", "items": {"anyOf": [names, options]}}]
        },
        notes={"type": "array", "items": TEXT},
    ) | {"required": ["tag"], "oneOf": _ORIGINS}
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
    )
    return {
        "$schema": DIALECT,
        "title": "Recipe",
        **recipe,
        "required": ["datasets", "nodes"],
        "oneOf": _ROOTS,
        "$defs": defs,
    }


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _definition(ref: Mapping[str, Any], defs: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = defs[ref["$ref"].rpartition("/")[2]]
    return found


def _closed(keys: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    """An object with these keys and no others; a key without a schema is a `KeyError`."""
    return {
        "type": "object",
        "properties": {key: properties[key] for key in keys},
        "additionalProperties": False,
    }
