"""VAE with two stochastic layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acc_assets.models.hierarchical_configs import LOWER_LOGVAR, LOWER_MU
from acc_assets.models.layers import GatedLinear, bounded_logvar, image_outputs
from acc_assets.models.outputs import ModelOutput, Outputs
from acc_assets.models.prior_nets import log_normal

if TYPE_CHECKING:
    from acc_assets.models.hierarchical_configs import HierarchicalVAE

Gaussian = tuple[Tensor, Tensor]  # mean and log-variance (..., D)


class Joined(nn.Module):
    """Two features (N, a) and (N, b), each through a gated layer of its own, and both through one more."""

    def __init__(self, first: int, second: int, hidden: int, out: int) -> None:
        super().__init__()
        self.first, self.second = GatedLinear(first, hidden), GatedLinear(second, hidden)
        self.joint, self.out = GatedLinear(2 * hidden, hidden), nn.Linear(hidden, out)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return self.join(self.first(first), second)

    def join(self, first: Tensor, second: Tensor) -> Tensor:
        """As `forward`, of a first feature that has been through its layer."""
        joined: Tensor = self.out(self.joint(torch.cat([first, self.second(second)], 1)))
        return joined


class HierarchicalVAENet(nn.Module):
    """images (B, C, H, W) -> z2 (B, D2), z1 (B, D1) given z2 -> images: see `HierarchicalVAE`."""

    def __init__(self, config: HierarchicalVAE) -> None:
        super().__init__()
        self.latent_dim, self.factor_groups = config.latent_dim, config.factor_groups
        self.dims = [config.z2_dim, config.z1_dim]
        self.image_shape = (config.in_channels, config.image_size, config.image_size)
        pixels, hidden = config.in_channels * config.image_size**2, config.hidden
        self.upper = _body(pixels, hidden, 2 * config.z2_dim)  # q(z2|x)
        self.lower = Joined(pixels, config.z2_dim, hidden, 2 * config.z1_dim)  # q(z1|x, z2)
        self.lower_prior = _body(config.z2_dim, hidden, 2 * config.z1_dim)  # p(z1|z2)
        self.decoder = Joined(config.z1_dim, config.z2_dim, hidden, pixels)  # p(x|z1, z2)
        self.prior = config.prior.build(1, config.z2_dim, self.image_shape)  # p(z2)

    def encode(self, images: Tensor, draws: torch.Generator | None = None) -> dict[str, Tensor]:
        """LATENT, MU and LOGVAR (B, D2 + D1) of [z2, z1], and mean and log-variance (B, D1) of p(z1|z2).

        z2 and z1 are drawn in training, and where there are `draws`; else they are the means.
        """
        drawn = self.training or draws is not None
        flat = images.flatten(1)
        upper = _gaussian(self.upper(flat))
        z2 = _draw(upper, draws) if drawn else upper[0]
        lower, prior = _gaussian(self.lower(flat, z2)), _gaussian(self.lower_prior(z2))
        z1 = _draw(lower, draws) if drawn else lower[0]
        return {
            ModelOutput.LATENT: torch.cat([z2, z1], 1),
            ModelOutput.MU: torch.cat([upper[0], lower[0]], 1),
            ModelOutput.LOGVAR: torch.cat([upper[1], lower[1]], 1),
            LOWER_MU: prior[0],
            LOWER_LOGVAR: prior[1],
        }

    def decode(self, code: Outputs) -> dict[str, Tensor]:
        """RECONSTRUCTION in [0, 1] and its logits (B, C, H, W) from LATENT."""
        z2, z1 = code[ModelOutput.LATENT].split(self.dims, 1)
        return image_outputs(self.decoder(z1, z2).unflatten(1, self.image_shape))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        encoded = self.encode(images)
        return encoded | self.decode(encoded)

    def posterior_of(self, images: Tensor) -> Gaussian:
        """Mean and log-variance (B, 1, D2) of q(z2|x), of which a VampPrior is made."""
        mu, logvar = _gaussian(self.upper(images.flatten(1)))
        return mu[:, None], logvar[:, None]

    def divergence(self, encoded: Outputs) -> Tensor:
        """log q(z2|x) - log p(z2) + KL(q(z1|x, z2) || p(z1|z2)) (B,), nats, at the z2 that was drawn."""
        z2, _ = encoded[ModelOutput.LATENT].split(self.dims, 1)
        mu2, mu1 = encoded[ModelOutput.MU].split(self.dims, 1)
        logvar2, logvar1 = encoded[ModelOutput.LOGVAR].split(self.dims, 1)
        apart = logvar1.exp() + (mu1 - encoded[LOWER_MU]).square()
        ratio = encoded[LOWER_LOGVAR] - logvar1 + apart * (-encoded[LOWER_LOGVAR]).exp() - 1.0
        return log_normal(z2, mu2, logvar2) - self._log_prior(z2) + 0.5 * ratio.sum(1)

    def weigher(self, images: Tensor, draws: torch.Generator) -> Callable[[int], Tensor]:
        """log w (S, B), nats, of S fresh draws for images (B, C, H, W) of 0 and 1, as a function of S.

        w = p(z2) p(z1|z2) p(x|z1, z2) / (q(z2|x) q(z1|x, z2)), with a Bernoulli decoder: p(x) is the mean of w.
        """
        flat = images.flatten(1)
        upper, seen = _gaussian(self.upper(flat)), self.lower.first(flat)

        def weigh(count: int) -> Tensor:
            mu2, logvar2, features, truth = (
                part.expand(count, *part.shape).flatten(0, 1) for part in (*upper, seen, flat)
            )
            z2 = _draw((mu2, logvar2), draws)  # (S * B, D2)
            lower = _gaussian(self.lower.join(features, z2))
            z1 = _draw(lower, draws)
            errors = F.binary_cross_entropy_with_logits(self.decoder(z1, z2), truth, reduction="none").sum(1)
            upper_nats = self._log_prior(z2) - log_normal(z2, mu2, logvar2)
            lower_nats = log_normal(z1, *_gaussian(self.lower_prior(z2))) - log_normal(z1, *lower)
            return (upper_nats + lower_nats - errors).unflatten(0, (count, -1))

        return weigh

    def _log_prior(self, z2: Tensor) -> Tensor:
        gaussians = self.prior.gaussians()
        return self.prior.log_density(z2, self) if gaussians is None else log_normal(z2, *gaussians)


def _body(before: int, hidden: int, out: int) -> nn.Sequential:
    return nn.Sequential(GatedLinear(before, hidden), GatedLinear(hidden, hidden), nn.Linear(hidden, out))


def _gaussian(raw: Tensor) -> Gaussian:
    mu, logvar = raw.chunk(2, 1)
    return mu, bounded_logvar(logvar)


def _draw(gaussian: Gaussian, draws: torch.Generator | None) -> Tensor:
    mu, logvar = gaussian
    noise = torch.randn(mu.shape, device=mu.device, generator=draws)
    return mu + (0.5 * logvar).exp() * noise
