"""Latents of the test split at every snapshot: computed once, read by every analysis."""

from __future__ import annotations

from acc_assets.assets.kinds import AnalysisKind, NodeWork, Outcome, digest_of

FAMILY = "latents"


def run(work: NodeWork) -> Outcome:
    """Encode the whole test split by every snapshot, with the predictions and errors of that step."""
    from acc_assets.training import checkpoint_steps, encode_split

    images = work.data.test.images
    steps = checkpoint_steps(work.run)
    tasks = [task for task in work.node.tasks if task.dataset.name == work.dataset_name]
    with work.run.family(FAMILY) as out:
        for step in steps:
            loaded = work.model(step)
            encoded = encode_split(loaded.model, loaded.heads, tasks, images)
            arrays = {"mu": encoded.mu}
            if encoded.logvar is not None:
                arrays["logvar"] = encoded.logvar
            if encoded.error is not None:
                arrays["error"] = encoded.error
            arrays |= {f"pred/{name}": values for name, values in encoded.predictions.items()}
            out.npz(f"latents_step_{step}.npz", arrays)
        out.latest(f"latents_step_{steps[-1]}.npz", "latents_latest.npz")
        out.json(
            "latents.json",
            {
                "steps": steps,
                "dataset": work.dataset_name,
                "split": "test",
                "points": len(images),
                "latent_dim": int(encoded.mu.shape[1]),
                "tasks": sorted(encoded.predictions),
            },
        )
    return Outcome(
        data_version=digest_of(work.run.manifest(FAMILY)),
        metadata={
            "points": len(images),
            "latent dimensions": int(encoded.mu.shape[1]),
            "snapshots": len(steps),
            "data": work.data.source,
            "path": str(work.run.local_path(FAMILY)),
        },
    )


KIND = AnalysisKind(
    suffix="latents",
    family=FAMILY,
    version=2,
    description="Posterior means of the test split, predictions and reconstruction errors, at every snapshot.",
    kinds=frozenset({"pytorch", "numpy"}),
    run=run,
)
