"""Test images sorted by how strongly each factor responds to them."""

from __future__ import annotations

import numpy as np

from acc_assets.assets.kinds import AnalysisKind, NodeWork, Outcome, digest_of, picture
from acc_assets.models.abilities import LATENT

FAMILY = "sorted"
COUNT = 20
PER_ROW = 10
SCALE = 2


def run(work: NodeWork) -> Outcome:
    """Show the images at both ends of each factor: lowest and highest along its first principal direction."""
    from acc_assets.analysis.figures import tile, to_png
    from acc_assets.analysis.sorting import sort_by_activation

    images = work.data.test.images
    mu = work.run.read_npz("latents/latents_latest.npz")["mu"]
    orders = sort_by_activation(mu, work.groups, COUNT)
    pictures, captions = {}, {}
    with work.run.family(FAMILY) as out:
        for order in orders:
            count = len(order.lowest)
            per_row = PER_ROW if count % PER_ROW == 0 else count
            rows = images[np.concatenate([order.lowest, order.highest])].reshape(
                -1, per_row, *images.shape[1:]
            )
            captions[f"sorted_{order.name}.png"] = (
                f"The {count} test images lowest and the {count} highest along the first principal direction of the "
                f"{order.name} slot over the test split, which holds {order.axis.explained:.0%} of the slot's variance "
                "and is what the traversal moves along. Which end is called high is a convention."
            )
            labels = [""] * len(rows)
            labels[0], labels[len(rows) // 2] = "lowest", "highest"
            png = to_png(tile(rows, scale=SCALE, row_labels=labels))
            out.png(f"sorted_{order.name}.png", png)
            pictures[f"sorted by {order.name}"] = picture(
                png, str(work.run.local_path(f"{FAMILY}/sorted_{order.name}.png"))
            )
        out.json(
            "sorted.json",
            {
                "unit": "standard deviations along the slot's direction, from the mean of the test split",
                "factors": {
                    order.name: {
                        "lowest": order.lowest.tolist(),
                        "highest": order.highest.tolist(),
                        "activation_lowest": order.activations[order.lowest].tolist(),
                        "activation_highest": order.activations[order.highest].tolist(),
                        "direction": order.axis.direction.tolist(),
                        "std": order.axis.std,
                        "explained": order.axis.explained,
                    }
                    for order in orders
                },
                "captions": captions,
            },
        )
    return Outcome(data_version=digest_of(work.run.manifest(FAMILY)), metadata=pictures)


KIND = AnalysisKind(
    suffix="sorted",
    family=FAMILY,
    version=2,
    description=f"The {COUNT} test images with the lowest and the {COUNT} with the highest activation of each factor.",
    kinds=frozenset({"numpy", "image"}),
    analyse=run,
    needs=(LATENT,),
    reads_model=False,
    after=("latents",),
)
