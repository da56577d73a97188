"""Building one checkpoint: the entry that assets, the command line and tests share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from acc_assets.datasets import ImageData, load_dataset
from acc_assets.storage import DamagedArtifact, RunDirectory, StorageBusy
from acc_assets.tasks import NOT_TRAINED
from acc_assets.training.checkpoint import CheckpointState, Identity
from acc_assets.training.config_record import describe_run
from acc_assets.training.errors import TrainingCancelled, TrainingDiverged, TrainingError
from acc_assets.training.modules import build_model, grown, load_weights
from acc_assets.training.node_build import NodeBuild, Start
from acc_assets.training.previews import Previewer
from acc_assets.training.progress import NoProgress, ProgressSink
from acc_assets.training.record import RunRecord
from acc_assets.training.runtime import Runtime, flushes_denormals
from acc_assets.training.snapshots import FAMILY, SnapshotWriter, load_final, step_of
from acc_assets.training.stopping import stop_signals
from acc_assets.training.summary import summarize_tasks, worst_health
from acc_assets.tree import TreeNode


@dataclass(frozen=True)
class CheckpointResult:
    """What `build_checkpoint` did.

    `step` counts along the lineage. `digest` covers weights, heads and data positions: the data version.
    `resumed_from` is the step of the snapshot that it went on from; equal to `step` when the checkpoint was
    complete already and nothing was trained; None when it started from the parent.
    """

    step: int
    digest: str
    summary: dict[str, Any]
    resumed_from: int | None


def build_checkpoint(
    node: TreeNode,
    *,
    recipe: str,
    seed: int,
    run: RunDirectory,
    parent_run: RunDirectory | None = None,
    runtime: Runtime | None = None,
    progress: ProgressSink | None = None,
    should_stop: Callable[[], bool] | None = None,
    code_version: str = "",
    lock_timeout: float = 60.0,
) -> CheckpointResult:
    """Build the checkpoint of a node, root, fork or trained, and write its artifacts.

    A run that was interrupted goes on from its last whole snapshot and ends in the same bits as one that was
    not; a complete one is returned as it is. SIGINT, SIGTERM or `should_stop()` end it after the step under
    way, with a snapshot to go on from.

    Args:
        parent_run: where the parent's checkpoint lies; needed unless the node is a root.
        runtime: device and threads; default `Runtime()`.
        code_version: version of the code outside the spec; a snapshot of another version is not continued.
        lock_timeout: seconds to wait for another build of the same node and seed.

    Raises:
        TrainingCancelled: stopped as asked; carries the step.
        TrainingDiverged: a loss stopped being finite or exploded.
        TrainingError: the parent is missing, unfinished or does not fit.
        StorageBusy: another process builds the same node and seed.
        StorageError: files cannot be written; what was there is unchanged.
    """
    device = (runtime or Runtime()).apply()
    progress = progress or NoProgress()
    with (
        _turn(run, lock_timeout, progress),
        stop_signals(should_stop) as stop,
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
    ):
        parent = _parent_state(node, parent_run)
        needs_data = node.kind == "trained" or node.evaluated
        datasets = (
            {name: load_dataset(ref.config, seed) for name, ref in node.datasets.items()}
            if needs_data
            else {}
        )
        identity = Identity(
            recipe=recipe,
            node=node.tag,
            seed=seed,
            spec_hash=node.spec_hash,
            parent=parent.digest if parent is not None else None,
            code=code_version,
            data={name: data.digest for name, data in datasets.items()},
        )
        writer = SnapshotWriter(run)
        found, problems = _resumable(writer, run, identity)
        if found and _is_complete(run, found[0]):
            return CheckpointResult(
                found[0].step, found[0].digest, run.read_json("summary.json"), resumed_from=found[0].step
            )
        start = _start(node, seed, parent, found[0] if found else None)
        model = start.model.to(device)
        first_step = parent.step if parent is not None else 0
        record = RunRecord(run, progress, start=first_step, total=node.steps)
        config = describe_run(
            node,
            recipe=recipe,
            seed=seed,
            model=model,
            datasets=datasets,
            device=device,
            flushes_denormals=flushes_denormals(),
            code=identity.code,
        )
        if config["latent_dim"] is not None and getattr(model, "latent_dim", None) is None:
            model.latent_dim = config["latent_dim"]  # seen above; health counts nats by dimension
        if found:
            writer.adopt(found)
            resume = found[0].resume or {}
            record.resume(config, found[0].step, resume["history"], writer.told(found[0].step))
        else:
            record.begin(
                config, {"recipe": recipe, "node": node.tag, "seed": seed, "spec_hash": node.spec_hash}
            )
        for message in (
            *problems,
            *(f"{why}: what needs it is left out." for why in _reasons(config["lacks"])),
        ):
            record.message(message)
        previewer = _previewer(node, datasets, seed, device, writer)
        build = NodeBuild(
            node, identity, start, first_step, datasets, device, record, writer, stop, previewer
        )
        state, summary = _carry_out(build, record, writer, node, datasets, model)
        return CheckpointResult(state.step, state.digest, summary, found[0].step if found else None)


def _previewer(
    node: TreeNode,
    datasets: Mapping[str, ImageData],
    seed: int,
    device: torch.device,
    writer: SnapshotWriter,
) -> Previewer | None:
    """What draws the snapshots of a training; None where no data set is the one to look at."""
    if node.kind != "trained" or node.primary_dataset is None:
        return None
    aligned = (writer.kept_preview() or {}).get("coords")
    return Previewer(datasets[node.primary_dataset.name], seed=seed, device=device, aligned=aligned)


def _reasons(lacks: Mapping[str, str]) -> list[str]:
    """What a model lacks, each reason once."""
    return list(dict.fromkeys(lacks.values()))


@contextlib.contextmanager
def _turn(run: RunDirectory, timeout: float, progress: ProgressSink) -> Iterator[None]:
    """Hold the run directory for this build; a build that has to wait says for whom."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(run.lock(0))
        except StorageBusy as busy:
            progress.message(f"waiting up to {timeout:g} s: {str(busy).split(';')[0]}")
            held.enter_context(run.lock(timeout))
        yield


