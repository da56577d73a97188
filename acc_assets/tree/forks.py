"""Forks that were recorded beside a recipe, replayed on its context before it closes, so that they are its nodes."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from acc_assets.tree.config import Natural, Steps
from acc_assets.tree.errors import RecipeError
from acc_assets.tree.nodes import TreeNode
from acc_assets.tree.phases import PHASE_OPTIONS, TrainPhase
from acc_assets.tree.references import DatasetRef
from acc_assets.tree.yaml_loader import from_json

if TYPE_CHECKING:
    from acc_assets.tree.recipe import RecipeContext
    from acc_assets.tree.yaml_recipe import Vocabulary

_RULES = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)
_ROUND = re.compile(r"(.+)_round_(\d+)\Z")


def _written(settings: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        json.dumps(settings, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:  # also of half a character
        raise ValueError("a number is not finite, or a text is not UTF-8") from None
    return settings


class RecordedFork(BaseModel):
    """A branch by hand: the fork `name` of a checkpoint, and `<name>_trained`, which is trained from it."""

    model_config = _RULES

    name: str = Field(description="of the branch")
    checkpoint: str = Field(description="the node that it starts from, with its model and tasks")
    settings: Annotated[dict[str, JsonValue], AfterValidator(_written)] = Field(
        default_factory=dict,
        description="`task.<task>.<field>`, `train.<option>` and `grow.<field>` of the model, with values as a YAML "
        "recipe has them; what is not named is as in the branch it is off",
    )
    steps: Steps | None = Field(
        default=None, description="of training; null: as many as the branch that it is off"
    )
    labels: dict[str, Natural] = Field(
        default_factory=dict,
        description="a round: data sets that stop at this line of the label file; the fork reads on behind it",
    )

    @property
    def trained(self) -> str:
        """Tag of the checkpoint at its end."""
        return f"{self.name}_trained"


class ForksFile(BaseModel):
    """What the file of a recipe's recorded forks holds, in the order in which they are replayed."""

    model_config = _RULES

    schema_version: Literal[1] = Field(default=1, alias="schema")
    forks: tuple[RecordedFork, ...] = ()


@dataclass(frozen=True)
class Recorded:
    """The recorded forks of one recipe and the file that holds them; `error` where it cannot be read."""

    file: Path
    forks: tuple[RecordedFork, ...] = ()
    error: str = ""


RecordedOf: TypeAlias = Callable[[str], Recorded | None]  # by the name of a recipe


class ForkError(RecipeError):
    """A recorded fork that the recipe has no place for; `fork` is its name."""

    def __init__(self, fork: str, error: Exception) -> None:
        known = error if isinstance(error, RecipeError) else RecipeError(str(error), remedy="")
        super().__init__(known.problem, remedy=known.remedy, operation=known.operation)
        self.fork = fork


def parse_forks(text: bytes, file: str) -> tuple[RecordedFork, ...]:
    """The recorded forks in what a file holds; raises `RecipeError` in one line where it holds anything else."""
    try:
        return ForksFile.model_validate_json(text).forks
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])).encode("unicode_escape").decode()  # a key may be anything
        raise RecipeError(
            f"{file} cannot be read: {f'{place}: ' if place else ''}{first['msg']}.",
            remedy="Mend it, or move it away: without it the recipe has its own nodes alone.",
        ) from None


def frozen(forks: Sequence[RecordedFork]) -> dict[str, int]:
    """Up to which line data sets read their label files, by name, as rounds have left them."""
    return {name: lines for fork in forks for name, lines in fork.labels.items()}


def next_round(name: str) -> str:
    """The name of what follows: `asked` is followed by `asked_round_2`, and this by `asked_round_3`."""
    found = _ROUND.match(name)
    return f"{found[1]}_round_{int(found[2]) + 1}" if found else f"{name}_round_2"


def replay(ctx: RecipeContext, fork: RecordedFork, vocabulary: Vocabulary | None = None) -> None:
    """Make the nodes of a recorded fork on the context of a recipe that came to its end; raises `ForkError`.

    vocabulary: the names that values may use, such as `{"type": "linear_ramp", ...}`; without one they are plain.
    """
    try:
        _replay(ctx, fork, vocabulary)
    except (RecipeError, TypeError, ValueError) as error:
        raise ForkError(fork.name, error) from error


def example_of(nodes: Mapping[str, TreeNode], checkpoint: str) -> list[TreeNode]:
    """A checkpoint and what is made from it: the first of them that is trained, or evaluated, is how a fork is."""
    below = [nodes[checkpoint]]
    for node in nodes.values():
        if node.parent in {one.tag for one in below}:
            below.append(node)
    return below


def trained_as(nodes: Mapping[str, TreeNode], checkpoint: str) -> TrainPhase | None:
    """The phase whose options and steps a fork of a checkpoint has where it names none."""
    return next((node.phases[-1] for node in example_of(nodes, checkpoint) if node.phases), None)


