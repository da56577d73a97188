"""How a checkpoint is trained: one phase after another, each with its tasks and optimizer."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

Optimizer = Literal["adam", "adamw", "sgd"]
LRSchedule = Literal["constant", "cosine", "step"]
TaskSampling = Literal["sum", "one"]
Precision = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """Stop when a validation metric has not improved for `patience` validations, and restore the best."""

    task: str
    metric: str
    patience: int = 5
    mode: Literal["min", "max"] = "max"
    min_delta: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TrainPhase:
    """One call of `train`: steps, the tasks attached at that time, and how to optimize.

    `lr` is the model's learning rate; a task may bring one of its own for its head. `clip_norm` bounds the norm of
    the whole gradient (nats per image and unit of weight; None: no clipping). `snapshot_every`, `validate_every` and
    `log_every` count steps.
    """

    steps: int
    tasks: tuple[Any, ...]
    name: str = field(default="", metadata={"hashed": False})
    lr: float = 1e-3
    batch_size: int = 64
    optimizer: Optimizer = "adam"
    weight_decay: float = 0.0
    momentum: float = 0.9
    lr_schedule: LRSchedule = "constant"
    warmup_steps: int = 0
    lr_step_size: int = 1000
    lr_gamma: float = 0.5
    clip_norm: float | None = 100.0
    ema_decay: float | None = None
    early_stopping: EarlyStopping | None = None
    task_sampling: TaskSampling = "sum"
    precision: Precision = "float32"
    augment: Any = None
    snapshot_every: int | None = None
    validate_every: int | None = None
    log_every: int = 20

    def check(self) -> None:
        """Raise `ValueError` that names the first field whose value is not allowed."""
        positive = ("steps", "lr", "batch_size", "lr_step_size", "lr_gamma", "log_every")
        optional = ("clip_norm", "snapshot_every", "validate_every")
        for name in positive:
            _require(getattr(self, name) > 0, name, getattr(self, name), "a positive number")
        for name in optional:
            value = getattr(self, name)
            _require(value is None or value > 0, name, value, "None or a positive number")
        for name in ("weight_decay", "momentum", "warmup_steps"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "zero or more")
        for name, allowed in (
            ("optimizer", Optimizer),
            ("lr_schedule", LRSchedule),
            ("task_sampling", TaskSampling),
            ("precision", Precision),
        ):
            _require(
                getattr(self, name) in get_args(allowed),
                name,
                getattr(self, name),
                f"one of {get_args(allowed)}",
            )
        _require(
            self.ema_decay is None or 0 < self.ema_decay < 1,
            "ema_decay",
            self.ema_decay,
            "None or between 0 and 1",
        )
        stopping = self.early_stopping
        if stopping is not None:
            names = [task.name for task in self.tasks]
            _require(
                stopping.task in names,
                "early_stopping.task",
                stopping.task,
                f"one of the attached tasks {names}",
            )
            _require(
                self.validate_every is not None, "validate_every", None, "set, since early stopping reads it"
            )


PHASE_OPTIONS = tuple(f.name for f in fields(TrainPhase) if f.name not in ("steps", "tasks", "name"))


def _require(holds: bool, name: str, value: object, allowed: str) -> None:
    if not holds:
        raise ValueError(f"{name}={value!r} is not allowed; it must be {allowed}.")
