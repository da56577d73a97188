"""Test images and what the decoder makes of them."""

from __future__ import annotations

import numpy as np

from acc_assets.assets.kinds import AnalysisKind, NodeWork, Outcome, digest_of, picture

FAMILY = "reconstructions"
SCALE = 2


def run(work: NodeWork) -> Outcome:
    """Decode the posterior means of the persisted example images, two of each class."""
    from acc_assets.analysis.figures import tile, to_png

    indices = work.example_indices(per_class=2)
    images = work.data.test.images[indices]
    latents = work.run.read_npz("latents/latents_latest.npz")
    decoded = work.decoder()(latents["mu"][indices])
    rows = np.stack([images.astype(np.float32) / 255, decoded])
    png = to_png(tile(rows, scale=SCALE, row_labels=["input", "output"]))
    error = latents["error"][indices]
    with work.run.family(FAMILY) as out:
        out.png("reconstructions.png", png)
        out.json(
            "reconstructions.json", {"indices": indices.tolist(), "mse": error.tolist(), "split": "test"}
        )
    return Outcome(
        data_version=digest_of(work.run.manifest(FAMILY)),
        metadata={
            "reconstructions": picture(png, str(work.run.local_path(f"{FAMILY}/reconstructions.png"))),
            "mean squared error of all test images": float(latents["error"].mean()),
            "data": work.data.source,
        },
    )


KIND = AnalysisKind(
    suffix="reconstructions",
    family=FAMILY,
    version=1,
    description="Example test images above what the decoder makes of their posterior means.",
    kinds=frozenset({"pytorch", "image"}),
    run=run,
    after=("latents",),
)
