"""Principal components of points, and rotations of one set of points onto another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acc_assets.analysis.neighbors import checked_points

Array = np.ndarray


@dataclass(frozen=True)
class Pca:
    """Principal components of points.

    coords: (N, n) float32; components: (n, D) rows of unit length; explained_variance: (n,) shares of the
    total in [0, 1]; mean: (D,).
    """

    coords: Array
    components: Array
    explained_variance: Array
    mean: Array


def pca(points: Array, n: int) -> Pca:
    """Project (N, D) points on their first n principal components, with a fixed sign.

    The entry of largest magnitude of each component is positive. Where the points have fewer than n
    dimensions, the remaining coordinates are zero. Constant points give zeros and explained variance 0.
    """
    array = checked_points(points, "pca").astype(np.float64)
    if n < 1:
        raise ValueError(f"pca: n is {n}; allowed: 1 or more")
    mean = array.mean(axis=0)
    centred = array - mean
    variances, vectors = np.linalg.eigh(centred.T @ centred / len(array))
    kept = min(n, array.shape[1])
    order = np.argsort(-variances, kind="stable")[:kept]
    components = vectors[:, order].T  # (kept, D)
    largest = np.abs(components).argmax(axis=1)
    components *= np.where(components[np.arange(kept), largest] < 0.0, -1.0, 1.0)[:, None]
    coords = np.zeros((len(array), n))
    coords[:, :kept] = centred @ components.T
    shares = np.zeros(n)
    total = variances.sum()
    if total > 0.0:
        shares[:kept] = np.clip(variances[order] / total, 0.0, 1.0)
    full = np.zeros((n, array.shape[1]))
    full[:kept] = components
    return Pca(coords.astype(np.float32), full, shares, mean)


def procrustes(coords: Array, reference: Array) -> Array:
    """Rotate, reflect and shift (N, d) coordinates to lie closest to a reference, without scaling.

    Schoenemann (1966), Psychometrika 31:1. Distances within `coords` stay as they are.
    """
    moved, target = coords.astype(np.float64), reference.astype(np.float64)
    if moved.shape != target.shape:
        raise ValueError(f"procrustes: shapes {moved.shape} and {target.shape} differ")
    shift, aim = moved.mean(axis=0), target.mean(axis=0)
    left, _, right = np.linalg.svd((moved - shift).T @ (target - aim))
    return ((moved - shift) @ (left @ right) + aim).astype(np.float32)
