"""Carrying out one node: its start, its phases one after another, its snapshots and its end."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from acc_assets.datasets import ImageData
from acc_assets.training.checkpoint import CheckpointState, Identity, Weights, weights_of
from acc_assets.training.errors import TrainingCancelled, TrainingDiverged
from acc_assets.training.heads import build_heads, head_specs
from acc_assets.training.objective import group_tasks
from acc_assets.training.oracle import ask, with_answers
from acc_assets.training.phase import PhaseTrainer, trained_modules
from acc_assets.training.previews import Previewer
from acc_assets.training.randomness import derived_seed
from acc_assets.training.record import RunRecord
from acc_assets.training.snapshots import SnapshotWriter
from acc_assets.tree import TrainPhase, TreeNode

SNAPSHOTS = 10  # of a node whose phases do not say how often
RESUME_SECONDS = 60.0  # at least this often there is a snapshot to go on from


@dataclass
class Start:
    """Where a build begins: the model with its weights, and what the parent or a snapshot hands down."""

    model: nn.Module
    step: int
    heads: dict[str, Weights]
    head_specs: dict[str, str]
    positions: dict[str, int]
    resume: dict[str, Any] | None


class NodeBuild:
    """Builds one node from a `Start`; `step` counts along the lineage."""

    def __init__(
        self,
        node: TreeNode,
        identity: Identity,
        start: Start,
        first_step: int,
        datasets: Mapping[str, ImageData],
        device: torch.device,
        record: RunRecord,
        writer: SnapshotWriter,
        stop: Callable[[], bool],
        previewer: Previewer | None,
    ) -> None:
        self.step = start.step
        self.phase_facts: list[dict[str, Any]] = []
        self._node = node
        self._identity = identity
        self._model = start.model.to(device)
        self._heads, self._head_specs = start.heads, start.head_specs
        self._positions = start.positions
        self._resume = start.resume
        self._first_step = first_step
        self._datasets = datasets
        self._device = device
        self._record = record
        self._writer = writer
        self._stop = stop
        self._previewer = previewer
        self._limits: dict[str, float] = {}  # by task: a loss beyond it exploded
        self._last_snapshot = time.monotonic()

    def run(self) -> CheckpointState:
        """Build the node to its end and return the final checkpoint, which has been written.

        Raises:
            TrainingCancelled: asked to stop; a snapshot of the step was written.
            TrainingDiverged: the loss or the weights are broken; the last good snapshot is kept.
        """
        resume = self._resume
        if resume is None:
            torch.manual_seed(derived_seed(self._identity.seed, "start"))
        else:
            self.phase_facts = [dict(facts) for facts in resume["phase_facts"]]
            self._limits = dict(resume["limits"])
            self._restore_generators(resume["generators"])
        phases = self._node.phases
        trainer: PhaseTrainer | None = None
        for index in range(resume["phase"] if resume is not None else 0, len(phases)):
            trainer = self._run_phase(index, resume)
            resume = None
            if index + 1 < len(phases):
                self._save(None, phase=index + 1)
                if self._stop():
                    raise self._cancelled()
        return self._save(trainer, phase=len(phases), final=True)

    def _run_phase(self, index: int, resume: Mapping[str, Any] | None) -> PhaseTrainer:
        phase = self._node.phases[index]
        groups = group_tasks(self._model, phase.tasks, self._datasets, self._device)
        heads = self._build_heads(phase.tasks)
        seen = (phase.tasks, self._node.datasets, self._datasets, self._identity.seed)
        going_on = resume["trainer"] if resume is not None else None
        if going_on is None:
            ask(self._model, heads, *seen)
        trainer = PhaseTrainer(
            phase,
            self._model,
            heads,
            groups,
            with_answers(heads, *seen),
            seed=self._identity.seed,
            device=self._device,
            positions=self._positions,
        )
        if going_on is not None:
            trainer.restore(going_on)
            return self._finish_phase(trainer, index)
        self._limits = {}
        if self._writer.last is None:
            self._save(trainer, phase=0)  # the start, so that a viewer can show it
        return self._finish_phase(trainer, index)

    def _finish_phase(self, trainer: PhaseTrainer, index: int) -> PhaseTrainer:
        self._train(trainer, index)
        trainer.finish()
        self._keep_heads(trainer.heads, trainer.phase.tasks)
        return trainer

    def _train(self, trainer: PhaseTrainer, index: int) -> None:
        phase, early = trainer.phase, trainer.early_stop
        while trainer.step_in_phase < phase.steps:
            trainer.step(self.step)
            self.step += 1
            end = trainer.step_in_phase == phase.steps
            if end or len(trainer.window) == phase.log_every:
                self._log(trainer)
            if phase.validate_every and (end or trainer.step_in_phase % phase.validate_every == 0):
                self._validate(trainer)
                end = end or (early is not None and early.should_stop)
            if end:
                break
            kept = self._on_cadence(phase)
            stop = self._stop()
            if kept or stop or time.monotonic() - self._last_snapshot > RESUME_SECONDS:
                self._check(trainer)
                self._save(trainer, phase=index, kept=kept)
            if stop:
                raise self._cancelled()
        if len(trainer.window):
            self._log(trainer)
        self._check(trainer)
        facts: dict[str, Any] = {
            "name": phase.name,
            "steps": trainer.step_in_phase,
            "scales": trainer.scales,
            "stopped_early": False,
        }
        if early is not None:
            facts |= {
                "stopped_early": trainer.step_in_phase < phase.steps,
                "best_step": early.best_step,
                "best_value": early.best,
            }
        self.phase_facts.append(facts)

    def _log(self, trainer: PhaseTrainer) -> None:
        self._check_losses(trainer)
        row = self._record.history.add_window(self.step, trainer.window, trainer.lr)
        trainer.window.clear()
        self._record.logged(self.step, trainer.phase.name, row, trainer.images_per_step)

    def _validate(self, trainer: PhaseTrainer) -> None:
        metrics = trainer.validate()
        self._record.validated(self.step, metrics)
        if trainer.early_stop is not None:
            with trainer.averaged():
                trainer.early_stop.update(self.step, metrics, trained_modules(self._model, trainer.heads))
        trainer.after_validation(metrics)

    def _on_cadence(self, phase: TrainPhase) -> bool:
        every = phase.snapshot_every or max(1, math.ceil(self._node.steps / SNAPSHOTS))
        return (self.step - self._first_step) % every == 0

    def _check(self, trainer: PhaseTrainer) -> None:
        """Never save weights that are broken."""
        self._check_losses(trainer)
        if not trainer.weights_finite():
            raise self._diverged(self.step, "model weights", {}, "the weights are not finite")

    def _check_losses(self, trainer: PhaseTrainer) -> None:
        bad = trainer.window.first_bad(self._limits)
        if bad is not None:
            index, task, values = bad
            finite = all(math.isfinite(value) for value in values.values())
            why = "the loss exploded" if finite else "the loss is not finite"
            raise self._diverged(self.step - len(trainer.window) + index + 1, task, values, why)

    def _diverged(self, step: int, task: str, values: dict[str, float], why: str) -> TrainingDiverged:
        return TrainingDiverged(step, task, values, self._where, why, self._writer.last)

    def _cancelled(self) -> TrainingCancelled:
        return TrainingCancelled(self.step, self._where)

    @property
    def _where(self) -> str:
        return f"{self._identity.recipe}/{self._node.tag}, seed {self._identity.seed}"

    def _build_heads(self, tasks: tuple[Any, ...]) -> dict[str, nn.Module]:
        return build_heads(
            tasks,
            self._model,
            seed=self._identity.seed,
            weights=self._heads,
            specs=self._head_specs,
            device=self._device,
        )

    def _keep_heads(self, heads: Mapping[str, nn.Module], tasks: tuple[Any, ...]) -> None:
        self._heads = self._heads | {name: weights_of(head) for name, head in heads.items()}
        self._head_specs = self._head_specs | head_specs(tasks)

    def _save(
        self, trainer: PhaseTrainer | None, *, phase: int, kept: bool = True, final: bool = False
    ) -> CheckpointState:
        """Write a snapshot with its preview; `phase` is the one to go on with, `trainer` the one under way or ended."""
        resume: dict[str, Any] = {
            "kept": kept,
            "phase": phase,
            "trainer": None,
            "limits": self._limits,
            "history": self._record.history.state(),
            "phase_facts": self.phase_facts,
            "generators": self._generators(),
        }
        heads, specs = self._heads, self._head_specs
        if trainer is not None and final:
            resume["trainer"] = {"optimizer": trainer.optimizer.state_dict()}
        elif trainer is not None:
            resume["trainer"] = trainer.state()
        elif final and self._resume is not None:
            resume["trainer"] = self._resume["trainer"]
        with trainer.averaged() if trainer is not None and not final else contextlib.nullcontext():
            model = weights_of(self._model)
            preview = self._previewer.draw(self._model, stays=kept) if self._previewer is not None else None
            if trainer is not None:
                heads = heads | {name: weights_of(head) for name, head in trainer.heads.items()}
                specs = specs | head_specs(trainer.phase.tasks)
        if final:
            self._keep_heads(self._build_heads(self._node.tasks), self._node.tasks)
            specs = self._head_specs
            heads = {
                task.name: self._heads[task.name] for task in self._node.tasks if task.name in self._heads
            }
        state = CheckpointState(
            identity=self._identity,
            kind=self._node.kind,
            branch=self._node.branch,
            parent=self._node.parent,
            spec=self._node.spec,
            step=self.step,
            final=final,
            model=model,
            heads=heads,
            head_specs={name: specs.get(name, "") for name in heads},
            positions=dict(self._positions),
            resume=resume,
        )
        self._writer.write(state, preview)
        self._record.write_history(state.step)
        self._last_snapshot = time.monotonic()
        return state

    def _generators(self) -> dict[str, Any]:
        states: dict[str, Any] = {"cpu": torch.get_rng_state()}
        if self._device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self._device)
        return states

    def _restore_generators(self, states: Mapping[str, Any]) -> None:
        torch.set_rng_state(states["cpu"])
        if self._device.type == "cuda" and "cuda" in states:
            torch.cuda.set_rng_state(states["cuda"], self._device)
