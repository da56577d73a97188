"""How a mixture uses its components, from the responsibilities of many points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from acc_assets.tasks.mixture_terms import effective_number

Array = np.ndarray
UNEVEN = 1e-3  # how far the responsibilities of a point may sum from 1


@dataclass(frozen=True)
class MixtureHealth:
    """p (K,): the mean responsibility of each component; entropy: of p, in nats; neff: its exponential.

    pmax: the largest of p, and top its component; argmax_counts (K,): the points whose likeliest component each is, of
    two alike the first; argmax_neff: the effective number by these counts.
    """

    p: Array
    entropy: float
    neff: float
    pmax: float
    top: int
    argmax_counts: Array
    argmax_neff: float

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values, with `psum`, the sum of p."""
        return {
            "p": self.p.tolist(),
            "psum": float(self.p.sum()),
            "entropy": self.entropy,
            "neff": self.neff,
            "pmax": self.pmax,
            "top": self.top,
            "argmax_counts": self.argmax_counts.tolist(),
            "argmax_neff": self.argmax_neff,
        }


def mixture_health(responsibilities: Array) -> MixtureHealth:
    """How responsibilities (N, K) use the K components.

    Raises ValueError where they are no shares of 1.

    >>> health = mixture_health(np.array([[1.0, 0.0], [0.5, 0.5]]))
    >>> health.p.tolist(), health.argmax_counts.tolist(), health.argmax_neff
    ([0.75, 0.25], [2, 0], 1.0)
    """
    shares = np.asarray(responsibilities, np.float64)
    if shares.ndim != 2 or 0 in shares.shape:
        raise ValueError(f"mixture_health: expected responsibilities (N, K), got shape {shares.shape}")
    if not (shares >= 0).all() or (np.abs(shares.sum(axis=1) - 1) > UNEVEN).any():
        raise ValueError("mixture_health: responsibilities must be at least 0 and sum to 1 for every point")
    p = shares.mean(axis=0)
    counts = np.bincount(shares.argmax(axis=1), minlength=shares.shape[1])
    neff = effective_number(p)
    return MixtureHealth(
        p=p,
        entropy=float(np.log(neff)),
        neff=neff,
        pmax=float(p.max()),
        top=int(p.argmax()),
        argmax_counts=counts,
        argmax_neff=effective_number(counts / counts.sum()),
    )
