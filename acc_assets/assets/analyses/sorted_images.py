"""Test images sorted by how strongly each factor responds to them."""

from __future__ import annotations

import numpy as np

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork, picture
from acc_assets.families import latents, sorted_images

COUNT = 20
PER_ROW = 10
SCALE = 2


def run(work: NodeWork) -> Outcome:
    """Show the images at both ends of each factor: lowest and highest along its first principal direction."""
    from acc_assets.analysis.figures import tile, to_png
    from acc_assets.analysis.sorting import sort_by_activation

    images = work.data.test.images
    mu = latents.SERIES.read(work.run)["mu"]
    orders = sort_by_activation(mu, work.groups, COUNT)
    pictures, captions = {}, {}
    for order in orders:
        count = len(order.lowest)
        per_row = PER_ROW if count % PER_ROW == 0 else count
        rows = images[np.concatenate([order.lowest, order.highest])].reshape(-1, per_row, *images.shape[1:])
        captions[order.name] = (
            f"The {count} test images lowest and the {count} highest along the first principal direction of the "
            f"{order.name} slot over the test split, which holds {order.axis.explained:.0%} of the slot's variance "
            "and is what the traversal moves along. Which end is called high is a convention."
        )
        labels = [""] * len(rows)
        labels[0], labels[len(rows) // 2] = "lowest", "highest"
        png = to_png(tile(rows, scale=SCALE, row_labels=labels))
        pictures[order.name] = png
    factors = {
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
    }
    sorted_images.write(work.folder, pictures, factors, captions)
    return Outcome(
        metadata={
            f"sorted by {name}": picture(png, work.folder, sorted_images.FAMILY.name)
            for name, png in pictures.items()
        }
    )
