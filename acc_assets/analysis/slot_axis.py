"""The one axis along which a slot's activation is measured, traversed and sorted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acc_assets.models import FactorGroup

Array = np.ndarray


@dataclass(frozen=True)
class SlotAxis:
    """First principal direction of a slot over a whole data set.

    mean: (d,) of the slot; direction: (d,) unit vector, its largest component positive; std: standard deviation of
    the data along it; explained: its share of the slot's variance in [0, 1].
    """

    mean: Array
    direction: Array
    std: float
    explained: float

    def positions(self, own: Array) -> Array:
        """Where slices (N, d) lie along the axis, in standard deviations from the mean: (N,).

        All zero for a slot that does not vary.
        """
        return in_deviations((own - self.mean) @ self.direction, self.std)


def slot_axis(mu: Array, group: FactorGroup) -> SlotAxis:
    """Find the axis of a group from all latents (N, D) of a data set.

    A slot's dimensions have arbitrary signs, so their mean cancels what they carry and depends on those signs; the
    first principal direction (Pearson, 1901) is the signed number that keeps the most of the slot's variance. Its own
    sign is a convention too: only the order along it means something, not which end is called high.
    """
    own = mu[:, group.start : group.stop].astype(np.float64)
    mean = own.mean(axis=0)
    centred = own - mean
    variances, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    direction = vectors[:, -1]
    direction = direction * (-1.0 if direction[np.abs(direction).argmax()] < 0.0 else 1.0)
    total = float(variances.sum())
    top = max(float(variances[-1]), 0.0)
    return SlotAxis(mean, direction, top**0.5, top / total if total > 0.0 else 0.0)


def in_deviations(distances: Array, std: Array | float) -> Array:
    """Distances in units of a deviation; 0 where the deviation is 0, since nothing lies off the mean there."""
    spread = np.asarray(std, dtype=np.float64)
    quotient: Array = np.divide(
        distances, spread, out=np.zeros(np.broadcast(distances, spread).shape), where=spread > 0.0
    )
    return quotient
