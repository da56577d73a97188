"""Recipes written as YAML: the same operations for people who change configurations and not code."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from acc_assets.tree.errors import RecipeError
from acc_assets.tree.manifold import ManifoldAnalysis
from acc_assets.tree.nodes import DatasetRef
from acc_assets.tree.recipe import Recipe, RecipeContext

RECIPE_KEYS = (
    "name",
    "title",
    "description",
    "question",
    "hypothesis",
    "seeds",
    "parameters",
    "datasets",
    "model",
    "root",
    "nodes",
)
NODE_KEYS = ("tag", "fork", "train", "tasks", "phases", "evaluate", "notes")


class RecipeFileError(RecipeError):
    """A recipe file with a mistake at a known line."""

    def __init__(self, problem: str, *, line: int, remedy: str = "", recipe: str = "") -> None:
        self.line = line
        super().__init__(problem, remedy=remedy, recipe=recipe)


class _Located(dict[str, Any]):
    """A YAML mapping that knows the line it starts at."""

    line: int = 0


class _Loader(yaml.SafeLoader):
    def construct_located(self, node: yaml.MappingNode) -> Iterator[_Located]:
        mapping = _Located()
        mapping.line = node.start_mark.line + 1
        yield mapping
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise RecipeFileError(
                f"the key {twice} stands twice.", line=mapping.line, remedy="Keep one of them."
            )
        mapping.update({str(k): v for k, v in self.construct_mapping(node, deep=True).items()})


# YAML 1.1 reads 1e-3 as a word; people mean a number.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+\Z"), list("-+0123456789")
)
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_located)


@dataclass(frozen=True)
class Vocabulary:
    """The names that a YAML recipe may use, each with the configuration class behind it."""

    models: Mapping[str, type]
    tasks: Mapping[str, type]
    datasets: Mapping[str, type]
    schedules: Mapping[str, type]
    parts: Mapping[str, type]  # nested configurations by field name, such as factor_groups or augment


class YamlRecipe(Recipe):
    """A recipe read from a YAML file."""

    def __init__(self, path: Path, vocabulary: Vocabulary) -> None:
        try:
            document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise RecipeFileError(f"not valid YAML: {error.problem}.", line=line) from None
        if not isinstance(document, _Located):
            raise RecipeFileError(
                "the file holds no mapping.", line=1, remedy=f"Keys are: {', '.join(RECIPE_KEYS)}."
            )
        _known_keys(document, RECIPE_KEYS, "recipe")
        for key in ("datasets", "model", "root", "nodes"):
            if key not in document:
                raise RecipeFileError(f"the key '{key}' is missing.", line=document.line)
        for key, shape, what in (
            ("datasets", _Located, "a mapping of names to data sets"),
            ("parameters", _Located, "a mapping of names to values"),
            ("seeds", list, "a list of whole numbers"),
            *(
                (text, str, "text")
                for text in ("name", "title", "description", "question", "hypothesis", "root")
            ),
        ):
            if key in document and not isinstance(document[key], shape):
                raise RecipeFileError(f"'{key}' must be {what}, not {document[key]!r}.", line=document.line)
        self.vocabulary = vocabulary
        self.document = document
        self.name = document.get("name", path.stem)  # type: ignore[misc]
        self.title = document.get("title", "")  # type: ignore[misc]
        self.description = document.get("description", "")  # type: ignore[misc]
        self.question = document.get("question", "")  # type: ignore[misc]
        self.hypothesis = document.get("hypothesis", "")  # type: ignore[misc]
        self.seeds = tuple(document.get("seeds", (0,)))  # type: ignore[misc]
        self.parameters = dict(document.get("parameters") or {})

    def run(self, ctx: RecipeContext, **parameters: Any) -> None:
        """Carry out the file's nodes, parents before children."""
        document = _substitute(self.document, parameters)
        datasets = {
            name: ctx.load_dataset(name, self._config(entry, self.vocabulary.datasets, f"data set '{name}'"))
            for name, entry in document["datasets"].items()
        }
        with _at_line(document["model"]):
            ctx.create_model(self._config(document["model"], self.vocabulary.models, "model"))
        ctx.save_checkpoint(document["root"])
        for entry in _parents_first(document["nodes"], document["root"]):
            with _at_line(entry):
                self._node(ctx, entry, datasets)

    def _node(self, ctx: RecipeContext, entry: _Located, datasets: Mapping[str, DatasetRef]) -> None:
        if "fork" in entry:
            if "phases" in entry:
                raise RecipeFileError(
                    "a fork has no phases.", line=entry.line, remedy="Give them to a 'train' node."
                )
            ctx.fork(entry["fork"], entry["tag"])
            self._attach(ctx, entry, datasets)
        else:
            if ctx.current_checkpoint_id != entry["train"]:
                raise RecipeFileError(
                    f"'{entry['tag']}' trains '{entry['train']}', which another node was made from already.",
                    line=entry.line,
                    remedy="Fork it first: {tag: ..., fork: " + entry["train"] + "}.",
                )
            if not entry.get("phases"):
                raise RecipeFileError(
                    "a 'train' node needs 'phases'.", line=entry.line, remedy="Give a list of them."
                )
            self._attach(ctx, entry, datasets)
            for phase in entry["phases"]:
                with _at_line(phase):
                    options = dict(phase)
                    ctx.phase = options.pop("name", "")
                    self._attach(ctx, phase, datasets)
                    options.pop("tasks", None)
                    if "steps" not in options:
                        raise RecipeFileError("a phase needs 'steps'.", line=phase.line)
                    ctx.train(**{key: self._part(key, value) for key, value in options.items()})
            ctx.save_checkpoint(entry["tag"])
        for note in entry.get("notes", []):
            ctx.log(note)
        asked = entry.get("evaluate", "train" in entry)
        if isinstance(asked, _Located):
            ctx.evaluate(manifold=self._manifold(asked, datasets))
        elif not isinstance(asked, bool):
            raise RecipeFileError(
                f"evaluate: {asked!r} is neither true, false nor a mapping.", line=entry.line
            )
        elif asked:
            ctx.evaluate()

    def _manifold(self, asked: _Located, datasets: Mapping[str, DatasetRef]) -> ManifoldAnalysis:
        _known_keys(asked, ("manifold",), "evaluate")
        options = asked["manifold"]
        names = options.get("label_sets", []) if isinstance(options, _Located) else None
        if names is None or not set(names) <= set(datasets):
            raise RecipeFileError(
                f"manifold: {options!r} is no mapping with 'label_sets' from {sorted(datasets)}.",
                line=asked.line,
            )
        values = {**options, "label_sets": [datasets[name] for name in names]}
        built: ManifoldAnalysis = self._build(ManifoldAnalysis, values, options.line, "manifold")
        return built

    def _attach(self, ctx: RecipeContext, entry: _Located, datasets: Mapping[str, DatasetRef]) -> None:
        if "tasks" not in entry:
            return
        ctx.detach_all_tasks()
        if not isinstance(entry["tasks"], list) or not all(
            isinstance(task, _Located) for task in entry["tasks"]
        ):
            raise RecipeFileError(
                f"'tasks' must be a list of mappings, not {entry['tasks']!r}.", line=entry.line
            )
        for task in entry["tasks"]:
            with _at_line(task):
                name = task.get("dataset")
                if name not in datasets:
                    raise RecipeFileError(
                        f"unknown data set {name!r}.",
                        line=task.line,
                        remedy=f"Data sets are: {sorted(datasets)}.",
                    )
                values = _located({**task, "dataset": datasets[name]}, task.line)
                ctx.attach_task(self._config(values, self.vocabulary.tasks, "task"))

    def _config(self, entry: Any, names: Mapping[str, type], what: str) -> Any:
        if not isinstance(entry, _Located) or "type" not in entry:
            raise RecipeFileError(
                f"the {what} needs a 'type'.",
                line=getattr(entry, "line", self.document.line),
                remedy=f"Types are: {', '.join(sorted(names))}.",
            )
        kind = entry["type"]
        if kind not in names:
            raise RecipeFileError(
                f"unknown {what} type {kind!r}.",
                line=entry.line,
                remedy=f"Types are: {', '.join(sorted(names))}.",
            )
        return self._build(names[kind], {k: v for k, v in entry.items() if k != "type"}, entry.line, what)

    def _part(self, key: str, value: Any) -> Any:
        part = self.vocabulary.parts.get(key)
        if part is not None and isinstance(value, list):
            return tuple(self._build(part, item, item.line, key) for item in value)
        if part is not None and isinstance(value, _Located):
            return self._build(part, value, value.line, key)
        if isinstance(value, _Located) and "type" in value:
            return self._config(value, self.vocabulary.schedules, f"schedule of '{key}'")
        return tuple(value) if isinstance(value, list) else value

    def _build(self, kind: type, values: Mapping[str, Any], line: int, what: str) -> Any:
        allowed = [field.name for field in dataclasses.fields(kind)]
        unknown = sorted(set(values) - set(allowed))
        if unknown:
            raise RecipeFileError(
                f"{what} has no field {unknown}.", line=line, remedy=f"Fields are: {', '.join(allowed)}."
            )
        try:
            return kind(**{key: self._part(key, value) for key, value in values.items()})
        except (TypeError, ValueError) as error:
            raise RecipeFileError(f"{what}: {error}.", line=line) from None