def _carry_out(
    build: NodeBuild,
    record: RunRecord,
    writer: SnapshotWriter,
    node: TreeNode,
    datasets: Mapping[str, ImageData],
    model: nn.Module,
) -> tuple[CheckpointState, dict[str, Any]]:
    """Build the node and record how it ended, also where a task fails to judge its losses; the end and its summary."""

    def facts() -> dict[str, Any]:
        return _facts(node, record, datasets, model, build.phase_facts)

    try:
        try:
            state = build.run()
            return state, record.completed(state.step, facts())
        except TrainingCancelled as error:
            record.cancelled(error.step, facts())
            raise
        except TrainingDiverged as error:
            told = {
                "step": error.step,
                "task": error.task,
                "values": error.values,
                "kept_step": error.kept_step,
            }
            record.failed(error.step, error, {**facts(), "health": "critical", "diverged": told})
            raise
    except (TrainingCancelled, TrainingDiverged):
        raise
    except Exception as error:
        record.failed(build.step, error, {})
        raise
    except BaseException:  # interrupted in the middle of a step: the last snapshot is where it goes on
        record.cancelled(writer.last or build.step, {})
        raise


def _facts(
    node: TreeNode,
    record: RunRecord,
    datasets: Mapping[str, ImageData],
    model: nn.Module,
    phases: list[dict[str, Any]],
) -> dict[str, Any]:
    if node.kind != "trained":
        return {"health": NOT_TRAINED}
    tasks = {task.name: task for phase in node.phases for task in phase.tasks}
    summaries = summarize_tasks(list(tasks.values()), record.history, datasets, model)
    return {"tasks": summaries, "health": worst_health(summaries), "phases": phases}


def _parent_state(node: TreeNode, parent_run: RunDirectory | None) -> CheckpointState | None:
    if node.parent is None:
        return None
    if parent_run is None:
        raise TrainingError(
            f"node '{node.tag}' starts from '{node.parent}'; pass parent_run, where that one lies."
        )
    return load_final(parent_run)


def _resumable(
    writer: SnapshotWriter, run: RunDirectory, identity: Identity
) -> tuple[list[CheckpointState], list[str]]:
    """Snapshots of this very build to go on from, newest first, and what was wrong with others."""
    found, problems = writer.find()
    found = [state for state in found if state.identity == identity]
    if found:
        newest = found[0].step
        damages = run.verify(FAMILY)
        lost = [d for d in damages if (step := step_of(d.file)) is not None and step < newest]
        if not lost:
            if found[0].final and damages:
                writer.mend(newest, damages)
            return found, problems
        problems += [str(damage) for damage in lost if str(damage) not in problems]
    return [], [f"{problem} The node is built again from its start." for problem in problems]


def _is_complete(run: RunDirectory, state: CheckpointState) -> bool:
    """Whether nothing is left to do: trained to the end, and everything that goes with it is whole."""
    if not state.final or not run.exists("summary.json") or not run.exists("config.json"):
        return False
    if state.kind == "trained" and run.verify("history"):
        return False
    try:
        run.read_json("config.json")
        summary = run.read_json("summary.json")
        return bool(summary["status"] == "completed" and summary["step"] == state.step)
    except (DamagedArtifact, LookupError, TypeError):
        return False


def _start(
    node: TreeNode, seed: int, parent: CheckpointState | None, resumed: CheckpointState | None
) -> Start:
    """The model with the weights to start from, and what else the parent or a snapshot hands down."""
    model = build_model(node.model, seed)
    source = resumed or (grown(parent, node) if parent is not None else None)
    if source is None:
        return Start(model, 0, {}, {}, {}, None)
    load_weights(model, source, node)
    return Start(
        model,
        source.step,
        dict(source.heads),
        dict(source.head_specs),
        dict(source.positions),
        resumed.resume if resumed is not None else None,
    )
