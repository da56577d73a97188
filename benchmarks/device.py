"""What the best device of a machine makes of the recipes' models: speed, seeds stacked in one step, exact resume."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

import torch
from torch._dynamo.exc import TorchDynamoException

from acc_assets.recipes import find_recipes
from acc_assets.storage import Store
from acc_assets.training import Runtime, TrainingCancelled, load_checkpoint
from acc_assets.tree import Tree, TreeNode
from acc_assets.tree.spec import canonical
from benchmarks.records import Record, figure, record, spread
from benchmarks.seeds import stacked_seeds
from benchmarks.workloads import (
    best_runtime,
    data_folder,
    finish,
    has_mnist,
    in_turns,
    on,
    phase_trainer,
    ratios,
    stepper,
    train,
)

PRECISIONS = ("float32", "bfloat16")
TURN_SECONDS = 0.25  # about as long takes a side before the next has its turn
TURNS = 4  # of each side in a round: where other work comes and goes, it meets all sides alike
MOST_CALLS = 200
RESUMED_STEPS = 20
Backend = str | Callable[..., Any]


class Trained(NamedTuple):
    """A node of a recipe that stands for all that train its model in its way."""

    tree: Tree
    node: TreeNode

    @property
    def name(self) -> str:
        """Recipe and node."""
        return f"{self.tree.name}/{self.node.tag}"


def device(rounds: int, threads: int, recipes: Collection[str] = ()) -> Iterator[Record]:
    """Every model of the recipes on the best device; on a CPU one of each kind, unless recipes are named."""
    if not has_mnist():
        raise RuntimeError(f"needs real MNIST in {data_folder()}; set ACC_DATA_DIR")
    trees = find_recipes({}).trees
    if unknown := sorted(set(recipes) - set(trees)):
        raise RuntimeError(f"there is no recipe {', '.join(unknown)}; there are {', '.join(trees)}")
    runtime = best_runtime(threads)
    place = runtime.apply()
    chosen = [tree for name, tree in trees.items() if not recipes or name in recipes]
    models = distinct_models(chosen, by_kind=place.type == "cpu" and not recipes)
    yield exact_resume(models, runtime)
    if not recipes:
        yield from stacked_seeds(rounds, threads)
    with contextlib.suppress(
        TorchDynamoException
    ):  # what a process compiles first costs more, and is no model's
        torch.compile(torch.nn.Linear(1, 1).to(place))(torch.zeros(1, 1, device=place))
    for one in models:
        try:
            yield throughput(one, runtime, rounds)
        except RuntimeError as error:  # as torch says that the device cannot, or has no memory for it
            yield record(
                f"step on {place.type}, {one.name}", 0.0, "images/s", ">=", 1.0, f"failed: {_cause(error)}"
            )


def distinct_models(trees: Sequence[Tree], *, by_kind: bool) -> list[Trained]:
    """The first trained node of each model of a recipe with its batch size and precision, or of each kind of model."""
    found: dict[str, Trained] = {}
    for tree in trees:
        for node in tree:
            if node.kind == "trained":
                facts = [
                    tree.name,
                    canonical(node.model),
                    node.phases[0].batch_size,
                    node.phases[0].precision,
                ]
                key = type(node.model).__name__ if by_kind else json.dumps(facts, sort_keys=True)
                found.setdefault(key, Trained(tree, node))
    return list(found.values())


def throughput(one: Trained, runtime: Runtime, rounds: int, backend: Backend = "inductor") -> Record:
    """Images a second of a node's own step, and how many times faster bfloat16 and torch.compile make it.

    The step is that of the trainer: batch, augmentation, forward, losses, backward, clipping, optimizer. What is
    compiled is the model's forward; the time it takes is measured without the caches of earlier processes.
    """
    place = runtime.apply()
    phase = one.node.phases[0]
    trainers = {name: phase_trainer(one.node, place, name) for name in PRECISIONS}
    sides = {name: stepper(trainer) for name, trainer in trainers.items()}
    compiling: dict[str, float] = {}
    failed = []
    torch.compiler.reset()  # else one kind of model after another would count as recompiling it
    with warnings.catch_warnings(), torch.compiler.config.patch(force_disable_caches=True):
        warnings.filterwarnings("ignore", "dynamo_pgo force disabled")  # as it should be
        for precision in PRECISIONS:
            trainer = phase_trainer(one.node, place, precision)
            trainer.model.compile(backend=backend)
            step = stepper(trainer)
            try:
                compiling[precision] = _seconds(step, place)
            except TorchDynamoException as error:
                failed.append(f"{precision} cannot be compiled: {_cause(error)}")
            else:
                sides[f"compiled {precision}"] = step
        _seconds(sides["float32"], place)
        calls = max(2, min(MOST_CALLS, int(TURN_SECONDS / _seconds(sides["float32"], place))))
        times = in_turns(sides, TURNS * rounds, calls, place)
    told = [
        f"{name}: {median(ratios(times, 'float32', name)):.2f} times as fast"
        for name in sides
        if name != "float32"
    ]
    for precision, seconds in compiling.items():
        won = median(times[precision]) * (1 - median(ratios(times, f"compiled {precision}", precision)))
        after = f"won back after {seconds / won:,.0f} steps" if won > 0 else "never won back"
        told.append(f"{precision} compiled in {seconds:.0f} s, {after}")
    images = trainers["float32"].images_per_step
    rates = [images / seconds for seconds in times["float32"]]
    return figure(
        f"step on {place.type}, {one.name}",
        median(rates),
        "images/s",
        f"{type(one.node.model).__name__} in float32, batch {phase.batch_size}, of {phase.steps:,} steps; "
        f"{'; '.join(told + failed)}; {spread(rates)}, {calls} steps each; "
        f"{on(place)}",
    )


def exact_resume(models: Sequence[Trained], runtime: Runtime) -> Record:
    """Whether a training that was stopped and goes on has every byte of one that was not, optimizer included.

    Models whose nodes start from a trained one are left out.
    """
    place = runtime.apply()
    begun = [
        one for one in models if all(node.kind != "trained" for node in one.tree.ancestors(one.node.tag))
    ]
    failed = []
    for one in begun:
        with TemporaryDirectory() as folder:
            try:
                whole = _trained(one, Path(folder) / "whole", runtime, RESUMED_STEPS)
                half = _trained(one, Path(folder) / "parts", runtime, RESUMED_STEPS // 2)
                parts = _trained(one, Path(folder) / "parts", runtime, RESUMED_STEPS - RESUMED_STEPS // 2)
            except (
                RuntimeError
            ) as error:  # as torch says that an operation is not deterministic on the device
                failed.append(f"{one.name} failed: {_cause(error)}")
            else:
                if parts != whole or half == whole:
                    failed.append(f"{one.name} differs")
    return record(
        f"exact resume on {place.type}",
        len(begun) - len(failed),
        "models",
        ">=",
        len(begun),
        f"through build_checkpoint the snapshot of step {RESUMED_STEPS} has the same bytes whether training was "
        f"stopped at step {RESUMED_STEPS // 2} or not; {len(models) - len(begun)} models that go on from a trained one "
        f"left out; {'; '.join(failed) or 'all the same'}; {on(place)}",
    )


def _trained(one: Trained, root: Path, runtime: Runtime, steps: int) -> bytes:
    """The snapshot of a training that is stopped after so many more steps."""
    asked = count(1)
    with contextlib.suppress(TrainingCancelled):
        train(one.tree, root, runtime, lambda: next(asked) >= steps, one.node.tag)
    return load_checkpoint(Store(root).run(one.tree.name, one.node.tag, 0)).to_bytes()


def _seconds(step: Callable[[], None], place: torch.device) -> float:
    finish(place)
    start = perf_counter()
    step()
    finish(place)
    return perf_counter() - start


def _cause(error: RuntimeError) -> str:
    """The first line of an error, for one of the compiler of what it wraps."""
    inner = getattr(error, "inner_exception", error)
    return str(inner).strip().partition("\n")[0] or type(inner).__name__