def _parents_first(entries: Any, root: str) -> list[_Located]:
    """Order nodes depth first, so that each `train` follows its fork; name cycles and unknown parents."""
    if not isinstance(entries, list) or not all(isinstance(entry, _Located) for entry in entries):
        raise RecipeFileError(
            "'nodes' must be a list of mappings.", line=1, remedy=f"Keys: {', '.join(NODE_KEYS)}."
        )
    parents: dict[str, str] = {}
    for entry in entries:
        _known_keys(entry, NODE_KEYS, "node")
        if "tag" not in entry or ("fork" in entry) == ("train" in entry):
            raise RecipeFileError("a node needs a 'tag' and either 'fork' or 'train'.", line=entry.line)
        if entry["tag"] in parents or entry["tag"] == root:
            raise RecipeFileError(f"the tag '{entry['tag']}' is taken.", line=entry.line)
        parents[entry["tag"]] = entry["fork"] if "fork" in entry else entry["train"]
    for entry in entries:
        seen = [entry["tag"]]
        while (parent := parents[seen[-1]]) != root:
            if parent in seen:
                path = " <- ".join([*seen[seen.index(parent) :], parent])
                raise RecipeFileError(
                    f"cycle: {path}.", line=entry.line, remedy=f"Start one of them from '{root}'."
                )
            if parent not in parents:
                raise RecipeFileError(
                    f"'{seen[-1]}' starts from the unknown checkpoint '{parent}'.",
                    line=entry.line,
                    remedy=f"Checkpoints are: {', '.join([root, *parents])}.",
                )
            seen.append(parent)

    def below(tag: str) -> Iterator[_Located]:
        # A trained child comes right after its parent, before forks of that parent move the context away.
        for entry in sorted((e for e in entries if parents[e["tag"]] == tag), key=lambda e: "fork" in e):
            yield entry
            yield from below(entry["tag"])

    return list(below(root))


