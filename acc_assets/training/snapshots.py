"""The checkpoints of one run directory: written on a cadence, verified when read, small on disk."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from acc_assets.families import previews
from acc_assets.storage import Damage, DamagedArtifact, MissingArtifact, RunDirectory, StorageError
from acc_assets.training.checkpoint import CheckpointState, parse_checkpoint
from acc_assets.training.errors import CheckpointRefused, TrainingError

FAMILY = "checkpoints"
SCHEMA = 1
LATEST = "latest.pt"
COMPLETE = 2  # newest snapshots that keep what training needs to go on; older ones keep the weights alone
_STEP = re.compile(r"step_(\d{8})\.pt")


def file_name(step: int) -> str:
    """Name of the snapshot of a step, counted along the lineage."""
    return f"step_{step:08d}.pt"


def checkpoint_steps(run: RunDirectory) -> list[int]:
    """Steps of all snapshots of a run in order, the start and the last included; empty when there are none."""
    if not run.has_family(FAMILY):
        return []
    steps = (step_of(record.name) for record in run.manifest(FAMILY).files)
    return sorted(step for step in steps if step is not None)


def step_of(file: str) -> int | None:
    """The step in a snapshot's path, None for another file."""
    match = _STEP.fullmatch(file.rsplit("/", 1)[-1])
    return int(match[1]) if match else None


def load_checkpoint(run: RunDirectory, step: int | None = None) -> CheckpointState:
    """One snapshot, without running code from it; the newest without a `step`.

    Raises:
        MissingArtifact: there is none (of that step).
        DamagedArtifact: the file differs from its manifest.
        CheckpointRefused: the file carries code, is no checkpoint, or is that of another node, seed or step.
    """
    steps = checkpoint_steps(run)
    if not steps:
        raise MissingArtifact(f"{run.path} has no checkpoint. {run.remedy}")
    if step is not None and step not in steps:
        raise MissingArtifact(f"{run.path} has no snapshot of step {step}; there are {steps}. {run.remedy}")
    step = steps[-1] if step is None else step
    rel = f"{FAMILY}/{file_name(step)}"
    state = parse_checkpoint(run.read_bytes(rel), run.shown(rel))
    found = (state.identity.recipe, state.identity.node, state.identity.seed, state.step)
    if found != (run.recipe, run.node, run.seed, step):
        raise CheckpointRefused(
            f"{run.shown(rel)} is refused: it is the checkpoint of {found[0]}/{found[1]}, seed {found[2]}, "
            f"step {found[3]}. {run.remedy}"
        )
    return state


def load_final(run: RunDirectory) -> CheckpointState:
    """The checkpoint at the end of training; raises `TrainingError` when training has not come to its end."""
    state = load_checkpoint(run)
    if not state.final:
        raise TrainingError(f"{run.path} was trained only to step {state.step}, not to its end. {run.remedy}")
    return state


class SnapshotWriter:
    """Writes the snapshots of one build with their previews, each whole or not at all."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._complete: list[CheckpointState] = []
        self._fresh = True
        self.last: int | None = None

    def find(self) -> tuple[list[CheckpointState], list[str]]:
        """Snapshots that training can go on from, newest first, and what was wrong with those it cannot read."""
        good, problems = [], []
        try:
            steps = checkpoint_steps(self._run)
        except DamagedArtifact as error:
            return [], [str(error)]
        for step in reversed(steps):
            try:
                state = load_checkpoint(self._run, step)
            except (DamagedArtifact, MissingArtifact, CheckpointRefused) as error:
                problems.append(str(error))
                continue
            if state.resume is None:
                break  # older ones were thinned too
            good.append(state)
        return good, problems

    def adopt(self, good: list[CheckpointState]) -> None:
        """Go on from snapshots that `find` returned, newest first; later files are dropped by the next write."""
        self._complete = list(reversed(good))
        self._fresh = False
        self.last = good[0].step

    def mend(self, step: int, damages: Sequence[Damage]) -> None:
        """Write `latest.pt` again as a mirror of a snapshot that is whole, and leave out previews that are not."""
        with self._run.family(FAMILY, SCHEMA, keep=True) as out:
            out.latest(file_name(step), LATEST)
            previews.drop(out, [damage.file.rsplit("/", 1)[-1] for damage in damages])

    def kept_preview(self) -> dict[str, np.ndarray] | None:
        """The newest preview of a snapshot that stays; None where there is none."""
        passing = {state.step for state in self._complete if state.resume and not state.resume["kept"]}
        if self.last is None:
            return None
        for step in reversed(checkpoint_steps(self._run)):
            if step <= self.last and step not in passing:
                with contextlib.suppress(StorageError):  # an older one will do
                    return previews.read(self._run, step)
        return None

    def told(self, step: int) -> dict[str, Any]:
        """What the event of a snapshot that was written says of it."""
        preview = self._run.manifest(FAMILY).record(previews.SERIES.name(step)) is not None
        return _told(step, preview)

    def write(self, state: CheckpointState, preview: Mapping[str, np.ndarray] | None = None) -> None:
        """Write one snapshot and its mirror `latest.pt`; thin or drop those that have had their time."""
        name = file_name(state.step)
        with self._run.family(
            FAMILY, SCHEMA, keep=not self._fresh, told=_told(state.step, preview is not None)
        ) as out:
            out.bytes(name, state.to_bytes())
            out.latest(name, LATEST)
            gone = [old for old in out.names if (previews.step_of(old) or 0) > state.step]
            for old in out.names:
                if (step_of(old) or 0) > state.step:
                    out.drop(old)
            others = [other for other in self._complete if other.step != state.step]
            keep = 0 if state.final else COMPLETE - 1
            retired = others[: len(others) - keep] if keep else others
            for old_state in retired:
                out.drop(file_name(old_state.step))
                if old_state.resume is not None and old_state.resume["kept"]:
                    out.bytes(file_name(old_state.step), old_state.without_resume().to_bytes())
                else:
                    gone.append(previews.SERIES.name(old_state.step))
            previews.drop(out, gone)
            if preview is not None:
                previews.stage(out, state.step, preview)
        self._complete = [other for other in others if other not in retired] + [state]
        self._fresh = False
        self.last = state.step


def _told(step: int, preview: bool) -> dict[str, Any]:
    drawn = {previews.TOLD: previews.SERIES.path(step)} if preview else {}
    return {"step": step, "file": f"{FAMILY}/{file_name(step)}", **drawn}
