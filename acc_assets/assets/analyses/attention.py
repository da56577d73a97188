"""Where the decoder looks for each factor."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork, picture
from acc_assets.families import attention

IMAGES = 6
MEASURED = 512  # images that the numbers are averaged over
SCALE = 2


def run(work: NodeWork) -> Outcome:
    """Read the cross-attention maps out and lay them over the images."""
    import torch

    from acc_assets.analysis.attention import attention_overlays, attention_summary
    from acc_assets.analysis.figures import tile, to_png

    model: Any = work.model().model
    names = [group.name for group in work.groups]
    shown = work.examples(IMAGES)
    count = len(work.data.test)
    measured = np.unique(np.linspace(0, count - 1, min(MEASURED, count)).astype(int))
    images = work.data.test.images.astype(np.float32) / 255
    with torch.no_grad():
        maps, many = (model.attention_maps(work.code(chosen)).cpu().numpy() for chosen in (shown, measured))
    summary = attention_summary(many, images[measured], names)
    overlays = attention_overlays(maps, images[shown], names)
    png = to_png(tile(overlays, scale=SCALE, column_labels=["input", *names]))
    attention.write(
        work.folder,
        png,
        maps,
        shown.tolist(),
        factors=[asdict(one) for one in summary],
        measured_images=len(measured),
        caption="Test images, and over each the share of attention that every position of the "
        f"decoder's {maps.shape[2]}x{maps.shape[3]} map gives to a factor; bright is much. "
        "Shares sum to one over factors.",
    )
    return Outcome(
        metadata={
            **{f"attention to {one.name}": one.share for one in summary},
            "attention": picture(png, work.folder, attention.FAMILY.path(attention.PICTURE)),
        },
    )