def parse_value(text: str) -> Any:
    """The value that a text stands for in a recipe file: a number, a truth value, a list, or the text itself."""
    return yaml.load(text, Loader=_Loader)


def _known_keys(entry: _Located, allowed: tuple[str, ...], what: str) -> None:
    unknown = sorted(set(entry) - set(allowed))
    if unknown:
        raise RecipeFileError(
            f"unknown {what} key {unknown}.", line=entry.line, remedy=f"Keys are: {', '.join(allowed)}."
        )


def _located(values: Mapping[str, Any], line: int) -> _Located:
    located = _Located(values)
    located.line = line
    return located


def _substitute(value: Any, parameters: Mapping[str, Any]) -> Any:
    """Replace every scalar `${name}` by the parameter's value."""
    if isinstance(value, _Located):
        return _located({key: _substitute(item, parameters) for key, item in value.items()}, value.line)
    if isinstance(value, list):
        return [_substitute(item, parameters) for item in value]
    if isinstance(value, str) and value.startswith("${") and value.endswith("}"):
        name = value[2:-1].strip()
        if name not in parameters:
            raise RecipeError(f"unknown parameter {value}.", remedy=f"Parameters are: {sorted(parameters)}.")
        return parameters[name]
    return value


@contextmanager
def _at_line(entry: _Located) -> Iterator[None]:
    try:
        yield
    except RecipeFileError:
        raise
    except RecipeError as error:
        problem = f"operation {error.operation}: {error.problem}" if error.operation else error.problem
        raise RecipeFileError(problem, line=entry.line, remedy=error.remedy, recipe=error.recipe) from None
    except TypeError as error:
        raise RecipeFileError(f"{error}.", line=entry.line) from None
