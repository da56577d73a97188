"""Decoders that know the component: z and its embedding to logits of pixels, and their deviation."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acc_assets.models.layers import DoublingConvolution, GatedLinear, relu_dropout

if TYPE_CHECKING:
    from acc_assets.models.mixture_configs import Heteroscedastic, MixtureVAE

FIRST_SIGMA = 0.2


class Modulation(nn.Module):
    """FiLM or conditional instance norm of features (N, C, ...) by embeddings (N, E): see `Conditioning`."""

    def __init__(self, by: str, embedding_dim: int, width: int) -> None:
        super().__init__()
        self.normalizes = by == "instance_norm"
        self.scale, self.shift = nn.Linear(embedding_dim, width), nn.Linear(embedding_dim, width)
        for linear in (self.scale, self.shift):
            nn.init.zeros_(linear.bias)
        if not self.normalizes:
            nn.init.ones_(self.scale.bias)

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        places = (1,) * (features.ndim - 2)
        scale, shift = (part(embedding).unflatten(1, (-1, *places)) for part in (self.scale, self.shift))
        if self.normalizes:
            return (1.0 + scale) * F.instance_norm(features, eps=1e-5) + shift
        return scale * features + shift


class ComponentDecoder(nn.Module):
    """z (B, 1 or K, D) -> logits (B, J, C, H, W) and, with a heteroscedastic output, sigma: see `ModelOutput`."""

    def __init__(self, config: MixtureVAE) -> None:
        super().__init__()
        from acc_assets.models.mixture_configs import ConvLayers

        told, layers, size = config.conditioning, config.decoder, config.image_size
        self.decodings, self.image_shape = config.decodings, (config.in_channels, size, size)
        self.concatenates = told is not None and told.by == "concat"
        self.embeddings = (
            nn.Parameter(torch.randn(config.components, told.embedding_dim)) if told is not None else None
        )
        embedded = 0 if told is None else told.embedding_dim
        entering = config.z_dim + (embedded if self.concatenates else 0)
        self.spread = config.heteroscedastic
        per_pixel = self.spread is not None and self.spread.per == "pixel"
        planes = config.in_channels * (2 if per_pixel else 1)
        steps: list[nn.Module]
        gated = False
        if isinstance(layers, ConvLayers):
            side = size // 2 ** len(layers.channels)
            widths = [*reversed(layers.channels), planes]
            first = nn.Sequential(
                nn.Linear(entering, widths[0] * side**2), nn.Unflatten(1, (widths[0], side, side))
            )
            steps = [first, *(DoublingConvolution(before, after) for before, after in pairwise(widths))]
        else:
            widths, gated = [*reversed(layers.hidden)], layers.gated
            kind = GatedLinear if gated else nn.Linear
            steps = [kind(before, after) for before, after in pairwise([entering, *widths])]
            steps.append(nn.Linear(widths[-1], planes * size**2))
        self.steps = nn.ModuleList(steps)
        modulated = told is not None and not self.concatenates
        self.modulations = nn.ModuleList(
            Modulation(told.by, told.embedding_dim, width)
            if modulated and told is not None
            else nn.Identity()
            for width, _ in zip(widths, steps[:-1], strict=False)
        )
        self.modulated = modulated
        self.rectify = nn.Sequential(*relu_dropout(layers.dropout, gated=gated))
        self.image_spread = None
        if self.spread is not None and not per_pixel:
            self.image_spread = nn.Linear(config.z_dim + embedded, 1)
            nn.init.constant_(self.image_spread.bias, first_spread(self.spread))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor | None]:
        count = self.decodings
        z = z.expand(-1, count, -1) if z.shape[1] != count else z  # (B, J, D)
        entering, embedding = z.flatten(0, 1), None
        if self.embeddings is not None:
            embedding = self.embeddings.expand(len(z), -1, -1).flatten(0, 1)  # (B * J, E)
        both = entering if embedding is None else torch.cat([entering, embedding], 1)
        hidden = both if self.concatenates else entering
        for step, modulation in zip(self.steps[:-1], self.modulations, strict=True):
            hidden = step(hidden)
            hidden = self.rectify(modulation(hidden, embedding) if self.modulated else hidden)
        drawn = self.steps[-1](hidden)
        planes = drawn.reshape(
            -1, count, drawn[0].numel() // math.prod(self.image_shape[1:]), *self.image_shape[1:]
        )
        channels = self.image_shape[0]
        logits = planes[:, :, :channels]
        if self.spread is None:
            return logits, None
        if self.image_spread is None:
            return logits, sigma_of(planes[:, :, channels:] + first_spread(self.spread), self.spread)
        return logits, sigma_of(self.image_spread(both).reshape(-1, count), self.spread)


def sigma_of(raw: Tensor, config: Heteroscedastic) -> Tensor:
    """clip(least + softplus(raw), bounds)."""
    return (config.least + F.softplus(raw)).clamp(*config.bounds)


def first_spread(config: Heteroscedastic) -> float:
    """The raw number that stands for `FIRST_SIGMA`, or for the middle of the bounds where that lies outside."""
    low, high = max(config.least, config.bounds[0]), config.bounds[1]
    sigma = FIRST_SIGMA if low < FIRST_SIGMA < high else (low + high) / 2.0
    return math.log(math.expm1(sigma - config.least))
