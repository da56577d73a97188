"""How a checkpoint is trained: one phase after another, each with its tasks and optimizer."""

from __future__ import annotations

import math
import reprlib
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

Optimizer = Literal["adam", "adamw", "sgd"]
LRSchedule = Literal["constant", "cosine", "step"]
TaskSampling = Literal["sum", "one"]
Precision = Literal["float32", "bfloat16", "float16"]
StopMode = Literal["min", "max"]
MAX_STEPS = (
    10**9
)  # of one phase; at a thousand steps a second that is twelve days, so more is a slip of the hand
MAX_BATCH = 10**6


@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """Stop when a validation metric has not improved for `patience` validations, and restore the best."""

    task: str
    metric: str
    patience: int = 5
    mode: StopMode = "max"
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        for name in ("task", "metric"):
            _require(bool(getattr(self, name)) and isinstance(getattr(self, name), str), self, name, "a name")
        _require(is_whole(self.patience, 1, MAX_STEPS), self, "patience", "a whole number from 1")
        _require(self.mode in get_args(StopMode), self, "mode", f"one of {get_args(StopMode)}")
        _require(
            is_number(self.min_delta) and self.min_delta >= 0, self, "min_delta", "a finite number from 0"
        )


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
        for name, least, most in (
            ("steps", 1, MAX_STEPS),
            ("batch_size", 1, MAX_BATCH),
            ("warmup_steps", 0, MAX_STEPS),
            ("lr_step_size", 1, MAX_STEPS),
            ("log_every", 1, MAX_STEPS),
            ("snapshot_every", 1, MAX_STEPS),
            ("validate_every", 1, MAX_STEPS),
        ):
            value, optional = getattr(self, name), name in ("snapshot_every", "validate_every")
            allowed = f"{'None or ' if optional else ''}a whole number from {least} to {most:,}"
            _require((optional and value is None) or is_whole(value, least, most), self, name, allowed)
        for name in ("lr", "lr_gamma", "clip_norm"):
            value, optional = getattr(self, name), name == "clip_norm"
            allowed = f"{'None or ' if optional else ''}a finite number above 0"
            _require((optional and value is None) or (is_number(value) and value > 0), self, name, allowed)
        for name in ("weight_decay", "momentum"):
            value = getattr(self, name)
            _require(is_number(value) and value >= 0, self, name, "a finite number from 0")
        for name, names in (
            ("optimizer", Optimizer),
            ("lr_schedule", LRSchedule),
            ("task_sampling", TaskSampling),
            ("precision", Precision),
        ):
            _require(getattr(self, name) in get_args(names), self, name, f"one of {get_args(names)}")
        decay = self.ema_decay
        _require(
            decay is None or (is_number(decay) and 0 < decay < 1),
            self,
            "ema_decay",
            "None or between 0 and 1",
        )
        _require(
            self.augment is None or (hasattr(self.augment, "apply") and not isinstance(self.augment, type)),
            self,
            "augment",
            "None or an augmentation such as Augmentation(shift_px=2)",
        )
        stopping = self.early_stopping
        _require(
            stopping is None or isinstance(stopping, EarlyStopping),
            self,
            "early_stopping",
            "None or EarlyStopping(task=..., metric=...)",
        )
        if stopping is not None:
            attached = [task.name for task in self.tasks]
            if stopping.task not in attached:
                raise ValueError(
                    f"early_stopping.task={stopping.task!r} is not allowed; it must be one of the attached tasks "
                    f"{attached}."
                )
            _require(
                self.validate_every is not None, self, "validate_every", "set, since early stopping reads it"
            )


PHASE_OPTIONS = tuple(f.name for f in fields(TrainPhase) if f.name not in ("steps", "tasks", "name"))


def is_whole(value: object, least: int, most: int) -> bool:
    """Whether a value is an int within the bounds, both included; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_number(value: object) -> bool:
    """Whether a value is a finite int or float."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _require(holds: bool, owner: object, name: str, allowed: str) -> None:
    if not holds:
        shown = reprlib.repr(getattr(owner, name))
        raise ValueError(f"{name}={shown} is not allowed; it must be {allowed}.")
