"""Forks that were recorded beside a recipe, replayed on its context before it closes, so that they are its nodes."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from acc_assets.tree.config import Natural, Steps
from acc_assets.tree.errors import RecipeError
from acc_assets.tree.nodes import TreeNode
from acc_assets.tree.phases import PHASE_OPTIONS, TrainPhase
from acc_assets.tree.references import DatasetRef

if TYPE_CHECKING:
    from acc_assets.tree.recipe import RecipeContext

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
        description="`task.<task>.<field>` and `train.<option>`; what is not named is as in the branch it is off",
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


def parse_forks(text: bytes, file: Path) -> tuple[RecordedFork, ...]:
    """The recorded forks in a file; raises `RecipeError` in one line where it holds anything else."""
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


def replay(ctx: RecipeContext, fork: RecordedFork) -> None:
    """Make the nodes of a recorded fork on the context of a recipe that came to its end; raises `ForkError`."""
    try:
        _replay(ctx, fork)
    except (RecipeError, TypeError, ValueError) as error:
        raise ForkError(fork.name, error) from error


def example_of(nodes: Mapping[str, TreeNode], checkpoint: str) -> list[TreeNode]:
    """A checkpoint and what is made from it: the first of them that is trained, or evaluated, is how a fork is."""
    below = [nodes[checkpoint]]
    for node in nodes.values():
        if node.parent in {one.tag for one in below}:
            below.append(node)
    return below


def _replay(ctx: RecipeContext, fork: RecordedFork) -> None:
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
    example = next((node.phases[-1] for node in around if node.phases), None)
    options = {one: getattr(example or TrainPhase, one) for one in PHASE_OPTIONS}
    for key, value in fork.settings.items():
        part, *path = key.split(".")
        if part == "task" and len(path) > 1 and path[0] in tasks:
            name, field = path[:2]
            old = _field(tasks[name], field, f"task.{name}.")
            changes[name][field] = _changed(ctx, old, path[2:], value, f"task.{name}.{field}.")
        elif part == "train" and path and path[0] in options:
            options[path[0]] = _changed(ctx, options[path[0]], path[1:], value, f"train.{path[0]}.")
        else:
            known = [*(f"task.{name}.<field>" for name in tasks), *(f"train.{one}" for one in PHASE_OPTIONS)]
            raise ValueError(f"there is no setting '{key}'; settings are {', '.join(known)}")
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


def _changed(ctx: RecipeContext, old: Any, path: Sequence[str], value: Any, where: str) -> Any:
    """A value in the place of another one, or of a field inside it; a data set goes by its name."""
    if path:
        inner = _changed(ctx, _field(old, path[0], where), path[1:], value, f"{where}{path[0]}.")
        return dataclasses.replace(old, **{path[0]: inner})
    if isinstance(old, DatasetRef):
        if not isinstance(value, str) or value not in ctx.datasets:
            raise ValueError(f"{where[:-1]} is {value!r}; data sets are {', '.join(ctx.datasets)}")
        return ctx.datasets[value]
    return value


def _field(config: Any, name: str, where: str) -> Any:
    if not dataclasses.is_dataclass(config) or isinstance(config, type | DatasetRef):
        raise ValueError(f"{where[:-1]} is {config!r}, which has no field '{name}'")
    known = [field.name for field in dataclasses.fields(config) if field.init and field.name != "name"]
    if name not in known:
        raise ValueError(
            f"there is no setting '{where}{name}'; settings are {', '.join(where + one for one in known)}"
        )
    return getattr(config, name)
