"""The models, data and trees that the benchmarks train."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import nn

from acc_assets.assets.resources import device_setting
from acc_assets.datasets import Batch, Digits, Mnist, load_dataset
from acc_assets.models import ConvAutoencoder, FactorGroup, FactorSlotAutoencoder
from acc_assets.storage import Store
from acc_assets.tasks import ClassificationTask, KLDivergenceTask, ReconstructionTask, StepView
from acc_assets.training import Runtime, build_checkpoint
from acc_assets.training.heads import build_heads
from acc_assets.training.modules import build_model
from acc_assets.training.objective import group_tasks
from acc_assets.training.phase import PhaseTrainer
from acc_assets.tree import Recipe, RecipeContext, TrainPhase, Tree, TreeNode, trace

CPU = torch.device("cpu")
SLOTS = FactorSlotAutoencoder(
    image_size=32,
    factor_groups=(
        FactorGroup("digit", 0, 4),
        FactorGroup("thickness", 4, 7),
        FactorGroup("slant", 7, 10),
        FactorGroup("free", 10, 16),
    ),
)
SMALL_CONV = ConvAutoencoder(image_size=28, latent_dim=32)
SMALL_CONV_VAE = ConvAutoencoder(image_size=28, latent_dim=16, variational=True)


def data_folder() -> Path:
    """Where real MNIST lies."""
    return Path(os.environ.get("ACC_DATA_DIR", "storage/datasets"))


def has_mnist() -> bool:
    """Whether real MNIST is on this machine."""
    return (data_folder() / "MNIST" / "raw" / "train-images-idx3-ubyte").exists()


def images_config(size: int) -> Any:
    """MNIST, or scikit-learn's digits where it is not there; `source_words` says which."""
    return Mnist(image_size=size) if has_mnist() else Digits(image_size=size)


def source_words() -> str:
    """Which data `images_config` gives."""
    return "MNIST" if has_mnist() else "scikit-learn digits (no MNIST at ACC_DATA_DIR)"


class Workload(Recipe):
    """root -> trained, with the tasks named in `tasks`: "recon", "kl", "digit"."""

    name = "benchmark"

    def __init__(self, model: Any, tasks: tuple[str, ...], **phase: Any) -> None:
        self.model, self.tasks, self.phase = model, tasks, phase

    def run(self, ctx: RecipeContext) -> None:
        images = ctx.load_dataset("images", images_config(self.model.image_size))
        ctx.create_model(self.model)
        ctx.save_checkpoint("root")
        kinds = {"recon": ReconstructionTask, "kl": KLDivergenceTask, "digit": ClassificationTask}
        for task in self.tasks:
            ctx.attach_task(kinds[task](task, images))
        ctx.train(lr=1e-3, **self.phase)
        ctx.save_checkpoint("trained")


def workload(model: Any, tasks: tuple[str, ...], **phase: Any) -> Tree:
    """The traced tree of a workload."""
    return trace(Workload(model, tasks, **phase))


def best_runtime(threads: int) -> Runtime:
    """As `acc build` trains: on what `ACC_DEVICE` names, else on the best device of this machine."""
    return Runtime(device=device_setting(), threads=threads)


def on(device: torch.device) -> str:
    """A device in words: the name of a GPU, the threads of a CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"


def finish(device: torch.device) -> None:
    """Wait for what a device was given to do; the CPU has done it already."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def train(
    tree: Tree,
    root: Path,
    runtime: Runtime,
    should_stop: Callable[[], bool] | None = None,
    tag: str = "trained",
) -> None:
    """Build a node after its ancestors through the function that the assets call."""
    store = Store(root)
    for node in [*tree.ancestors(tag), tree[tag]]:
        build_checkpoint(
            node,
            recipe=tree.name,
            seed=0,
            run=store.run(tree.name, node.tag, 0),
            parent_run=store.run(tree.name, node.parent, 0) if node.parent else None,
            runtime=runtime,
            should_stop=should_stop if node.tag == tag else None,
        )


