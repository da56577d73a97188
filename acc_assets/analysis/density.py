"""Densities of posterior and prior on a map of the latents, from samples that are placed on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from acc_assets.analysis.grids import Square, kernel_density
from acc_assets.analysis.neighbors import checked_points
from acc_assets.analysis.sampling import gaussian_draws
from acc_assets.analysis.separation import barycentric_projection

Array = np.ndarray
POSTERIOR, PRIOR, PRIOR_EMPIRICAL = "posterior", "prior", "prior_empirical"
NOISE_SEED = 0  # the same noise for every node, seed and snapshot, so that differences are not the noise's


@dataclass(frozen=True)
class Mixture:
    """A prior of K Gaussian components with diagonal variances.

    means: (K, D); logvars: (K, D), nats; usage: (K,) the mean responsibility of each over the test points, summing to
    1, or None where no responsibilities are known.
    """

    means: Array
    logvars: Array
    usage: Array | None = None

    def __post_init__(self) -> None:
        count = len(self.means)
        if self.means.ndim != 2 or self.logvars.shape != self.means.shape:
            raise ValueError(
                f"Mixture: means {self.means.shape} and logvars {self.logvars.shape} must have one shape (K, D)"
            )
        if self.usage is not None and self.usage.shape != (count,):
            raise ValueError(f"Mixture: usage {self.usage.shape} must be ({count},), one number a component")


def standard_normal(dim: int) -> Mixture:
    """The prior N(0, I) of a plain variational model: one component, which is all that is ever used."""
    return Mixture(np.zeros((1, dim)), np.zeros((1, dim)))


def posterior_samples(mu: Array, logvar: Array, count: int) -> Array:
    """Draw `count` samples (count, D) from the aggregate posterior: evenly spread points of mu (N, D), each with noise.

    logvar: (N, D), nats.
    """
    rows = np.arange(count) * len(mu) // count
    return gaussian_draws(mu[rows], logvar[rows], 1, np.random.default_rng(NOISE_SEED))[:, 0]


def prior_samples(prior: Mixture, count: int) -> tuple[Array, Array]:
    """Draw equally many samples from each component, `count` in all or a few more; returns them and their components.

    Samples (M, D), components (M,): weights of the components turn the same samples into any prior of them.
    """
    components, dim = prior.means.shape
    each = -(-count // components)
    drawn = gaussian_draws(prior.means, prior.logvars, each, np.random.default_rng(NOISE_SEED))
    return drawn.reshape(-1, dim), np.repeat(np.arange(components), each)


def linear_placing(latents: Array, coords: Array) -> Callable[[Array], Array]:
    """How a linear map, such as PCA's, places any latents (M, D): what took latents (N, D) to coords (N, d).

    Recovered from both by least squares; along directions in which the latents do not vary it moves nothing.
    """
    points = checked_points(latents, "linear_placing").astype(np.float64)
    mean, middle = points.mean(axis=0), coords.astype(np.float64).mean(axis=0)
    matrix = np.linalg.lstsq(points - mean, coords - middle, rcond=1e-6)[0]  # (D, d)
    return lambda new: (new - mean) @ matrix + middle


def nearest_placing(latents: Array, coords: Array, k: int) -> Callable[[Array], Array]:
    """How a map without a formula places any latents (M, D): between their k nearest test points.

    See `barycentric_projection`, by which the playground places images too. Nothing lands outside of the map.
    """
    return lambda new: barycentric_projection(new, latents, coords, k).coords


def map_densities(
    mu: Array,
    logvar: Array | None,
    prior: Mixture | None,
    coords: Array,
    place: Callable[[Array], Array],
    square: Square,
    bandwidth: float,
    samples: int,
) -> Mapping[str, Array]:
    """Densities (cells, cells) on a map by source: `posterior` and, where there is a prior, `prior` and so on.

    mu, logvar: (N, D) of the test points; without logvar the posterior is the points themselves. coords: (N, 2) of the
    map; `place` puts latents there. `prior` weighs all components alike, `prior_empirical` by their usage, where it is
    known. bandwidth: see `kernel_density`; samples: how many are drawn of each.
    """
    placed = coords if logvar is None else place(posterior_samples(mu, logvar, samples))
    found = {POSTERIOR: kernel_density(placed, square, bandwidth)}
    if prior is not None:
        drawn, of = prior_samples(prior, samples)
        placed = place(drawn)
        found[PRIOR] = kernel_density(placed, square, bandwidth)
        if prior.usage is not None:
            found[PRIOR_EMPIRICAL] = kernel_density(placed, square, bandwidth, prior.usage[of])
    return found
