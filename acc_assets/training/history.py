"""The curves of a training run, and the device-side window that feeds them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

EXPLODED = 1e4  # a loss this many times its first value, or this many nats, will not come back


class LossWindow:
    """Losses of the steps since the last log, kept on the device and read back once.

    Row i holds step i of the window, column j task j; the last column is the weighted total. Tasks that a step
    did not draw are masked.
    """

    def __init__(self, tasks: Sequence[str], capacity: int, device: torch.device) -> None:
        self.tasks = list(tasks)
        self._values = torch.zeros(capacity, len(self.tasks) + 1, device=device)
        self._drawn: list[list[bool]] = []

    def __len__(self) -> int:
        return len(self._drawn)

    def push(self, losses: Mapping[str, Tensor], total: Tensor) -> None:
        """Record one step; nothing is read back from the device."""
        row = self._values[len(self._drawn)]
        drawn = [name in losses for name in self.tasks]
        columns = [losses[name].detach() for name in self.tasks if name in losses] + [total.detach()]
        if all(drawn):
            torch.stack(columns, out=row)
        else:
            chosen = [index for index, there in enumerate([*drawn, True]) if there]
            row[chosen] = torch.stack(columns)
        self._drawn.append(drawn)

    def read(self) -> np.ndarray:
        """float64 (steps, tasks + 1); NaN where a task was not drawn, see `first_bad` for real NaNs."""
        values = self._values[: len(self)].cpu().double().numpy()
        mask = np.array([[*drawn, True] for drawn in self._drawn], bool).reshape(values.shape)
        return np.where(mask, values, np.nan)

    def first_bad(self, limits: dict[str, float]) -> tuple[int, str, dict[str, float]] | None:
        """The first step of the window with a loss that is not finite or beyond its task's limit in size.

        Returns its index in the window, the task and the step's losses by name; None when all is well.
        `limits` is filled as tasks appear: EXPLODED times a task's first loss, or times 1 when that is less.
        """
        values = self._values[: len(self)].cpu().double().numpy()
        for index, drawn in enumerate(self._drawn):
            row = dict(zip([*self.tasks, "total"], map(float, values[index]), strict=True))
            losses = {name: row[name] for name, there in zip(self.tasks, drawn, strict=True) if there}
            for name, value in [*losses.items(), ("total", row["total"])]:
                if not math.isfinite(value) or abs(value) > limits.get(name, math.inf):
                    return index, name, {**losses, "total": row["total"]}
                if name != "total":
                    limits.setdefault(name, EXPLODED * max(1.0, abs(value)))
        return None

    def clear(self) -> None:
        """Start the next window."""
        self._drawn.clear()

    def state(self) -> dict[str, Any]:
        """What a snapshot in the middle of a window must hold."""
        return {
            "values": self._values[: len(self)].cpu().clone(),
            "drawn": [list(row) for row in self._drawn],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue a window from a snapshot."""
        self._drawn = [list(row) for row in state["drawn"]]
        self._values[: len(self)].copy_(state["values"])


class History:
    """Rows of named numbers, one table for training and one for validation; steps count along the lineage."""

    def __init__(self) -> None:
        self.train: list[dict[str, float]] = []
        self.validation: list[dict[str, float]] = []

    def add_window(self, step: int, window: LossWindow, lr: float) -> dict[str, float]:
        """Add the means over a window that ends at `step`; a task that was never drawn in it is NaN."""
        values = window.read()
        counts = np.isfinite(values).sum(0)
        means = np.where(counts > 0, np.nansum(values, axis=0) / np.maximum(counts, 1), np.nan)
        row = {"step": float(step), "total": float(means[-1]), "lr": lr}
        row |= {f"loss/{name}": float(mean) for name, mean in zip(window.tasks, means, strict=False)}
        self.train.append(row)
        return row

    def add_validation(self, step: int, metrics: Mapping[str, Mapping[str, float]]) -> None:
        """Add the metrics of a pass over the validation split."""
        row = {"val_step": float(step)}
        for task, values in metrics.items():
            row |= {f"val/{task}/{metric}": float(value) for metric, value in values.items()}
        self.validation.append(row)

    def curve(self, task: str) -> list[tuple[int, float]]:
        """(step, loss) of one task, where it was trained."""
        column = f"loss/{task}"
        rows = [row for row in self.train if math.isfinite(row.get(column, math.nan))]
        return [(int(row["step"]), row[column]) for row in rows]

    def arrays(self) -> dict[str, np.ndarray]:
        """Columns for `history.npz`: step and val_step int64, everything else float64, NaN where absent."""
        return _columns(self.train, "step", ("total", "lr")) | _columns(self.validation, "val_step", ())

    def state(self) -> dict[str, Any]:
        """What a snapshot must hold."""
        return {
            "train": [dict(row) for row in self.train],
            "validation": [dict(row) for row in self.validation],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a snapshot."""
        self.train = [dict(row) for row in state["train"]]
        self.validation = [dict(row) for row in state["validation"]]


def _columns(rows: Sequence[Mapping[str, float]], index: str, always: Sequence[str]) -> dict[str, np.ndarray]:
    names = list(dict.fromkeys([*always, *(name for row in rows for name in row if name != index)]))
    table = {index: np.array([row[index] for row in rows], np.int64)}
    return table | {name: np.array([row.get(name, math.nan) for row in rows], np.float64) for name in names}
