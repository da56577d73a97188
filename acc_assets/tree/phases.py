"""How a checkpoint is trained: one phase after another, each with its tasks and optimizer."""

from __future__ import annotations

from dataclasses import field, fields
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

from pydantic import Field, WithJsonSchema

from acc_assets.tree.config import MAX_STEPS, Amount, AnyNumberOf, PositiveNumber, Steps, config

Optimizer = Literal["adam", "adamw", "sgd"]
LRSchedule = Literal["constant", "cosine", "step"]
TaskSampling = Literal["sum", "one"]
Precision = Literal["float32", "bfloat16", "float16"]
StopMode = Literal["min", "max"]
MAX_BATCH = 10**6


@config
class EarlyStopping:
    """Stop when a validation metric has not improved for `patience` validations, and restore the best."""

    task: Annotated[str, Field(min_length=1, description="the name of a task")]
    metric: Annotated[str, Field(min_length=1, description="the name of a metric")]
    patience: Steps = 5
    mode: StopMode = "max"
    min_delta: Amount = 0.0


@runtime_checkable
class Augments(Protocol):
    """What distorts the images that the encoder sees."""

    def apply(self, images: Any, generator: Any) -> Any: ...


@config
class TrainPhase:
    """One call of `train`: steps, the tasks attached at that time, and how to optimize.

    `lr` is the model's learning rate; a task may bring one of its own for its head. `clip_norm` bounds the norm of
    the whole gradient (nats per image and unit of weight; None: no clipping). `snapshot_every`, `validate_every` and
    `log_every` count steps.
    """

    steps: Steps
    tasks: AnyNumberOf[Any]
    name: str = field(default="", metadata={"hashed": False})
    lr: PositiveNumber = 1e-3
    batch_size: Annotated[int, Field(ge=1, le=MAX_BATCH)] = 64
    optimizer: Optimizer = "adam"
    weight_decay: Amount = 0.0
    momentum: Amount = 0.9
    lr_schedule: LRSchedule = "constant"
    warmup_steps: Annotated[int, Field(ge=0, le=MAX_STEPS)] = 0
    lr_step_size: Steps = 1000
    lr_gamma: PositiveNumber = 0.5
    clip_norm: PositiveNumber | None = 100.0
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = None
    early_stopping: EarlyStopping | None = None
    task_sampling: TaskSampling = "sum"
    precision: Precision = "float32"
    augment: (
        Annotated[
            Augments, WithJsonSchema({"description": "an augmentation such as Augmentation(shift_px=2)"})
        ]
        | None
    ) = None
    snapshot_every: Steps | None = None
    validate_every: Steps | None = None
    log_every: Steps = 20

    def __post_init__(self) -> None:
        if isinstance(self.augment, type):
            raise ValueError(
                f"augment is the class {self.augment.__name__}; allowed is None or one of its instances, such as "
                "Augmentation(shift_px=2)"
            )
        attached = [task.name for task in self.tasks]
        for task in self.tasks:
            watched = getattr(task, "watch", None)
            if watched is not None and (watched not in attached or self.validate_every is None):
                raise ValueError(
                    f"task '{task.name}' watches the task '{watched}', and is trained beside {attached} with "
                    f"validate_every={self.validate_every}; allowed is a task beside it and a number of steps"
                )
        if self.early_stopping is None:
            return
        if self.early_stopping.task not in attached:
            raise ValueError(
                f"early_stopping.task is {self.early_stopping.task!r}; allowed is one of the attached tasks {attached}"
            )
        if self.validate_every is None:
            raise ValueError(
                "validate_every is None; allowed is a number of steps, since early stopping reads it"
            )


COUNTED = (
    "steps",
    "warmup_steps",
    "lr_step_size",
    "snapshot_every",
    "validate_every",
    "log_every",
)  # or `Epochs`
PHASE_OPTIONS = tuple(f.name for f in fields(TrainPhase) if f.name not in ("steps", "tasks", "name"))
