"""What each dimension and each factor group of a latent space carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from acc_assets.analysis.neighbors import checked_points
from acc_assets.models import FactorGroup

Array = np.ndarray

# Burda et al., "Importance Weighted Autoencoders" (2016): a unit is active when Var_x(mu) > 0.01.
ACTIVE_VARIANCE = 0.01
# That alone counts a dimension of 0.005 nats, since Var / 2 is all that a mean of that variance adds to the KL. The KL
# bounds from above what a dimension tells about the image (Hoffman and Johnson, "ELBO surgery", 2016), and Lucas et al.
# ("Don't Blame the ELBO!", 2019) call a dimension collapsed whose KL stays below an epsilon. Ours is 0.1 nats, a
# seventh of the ln 2 that it takes to tell two halves of the data apart.
ACTIVE_NATS = 0.1
ACTIVE_SHARE = (
    1e-4  # without a posterior: share of the largest dimension's variance, as no unit of scale is given
)
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)


@dataclass(frozen=True)
class GroupStats:
    """A factor group: its KL in nats, also by dimension (None without a posterior), and its active latent indices."""

    name: str
    start: int
    stop: int
    kl: float | None
    kl_per_dim: list[float] | None
    active: list[int]
    std: float  # root of the summed variance of mu over the group's dimensions

    @property
    def collapsed(self) -> bool:
        """True when no dimension of the group is active."""
        return not self.active


@dataclass(frozen=True)
class LatentStats:
    """Per dimension: KL in nats (None without a posterior), standard deviation of mu, percentiles over the data."""

    n: int
    kl_per_dim: list[float] | None
    std_per_dim: list[float]
    mean_per_dim: list[float]
    percentiles: dict[int, list[float]]
    active: list[int]
    groups: dict[str, GroupStats]

    @property
    def kl(self) -> float | None:
        """KL of the whole latent in nats per image."""
        return None if self.kl_per_dim is None else float(sum(self.kl_per_dim))

    @property
    def ranges(self) -> list[list[float]]:
        """Range [low, high] of each dimension: the 1st and 99th percentile over the whole set."""
        return [list(pair) for pair in zip(self.percentiles[1], self.percentiles[99], strict=True)]

    @property
    def criterion(self) -> str:
        """When a dimension counts as active, in words."""
        if self.kl_per_dim is None:
            return f"its variance over the data exceeds {ACTIVE_SHARE:g} of the largest dimension's"
        return (
            f"the variance of its posterior mean over the data exceeds {ACTIVE_VARIANCE:g} (Burda et al., 2016) and "
            f"it carries at least {ACTIVE_NATS:g} nats of KL"
        )

    def to_json(self) -> dict[str, Any]:
        """The `latent` part of metrics.json."""
        return {
            "kl": self.kl,
            "kl_per_dim": self.kl_per_dim,
            "active_dims": len(self.active),
            "active": self.active,
            "criterion": self.criterion,
            "latent_dim": len(self.std_per_dim),
            "mean_per_dim": self.mean_per_dim,
            "std_per_dim": self.std_per_dim,
            "ranges": self.ranges,
            "groups": {
                name: {
                    "start": group.start,
                    "stop": group.stop,
                    "dims": group.stop - group.start,
                    "kl": group.kl,
                    "kl_per_dim": group.kl_per_dim,
                    "active_dims": len(group.active),
                    "active": group.active,
                    "std": group.std,
                    "collapsed": group.collapsed,
                }
                for name, group in self.groups.items()
            },
        }


def kl_per_dim(mu: Array, logvar: Array) -> Array:
    """KL(N(mu, exp(logvar)) || N(0, 1)) per dimension in nats, mean over the data: (N, D), (N, D) -> (D,).

    Kingma and Welling (2014), appendix B: 1/2 (mu^2 + exp(logvar) - 1 - logvar).
    """
    mean, spread = np.asarray(mu, dtype=np.float64), np.asarray(logvar, dtype=np.float64)
    if mean.shape != spread.shape or mean.ndim != 2:
        raise ValueError(f"kl_per_dim: mu {mean.shape} and logvar {spread.shape} must have one shape (N, D)")
    divergence: Array = 0.5 * (np.square(mean) + np.exp(spread) - 1.0 - spread).mean(axis=0)
    return divergence


def latent_stats(mu: Array, logvar: Array | None = None, groups: Sequence[FactorGroup] = ()) -> LatentStats:
    """Summarise the latents (N, D) of a data set.

    A dimension is active when the variance of mu over the data exceeds 0.01 (Burda et al. 2016) and its KL is at
    least 0.1 nats; without a posterior, when the variance exceeds 1e-4 of the largest dimension's. A group none of
    whose dimensions is active has collapsed.
    """
    array = checked_points(mu, "latent_stats", minimum=1).astype(np.float64)
    dim = array.shape[1]
    beyond = [group.name for group in groups if group.stop > dim]
    if beyond:
        raise ValueError(f"latent_stats: groups {beyond} end beyond the {dim} dimensions of the latents")
    variance = array.var(axis=0)
    divergence = None if logvar is None else kl_per_dim(mu, logvar)
    if divergence is None:
        varies = variance > ACTIVE_SHARE * variance.max()
    else:
        varies = (variance > ACTIVE_VARIANCE) & (divergence >= ACTIVE_NATS)
    active = np.flatnonzero(varies).tolist()
    return LatentStats(
        n=len(array),
        kl_per_dim=None if divergence is None else divergence.tolist(),
        std_per_dim=np.sqrt(variance).tolist(),
        mean_per_dim=array.mean(axis=0).tolist(),
        percentiles={
            q: row.tolist()
            for q, row in zip(PERCENTILES, np.percentile(array, PERCENTILES, axis=0), strict=True)
        },
        active=active,
        groups={
            group.name: GroupStats(
                name=group.name,
                start=group.start,
                stop=group.stop,
                kl=None if divergence is None else float(divergence[group.start : group.stop].sum()),
                kl_per_dim=None if divergence is None else divergence[group.start : group.stop].tolist(),
                active=[dimension for dimension in active if group.start <= dimension < group.stop],
                std=float(np.sqrt(variance[group.start : group.stop].sum())),
            )
            for group in groups
        },
    )
