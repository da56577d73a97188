"""The curves of a training run, and the device-side window that feeds them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NOTHING: Mapping[str, Tensor | float] = MappingProxyType({})
_RESERVED = ("loss", "val")  # what the other series begin with
EXPLODED = 1e4  # a loss this many times its first value, or this many nats, will not come back


class LossWindow:
    """Losses of the steps since the last log, kept on the device and read back once.

    Row i holds step i of the window, column j task j; the last column is the weighted total. Tasks that a step
    did not draw are masked. Diagnostics come as they are told, a vector a step.
    """

    def __init__(self, tasks: Sequence[str], capacity: int, device: torch.device) -> None:
        self.tasks = list(tasks)
        self._values = torch.zeros(capacity, len(self.tasks) + 1, device=device)
        self._drawn: list[list[bool]] = []
        self._told: list[tuple[tuple[str, ...], Tensor]] = []  # by step that told any: names, values (n,)

    def __len__(self) -> int:
        return len(self._drawn)

    def push(
        self,
        losses: Mapping[str, Tensor],
        total: Tensor,
        diagnostics: Mapping[str, Tensor | float] = _NOTHING,
    ) -> None:
        """Record one step; nothing is read back from the device. diagnostics: scalars by `<task>/<name>`."""
        row = self._values[len(self._drawn)]
        drawn = [name in losses for name in self.tasks]
        columns = [losses[name].detach() for name in self.tasks if name in losses] + [total.detach()]
        if all(drawn):
            torch.stack(columns, out=row)
        else:
            chosen = [index for index, there in enumerate([*drawn, True]) if there]
            row[chosen] = torch.stack(columns)
        self._drawn.append(drawn)
        if diagnostics:
            like = self._values
            scalars = [
                value.detach().reshape(()).to(like) if isinstance(value, Tensor) else like.new_full((), value)
                for value in diagnostics.values()
            ]
            self._told.append((tuple(diagnostics), torch.stack(scalars)))

    def diagnostics(self) -> dict[str, float]:
        """The mean of each diagnostic over the steps that told a finite value; NaN where none did."""
        values: dict[str, list[float]] = {}
        for names, told in self._told:
            for name, value in zip(names, told.tolist(), strict=True):
                values.setdefault(name, []).append(value)
        return {name: _finite_mean(np.array(column)) for name, column in values.items()}

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
        self._told.clear()

    def state(self) -> dict[str, Any]:
        """What a snapshot in the middle of a window must hold."""
        return {
            "values": self._values[: len(self)].cpu().clone(),
            "drawn": [list(row) for row in self._drawn],
            "told": [[list(names), told] for names, told in self._told],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue a window from a snapshot."""
        self._drawn = [list(row) for row in state["drawn"]]
        self._told = [(tuple(names), told.to(self._values.device)) for names, told in state["told"]]
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
        row |= window.diagnostics()
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

    def diagnostics(self, task: str) -> dict[str, list[float]]:
        """The finite values of each diagnostic of one task, by its name, in the order of the steps."""
        found: dict[str, list[float]] = {}
        for row in self.train:
            for name, value in row.items():
                if is_diagnostic(name) and name.startswith(f"{task}/") and math.isfinite(value):
                    found.setdefault(name.removeprefix(f"{task}/"), []).append(value)
        return found

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


def named_diagnostics(task: str, diagnostics: Mapping[str, Tensor | float]) -> dict[str, Tensor | float]:
    """A task's diagnostics by `<task>/<name>`, and by `<task>/<name>[<i>]` those of a vector.

    Raises ValueError for what is neither a number nor a vector, and for what cannot have its name.
    """
    found: dict[str, Tensor | float] = {}
    for name, value in diagnostics.items():
        if not _NAME.fullmatch(name) or task in _RESERVED:
            raise ValueError(
                f"task '{task}' tells the diagnostic {name!r}: a name has letters, digits and '_', and the task itself "
                f"must not be called {' or '.join(_RESERVED)}, since the series is called <task>/<name>"
            )
        series = f"{task}/{name}"
        if isinstance(value, Tensor) and value.ndim == 1:
            found |= {f"{series}[{index}]": element for index, element in enumerate(value.unbind())}
        elif value.numel() == 1 if isinstance(value, Tensor) else isinstance(value, int | float):
            found[series] = value
        else:
            kind = (
                f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
            )
            raise ValueError(
                f"task '{task}' tells the diagnostic {name!r} as {kind}: give one number, a float or a tensor of one "
                "element, or a vector"
            )
    return found


def with_vectors(row: Mapping[str, float]) -> dict[str, float | list[float]]:
    """The diagnostics of a row with the elements of each vector together, in order, under its name."""
    told: dict[str, float | list[float]] = {}
    for series, value in row.items():
        if is_diagnostic(series):
            name, bracket, _ = series.partition("[")
            if bracket:
                told.setdefault(name, []).append(value)  # type: ignore[union-attr]
            else:
                told[name] = value
    return told


def is_diagnostic(series: str) -> bool:
    """Whether a series of the history is a task's diagnostic: `<task>/<name>` of a task, not `loss/<task>`."""
    owner, slash, _ = series.partition("/")
    return bool(slash) and owner not in _RESERVED


def _finite_mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else math.nan


def _columns(rows: Sequence[Mapping[str, float]], index: str, always: Sequence[str]) -> dict[str, np.ndarray]:
    names = list(dict.fromkeys([*always, *(name for row in rows for name in row if name != index)]))
    table = {index: np.array([row[index] for row in rows], np.int64)}
    return table | {name: np.array([row.get(name, math.nan) for row in rows], np.float64) for name in names}
