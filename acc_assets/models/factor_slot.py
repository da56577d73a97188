"""Factor-slot cross-attention VAE."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acc_assets.models.configs import FactorSlotAutoencoder
from acc_assets.models.layers import bounded_logvar, image_outputs, posterior_outputs
from acc_assets.models.outputs import ModelOutput


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
    """Each factor's slice of the latent becomes `per_factor` tokens of width `embed_dim`."""

    def __init__(self, slices: list[tuple[int, int]], per_factor: int, embed_dim: int) -> None:
        super().__init__()
        self.slices, self.embed_dim = slices, embed_dim
        self.embeddings = nn.ModuleList(
            nn.Sequential(
                nn.Linear(stop - start, embed_dim), nn.SiLU(), nn.Linear(embed_dim, per_factor * embed_dim)
            )
            for start, stop in slices
        )

    def forward(self, latent: Tensor) -> Tensor:
        tokens = [
            embed(latent[:, start:stop])
            for embed, (start, stop) in zip(self.embeddings, self.slices, strict=True)
        ]
        return torch.cat(tokens, dim=1).view(len(latent), -1, self.embed_dim)  # (B, T, E), T = F * per_factor


class CrossAttention(nn.Module):
    """Queries at P positions attend to T tokens."""

    def __init__(self, width: int, embed_dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, embed_dim)
        self.key_value = nn.Linear(embed_dim, 2 * embed_dim)
        self.out = nn.Linear(embed_dim, width)

    def forward(self, positions: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Positions (B or 1, P, width) and tokens (B, T, E) -> update (B, P, width), weights (B, heads, P, T)."""
        query = self._split(self.query(self.norm(positions)))  # (B or 1, heads, P, e)
        key, value = (self._split(part) for part in self.key_value(tokens).chunk(2, dim=2))
        weights = (query @ key.transpose(2, 3) * query.shape[3] ** -0.5).softmax(3)
        mixed = (weights @ value).transpose(1, 2).flatten(2)  # (B, P, E)
        return self.out(mixed), weights

    def _split(self, values: Tensor) -> Tensor:
        return values.unflatten(2, (self.heads, -1)).transpose(1, 2)


class FactorSlotAutoencoderNet(nn.Module):
    """images (B, C, S, S) -> backbone -> factor heads -> latent (B, D) -> tokens -> cross-attention -> images."""

    def __init__(self, config: FactorSlotAutoencoder) -> None:
        super().__init__()
        self.latent_dim, self.factor_groups = config.latent_dim, config.factor_groups
        self.tokens_per_factor = config.tokens_per_factor
        narrow, wide = config.backbone_channels
        scale = 8 if config.image_size == 64 else 4
        self.side = config.image_size // scale
        self.embed_dim = embed = config.embed_dim
        slices = [(group.start, group.stop) for group in config.factor_groups]
        self.backbone = nn.Sequential(
            nn.Conv2d(config.in_channels, narrow, 3, stride=scale // 4 * 2, padding=1),
            nn.SiLU(),
            nn.Conv2d(narrow, wide, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(wide, wide, 3, padding=1),
            nn.SiLU(),
        )
        self.heads = FactorHeads(wide * self.side**2, embed, [stop - start for start, stop in slices])
        self.tokens = FactorTokens(slices, config.tokens_per_factor, embed)
        self.positions = nn.Parameter(torch.randn(1, self.side**2, embed) * 0.5)
        self.attention = CrossAttention(embed, embed, config.heads)
        self.refine = nn.Sequential(
            nn.Conv2d(embed, wide * 4, 3, padding=1),
            nn.PixelShuffle(2),
            nn.SiLU(),
            nn.Conv2d(wide, wide, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(wide, config.in_channels * (scale // 2) ** 2, 3, padding=1),
            nn.PixelShuffle(scale // 2),
        )

    def encode(self, images: Tensor) -> dict[ModelOutput, Tensor]:
        """LATENT, MU and LOGVAR (B, D), and SPATIAL; LATENT is a sample in training and MU in evaluation."""
        spatial = self.backbone(images)  # (B, c, side, side)
        mu, logvar = self.heads(spatial.flatten(1))
        return {ModelOutput.SPATIAL: spatial, **posterior_outputs(mu, logvar, sample=self.training)}

    def decode(self, latent: Tensor) -> dict[ModelOutput, Tensor]:
        """RECONSTRUCTION in [0, 1] and its logits, from a latent (B, D)."""
        update, _ = self.attention(self.positions, self.tokens(latent))
        features = (self.positions + update).transpose(1, 2).unflatten(2, (self.side, self.side))
        return image_outputs(self.refine(features))

    def attention_maps(self, latent: Tensor) -> Tensor:
        """How much each position of the decoder listens to each factor: (B, F, side, side), summing to 1 over F."""
        _, weights = self.attention(self.positions, self.tokens(latent))  # (B, heads, P, T)
        maps = weights.mean(1).unflatten(2, (-1, self.tokens_per_factor)).sum(3)  # (B, P, F)
        return maps.transpose(1, 2).unflatten(2, (self.side, self.side))

    def forward(self, images: Tensor) -> dict[ModelOutput, Tensor]:
        encoded = self.encode(images)
        return encoded | self.decode(encoded[ModelOutput.LATENT])