class Interleaved:
    """Pauses a training every `block` steps to run as many of something else, so that both meet the same machine.

    Pass it as `should_stop`, which training asks once a step. `ratio` is the other's time for a step divided by
    training's, that is training's speed in units of the other's.
    """

    def __init__(self, other: Callable[[], None], block: int) -> None:
        self._other, self._block = other, block
        self._steps = -1  # since the first call, which ends a step that is not timed
        self._began = 0.0
        self.steps = 0  # in whole blocks: only those are timed
        self.training_s = self.other_s = 0.0

    def __call__(self) -> bool:
        now = perf_counter()
        self._steps += 1
        if self._steps == 0:
            self._began = now
        elif self._steps % self._block == 0:
            self.training_s += now - self._began
            for _ in range(self._block):
                self._other()
            self._began = perf_counter()
            self.other_s += self._began - now
            self.steps += self._block
        return False

    @property
    def ratio(self) -> float:
        """Other's seconds a step over training's."""
        return self.other_s / self.training_s


def bare_step(tree: Tree) -> Callable[[], None]:
    """Forward, losses, backward and optimizer step on one batch in memory; nothing else."""
    node = tree["trained"]
    trainer = phase_trainer(node)
    source = next(iter(trainer._sources.values()))
    batch = source.next(0)
    model, heads, tasks = trainer.model, trainer.heads, node.tasks
    parameters = [p for group in trainer.optimizer.param_groups for p in group["params"]]
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)

    def step() -> None:
        outputs = model(batch.inputs)
        total = sum_losses(tasks, outputs, batch, heads, model)
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        optimizer.step()

    return step


def sum_losses(tasks: Any, outputs: Any, batch: Batch, heads: Any, model: nn.Module) -> torch.Tensor:
    """The weighted sum that is differentiated."""
    total = torch.zeros(())
    for task in tasks:
        view = StepView(outputs, batch, heads.get(task.name), model, 0)
        total = total + task.weight_at(0) * task.loss(view)
    return total


def phase_trainer(node: TreeNode, device: torch.device = CPU, precision: str | None = None) -> PhaseTrainer:
    """The trainer of a node's first phase, in that precision or its own, without files or a parent's weights."""
    phase: TrainPhase = node.phases[0]
    if precision is not None:
        phase = replace(phase, precision=precision)
    datasets = {task.dataset.name: load_dataset(task.dataset.config, 0) for task in phase.tasks}
    model = build_model(node.model, 0).to(device)
    heads = build_heads(phase.tasks, model, seed=0, weights={}, specs={}, device=device)
    groups = group_tasks(model, phase.tasks, datasets, device)
    return PhaseTrainer(phase, model, heads, groups, datasets, seed=0, device=device, positions={})


def stepper(trainer: PhaseTrainer) -> Callable[[], None]:
    """One step of a trainer after another, without logs."""

    def step() -> None:
        if len(trainer.window) == trainer.phase.log_every:
            trainer.window.clear()
        trainer.step(trainer.step_in_phase)

    return step


def compare(
    sides: dict[str, Callable[[], None]],
    this: str,
    that: str,
    rounds: int,
    calls: int,
    device: torch.device = CPU,
) -> tuple[list[float], dict[str, list[float]]]:
    """Time of `this` side over that of `that` side, by round, and what `in_turns` gives."""
    times = in_turns(sides, rounds, calls, device)
    return ratios(times, this, that), times


def ratios(times: dict[str, list[float]], this: str, that: str) -> list[float]:
    """Time of `this` side over that of `that` side, by round."""
    return [one / other for one, other in zip(times[this], times[that], strict=True)]


def in_turns(
    sides: dict[str, Callable[[], None]], rounds: int, calls: int, device: torch.device = CPU
) -> dict[str, list[float]]:
    """Each side's seconds a call, by round, until the device has done it; the sides take turns, after a warm-up."""
    for side in sides.values():
        for _ in range(max(3, calls // 10)):
            side()
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            finish(device)
            start = perf_counter()
            for _ in range(calls):
                side()
            finish(device)
            times[name].append((perf_counter() - start) / calls)
    return times
