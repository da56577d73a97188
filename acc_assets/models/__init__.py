"""Models: torch-free configurations whose `build()` returns an nn.Module with the `ModelOutput` contract.

A module's `forward(images (B, C, H, W) in [0, 1])` returns `{ModelOutput: Tensor}`; `encode(images)` and
`decode(latent (B, D))` return its two halves.
"""

from acc_assets.models.configs import (
    ConvAutoencoder,
    FactorSlotAutoencoder,
    FullyConnectedAutoencoder,
    ResNetAutoencoder,
)
from acc_assets.models.factors import FactorGroup
from acc_assets.models.outputs import ModelOutput

MODELS: dict[str, type] = {
    "fully_connected_autoencoder": FullyConnectedAutoencoder,
    "conv_autoencoder": ConvAutoencoder,
    "resnet_autoencoder": ResNetAutoencoder,
    "factor_slot_autoencoder": FactorSlotAutoencoder,
}

__all__ = [
    "MODELS",
    "ConvAutoencoder",
    "FactorGroup",
    "FactorSlotAutoencoder",
    "FullyConnectedAutoencoder",
    "ModelOutput",
    "ResNetAutoencoder",
]
