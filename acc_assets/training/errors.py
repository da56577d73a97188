"""How a build can end early, and what to do then."""

from __future__ import annotations

from collections.abc import Mapping


class TrainingError(RuntimeError):
    """A checkpoint cannot be built, loaded or continued."""


class CheckpointRefused(TrainingError):  # noqa: N818
    """A checkpoint file carries code, is unreadable, or belongs to another node."""


class TrainingCancelled(TrainingError):  # noqa: N818
    """Training was asked to stop: a resumable snapshot lies at `step`."""

    def __init__(self, step: int, where: str) -> None:
        self.step = step
        super().__init__(f"{where}: stopped at step {step}; the same command continues from there.")


class TrainingDiverged(TrainingError):  # noqa: N818
    """A loss or the weights stopped being finite, or the loss exploded."""

    def __init__(
        self, step: int, task: str, values: Mapping[str, float], where: str, why: str, kept: int | None
    ) -> None:
        self.step = step
        self.task = task
        self.values = dict(values)
        self.kept_step = kept
        listed = ", ".join(f"{name}={value:g}" for name, value in values.items())
        rest = "no snapshot was kept" if kept is None else f"the last good snapshot is of step {kept}"
        super().__init__(
            f"{where}: {why} at step {step} in task '{task}' ({listed}); {rest}. "
            "Lower the learning rate or the task's weight, or set clip_norm, then build again."
        )
