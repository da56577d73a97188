"""Asymmetric autoencoder: ResNet encoder, small convolutional decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from acc_assets.models.layers import DoublingDecoder, image_outputs, relu_dropout
from acc_assets.models.outputs import ModelOutput, Outputs

if TYPE_CHECKING:
    from acc_assets.models.configs import ResNetAutoencoder


class ResidualBlock(nn.Module):
    """relu(shortcut(x) + norm(conv(relu(norm(conv(x)))))), the last norm initialised to zero."""

    def __init__(self, before: int, after: int, stride: int, norm_groups: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
            nn.GroupNorm(norm_groups, after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            zero_norm := nn.GroupNorm(norm_groups, after),
        )
        nn.init.zeros_(zero_norm.weight)
        same = before == after and stride == 1
        self.shortcut: nn.Module = (
            nn.Identity()
            if same
            else nn.Sequential(
                nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.GroupNorm(norm_groups, after)
            )
        )

    def forward(self, features: Tensor) -> Tensor:
        return (self.shortcut(features) + self.residual(features)).relu()


class ResNetAutoencoderNet(nn.Module):
    """images (B, C, H, W) -> three stages at full, half and quarter size -> latent (B, D) -> images."""

    def __init__(self, config: ResNetAutoencoder) -> None:
        super().__init__()
        self.latent_dim, self.factor_groups = config.latent_dim, config.factor_groups
        base, groups, bottleneck = config.base_channels, config.norm_groups, config.decoder_channels[-1]
        layers: list[nn.Module] = [
            nn.Conv2d(config.in_channels, base, 3, padding=1, bias=False),
            nn.GroupNorm(groups, base),
            nn.ReLU(),
        ]
        before = base
        for stage, after in enumerate((base, 2 * base, 4 * base)):
            for block in range((config.depth - 2) // 6):
                stride = 2 if stage > 0 and block == 0 else 1
                layers.append(ResidualBlock(before, after, stride, groups))
                before = after
        layers += [
            nn.Conv2d(before, bottleneck, 1, bias=False),
            nn.GroupNorm(groups, bottleneck),
            *relu_dropout(config.dropout),
        ]
        self.backbone = nn.Sequential(*layers)
        self.code = nn.Linear(bottleneck * (config.image_size // 4) ** 2, config.latent_dim)
        self.decoder = DoublingDecoder(
            latent_dim=config.latent_dim,
            in_channels=config.in_channels,
            image_size=config.image_size,
            channels=config.decoder_channels,
            dropout=config.dropout,
        )

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        """LATENT (B, D) and SPATIAL."""
        spatial = self.backbone(images)  # (B, c, h, w)
        return {ModelOutput.SPATIAL: spatial, ModelOutput.LATENT: self.code(spatial.flatten(1))}

    def decode(self, code: Outputs) -> dict[str, Tensor]:
        """RECONSTRUCTION in [0, 1] and its logits, from a code: LATENT (B, D)."""
        return image_outputs(self.decoder(code[ModelOutput.LATENT]))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        encoded = self.encode(images)
        return encoded | self.decode(encoded)
