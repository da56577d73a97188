"""Recipes, and the context that records their operations."""

from __future__ import annotations

import copy
import inspect
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from acc_assets.tree.analyses import Analysis
from acc_assets.tree.draft import Draft
from acc_assets.tree.epochs import Epochs, resolved
from acc_assets.tree.errors import RecipeError
from acc_assets.tree.forks import RecordedFork, free_name, replay
from acc_assets.tree.growth import Growth
from acc_assets.tree.names import NAME_RULE, checked_text, is_name
from acc_assets.tree.nodes import DatasetRef, NodeKind, TreeNode
from acc_assets.tree.opened import Opened, Range
from acc_assets.tree.phases import COUNTED, PHASE_OPTIONS, TrainPhase
from acc_assets.tree.results import NoResultsYet
from acc_assets.tree.sources import PACKAGE
from acc_assets.tree.spec import bind_dataset, bind_model, canonical

if TYPE_CHECKING:
    from acc_assets.tree.yaml_recipe import Vocabulary

RESERVED_TAGS = frozenset({"comparison", "site"})
TRACING = "trace"  # the function that runs a recipe


class Recipe:
    """A program on the checkpoint tree. Subclass it, set the class fields, write `run`.

    `run` takes the context and, as keyword arguments with defaults, the recipe's parameters. `seeds` are the
    replicates of the whole tree; `question` is what the report answers, and `hypothesis` the
    answer that was expected before.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    description: ClassVar[str] = ""
    question: ClassVar[str] = ""
    hypothesis: ClassVar[str] = ""
    seeds: ClassVar[Sequence[int]] = (0,)

    def run(self, ctx: RecipeContext) -> None:
        """Record the operations of the experiment on `ctx`."""
        raise TypeError(f"{type(self).__name__} must define run(self, ctx)")


class RecipeContext:
    """The operations of a recipe. They only record: nothing is built, loaded or trained here."""

    def __init__(
        self, recipe: str, stopped: Mapping[str, int] | None = None, vocabulary: Vocabulary | None = None
    ) -> None:
        self._recipe = recipe
        self._vocabulary = vocabulary
        self._stopped = stopped or {}  # up to which line data sets read a label file, by name
        self._nodes: dict[str, Draft] = {}
        self._datasets: dict[str, DatasetRef] = {}
        self._model: Any = None
        self._tasks: list[Any] = []
        self._pending: list[TrainPhase] = []
        self._current: Draft | None = None
        self._phase = ""
        self._requests: tuple[Analysis, ...] = ()
        self._remarks: list[str] = []  # made before the first checkpoint
        self._opened: dict[str, Opened] = {}

    # -- what the recipe calls ---------------------------------------------------------------------------------

    def create_model(self, builder: Any, **kwargs: Any) -> None:
        """Set the current model: a model configuration, its class, or a callable with keyword arguments.

        A function or class at the top level of a file is called when an asset materializes, and gives an nn.Module. Any
        other callable, such as a lambda, is called now and gives a configuration.
        """
        with self._operation("create_model"):
            self._no_unsaved_training()
            self._model = bind_model(builder, kwargs)
            self._tasks = []
            self._current = None

    def load_dataset(self, name: str, loader: Any, **kwargs: Any) -> DatasetRef:
        """Name a data set: a data set configuration, its class, or a callable, which is called with the arguments now.

        The callable gives a configuration, which reads the data only when an asset materializes, or an `ImageData`.
        """
        with self._operation(f"load_dataset('{name}')"):
            self._valid_name(name)
            config = bind_dataset(loader, kwargs)
            if name in self._stopped and hasattr(config, "stopped_at"):
                config = config.stopped_at(self._stopped[name])
            ref = DatasetRef(name, config)
            kept = self._datasets.setdefault(name, ref)
            if kept != ref:
                raise self._error(
                    "this name is another data set's already.", "Give the second one a name of its own."
                )
            return kept

    def attach_task(self, task: Any) -> None:
        """Attach a task to the current model."""
        name = getattr(task, "name", None)
        with self._operation(f"attach_task('{name}')"):
            self._tasks.append(self._checked_task(task, self._tasks))
            self._tasks_changed()

    def change_task(self, name: str, **fields: Any) -> None:
        """Give an attached task other values of its fields, in its place among the tasks."""
        with self._operation(f"change_task('{name}')"):
            at = self._place_of(name)
            others = [*self._tasks[:at], *self._tasks[at + 1 :]]
            self._tasks[at] = self._checked_task(replace(self._tasks[at], **fields), others)
            self._tasks_changed()

    def detach_task(self, name: str) -> None:
        """Remove one task."""
        with self._operation(f"detach_task('{name}')"):
            del self._tasks[self._place_of(name)]
            self._tasks_changed()

    def detach_all_tasks(self) -> None:
        """Remove all tasks."""
        self._tasks = []
        self._tasks_changed()

    def save_checkpoint(self, tag: str) -> str:
        """Save the current state as a node and return its id (the tag)."""
        with self._operation(f"save_checkpoint('{tag}')"):
            self._require_model()
            parent = self._current
            kind: NodeKind = "root" if parent is None else "trained" if self._pending else "fork"
            self._add(tag, kind, parent, branch=parent.branch if parent is not None else tag)
            return tag

    def fork(self, checkpoint_id: str, tag: str) -> str:
        """Make a node that starts from a saved checkpoint, with its model and tasks, and go on from there."""
        with self._operation(f"fork('{checkpoint_id}', '{tag}')"):
            self._no_unsaved_training()
            if checkpoint_id not in self._nodes:
                raise self._error(
                    f"there is no checkpoint '{checkpoint_id}'.",
                    f"Save it first; saved so far: {', '.join(self._nodes) or 'none'}.",
                )
            parent = self._nodes[checkpoint_id]
            self._model, self._tasks = parent.model, list(parent.tasks)
            self._add(tag, "fork", parent, branch=tag)
            return tag

    def grow_model(self, *, noise: float = 0.0, **fields: Any) -> None:
        """Make the model of the fork that was made last larger: it keeps its weights and computes what it did.

        As in Net2Net: units are copied, and further layers begin as the identity. `fields` are those of the model that
        grow, such as `hidden=(512, 256)`. noise: of copied units, a share of the deviation
        of their layer's weights, so that they come to differ; 0 keeps the function up to rounding.
        """
        with self._operation("grow_model"):
            current, model = self._current, self._model
            if current is None or current.kind != "fork" or current.sealed or current.growth is not None:
                raise self._error(
                    "what grows is the model of a fork, once, before anything is made from it.",
                    "Call fork(checkpoint, name) first.",
                )
            if not hasattr(model, "grown"):
                raise self._error(
                    f"a {type(model).__name__} cannot grow: nothing says how it keeps its function.",
                    "Use a model that can, such as FullyConnectedAutoencoder or ConvAutoencoder.",
                )
            larger = model.grown(**fields)
            for task in self._tasks:
                task.check(larger, task.dataset.config)
            current.growth = Growth(before=model, noise=noise)
            current.model = self._model = larger

    def train(self, steps: int | Epochs, lr: float = 1e-3, **options: Any) -> NoResultsYet:
        """Train the attached tasks for a number of steps or `Epochs`; `options` are those of `TrainPhase`."""
        with self._operation(f"train(steps={reprlib.repr(steps)})"):
            self._require_model()
            if self._current is None:
                raise self._error(
                    "there is no checkpoint to train from.", "Call save_checkpoint('root') first."
                )
            if not self._tasks:
                raise self._error(
                    "no task is attached, so there is nothing to learn.", "Call attach_task(...) first."
                )
            unknown = sorted(set(options) - set(PHASE_OPTIONS))
            if unknown:
                raise self._error(f"unknown option {unknown}.", f"Options are: {', '.join(PHASE_OPTIONS)}.")
            phase = self._phase_of({"steps": steps, "lr": lr, **options})
            canonical(phase)
            self._current.sealed = True
            self._pending.append(phase)
        where = f"in runs/{self._recipe}/<checkpoint>/seed-<n>/summary.json and on the checkpoint's page of the report"
        return self._no_results(f"train(steps={steps})", where)

    def evaluate(self, *requests: Analysis) -> NoResultsYet:
        """Ask for analyses of the current checkpoint: those named, or without any the standard ones.

        `evaluate(*STANDARD, Manifold(...))` asks for one more; of two requests for one analysis the later one counts.
        """
        with self._operation("evaluate()"):
            self._no_unsaved_training()
            if self._current is None or not self._current.tasks:
                raise self._error(
                    "there is no checkpoint with tasks to evaluate.", "Attach tasks and save first."
                )
            self._current.requests = self._checked(requests, ("node", "node_seeds")) if requests else None
            self._current.evaluated = True
            self._current.sealed = True
            tag = self._current.tag
        where = (
            f"in the asset '{tag}_metrics' (runs/{self._recipe}/{tag}/seed-<n>/) and on the page of '{tag}'"
        )
        return self._no_results("evaluate()", where)

    def evaluate_tree(self, *requests: Analysis) -> NoResultsYet:
        """Ask for analyses that look at all evaluated checkpoints of a seed together."""
        with self._operation("evaluate_tree()"):
            self._requests = self._checked(requests, ("tree",))
        return self._no_results("evaluate_tree()", f"in runs/{self._recipe}/_tree/seed-<n>/")

    def open(
        self,
        checkpoint_id: str,
        settings: Mapping[str, Range],
        metric: str,
        maximise: bool | None = None,
    ) -> None:
        """Declare settings of forks of a checkpoint open, as `acc fork` takes them, so that `acc propose` may set them.

        `metric` judges forks, more of it being better or not; None: as the metric itself says. No node is changed.
        """
        with self._operation(f"open({checkpoint_id!r})"):
            if checkpoint_id in self._opened:
                raise self._error("this checkpoint is open already.", "Declare all of its settings at once.")
            opened = Opened(checkpoint_id, dict(settings), metric, maximise)
            draft = self._nodes.get(checkpoint_id)
            if draft is not None and draft is self._current and draft.kind == "fork" and not draft.sealed:
                raise self._error(
                    f"the tasks of '{checkpoint_id}' may still change.",
                    "Declare it open behind train(), such as at the end.",
                )
            for corner in opened.corners():
                trial = self._trial()
                name = free_name(trial.finish(), "open")
                fork = RecordedFork(name=name, checkpoint=checkpoint_id, settings=corner)
                replay(trial, fork, self._vocabulary)
            self._opened[checkpoint_id] = opened

    def log(self, message: str) -> None:
        """Keep a remark with the current checkpoint, or with the first one where there is none yet."""
        with self._operation("log()"):
            (self._current.notes if self._current is not None else self._remarks).append(
                checked_text(str(message))
            )

    @property
    def phase(self) -> str:
        """The name of what the recipe does now, shown while it is carried out."""
        return self._phase

    @phase.setter
    def phase(self, name: str) -> None:
        with self._operation("phase"):
            self._phase = checked_text(str(name))

    @property
    def current_checkpoint_id(self) -> str | None:
        """Tag of the checkpoint that the next operation starts from."""
        return self._current.tag if self._current is not None else None

    # -- tracing -----------------------------------------------------------------------------------------------

    def finish(self) -> dict[str, TreeNode]:
        """Check what is left open and return the nodes."""
        with self._operation("end of the recipe"):
            self._no_unsaved_training()
            if not self._nodes:
                raise self._error(
                    "no checkpoint was saved.", "Call create_model(...) and save_checkpoint('root')."
                )
            nodes = {tag: draft.finish() for tag, draft in self._nodes.items()}
            return nodes

    @property
    def datasets(self) -> dict[str, DatasetRef]:
        """The data sets that were loaded, by name."""
        return dict(self._datasets)

    @property
    def opened(self) -> dict[str, Opened]:
        """What is declared open, by checkpoint."""
        return dict(self._opened)

    @property
    def requests(self) -> tuple[Analysis, ...]:
        """The analyses of the whole tree."""
        return self._requests

    def _trial(self) -> RecipeContext:
        """A context that goes on from here, and of which nothing comes back."""
        trial = copy.copy(self)
        trial._nodes = {tag: replace(draft) for tag, draft in self._nodes.items()}
        trial._datasets, trial._remarks = dict(self._datasets), []
        return trial

    def _checked_task(self, task: Any, others: Sequence[Any]) -> Any:
        """A task that may be attached beside the others."""
        name = getattr(task, "name", None)
        if name is None or not hasattr(task, "check"):
            raise self._error(
                f"{task!r} is no task.",
                "Pass a task configuration such as ReconstructionTask('recon', mnist).",
            )
        self._valid_name(name)
        self._require_model()
        if name in (attached.name for attached in others):
            raise self._error(
                "a task of this name is attached already.", "Rename it, or call detach_all_tasks()."
            )
        dataset = getattr(task, "dataset", None)
        if not isinstance(dataset, DatasetRef) or self._datasets.get(dataset.name) is not dataset:
            raise self._error(
                "its data set was not loaded here.", "Pass what ctx.load_dataset(...) returned."
            )
        task.check(self._model, dataset.config)
        canonical(task)
        return task

    def _place_of(self, name: str) -> int:
        names = [task.name for task in self._tasks]
        if name not in names:
            raise self._error("no such task is attached.", f"Attached are: {names}.")
        return names.index(name)

    def _phase_of(self, options: dict[str, Any]) -> TrainPhase:
        """A phase of the attached tasks, with steps for `Epochs`."""
        size = options.get("batch_size", TrainPhase.batch_size)
        size = TrainPhase(
            steps=1, tasks=(), batch_size=size
        ).batch_size  # checked, since epochs are divided by it
        for name in set(options) & set(COUNTED):
            options[name] = resolved(options[name], self._tasks[0].dataset, size)
        tasks = tuple(resolved(task, task.dataset, size) for task in self._tasks)
        return TrainPhase(tasks=tasks, name=self._phase, **options)

    def _checked(self, requests: Sequence[Analysis], scopes: Sequence[str]) -> tuple[Analysis, ...]:
        """Requests that may stand where they are made, the last one of each analysis."""
        found: dict[str, Analysis] = {}
        for request in requests:
            if not isinstance(request, Analysis):
                raise self._error(
                    f"{reprlib.repr(request)} is no request.",
                    "Pass configurations of analyses such as Manifold(label_sets=(mnist,)).",
                )
            if request.scope not in scopes:
                call = "evaluate_tree" if request.scope == "tree" else "evaluate"
                raise self._error(
                    f"the analysis '{request.name}' has the scope '{request.scope}'.", f"Use {call}(...)."
                )
            self._valid_name(request.name)
            for ref in request.datasets:
                if self._datasets.get(ref.name) is not ref:
                    raise self._error(
                        f"the data set {ref!r} of '{request.name}' was not loaded here.",
                        "Pass what ctx.load_dataset(...) returned.",
                    )
            canonical(request)
            found.pop(request.name, None)
            found[request.name] = request
        return tuple(found.values())

    def _add(self, tag: str, kind: NodeKind, parent: Draft | None, branch: str) -> None:
        self._valid_name(tag)
        if tag in RESERVED_TAGS or tag.startswith("data_"):
            raise self._error(f"'{tag}' is the name of another asset.", "Choose another tag.")
        if tag in self._nodes:
            raise self._error(f"the tag '{tag}' is taken.", "Every checkpoint needs a tag of its own.")
        for other in self._nodes:
            if (
                other.casefold() == tag.casefold()
            ):  # one folder, where the file system takes no notice of case
                raise self._error(
                    f"the tags '{tag}' and '{other}' differ in case alone.", "Choose another tag."
                )
        if parent is not None:
            parent.sealed = True
        draft = Draft(
            tag=tag,
            kind=kind,
            parent=parent.tag if parent is not None else None,
            branch=branch,
            model=self._model,
            tasks=list(self._tasks),
            phases=self._pending,
            notes=self._remarks,
            line=_line_of_recipe(),
        )
        self._remarks = []
        self._nodes[tag] = self._current = draft
        self._pending = []

    def _tasks_changed(self) -> None:
        # Tasks attached right after a fork belong to the fork: its branch differs from its siblings from there on.
        current = self._current
        if current is not None and current.kind == "fork" and not current.sealed:
            current.tasks = list(self._tasks)

    def _no_results(self, operation: str, where: str) -> NoResultsYet:
        remedy = f"After `acc build {self._recipe}` they are {where}; a recipe cannot decide by them."
        return NoResultsYet(self._recipe, operation, remedy)

    def _valid_name(self, name: Any) -> None:
        if not is_name(name):
            raise self._error(f"{reprlib.repr(name)} is not a valid name.", NAME_RULE)

    def _require_model(self) -> None:
        if self._model is None:
            raise self._error("there is no model.", "Call create_model(...) first.")

    def _no_unsaved_training(self) -> None:
        if self._pending:
            raise self._error("the last train() was not saved.", "Call save_checkpoint(tag) after train().")

    def _error(self, problem: str, remedy: str) -> RecipeError:
        return RecipeError(problem, remedy=remedy)

    @contextmanager
    def _operation(self, operation: str) -> Iterator[None]:
        try:
            yield
        except RecipeError as error:
            raise RecipeError(
                error.problem,
                remedy=error.remedy,
                recipe=error.recipe or self._recipe,
                operation=error.operation or operation,
            ) from None
        except (AttributeError, OSError, TypeError, ValueError) as error:
            raise RecipeError(str(error), remedy="", recipe=self._recipe, operation=operation) from error


def _line_of_recipe() -> int | None:
    """The line of the recipe's own code that is being carried out; None where it is no Python."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_name != TRACING:
        if not frame.f_globals.get("__name__", "").startswith(f"{PACKAGE}.tree"):
            return frame.f_lineno
        frame = frame.f_back
    return None
