"""The training loop: against the bare step, with more tasks, with augmentation, and against a plain DataLoader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch

from acc_assets.datasets import Batch
from acc_assets.recipes.grounding import AUGMENTATION
from acc_assets.training import Runtime
from benchmarks.records import Record, record, spread
from benchmarks.workloads import (
    SLOTS,
    SMALL_CONV,
    Interleaved,
    bare_step,
    compare,
    data_folder,
    has_mnist,
    phase_trainer,
    source_words,
    stepper,
    sum_losses,
    train,
    workload,
)

PLAIN_THREADS = torch.get_num_threads()  # what a script gets that sets no number


def loop_efficiency(rounds: int, threads: int) -> Iterator[Record]:
    """Full loop, with logs, snapshots, signals and clipping, against the bare step on one batch in memory."""
    cases = (
        ("loop efficiency, factor-slot VAE", SLOTS, ("recon", "kl", "digit"), 64, 1000),
        ("loop efficiency, small conv autoencoder", SMALL_CONV, ("recon",), 128, 3000),
    )
    for name, model, tasks, batch_size, steps in cases:
        # The recipes save every tenth of 5,000 steps.
        tree = workload(model, tasks, steps=steps + 2, batch_size=batch_size, snapshot_every=500)
        ratios, rates = [], []
        bare = bare_step(tree)
        for _ in range(20):
            bare()
        for _ in range(rounds):
            turns = Interleaved(bare, block=20)
            with TemporaryDirectory() as folder:
                train(tree, Path(folder), Runtime(device="cpu", threads=threads), turns)
            ratios.append(turns.ratio)
            rates.append(turns.steps * batch_size / turns.training_s)
        yield record(
            name,
            median(ratios),
            "ratio",
            ">=",
            0.95,
            f"bare step time / loop step time in blocks of 20 steps in turn; build_checkpoint on {source_words()}, "
            f"batch {batch_size}, {steps} steps, log every 20, snapshot every 500, {threads} threads; "
            f"{spread(ratios)}; loop {median(rates):.0f} images/s",
        )


def many_tasks(rounds: int, threads: int) -> Iterator[Record]:
    """A step with three tasks against one with reconstruction alone."""
    torch.set_num_threads(threads)
    sides = {}
    for name, tasks in (("one", ("recon",)), ("three", ("recon", "kl", "digit"))):
        trainer = phase_trainer(workload(SLOTS, tasks, steps=10**6)["trained"])
        sides[name] = stepper(trainer)
    ratios, _ = compare(sides, "three", "one", rounds * 4, 10)
    yield record(
        "one forward for many tasks",
        median(ratios),
        "ratio",
        "<=",
        1.15,
        f"step with reconstruction, KL and digit classification / step with reconstruction, factor-slot VAE, batch 64, "
        f"{threads} threads; {spread(ratios)}",
    )


def augmentation(rounds: int, threads: int) -> Iterator[Record]:
    """The whole augmentation pipeline against a training step without it."""
    torch.set_num_threads(threads)
    trainer = phase_trainer(workload(SMALL_CONV, ("recon",), steps=10**6, batch_size=128)["trained"])
    images = next(iter(trainer._sources.values())).next(0).images
    generator = torch.Generator().manual_seed(0)
    sides = {"step": stepper(trainer), "augment": lambda: _distort(images, generator)}
    ratios, times = compare(sides, "augment", "step", rounds * 4, 20)
    yield record(
        "augmentation",
        median(ratios),
        "ratio",
        "<=",
        0.25,
        f"affine, intensity, noise and masking of a batch of 128 / training step of the small conv autoencoder, "
        f"{threads} threads; {spread(ratios)}; {1e6 * median(times['augment']) / 128:.1f} us an image",
    )


def against_the_plain_way(rounds: int, threads: int) -> Iterator[Record]:
    """Our loop against a DataLoader over torchvision's MNIST with ToTensor.

    The record is with as many threads as PyTorch takes when nobody says a number, as a plain script runs;
    `how` gives the ratio at `threads` too.
    """
    if not has_mnist():
        raise RuntimeError(f"needs real MNIST in {data_folder()}; set ACC_DATA_DIR")
    steps = 500
    tree = workload(SMALL_CONV, ("recon",), steps=steps + 2, batch_size=128, snapshot_every=500)
    plain = _plain_step(tree)
    ratios: dict[int, list[float]] = {}
    for count in dict.fromkeys((PLAIN_THREADS, threads)):
        for _ in range(rounds):
            turns = Interleaved(plain, block=50)
            with TemporaryDirectory() as folder:
                train(tree, Path(folder), Runtime(device="cpu", threads=count), turns)
            ratios.setdefault(count, []).append(turns.ratio)
    measured = "; ".join(f"{count} threads: {spread(values)}" for count, values in ratios.items())
    yield record(
        "against a plain DataLoader",
        median(ratios[PLAIN_THREADS]),
        "ratio",
        ">=",
        1.7,
        f"images/s of build_checkpoint / of torchvision MNIST + ToTensor in DataLoader(batch 128, shuffle, workers "
        f"0), same model, loss and fused Adam, in turn; {measured}",
    )


def _distort(images: torch.Tensor, generator: torch.Generator) -> None:
    AUGMENTATION.apply(images, generator)


def _plain_step(tree: Any) -> Any:
    from torch.utils.data import DataLoader

    from acc_assets.datasets.torchvision_compat import torchvision_datasets

    datasets = torchvision_datasets()
    from torchvision.transforms import ToTensor

    mnist = datasets.MNIST(str(data_folder()), train=True, transform=ToTensor())
    loader: Any = DataLoader(mnist, batch_size=128, shuffle=True, drop_last=True)
    node = tree["trained"]
    torch.manual_seed(0)
    model = node.model.build()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def endless() -> Iterator[Any]:
        while True:
            yield from loader

    batches = endless()

    def step() -> None:
        images, labels = next(batches)
        batch = Batch(images=images, inputs=images, targets=labels)
        total = sum_losses(node.tasks, model(images), batch, {}, model)
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        optimizer.step()

    return step
