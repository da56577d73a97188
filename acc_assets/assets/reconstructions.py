"""Test images and what the decoder makes of them."""

from __future__ import annotations

import numpy as np

from acc_assets.assets.kinds import AnalysisKind, NodeWork, Outcome, digest_of, picture
from acc_assets.models.abilities import RECONSTRUCTION

FAMILY = "reconstructions"
SCALE = 2


def run(work: NodeWork) -> Outcome:
    """Let the model reconstruct the persisted example images, two of each class, without noise of its own."""
    from acc_assets.analysis.figures import tile, to_png

    indices = work.example_indices(per_class=2)
    images = work.data.test.images[indices]
    inputs = images.astype(np.float32) / 255
    decoded = work.reconstruct(inputs)
    rows = np.stack([inputs, decoded])
    png = to_png(tile(rows, scale=SCALE, row_labels=["input", "output"]))
    error = np.square(decoded - inputs).reshape(len(inputs), -1).mean(axis=1)
    with work.run.family(FAMILY) as out:
        out.png("reconstructions.png", png)
        out.json(
            "reconstructions.json", {"indices": indices.tolist(), "mse": error.tolist(), "split": "test"}
        )
    return Outcome(
        data_version=digest_of(work.run.manifest(FAMILY)),
        metadata={
            "reconstructions": picture(png, str(work.run.local_path(f"{FAMILY}/reconstructions.png"))),
            "mean squared error of these images": float(error.mean()),
            "data": work.data.source,
        },
    )


KIND = AnalysisKind(
    suffix="reconstructions",
    family=FAMILY,
    version=2,
    description="Example test images above what the model makes of them (of their posterior means).",
    kinds=frozenset({"pytorch", "image"}),
    analyse=run,
    needs=(RECONSTRUCTION,),
    after=("latents",),
)
