"""Factor-slot cross-attention VAE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acc_assets.models.layers import bounded_logvar, image_outputs, posterior_outputs
from acc_assets.models.outputs import ModelOutput, Outputs

if TYPE_CHECKING:
    from acc_assets.models.configs import FactorSlotAutoencoder

NORM_GROUPS = 8  # divide every width: those of the configuration are multiples of it


class FactorHeads(nn.Module):
    """One small perceptron per factor reads the whole feature map and gives its posterior."""

    def __init__(self, features: int, hidden: int, sizes: list[int]) -> None:
        super().__init__()
        self.hidden = nn.Linear(features, hidden * len(sizes))  # all factors' first layers in one product
        self.posteriors = nn.ModuleList(nn.Linear(hidden, 2 * size) for size in sizes)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        hidden = F.silu(self.hidden(features)).chunk(len(self.posteriors), dim=1)
        pairs = [
            head(part).chunk(2, dim=1) for head, part in zip(self.posteriors, hidden, strict=True)
        ]  # F x (B, d)
        mu = torch.cat([mean for mean, _ in pairs], dim=1)  # (B, D)
        raw = torch.cat([spread for _, spread in pairs], dim=1)
        return mu, bounded_logvar(raw)


class FactorTokens(nn.Module):
    """Each factor's slice of the latent becomes one token of width `embed_dim`."""

    def __init__(self, slices: list[tuple[int, int]], embed_dim: int) -> None:
        super().__init__()
        self.slices = slices
        self.embeddings = nn.ModuleList(
            nn.Sequential(nn.Linear(stop - start, embed_dim), nn.SiLU(), nn.Linear(embed_dim, embed_dim))
            for start, stop in slices
        )

    def forward(self, latent: Tensor) -> Tensor:
        tokens = [
            embed(latent[:, start:stop])
            for embed, (start, stop) in zip(self.embeddings, self.slices, strict=True)
        ]
        return torch.stack(tokens, dim=1)  # (B, F, E)


