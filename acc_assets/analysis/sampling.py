"""Draws from Gaussians whose noise is a function of its generator alone."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def gaussian_draws(means: Array, logvars: Array, draws: int, generator: np.random.Generator) -> Array:
    """Draw `draws` samples (I, draws, D), float64, from each of I diagonal Gaussians; means and logvars (I, D), nats.

    The same generator gives the same noise whatever the Gaussians are, so that what moves them shows alone.
    """
    if means.ndim != 2 or means.shape != logvars.shape:
        raise ValueError(
            f"gaussian_draws: means {means.shape} and logvars {logvars.shape} must have one shape (I, D)"
        )
    noise = generator.standard_normal((len(means), draws, means.shape[1]))
    drawn: Array = means[:, None] + noise * np.exp(logvars.astype(np.float64) / 2)[:, None]
    return drawn
