"""Latents of the test split at every snapshot: computed once, read by every analysis."""

from __future__ import annotations

import numpy as np

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork
from acc_assets.datasets import Split
from acc_assets.families import latents
from acc_assets.models import observe
from acc_assets.tree import LATENT


def run(work: NodeWork) -> Outcome:
    """Encode the whole test split by every snapshot, with the predictions and errors of that step.

    What the model can do is written down here, once for all analyses; a model without a flat latent has nothing else.
    """
    from acc_assets.training import checkpoint_steps, encode_split

    test = work.data.test
    images, steps = test.images, checkpoint_steps(work.run)
    tasks = [task for task in work.node.tasks if _same(work.load(task.dataset).test, test)]
    able = observe(work.model(steps[-1]).model, images.shape[1:])
    facts = {
        "dataset": work.dataset_name,
        "split": "test",
        "points": len(images),
        **able.to_json(),
    }
    if (why := able.lacks.get(LATENT)) is not None:
        latents.write_abilities(work.folder, {**facts, "steps": steps}, why)
        return Outcome(metadata={"left out": why})
    snapshots = {}
    for step in steps:
        loaded = work.model(step)
        snapshots[step] = encode_split(loaded.model, loaded.heads, tasks, images)
    latents.write(work.folder, facts, snapshots)
    return Outcome(
        metadata={
            "points": len(images),
            "latent dimensions": able.latent_dim,
            "snapshots": len(steps),
            "data": work.data.source,
        },
    )


def _same(one: Split, other: Split) -> bool:
    """Whether two splits have the same images and targets, such as a data set's and that of its labelled images."""
    return one is other or (
        np.array_equal(one.targets, other.targets) and np.array_equal(one.images, other.images)
    )