class CrossAttention(nn.Module):
    """Learned queries, one for each of P = side * side positions, attend to F factor tokens.

    They start as waves over the map, so that neighbouring positions attend alike.
    """

    def __init__(self, side: int, embed_dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.positions = nn.Parameter(plane_waves(side, embed_dim)[None])  # (1, P, E)
        self.norm = nn.LayerNorm(embed_dim)
        self.query = nn.Linear(embed_dim, embed_dim)
        self.key_value = nn.Linear(embed_dim, 2 * embed_dim)
        self.out = nn.Linear(embed_dim, embed_dim)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B, F, E) -> features (B, P, E) and attention weights (B, heads, P, F)."""
        query = self._split(self.query(self.norm(self.positions)))  # (1, heads, P, e)
        key, value = (self._split(part) for part in self.key_value(tokens).chunk(2, dim=2))
        weights = (query @ key.transpose(2, 3) * query.shape[3] ** -0.5).softmax(3)
        mixed = (weights @ value).transpose(1, 2).flatten(2)  # (B, P, E)
        return self.positions + self.out(mixed), weights

    def _split(self, values: Tensor) -> Tensor:
        return values.unflatten(2, (self.heads, -1)).transpose(1, 2)


class Upsampler(nn.Module):
    """Feature map (B, E, h, w) -> image logits (B, C, S, S): convolutions, each enlargement a pixel shuffle."""

    def __init__(self, embed_dim: int, width: int, out_channels: int, enlarge: int) -> None:
        super().__init__()
        self.doubling = nn.Sequential(
            nn.GroupNorm(NORM_GROUPS, embed_dim),
            nn.SiLU(),
            nn.Conv2d(embed_dim, 4 * width, 3, padding=1),
            nn.PixelShuffle(2),
            nn.GroupNorm(NORM_GROUPS, width),
            nn.SiLU(),
        )
        self.refine = nn.Sequential(*conv_norm(width, width))
        self.out = nn.Sequential(
            nn.Conv2d(width, out_channels * enlarge**2, 3, padding=1), nn.PixelShuffle(enlarge)
        )

    def forward(self, features: Tensor) -> Tensor:
        doubled = self.doubling(features)  # (B, width, 2h, 2w)
        logits: Tensor = self.out(doubled + self.refine(doubled))
        return logits


class FactorSlotAutoencoderNet(nn.Module):
    """images (B, C, S, S) -> backbone -> factor heads -> latent (B, D) -> tokens -> attention -> images."""

    def __init__(self, config: FactorSlotAutoencoder) -> None:
        super().__init__()
        self.latent_dim, self.factor_groups = config.latent_dim, config.factor_groups
        narrow, wide = config.backbone_channels
        embed = config.embed_dim
        slices = [(group.start, group.stop) for group in config.factor_groups]
        self.side = config.image_size // 2**config.halvings
        self.backbone = nn.Sequential(
            nn.Conv2d(config.in_channels, narrow, 3, stride=min(2, config.halvings), padding=1),
            nn.SiLU(),
            *(conv_norm(narrow, narrow, stride=2) if config.halvings == 3 else ()),
            *conv_norm(narrow, wide, stride=2),
            *conv_norm(wide, wide),
        )
        self.heads = FactorHeads(wide * self.side**2, embed, [stop - start for start, stop in slices])
        self.tokens = FactorTokens(slices, embed)
        self.attention = CrossAttention(self.side, embed, config.heads)
        self.upsampler = Upsampler(embed, wide, config.in_channels, 2 ** (config.halvings - 1))
        # Unit variance through every layer, so that the latent reaches the image from the first step.
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        """LATENT, MU and LOGVAR (B, D), and SPATIAL; LATENT is a sample in training and MU in evaluation."""
        spatial = self.backbone(images)  # (B, wide, side, side)
        mu, logvar = self.heads(spatial.flatten(1))
        return {ModelOutput.SPATIAL: spatial, **posterior_outputs(mu, logvar, sample=self.training)}

    def decode(self, code: Outputs) -> dict[str, Tensor]:
        """RECONSTRUCTION in [0, 1] and its logits, from a code: LATENT (B, D)."""
        features, _ = self.attention(self.tokens(code[ModelOutput.LATENT]))  # (B, P, E)
        return image_outputs(self.upsampler(self._as_map(features)))

    def attention_maps(self, code: Outputs) -> Tensor:
        """How much each position of the decoder listens to each factor: (B, F, side, side), mean over heads.

        The maps of one image sum to 1 over the factors at each position.
        """
        _, weights = self.attention(self.tokens(code[ModelOutput.LATENT]))  # (B, heads, P, F)
        return self._as_map(weights.mean(1))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        encoded = self.encode(images)
        return encoded | self.decode(encoded)

    def _as_map(self, values: Tensor) -> Tensor:
        return values.transpose(1, 2).unflatten(2, (self.side, self.side))  # (B, P, c) -> (B, c, side, side)


def plane_waves(side: int, width: int) -> Tensor:
    """Embedding (side * side, width) of map positions: cosines of random direction and phase, unit variance.

    Wave numbers are normal with a deviation of half a wave across the map: random Fourier features (Rahimi and
    Recht, 2007, algorithm 1) of a smooth kernel over positions.
    """
    steps = torch.linspace(-0.5, 0.5, side)
    places = torch.cartesian_prod(steps, steps)  # (P, 2)
    waves, phases = torch.randn(2, width) * torch.pi, torch.rand(width) * 2.0 * torch.pi
    return 2.0**0.5 * torch.cos(places @ waves + phases)


def conv_norm(before: int, after: int, stride: int = 1) -> list[nn.Module]:
    """3x3 convolution, group norm, SiLU."""
    return [
        nn.Conv2d(before, after, 3, stride=stride, padding=1),
        nn.GroupNorm(NORM_GROUPS, after),
        nn.SiLU(),
    ]
