"""log p(x) by importance sampling: Burda et al., "Importance weighted autoencoders" (2016), equation 8.

log p(x) is estimated by L_S = log 1/S sum_s w_s with w_s = p(x, z_s) / q(z_s|x) and z_s drawn from q(z|x). L_1 is the
ELBO in the mean, L_S grows with S in the mean, and its mean is never above log p(x).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

BLOCKS = 10  # S is divided into so many, each an estimate of its own
ROWS = 5_000  # draws that are decoded at a time, of all images of a batch


@dataclass(frozen=True)
class LikelihoodEstimate:
    """What is known of each of N images, float64 (N,), nats where it is no number of draws.

    value: L_S. fewer: the mean of L_(S/10) over ten disjoint tenths of the draws. elbo: the mean of log w. ess: the
    effective sample size (sum w)^2 / sum w^2, from 1 to S. error: the deviation of L_S over other draws,
    sqrt(1/ess - 1/S), by the delta method.
    """

    samples: int
    value: np.ndarray
    fewer: np.ndarray
    elbo: np.ndarray
    ess: np.ndarray

    @property
    def error(self) -> np.ndarray:
        squared: np.ndarray = np.maximum(1.0 / self.ess - 1.0 / self.samples, 0.0)
        return np.sqrt(squared)


def importance_sampled(
    weigh: Callable[[int], Tensor], samples: int, at_a_time: int = ROWS
) -> LikelihoodEstimate:
    """The estimate from `samples` draws; weigh: log w (S, N), nats, of S fresh draws for each of N images.

    No more than `at_a_time` draws an image are held at once. Raises ValueError for draws that are not a multiple of 10.
    """
    if samples < BLOCKS or samples % BLOCKS:
        raise ValueError(f"samples is {samples}; allowed is a multiple of {BLOCKS}")
    blocks, squares, total = [], [], torch.zeros(())
    for _ in range(BLOCKS):
        left, sums, doubled = samples // BLOCKS, [], []
        while left:
            logs = weigh(min(left, at_a_time)).cpu().double()  # (s, N)
            left -= len(logs)
            sums.append(logs.logsumexp(0))
            doubled.append((2.0 * logs).logsumexp(0))
            total = total + logs.sum(0)
        blocks.append(torch.stack(sums).logsumexp(0))
        squares.append(torch.stack(doubled).logsumexp(0))
    tenths = torch.stack(blocks)  # (10, N)
    summed = tenths.logsumexp(0)
    return LikelihoodEstimate(
        samples,
        value=(summed - math.log(samples)).numpy(),
        fewer=(tenths - math.log(samples // BLOCKS)).mean(0).numpy(),
        elbo=(total / samples).numpy(),
        ess=(2.0 * summed - torch.stack(squares).logsumexp(0)).exp().numpy(),
    )


def of_images(
    model: Any, images: np.ndarray, samples: int, seed: int, device: torch.device
) -> LikelihoodEstimate:
    """The estimate for uint8 images (N, C, H, W) of black and white pixels, of a model with a `weigher`."""
    from acc_assets.models.layer_calls import evaluating

    size = max(1, ROWS // max(1, samples // BLOCKS))  # images at a time
    found = []
    with evaluating(model):
        for start in range(0, len(images), size):
            batch = torch.from_numpy(images[start : start + size]).to(device).float() / 255.0
            draws = torch.Generator(device).manual_seed(_seed(seed, start))
            found.append(importance_sampled(model.weigher(batch, draws), samples, max(1, ROWS // len(batch))))
    parts = {
        name: np.concatenate([getattr(one, name) for one in found])
        for name in ("value", "fewer", "elbo", "ess")
    }
    return LikelihoodEstimate(samples, **parts)


@dataclass(frozen=True)
class LinearGaussian:
    """x = W z + sigma e with z ~ N(0, I) of D dimensions and e ~ N(0, I) of P: a model whose log-likelihood is known.

    Its q(z|x) is factorised: the mean of the posterior, and `spread` times the variances of the best factorised one,
    which is the posterior itself where the columns of W (P, D) are orthogonal and `spread` is 1. float64.
    """

    loadings: Tensor
    sigma: float
    spread: float = 1.0

    @classmethod
    def with_gap(cls, dims: int, gap: float) -> LinearGaussian:
        """One with D = P = dims and W = I, of which the ELBO is `gap` nats below the log-likelihood.

        KL(q || posterior) is dims / 2 (spread - 1 - log spread); the spread is below 1, that of a q that is too narrow.
        """
        from scipy.special import lambertw

        spread = -lambertw(-math.exp(-1.0 - 2.0 * max(gap, 0.0) / dims)).real
        return cls(torch.eye(dims, dtype=torch.float64), 1.0, float(spread))

    def drawn(self, count: int, draws: torch.Generator) -> Tensor:
        """x (N, P) from the model."""
        pixels, dims = self.loadings.shape
        z, noise = (torch.randn((count, n), generator=draws, dtype=torch.float64) for n in (dims, pixels))
        return z @ self.loadings.T + self.sigma * noise

    def log_likelihood(self, x: Tensor) -> Tensor:
        """log p(x) (N,) of x (N, P), nats: N(0, W W^T + sigma^2 I)."""
        pixels = len(self.loadings)
        covariance = self.loadings @ self.loadings.T + self.sigma**2 * torch.eye(pixels, dtype=torch.float64)
        return torch.distributions.MultivariateNormal(torch.zeros(pixels).double(), covariance).log_prob(x)

    def weigher(self, x: Tensor, draws: torch.Generator) -> Callable[[int], Tensor]:
        """log w (S, N), nats, of S fresh draws of z for x (N, P)."""
        precision = (
            torch.eye(self.loadings.shape[1]).double() + self.loadings.T @ self.loadings / self.sigma**2
        )
        mean = torch.linalg.solve(precision, self.loadings.T @ x.T / self.sigma**2).T  # (N, D)
        posterior = torch.distributions.Normal(mean, (self.spread / precision.diagonal()).sqrt())

        def weigh(count: int) -> Tensor:
            noise = torch.randn((count, *mean.shape), generator=draws, dtype=torch.float64)
            z = posterior.mean + posterior.stddev * noise  # (S, N, D)
            likelihood = torch.distributions.Normal(z @ self.loadings.T, self.sigma).log_prob(x).sum(2)
            prior = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(2)
            return likelihood + prior - posterior.log_prob(z).sum(2)

        return weigh


def known_error(samples: int, dims: int, gap: float, count: int, seed: int) -> tuple[float, float]:
    """Mean of estimate - log p(x), nats, with S and S/10 draws, for `count` x of a `LinearGaussian` with this gap."""
    known = LinearGaussian.with_gap(dims, gap)
    draws = torch.Generator().manual_seed(_seed(seed, 0))
    x = known.drawn(count, draws)
    found = importance_sampled(known.weigher(x, draws), samples, max(1, ROWS // count))
    truth = known.log_likelihood(x).numpy()
    return float((found.value - truth).mean()), float((found.fewer - truth).mean())


def _seed(seed: int, start: int) -> int:
    return int(np.random.SeedSequence([seed, start]).generate_state(1, np.uint64)[0] >> np.uint64(1))
