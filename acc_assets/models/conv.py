"""Convolutional autoencoder with a flat latent, deterministic or variational."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from acc_assets.models.configs import ConvAutoencoder


class ConvAutoencoderNet(nn.Module):
    """images (B, C, H, W) -> stride-2 convolutions -> latent (B, D) -> transposed convolutions -> images."""

    def __init__(self, config: ConvAutoencoder) -> None:
        super().__init__()
        self.latent_dim, self.factor_groups = config.latent_dim, config.factor_groups
        self.variational = config.variational
        side = config.image_size // 2 ** len(config.channels)
        self.backbone = halving_convolutions(config.in_channels, config.channels, config.dropout)
        self.code = nn.Linear(
            config.channels[-1] * side**2, config.latent_dim * (2 if config.variational else 1)
        )
        self.decoder = DoublingDecoder(
            latent_dim=config.latent_dim,
            in_channels=config.in_channels,
            image_size=config.image_size,
            channels=config.channels,
            dropout=config.dropout,
        )

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        """LATENT (B, D) and SPATIAL; MU and LOGVAR when variational."""
        spatial = self.backbone(images)  # (B, c, h, w)
        code = self.code(spatial.flatten(1))
        outputs = {ModelOutput.SPATIAL: spatial}
        if not self.variational:
            return outputs | {ModelOutput.LATENT: code}
        mu, raw = code.chunk(2, dim=1)  # (B, D) each
        return outputs | posterior_outputs(mu, bounded_logvar(raw), sample=self.training)

    def decode(self, code: Outputs) -> dict[str, Tensor]:
        """RECONSTRUCTION in [0, 1] and its logits, from a code: LATENT (B, D)."""
        return image_outputs(self.decoder(code[ModelOutput.LATENT]))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        encoded = self.encode(images)
        return encoded | self.decode(encoded)