def free_name(nodes: Mapping[str, TreeNode], branch: str) -> str:
    """A name for a fork of a branch that no node has, nor the checkpoint at its end."""
    names = (f"{branch}_fork{number if number > 1 else ''}" for number in itertools.count(1))
    taken = {tag.casefold() for tag in nodes}
    return next(name for name in names if not taken & {name.casefold(), f"{name}_trained".casefold()})


def _replay(ctx: RecipeContext, fork: RecordedFork, vocabulary: Vocabulary | None) -> None:
    nodes = ctx.finish()
    ctx.fork(fork.checkpoint, fork.name)
    around = example_of(nodes, fork.checkpoint)
    tasks = {task.name: task for task in nodes[fork.checkpoint].tasks}
    changes: dict[str, dict[str, Any]] = {name: {} for name in tasks}
    for name, task in tasks.items():
        if task.dataset.name in fork.labels:
            changes[name]["dataset"] = _further(ctx, task.dataset)
    unread = sorted(set(fork.labels) - {task.dataset.name for task in tasks.values()})
    if unread:
        raise ValueError(f"no task of '{fork.checkpoint}' reads the data set {unread}")
    growing, grown = getattr(nodes[fork.checkpoint].model, "grows", None), dict[str, Any]()
    made = partial(_made, ctx.datasets, vocabulary)
    example = trained_as(nodes, fork.checkpoint)
    options = {one: getattr(example or TrainPhase, one) for one in PHASE_OPTIONS}
    for key, value in fork.settings.items():
        part, *path = key.split(".")
        if part == "task" and len(path) > 1 and path[0] in tasks:
            name, field = path[:2]
            where = f"task.{name}."
            old = changes[name].get(field, _field(tasks[name], field, where))
            changes[name][field] = _changed(old, path[1:], value, where, made)
        elif part == "train" and path and path[0] in options:
            options[path[0]] = _changed(options[path[0]], path, value, "train.", made)
        elif part == "grow" and growing and path in ([growing], ["noise"]):
            grown[path[0]] = value
        else:
            known = [*(f"task.{name}.<field>" for name in tasks), *(f"train.{one}" for one in PHASE_OPTIONS)]
            known += [f"grow.{growing}", "grow.noise"] if growing else []
            raise ValueError(f"there is no setting '{key}'; settings are {', '.join(known)}")
    if grown:
        ctx.grow_model(**grown)
    for name, fields in changes.items():
        if fields:
            ctx.change_task(name, **fields)
    steps = fork.steps or (example.steps if example else None)
    if steps is None:
        raise ValueError(
            f"no checkpoint from '{fork.checkpoint}' on is trained, so it takes a number of steps"
        )
    ctx.phase = f"Train {fork.name}"
    ctx.train(steps=steps, **options)
    ctx.save_checkpoint(fork.trained)
    told = [f"{key}={value}" for key, value in fork.settings.items()]
    told += [f"labels of {name} behind line {lines}" for name, lines in fork.labels.items()]
    ctx.log(f"Recorded by hand, off {fork.checkpoint}: {', '.join([*told, f'{steps} steps'])}.")
    requests = next((node.requests for node in around if node.evaluated), None)
    ctx.evaluate(*(requests or ()))


def _further(ctx: RecipeContext, ref: DatasetRef) -> DatasetRef:
    """The data set that reads on where a round has stopped another one."""
    stopped_at = getattr(ref.config, "stopped_at", None)
    if stopped_at is None:
        raise ValueError(f"the data set '{ref.name}' reads no label file")
    return ctx.load_dataset(next_round(ref.name), stopped_at(None))


Made: TypeAlias = Callable[[Any, str, Any, str], Any]


def _made(
    datasets: Mapping[str, DatasetRef],
    vocabulary: Vocabulary | None,
    old: Any,
    key: str,
    value: Any,
    where: str,
) -> Any:
    """What a JSON value stands for in the place of another one; a data set goes by its name."""
    if not isinstance(old, DatasetRef):
        return vocabulary.part(key, from_json(value)) if vocabulary is not None else value
    if not isinstance(value, str) or value not in datasets:
        raise ValueError(f"{where}{key} is {value!r}; data sets are {', '.join(datasets)}")
    return datasets[value]


def _changed(old: Any, path: Sequence[str], value: Any, where: str, made: Made) -> Any:
    """`old` with another value at the end of a path, of which the first part is its own name."""
    key, *rest = path
    if not rest:
        return made(old, key, value, where)
    inner = f"{where}{key}."
    return dataclasses.replace(
        old, **{rest[0]: _changed(_field(old, rest[0], inner), rest, value, inner, made)}
    )


def _field(config: Any, name: str, where: str) -> Any:
    if not dataclasses.is_dataclass(config) or isinstance(config, type | DatasetRef):
        raise ValueError(f"{where[:-1]} is {config!r}, which has no field '{name}'")
    known = [field.name for field in dataclasses.fields(config) if field.init and field.name != "name"]
    if name not in known:
        raise ValueError(
            f"there is no setting '{where}{name}'; settings are {', '.join(where + one for one in known)}"
        )
    return getattr(config, name)
