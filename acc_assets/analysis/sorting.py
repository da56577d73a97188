"""Images sorted by how strongly a factor group responds to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from acc_assets.analysis.neighbors import checked_points
from acc_assets.analysis.slot_axis import SlotAxis, slot_axis
from acc_assets.models import FactorGroup

Array = np.ndarray


@dataclass(frozen=True)
class FactorOrder:
    """The ends of a data set sorted by a factor's activation.

    lowest, highest: (count,) indices, both ascending in activation; activations: (N,) of all images, in standard
    deviations along `axis`, the first principal direction of the slot.
    """

    name: str
    lowest: Array
    highest: Array
    activations: Array
    axis: SlotAxis


def sort_by_activation(mu: Array, groups: Sequence[FactorGroup], count: int = 20) -> list[FactorOrder]:
    """Find the images with the `count` lowest and highest activations of each factor.

    The activation of a factor is the position of its slice of the latents (N, D) along the slot's first principal
    direction over the data, which is the axis that a traversal moves along.
    Ties keep the order of the data. For fewer than 2 * count images the two ends share them, without overlap.
    """
    latents = checked_points(mu, "sort_by_activation", minimum=2)
    if count < 1:
        raise ValueError(f"sort_by_activation: count is {count}; allowed: 1 or more")
    count = min(count, len(latents) // 2)
    orders = []
    for group in groups:
        axis = slot_axis(latents, group)
        values = axis.positions(latents[:, group.start : group.stop])
        order = np.argsort(values, kind="stable")
        orders.append(FactorOrder(group.name, order[:count], order[-count:], values, axis))
    return orders
