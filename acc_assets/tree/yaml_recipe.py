"""Recipes written as YAML: the same operations for people who change configurations and not code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acc_assets.tree.analyses import Analysis
from acc_assets.tree.errors import RecipeError
from acc_assets.tree.nodes import DatasetRef, Tree
from acc_assets.tree.opened import RANGES
from acc_assets.tree.recipe import Recipe, RecipeContext
from acc_assets.tree.yaml_loader import Located, RecipeFileError, load, located

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
    "models",
    "roots",
    "nodes",
    "open",
)
STARTS = (("model", "root"), ("models", "roots"))  # one model and its checkpoint, or several
OPEN_KEYS = ("settings", "metric", "maximise")
NODE_KEYS = ("tag", "fork", "grow", "train", "tasks", "phases", "evaluate", "notes")


@dataclass(frozen=True)
class Vocabulary:
    """The names that a YAML recipe may use, each with the configuration class behind it."""

    models: Mapping[str, type]
    tasks: Mapping[str, type]
    datasets: Mapping[str, type]
    schedules: Mapping[str, type]
    parts: Mapping[str, type]  # nested configurations by field name, such as factor_groups or augment
    # of nested configurations that have several types, by field name, such as prior: as `models`
    choices: Mapping[str, Mapping[str, type]] = field(default_factory=dict)
    analyses: Mapping[str, type[Analysis]] = field(default_factory=dict)
    standard: Sequence[Analysis] = ()  # what `evaluate: true` asks for
    check: Callable[[Tree], None] = lambda tree: None  # raises for a tree that the project cannot build

    def part(self, key: str, value: Any) -> Any:
        """The value of the field `key` as a configuration has it; raises `RecipeFileError` for one that cannot be."""
        part = self.parts.get(key)
        if part is not None and isinstance(value, list):
            if not all(isinstance(item, Located) for item in value):
                raise TypeError(f"{key} must be a list of mappings, not {value!r}")
            return tuple(self.built(part, item, item.line, key) for item in value)
        if part is not None and isinstance(value, Located):
            return self.built(part, value, value.line, key)
        if key in self.choices and isinstance(value, Located):
            return self.config(value, self.choices[key], key)
        if isinstance(value, Located) and "type" in value:
            return self.config(value, self.schedules, f"schedule of '{key}'")
        return value

    def config(self, entry: Any, names: Mapping[str, type], what: str, line: int = 1) -> Any:
        """The configuration that a mapping with a `type` stands for."""
        if not isinstance(entry, Located) or "type" not in entry:
            raise RecipeFileError(
                f"the {what} needs a 'type'.",
                line=getattr(entry, "line", line),
                remedy=f"Types are: {', '.join(sorted(names))}.",
            )
        kind = entry["type"]
        if not isinstance(kind, str) or kind not in names:
            raise RecipeFileError(
                f"unknown {what} type {kind!r}.",
                line=entry.line,
                remedy=f"Types are: {', '.join(sorted(names))}.",
            )
        return self.built(names[kind], {k: v for k, v in entry.items() if k != "type"}, entry.line, what)

    def built(self, kind: type, values: Mapping[str, Any], line: int, what: str) -> Any:
        """An instance of a configuration class."""
        try:
            return kind(**{key: self.part(key, value) for key, value in values.items()})
        except (TypeError, ValueError) as error:
            raise RecipeFileError(f"{what}: {error}.", line=line) from None


class YamlRecipe(Recipe):
    """A recipe read from a YAML file."""

    def __init__(self, path: Path, vocabulary: Vocabulary) -> None:
        document = load(path.read_bytes())
        if not isinstance(document, Located):
            raise RecipeFileError(
                "the file holds no mapping.", line=1, remedy=f"Keys are: {', '.join(RECIPE_KEYS)}."
            )
        _known_keys(document, RECIPE_KEYS, "recipe")
        given = [key for pair in STARTS for key in pair if key in document]
        if len(given) > 1 and tuple(given) not in STARTS:
            raise RecipeFileError(
                f"{given} stand side by side.",
                line=document.lines[given[-1]],
                remedy="Write either 'model' and 'root', or 'models' and 'roots'.",
            )
        start = STARTS[1] if set(given) & set(STARTS[1]) else STARTS[0]
        for key in ("datasets", *start, "nodes"):
            if key not in document:
                raise RecipeFileError(f"the key '{key}' is missing.", line=document.line)
        for key, shape, what in (
            ("datasets", Located, "a mapping of names to data sets"),
            ("models", Located, "a mapping of names to models"),
            ("roots", Located, "a mapping of checkpoints to names of models"),
            ("parameters", Located, "a mapping of names to values"),
            ("open", Located, "a mapping of checkpoints to what is open of their forks"),
            ("seeds", list, "a list of whole numbers"),
            *(
                (text, str, "text")
                for text in ("name", "title", "description", "question", "hypothesis", "root")
            ),
        ):
            if key in document and not isinstance(document[key], shape):
                raise RecipeFileError(
                    f"'{key}' must be {what}, not {document[key]!r}.", line=document.lines[key]
                )
        for tag, model in document.get("roots", {}).items():
            if not isinstance(model, str) or model not in document["models"]:
                raise RecipeFileError(
                    f"the root '{tag}' has the unknown model {model!r}.",
                    line=document["roots"].lines[tag],
                    remedy=f"Models are: {', '.join(document['models'])}.",
                )
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
        config, line = self.vocabulary.config, self.document.line
        datasets = {
            name: ctx.load_dataset(name, config(entry, self.vocabulary.datasets, f"data set '{name}'", line))
            for name, entry in document["datasets"].items()
        }
        models = document["models"] if "models" in document else {"": document["model"]}
        roots = document["roots"] if "roots" in document else {document["root"]: ""}
        order = _parents_first(document["nodes"], list(roots))
        for tag, model in roots.items():
            entry = models[model]
            with _at_line(entry if isinstance(entry, Located) else document):
                what = f"model '{model}'" if model else "model"
                ctx.create_model(config(entry, self.vocabulary.models, what, line))
                ctx.save_checkpoint(tag)
            for node in order[tag]:
                with _at_line(node):
                    self._node(ctx, node, datasets)
        for tag, entry in document.get("open", {}).items():
            settings = entry.get("settings") if isinstance(entry, Located) else None
            if not isinstance(settings, Located) or "metric" not in entry:
                raise RecipeFileError(
                    f"what is open of '{tag}' needs 'settings', a mapping to ranges, and a 'metric'.",
                    line=document["open"].line,
                )
            _known_keys(entry, OPEN_KEYS, "open")
            ranges = {
                key: config(one, RANGES, f"range of '{key}'", entry.line) for key, one in settings.items()
            }
            with _at_line(entry):
                ctx.open(tag, ranges, entry["metric"], entry.get("maximise"))

    def _node(self, ctx: RecipeContext, entry: Located, datasets: Mapping[str, DatasetRef]) -> None:
        if "fork" in entry:
            if "phases" in entry:
                raise RecipeFileError(
                    "a fork has no phases.", line=entry.line, remedy="Give them to a 'train' node."
                )
            ctx.fork(entry["fork"], entry["tag"])
            if "grow" in entry:
                if not isinstance(entry["grow"], Located):
                    raise RecipeFileError(
                        f"'grow' must be a mapping of the model's fields, not {entry['grow']!r}.",
                        line=entry.line,
                    )
                ctx.grow_model(**entry["grow"])
            self._attach(ctx, entry, datasets)
        else:
            if "grow" in entry:
                raise RecipeFileError(
                    "a trained node does not grow.", line=entry.line, remedy="Give 'grow' to a 'fork' node."
                )
            if ctx.current_checkpoint_id != entry["train"]:
                raise RecipeFileError(
                    f"'{entry['tag']}' trains '{entry['train']}', which another node was made from already.",
                    line=entry.line,
                    remedy="Fork it first: {tag: ..., fork: " + entry["train"] + "}.",
                )
            phases = entry.get("phases")
            if not isinstance(phases, list) or not phases or not all(isinstance(p, Located) for p in phases):
                raise RecipeFileError(
                    "a 'train' node needs 'phases'.", line=entry.line, remedy="Give a list of mappings."
                )
            self._attach(ctx, entry, datasets)
            for phase in phases:
                with _at_line(phase):
                    options = dict(phase)
                    ctx.phase = options.pop("name", "")
                    self._attach(ctx, phase, datasets)
                    options.pop("tasks", None)
                    if "steps" not in options:
                        raise RecipeFileError("a phase needs 'steps'.", line=phase.line)
                    ctx.train(**{key: self.vocabulary.part(key, value) for key, value in options.items()})
            ctx.save_checkpoint(entry["tag"])
        notes = entry.get("notes", [])
        if not isinstance(notes, list):
            raise RecipeFileError(f"'notes' must be a list of texts, not {notes!r}.", line=entry.line)
        for note in notes:
            ctx.log(note)
        asked = entry.get("evaluate", "train" in entry)
        if isinstance(asked, Located):
            ctx.evaluate(*self.vocabulary.standard, *self._requests(asked, datasets, entry.line))
        elif isinstance(asked, list):
            ctx.evaluate(*(one for item in asked for one in self._requests(item, datasets, entry.line)))
        elif not isinstance(asked, bool):
            raise RecipeFileError(
                f"evaluate: {asked!r} is neither true, false, a mapping nor a list.", line=entry.line
            )
        elif asked:
            ctx.evaluate()

    def _requests(self, asked: Any, datasets: Mapping[str, DatasetRef], line: int) -> Iterator[Analysis]:
        """Requests by the names of analyses; a name alone stands for its defaults."""
        named = located({asked: located({}, line)}, line) if isinstance(asked, str) else asked
        if not isinstance(named, Located):
            raise RecipeFileError(f"evaluate: {asked!r} is no name of an analysis.", line=line)
        _known_keys(named, tuple(self.vocabulary.analyses), "evaluate")
        for name, options in named.items():
            if options is not None and not isinstance(options, Located):
                raise RecipeFileError(f"{name}: {options!r} is no mapping of options.", line=named.line)
            values = dict(options or {})
            for key in [key for key in values if key == "label_sets"]:
                if not isinstance(values[key], list) or not all(one in [*datasets] for one in values[key]):
                    raise RecipeFileError(
                        f"{name}: label_sets is {values[key]!r}; name data sets from {sorted(datasets)}.",
                        line=named.line,
                    )
                values[key] = [datasets[one] for one in values[key]]
            built: Analysis = self.vocabulary.built(self.vocabulary.analyses[name], values, named.line, name)
            yield built

    def _attach(self, ctx: RecipeContext, entry: Located, datasets: Mapping[str, DatasetRef]) -> None:
        if "tasks" not in entry:
            return
        ctx.detach_all_tasks()
        if not isinstance(entry["tasks"], list) or not all(
            isinstance(task, Located) for task in entry["tasks"]
        ):
            raise RecipeFileError(
                f"'tasks' must be a list of mappings, not {entry['tasks']!r}.", line=entry.line
            )
        for task in entry["tasks"]:
            with _at_line(task):
                name = task.get("dataset")
                if not isinstance(name, str) or name not in datasets:
                    raise RecipeFileError(
                        f"unknown data set {name!r}.",
                        line=task.line,
                        remedy=f"Data sets are: {sorted(datasets)}.",
                    )
                values = located({**task, "dataset": datasets[name]}, task.line)
                ctx.attach_task(self.vocabulary.config(values, self.vocabulary.tasks, "task"))


def _parents_first(entries: Any, roots: Sequence[str]) -> dict[str, list[Located]]:
    """The nodes below each root, depth first: each `train` follows its fork. Names cycles and unknown parents."""
    if not isinstance(entries, list) or not all(isinstance(entry, Located) for entry in entries):
        raise RecipeFileError(
            "'nodes' must be a list of mappings.", line=1, remedy=f"Keys: {', '.join(NODE_KEYS)}."
        )
    parents: dict[str, str] = {}
    for entry in entries:
        _known_keys(entry, NODE_KEYS, "node")
        if "tag" not in entry or ("fork" in entry) == ("train" in entry):
            raise RecipeFileError("a node needs a 'tag' and either 'fork' or 'train'.", line=entry.line)
        for key in ("tag", "fork", "train"):
            if key in entry and not isinstance(entry[key], str):
                raise RecipeFileError(f"'{key}' must be a name, not {entry[key]!r}.", line=entry.line)
        if entry["tag"] in parents or entry["tag"] in roots:
            raise RecipeFileError(f"the tag '{entry['tag']}' is taken.", line=entry.line)
        parents[entry["tag"]] = entry["fork"] if "fork" in entry else entry["train"]
    for entry in entries:
        seen = [entry["tag"]]
        while (parent := parents[seen[-1]]) not in roots:
            if parent in seen:
                path = " <- ".join([*seen[seen.index(parent) :], parent])
                raise RecipeFileError(
                    f"cycle: {path}.",
                    line=entry.line,
                    remedy=f"Start one of them from {' or '.join(repr(root) for root in roots)}.",
                )
            if parent not in parents:
                raise RecipeFileError(
                    f"'{seen[-1]}' starts from the unknown checkpoint '{parent}'.",
                    line=entry.line,
                    remedy=f"Checkpoints are: {', '.join([*roots, *parents])}.",
                )
            seen.append(parent)

    def below(tag: str) -> Iterator[Located]:
        # A trained child comes right after its parent, before forks of that parent move the context away.
        for entry in sorted((e for e in entries if parents[e["tag"]] == tag), key=lambda e: "fork" in e):
            yield entry
            yield from below(entry["tag"])

    return {root: list(below(root)) for root in roots}


def _known_keys(entry: Located, allowed: tuple[str, ...], what: str) -> None:
    unknown = sorted(set(entry) - set(allowed))
    if unknown:
        raise RecipeFileError(
            f"unknown {what} key {unknown}.", line=entry.line, remedy=f"Keys are: {', '.join(allowed)}."
        )


def _substitute(value: Any, parameters: Mapping[str, Any], line: int | None = None) -> Any:
    """Replace every scalar `${name}` by the parameter's value."""
    if isinstance(value, Located):
        values = {key: _substitute(item, parameters, value.lines.get(key)) for key, item in value.items()}
        return located(values, value.line)
    if isinstance(value, list):
        return [_substitute(item, parameters, line) for item in value]
    if isinstance(value, str) and value.startswith("${") and value.endswith("}"):
        name = value[2:-1].strip()
        if name not in parameters:
            raise RecipeFileError(
                f"unknown parameter {value}.",
                line=line or 1,
                remedy=f"Parameters are: {sorted(parameters)}.",
            )
        return parameters[name]
    return value


@contextmanager
def _at_line(entry: Located) -> Iterator[None]:
    try:
        yield
    except RecipeFileError:
        raise
    except RecipeError as error:
        problem = f"operation {error.operation}: {error.problem}" if error.operation else error.problem
        raise RecipeFileError(problem, line=entry.line, remedy=error.remedy, recipe=error.recipe) from None
    except TypeError as error:
        raise RecipeFileError(f"{error}.", line=entry.line) from None
