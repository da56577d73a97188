"""Fully connected autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from torch import Tensor, nn

from acc_assets.models.layers import image_outputs, relu_dropout
from acc_assets.models.outputs import ModelOutput, Outputs

if TYPE_CHECKING:
    from acc_assets.models.configs import FullyConnectedAutoencoder


class FullyConnectedAutoencoderNet(nn.Module):
    """images (B, C, H, W) -> widths `hidden` -> latent (B, D) -> the mirror -> images."""

    def __init__(self, config: FullyConnectedAutoencoder) -> None:
        super().__init__()
        self.latent_dim, self.factor_groups = config.latent_dim, config.factor_groups
        shape = (config.in_channels, config.image_size, config.image_size)
        pixels = config.in_channels * config.image_size**2
        self.encoder = nn.Sequential(
            nn.Flatten(), *_perceptron([pixels, *config.hidden, config.latent_dim], config.dropout)
        )
        self.decoder = nn.Sequential(
            *_perceptron([config.latent_dim, *reversed(config.hidden), pixels], config.dropout),
            nn.Unflatten(1, shape),
        )

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        """LATENT (B, D)."""
        return {ModelOutput.LATENT: self.encoder(images)}

    def decode(self, code: Outputs) -> dict[str, Tensor]:
        """RECONSTRUCTION in [0, 1] and its logits, from a code: LATENT (B, D)."""
        return image_outputs(self.decoder(code[ModelOutput.LATENT]))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        encoded = self.encode(images)
        return encoded | self.decode(encoded)


def _perceptron(widths: Sequence[int], dropout: float) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), *relu_dropout(dropout)]
    return layers[: -len(relu_dropout(dropout))]
