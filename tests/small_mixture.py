"""A run of a small mixture VAE with two snapshots, for tests of what is made of its latents; it is not trained."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch

from acc_assets.assets.work import NodeWork
from acc_assets.families import latents
from acc_assets.models import GaussianMixtureVAE, observe
from acc_assets.storage import RunDirectory, Store
from acc_assets.training import encode_split

RUN = ("small", "node", 0)
STEPS, K, D, SIDE = (0, 5), 4, 3, 16
EXAMPLES = [3, 1, 7]  # the persisted examples


def net(step: int, model: type = GaussianMixtureVAE) -> torch.nn.Module:
    """The model of a snapshot; that of a mixture has means as far apart as its prior, and is sure of components."""
    torch.manual_seed(step)
    options: dict[str, Any] = {"components": K} if model is GaussianMixtureVAE else {}
    built = model(image_size=SIDE, latent_dim=D, channels=(4, 8), **options).build()
    if model is GaussianMixtureVAE:
        with torch.no_grad():
            built.posterior.weight[:D] *= 20
            built.posterior.bias[D:] -= 2
            built.assignment.weight *= 40
    return cast(torch.nn.Module, built.eval())


def run_of(
    store: Store, images: np.ndarray, dataset: str, model: type = GaussianMixtureVAE
) -> tuple[RunDirectory, Any]:
    """The run with its latents of images (N, 1, SIDE, SIDE), and work on it, as assets get it."""
    run = store.run(*RUN)
    able = observe(net(0, model), (1, SIDE, SIDE))
    facts = {**able.to_json(), "dataset": dataset, "split": "test", "points": len(images)}
    latents.write(run, facts, {step: encode_split(net(step, model), {}, [], images) for step in STEPS})
    run.write_json("config.json", {"primary_dataset": dataset})
    work = SimpleNamespace(
        run=run,
        folder=run,
        seed=0,
        abilities=able,
        model=lambda step: SimpleNamespace(model=net(step, model)),
        runtime=SimpleNamespace(apply=lambda: None, resolve=lambda: "cpu"),
        plan=None,
        examples=lambda count: np.array(EXAMPLES[:count]),
    )
    work.code, work.decoder = partial(NodeWork.code, work), partial(NodeWork.decoder, work)
    return run, work
