"""Latents of the test split at every snapshot: computed once, read by every analysis."""

from __future__ import annotations

from acc_assets.assets.kinds import AnalysisKind, NodeWork, Outcome, digest_of, left_out
from acc_assets.models import observe
from acc_assets.models.abilities import LATENT
from acc_assets.storage import LEFT_OUT

FAMILY = "latents"


def run(work: NodeWork) -> Outcome:
    """Encode the whole test split by every snapshot, with the predictions and errors of that step.

    What the model can do is written down here, once for all analyses; a model without a flat latent has nothing else.
    """
    from acc_assets.training import checkpoint_steps, encode_split

    images = work.data.test.images
    steps = checkpoint_steps(work.run)
    tasks = [task for task in work.node.tasks if task.dataset.name == work.dataset_name]
    able = observe(work.model(steps[-1]).model, images.shape[1:])
    facts = {
        "steps": steps,
        "dataset": work.dataset_name,
        "split": "test",
        "points": len(images),
        **able.to_json(),
    }
    if (why := able.lacks.get(LATENT)) is not None:
        with work.run.family(FAMILY) as out:
            out.json("latents.json", facts)
            out.json(LEFT_OUT, {"reason": why})
        return left_out(work, FAMILY, why)
    with work.run.family(FAMILY) as out:
        for step in steps:
            loaded = work.model(step)
            encoded = encode_split(loaded.model, loaded.heads, tasks, images)
            out.npz(f"latents_step_{step}.npz", encoded)
        out.latest(f"latents_step_{steps[-1]}.npz", "latents_latest.npz")
        out.json(
            "latents.json",
            {**facts, "tasks": sorted(name[5:] for name in encoded if name.startswith("pred/"))},
        )
    return Outcome(
        data_version=digest_of(work.run.manifest(FAMILY)),
        metadata={
            "points": len(images),
            "latent dimensions": encoded["mu"].shape[1],
            "snapshots": len(steps),
            "data": work.data.source,
            "path": str(work.run.local_path(FAMILY)),
        },
    )


KIND = AnalysisKind(
    suffix="latents",
    family=FAMILY,
    version=4,
    description="Posterior means of the test split and the encoder's other outputs, predictions and reconstruction "
    "errors, at every snapshot.",
    kinds=frozenset({"pytorch", "numpy"}),
    analyse=run,
    reads_data=True,
)
