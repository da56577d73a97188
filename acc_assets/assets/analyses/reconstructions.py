"""Test images and what the decoder makes of them."""

from __future__ import annotations

import numpy as np

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork, picture
from acc_assets.families import reconstructions

COUNT = 20
SCALE = 2


def run(work: NodeWork) -> Outcome:
    """Let the model reconstruct the persisted example images, without noise of its own."""
    from acc_assets.analysis.figures import tile, to_png

    indices = work.examples(COUNT)
    images = work.data.test.images[indices]
    inputs = images.astype(np.float32) / 255
    decoded = work.reconstruct(inputs)
    rows = np.stack([inputs, decoded])
    png = to_png(tile(rows, scale=SCALE, row_labels=["input", "output"]))
    error = np.square(decoded - inputs).reshape(len(inputs), -1).mean(axis=1)
    reconstructions.write(work.folder, png, indices.tolist(), error.tolist())
    return Outcome(
        metadata={
            "reconstructions": picture(
                png, work.folder, reconstructions.FAMILY.path(reconstructions.PICTURE)
            ),
            "mean squared error of these images": float(error.mean()),
            "data": work.data.source,
        },
    )
