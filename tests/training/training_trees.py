"""Small real trees for the trainer's tests, and child processes that build them and die when told to."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from acc_assets.datasets import Digits, Thickness
from acc_assets.models import ConvAutoencoder, FactorGroup
from acc_assets.storage import Store
from acc_assets.tasks import ClassificationTask, KLDivergenceTask, ReconstructionTask, RegressionTask
from acc_assets.training import CheckpointResult, Runtime, build_checkpoint
from acc_assets.training.runtime import Device
from acc_assets.tree import Recipe, RecipeContext, Tree, trace

MODEL = ConvAutoencoder(
    image_size=16,
    channels=(4, 8),
    latent_dim=6,
    variational=True,
    factor_groups=(FactorGroup("digit", 0, 3), FactorGroup("style", 3, 6)),
)
OPTIONS: dict[str, Any] = {"lr": 2e-3, "batch_size": 32, "log_every": 4, "snapshot_every": 10}


class Small(Recipe):
    """root -> left -> left_done and root -> right -> right_done; `right` also learns stroke width."""

    name = "small"

    def __init__(
        self, *phases: dict[str, Any], model: Any = MODEL, weight: float = 1.0, kl: Any = 1.0
    ) -> None:
        self.phases = phases or ({"steps": 24},)
        self.model = model
        self.weight = weight
        self.kl = kl

    def run(self, ctx: RecipeContext) -> None:
        digits = ctx.load_dataset("digits", Digits(image_size=16))
        strokes = ctx.load_dataset("strokes", Thickness(n=200, image_size=16))
        ctx.create_model(self.model)
        root = ctx.save_checkpoint("root")
        for branch in ("left", "right"):
            ctx.fork(root, branch)
            ctx.attach_task(ReconstructionTask("recon", digits))
            ctx.attach_task(KLDivergenceTask("kl", digits, weight=self.kl))
            ctx.attach_task(ClassificationTask("digit", digits, latent_slice=(0, 3), weight=5.0))
            if branch == "right":
                task = RegressionTask("width", strokes, latent_slice=(3, 6), weight=self.weight)
                ctx.attach_task(task)
            for phase in self.phases:
                ctx.train(**{**OPTIONS, **phase})
            ctx.save_checkpoint(f"{branch}_done")
            ctx.evaluate()


def small(*phases: dict[str, Any], **changes: Any) -> Tree:
    """The tree of `Small`."""
    return trace(Small(*phases, **changes))


def build(
    tree: Tree,
    tag: str,
    root: Path,
    *,
    seed: int = 0,
    threads: int = 1,
    device: Device = "cpu",
    **options: Any,
) -> CheckpointResult:
    """Build a node after its ancestors, in this process."""
    store = Store(root)
    for node in [*tree.ancestors(tag), tree[tag]]:
        parent_run = store.run(tree.name, node.parent, seed) if node.parent else None
        result = build_checkpoint(
            node,
            recipe=tree.name,
            seed=seed,
            run=store.run(tree.name, node.tag, seed),
            parent_run=parent_run,
            runtime=Runtime(device=device, threads=threads),
            **(options if node.tag == tag else {}),
        )
    return result


def stop_after(calls: int) -> Callable[[], bool]:
    """A `should_stop` that is true from the given call on; it is asked once a step."""
    seen = 0

    def stop() -> bool:
        nonlocal seen
        seen += 1
        return seen >= calls

    return stop


def in_child(target: Callable[..., None], *args: Any) -> multiprocessing.process.BaseProcess:
    """Start a process that has this module and the digits already, and none of torch's threads."""
    context = multiprocessing.get_context("forkserver")
    # Python 3.11's fork server leaves out sys.path when it preloads (fixed in 3.12), so it finds the module here.
    folder = str(Path(__file__).parent)
    if folder not in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
    context.set_forkserver_preload(["training_preload"])
    process = context.Process(target=target, args=args)
    process.start()
    return process


def build_and_die(phases: tuple[dict[str, Any], ...], root: str, fatal: int) -> None:
    """Build `left_done`; the process kills itself at its n-th touch of a file, whatever it is writing then."""
    touched = 0

    def watch(event: str, args: tuple[Any, ...]) -> None:
        nonlocal touched
        writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or event in ("os.rename", "os.link", "os.remove"):
            touched += 1
            if touched == fatal:
                os.kill(os.getpid(), signal.SIGKILL)

    tree = small(*phases)
    build(tree, "left", Path(root))
    sys.addaudithook(watch)
    build(tree, "left_done", Path(root))


def build_quietly(phases: tuple[dict[str, Any], ...], root: str) -> None:
    """Build `left_done`; a request to stop ends the process with code 3."""
    from acc_assets.training import TrainingCancelled

    try:
        build(small(*phases), "left_done", Path(root))
    except TrainingCancelled:
        sys.exit(3)
