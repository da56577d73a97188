"""Several seeds at once: side by side in processes, and stacked in one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.func import functional_call, grad, stack_module_state, vmap

from acc_assets.models import FullyConnectedAutoencoder
from benchmarks.orchestration import timed_build
from benchmarks.records import Record, record, spread
from benchmarks.workloads import SMALL_CONV, best_runtime, compare, images_config, on, source_words

STEPS = 1000  # enough that training outweighs the start of the processes
STACKED = 20


def parallel_seeds(rounds: int, threads: int) -> Iterator[Record]:
    """`acc build quickstart`, four seeds at once, against one after the other."""
    if (os.cpu_count() or 1) < 4:
        raise RuntimeError("needs 4 cores")
    gains, words = [], ""
    for _ in range(max(1, rounds - 2)):
        wall = {}
        for workers in (1, 4):
            with TemporaryDirectory() as folder:
                wall[workers], _ = timed_build("quickstart", workers, {"steps": STEPS}, Path(folder), threads)
        gains.append(wall[1] / wall[4])
        words = f"last: {wall[1]:.0f} s and {wall[4]:.0f} s"
    yield record(
        "parallel seeds",
        median(gains),
        "times",
        ">=",
        1.6,
        f"whole build of quickstart ({STEPS} steps, 2 seeds, 2 branches) one after the other / 4 at once, {threads} "
        f"thread each; {spread(gains)}; {words}",
    )


def stacked_seeds(rounds: int, threads: int) -> Iterator[Record]:
    """Twenty seeds in one vmapped step against as many steps one after another; the trainer does not use it."""
    device = best_runtime(threads).apply()
    data = images_config(28).load()
    for name, config in (("conv", SMALL_CONV), ("fully connected", FullyConnectedAutoencoder())):
        chosen = torch.arange(128 * STACKED) % len(data.train)
        pixels = torch.from_numpy(data.train.images)[chosen].to(device).float().div(255)
        batches = pixels.view(STACKED, 128, 1, 28, 28)
        sides = {"one by one": _one_by_one(config, batches), "stacked": _stacked(config, batches)}
        gains, times = compare(sides, "one by one", "stacked", rounds * 2, 5, device)
        yield record(
            f"stacked seeds, {name}, {device.type}",
            median(gains),
            "times",
            ">=",
            1.0,
            f"time of {STACKED} steps of {STACKED} seeds / of one torch.func.vmap step of all, batch 128 of "
            f"{source_words()}, {on(device)}; {spread(gains)}; "
            f"stacked {128 * STACKED / median(times['stacked']):.0f} images/s",
        )


def _loss(outputs: Any, images: torch.Tensor) -> torch.Tensor:
    from acc_assets.models import ModelOutput

    logits = outputs[ModelOutput.RECONSTRUCTION_LOGITS]
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, images, reduction="sum") / len(images)


def _one_by_one(config: Any, batches: torch.Tensor) -> Callable[[], None]:
    models = [config.build().to(batches.device) for _ in batches]
    optimizers = [torch.optim.Adam(model.parameters(), lr=1e-3, fused=True) for model in models]

    def step() -> None:
        for model, optimizer, images in zip(models, optimizers, batches, strict=True):
            loss = _loss(model(images), images)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    return step


def _stacked(config: Any, batches: torch.Tensor) -> Callable[[], None]:
    models = [config.build().to(batches.device) for _ in batches]
    parameters, buffers = stack_module_state(models)
    shell = config.build().to("meta").eval()  # the kernel that training prefers cannot be stacked
    leaves = list(parameters.values())
    optimizer = torch.optim.Adam(leaves, lr=1e-3, fused=True)

    def loss_of(weights: Any, state: Any, images: torch.Tensor) -> torch.Tensor:
        return _loss(functional_call(shell, (weights, state), (images,)), images)

    gradients = vmap(grad(loss_of))

    def step() -> None:
        found = gradients(parameters, buffers, batches)
        for name, leaf in parameters.items():
            leaf.grad = found[name]
        optimizer.step()

    return step
