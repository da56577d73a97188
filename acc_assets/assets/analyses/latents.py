"""Latents of the test split at every snapshot: computed once, read by every analysis."""

from __future__ import annotations

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork
from acc_assets.families import latents
from acc_assets.models import observe
from acc_assets.tree import LATENT


def run(work: NodeWork) -> Outcome:
    """Encode the whole test split by every snapshot, with the predictions and errors of that step.

    What the model can do is written down here, once for all analyses; a model without a flat latent has nothing else.
    """
    from acc_assets.training import checkpoint_steps, encode_split

    images, steps = work.data.test.images, checkpoint_steps(work.run)
    tasks = [task for task in work.node.tasks if work.is_shown(task.dataset)]
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
