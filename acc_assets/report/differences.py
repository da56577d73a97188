"""What differs between branches: their start, data, model, training and tasks; and what is equal in all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acc_assets.report.recipe import RecipeView
from acc_assets.report.specs import flat, model_of, phases_of, task_row, tasks_of, text_of
from acc_assets.tree import TreeNode

# What a phase records on the way decides no weights; with early stopping the validations do.
RECORDED = ("snapshot_every", "log_every")
WORDS = {"lr": "learning rate", "lr_schedule": "learning rate schedule", "augment": "augmentation"}
MAIN = ("lr", "optimizer", "batch_size")  # told also where all branches share them
AND = " and "
ABSENT = "—"
ARGUMENT = "model "  # before the name of a model's argument
OWN = "arguments of its own"
NOT_ATTACHED = "not attached"
Images = Mapping[str, int]  # data set -> training images, as the artifacts count them


@dataclass(frozen=True)
class Setting:
    """One thing that a recipe sets: what it is called, what part of the configuration it belongs to, its value."""

    part: str  # "start" | "data" | "model" | "training" | "tasks"
    label: str
    text: str
    detail: bool = False  # where all branches have the same one, it is no news


@dataclass(frozen=True)
class Row:
    """One setting in which branches differ, with a cell for each of them."""

    part: str
    label: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Differences:
    """Rows that differ, in the order of a configuration, and what all branches share in short texts."""

    rows: tuple[Row, ...]
    shared: tuple[str, ...]


def differences(recipe: RecipeView, nodes: Sequence[TreeNode], images: Images) -> Differences:
    """Compare the settings of branches, each with all that it was trained on from its root on."""
    every = _settings_of(recipe, nodes, images)
    found = [_own_arguments(one, every) for one in every]
    rows: list[Row] = []
    shared: list[str] = []
    for label in _ordered(found):
        known = next(one[label] for one in found if label in one)
        absent = NOT_ATTACHED if known.part == "tasks" else ABSENT
        cells = tuple(one[label].text if label in one else absent for one in found)
        if len(set(cells)) > 1:
            rows.append(Row(known.part, label, cells))
        elif not known.detail:
            shared.append(f"{label} {known.text}")
    return Differences(tuple(rows), tuple(shared))


@dataclass(frozen=True)
class Reference:
    """The earlier branch that a branch changes, and how, in words: "augmentation"."""

    tag: str
    change: str


def nearest(recipe: RecipeView, nodes: Sequence[TreeNode], images: Images) -> dict[str, Reference]:
    """Return, for each branch but the first, the earlier one that differs from it in the fewest settings.

    Of several that are equally near it is the latest.
    """
    tags = [node.tag for node in nodes]
    found = dict(zip(tags, _settings_of(recipe, nodes, images), strict=True))
    references: dict[str, Reference] = {}
    for number, node in enumerate(nodes):
        changed = {other.tag: _changed(found[node.tag], found[other.tag]) for other in nodes[:number]}
        if changed:
            tag = min(reversed(changed), key=lambda other: len(changed[other]))
            references[node.tag] = Reference(tag, AND.join(changed[tag]))
    return references


def _changed(ours: Mapping[str, Setting], theirs: Mapping[str, Setting]) -> list[str]:
    """Every setting that differs, in words, without what follows from another that is told."""
    labels = [
        label
        for label in _ordered([theirs, ours])
        if (ours[label].text if label in ours else "") != (theirs[label].text if label in theirs else "")
    ]
    parts = {(ours.get(label) or theirs[label]).part for label in labels}
    if "model" in labels:
        labels = [label for label in labels if not label.startswith(ARGUMENT)]
    if "start" in labels and "model" in parts:
        labels.remove("start")
    if "data" in labels and "tasks" in parts:  # a task brings or takes its data
        sets = [set(one["data"].text.split(AND)) for one in (ours, theirs)]
        if sets[0] < sets[1] or sets[1] < sets[0]:
            labels.remove("data")
    return [_words(label, ours.get(label), theirs.get(label)) for label in labels]


def _words(label: str, ours: Setting | None, theirs: Setting | None) -> str:
    """One change in words."""
    if label in ("augmentation", "early stopping") or label.startswith("task "):
        absent = [setting is None or setting.text == text_of(None) for setting in (ours, theirs)]
        return f"no {label}" if absent[0] else label if absent[1] else f"another {label}"
    if ours is None or theirs is None:
        return label if theirs is None else f"no {label}"
    name = "" if label in ("data", "model") else f"{label} "
    return f"{name}{ours.text} instead of {theirs.text}"


def _settings_of(recipe: RecipeView, nodes: Sequence[TreeNode], images: Images) -> list[dict[str, Setting]]:
    several = any(len(_data_sets(_trained_on(recipe, node))) > 1 for node in nodes)
    return [settings(recipe, node, images, name_data=several) for node in nodes]


def _own_arguments(ours: dict[str, Setting], found: Sequence[Mapping[str, Setting]]) -> dict[str, Setting]:
    """The same settings with the arguments that only some models take in one: a row for each would be empty mostly."""
    own = [label for label in ours if label.startswith(ARGUMENT) and any(label not in one for one in found)]
    told = ", ".join(f"{label.removeprefix(ARGUMENT)} {ours[label].text}" for label in own)
    kept = {label: setting for label, setting in ours.items() if label not in own}
    return {**kept, **({OWN: Setting("model", OWN, told, detail=True)} if told else {})}


def settings(
    recipe: RecipeView, node: TreeNode, images: Images, name_data: bool = False
) -> dict[str, Setting]:
    """Return all that decides a branch's weights, by label: everything from its root to the node counts.

    `name_data` tells each task's data set, which goes without saying where every task reads the same one.
    """
    attached = _trained_on(recipe, node)
    data = AND.join(_data(name, images) for name in _data_sets(attached))
    found = [
        Setting("start", "start", recipe.lineage(node.tag)[0].tag, detail=True),
        Setting("data", "data", data or ABSENT),
        *_model(model_of(node)),
        *_training(all_phases(recipe, node)),
        *_tasks(attached, name_data),
    ]
    return {setting.label: setting for setting in found}


def all_phases(recipe: RecipeView, node: TreeNode) -> list[Mapping[str, Any]]:
    """Return the training phases of a node and of all that it was made from, in their order."""
    return [phase for one in recipe.lineage(node.tag) for phase in phases_of(one)]


def _trained_on(recipe: RecipeView, node: TreeNode) -> list[Mapping[str, Any]]:
    """The tasks of every phase, or those that an untrained node carries."""
    tasks = [task for phase in all_phases(recipe, node) for task in phase.get("tasks") or []]
    return [task for task in tasks if isinstance(task, Mapping)] or tasks_of(node)


def _data_sets(tasks: Sequence[Mapping[str, Any]]) -> list[str]:
    return [name for name in dict.fromkeys(task_row(task)["dataset"] for task in tasks) if name]


def _data(name: str, images: Images) -> str:
    return f"{name} ({images[name]:,} training images)" if name in images else name


def _model(model: Mapping[str, Any]) -> Iterable[Setting]:
    kind = str(model.get("type") or model.get("call") or ABSENT)
    yield Setting("model", "model", kind)
    arguments = model.get("kwargs") if "call" in model else model
    named = {k: v for k, v in (arguments or {}).items() if k not in ("type", "version", "source")}
    for key, text in flat(named).items():
        yield Setting("model", f"{ARGUMENT}{key.replace('_', ' ')}", text, detail=True)
    if model.get("source"):
        yield Setting("model", "model code", str(model["source"])[:8], detail=True)


def _training(phases: Sequence[Mapping[str, Any]]) -> Iterable[Setting]:
    if not phases:
        yield Setting("training", "steps", "0: not trained")
        return
    counts = [int(phase.get("steps") or 0) for phase in phases]
    parts = f" ({' + '.join(f'{count:,}' for count in counts)})" if len(counts) > 1 else ""
    yield Setting("training", "steps", f"{sum(counts):,}{parts}")
    together = any(len(phase.get("tasks") or []) > 1 for phase in phases)
    tasks = ", all tasks at once" if len(phases) == 1 and together else ""
    yield Setting("training", "training phases", f"{len(phases)}{tasks}")
    keys = dict.fromkeys(key for phase in phases for key in phase)
    for key in keys:
        if key in ("type", "name", "steps", "tasks", *RECORDED):
            continue
        if key == "validate_every" and not any(phase.get("early_stopping") for phase in phases):
            continue
        texts = [_option(phase.get(key)) for phase in phases]
        told = key in MAIN or any(isinstance(phase.get(key), Mapping) for phase in phases)
        label = WORDS.get(key, key.replace("_", " "))
        yield Setting("training", label, _one_or_all(texts), detail=not told)


def _option(value: Any) -> str:
    """A configuration inside a phase by what it sets: an augmentation's zeros change nothing."""
    if isinstance(value, Mapping) and "type" in value:
        told = {
            k: v
            for k, v in value.items()
            if k not in ("type", "version", "source") and v not in (0, None, False)
        }
        return ", ".join(f"{key.replace('_', ' ')} {text_of(item)}" for key, item in told.items()) or "none"
    return text_of(value)


def _tasks(attached: Sequence[Mapping[str, Any]], name_data: bool) -> Iterable[Setting]:
    by_name: dict[str, list[str]] = {}
    for task in attached:
        row = task_row(task)
        where = f" on {row['dataset']}" if name_data and row["dataset"] else ""
        options = f", {row['options']}" if row["options"] else ""
        text = f"{row['type']}{where}, weight {row['weight']}, {row['target']}{options}"
        by_name.setdefault(row["name"], []).append(text)
    for name, texts in by_name.items():
        yield Setting("tasks", f"task {name}", _one_or_all(texts))


def _one_or_all(texts: Sequence[str]) -> str:
    """What phases have in common once, else what each has, in their order."""
    return texts[0] if len(set(texts)) == 1 else ", then ".join(texts)


def _ordered(found: Sequence[Mapping[str, Setting]]) -> list[str]:
    """All labels, part by part."""
    parts = ("start", "data", "model", "training", "tasks")
    labels = dict.fromkeys(label for one in found for label in one)
    part_of = {label: setting.part for one in found for label, setting in one.items()}
    return sorted(labels, key=lambda label: parts.index(part_of[label]))
