"""Convolutional VAE with a mixture of Gaussians for its prior."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from acc_assets.models.layers import (
    DoublingDecoder,
    bounded_logvar,
    halving_convolutions,
    image_outputs,
    posterior_outputs,
)
from acc_assets.models.outputs import ModelOutput, Outputs

if TYPE_CHECKING:
    from acc_assets.models.configs import GaussianMixtureVAE


class GaussianMixtureVAENet(nn.Module):
    """images (B, C, H, W) -> q(c|x) (B, K) and q(z|x) (B, D) -> images; p(z|c) has its means and variances (K, D)."""

    shared_outputs = frozenset({ModelOutput.COMPONENT_MEANS, ModelOutput.COMPONENT_LOGVARS})

    def __init__(self, config: GaussianMixtureVAE) -> None:
        super().__init__()
        self.latent_dim, self.factor_groups = config.latent_dim, config.factor_groups
        self.components = config.components
        features = config.channels[-1] * (config.image_size // 2 ** len(config.channels)) ** 2
        self.backbone = halving_convolutions(config.in_channels, config.channels, config.dropout)
        self.posterior = nn.Linear(features, 2 * config.latent_dim)
        self.assignment = nn.Linear(features, config.components)
        self.component_means = nn.Parameter(torch.randn(config.components, config.latent_dim))
        self.component_logvars = nn.Parameter(torch.zeros(config.components, config.latent_dim))
        self.decoder = DoublingDecoder(
            latent_dim=config.latent_dim,
            in_channels=config.in_channels,
            image_size=config.image_size,
            channels=config.channels,
            dropout=config.dropout,
        )

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        """LATENT, MU and LOGVAR (B, D), COMPONENT and its logits (B, K), SPATIAL; the components' own (K, D)."""
        spatial = self.backbone(images)  # (B, c, h, w)
        features = spatial.flatten(1)
        mu, raw = self.posterior(features).chunk(2, dim=1)  # (B, D) each
        logits = self.assignment(features)  # (B, K)
        return posterior_outputs(mu, bounded_logvar(raw), sample=self.training) | {
            ModelOutput.SPATIAL: spatial,
            ModelOutput.COMPONENT: logits.softmax(1),
            ModelOutput.COMPONENT_LOGITS: logits,
            ModelOutput.COMPONENT_MEANS: self.component_means,
            ModelOutput.COMPONENT_LOGVARS: bounded_logvar(self.component_logvars),
        }

    def decode(self, code: Outputs) -> dict[str, Tensor]:
        """RECONSTRUCTION in [0, 1] and its logits, from a code: LATENT (B, D)."""
        return image_outputs(self.decoder(code[ModelOutput.LATENT]))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        encoded = self.encode(images)
        return encoded | self.decode(encoded)
