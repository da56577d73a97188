"""Mixture VAE, shared or decentralized, under any prior."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acc_assets.models.component_decoder import ComponentDecoder
from acc_assets.models.layers import (
    GatedLinear,
    bounded_logvar,
    halving_convolutions,
    image_outputs,
    masked,
    posterior_outputs,
    relu_dropout,
)
from acc_assets.models.outputs import ModelOutput, Outputs
from acc_assets.models.prior_nets import log_normal

if TYPE_CHECKING:
    from acc_assets.models.mixture_configs import DenseLayers, MixtureVAE


class Routing(nn.Module):
    """Which components are in play, and how softly images are divided among them.

    active: bool (K,), all at first; the others have a responsibility of exactly 0. temperature: divides the logits in
    training alone, so that evaluation means the same whenever it is done. governed: whether a curriculum has set
    `active`. All are buffers, and so are kept in checkpoints.
    """

    active: Tensor
    temperature: Tensor
    governed: Tensor

    def __init__(self, components: int) -> None:
        super().__init__()
        self.register_buffer("active", torch.ones(components, dtype=torch.bool))
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("governed", torch.tensor(False))

    def forward(self, logits: Tensor) -> Tensor:
        """Logits (B, K) whose softmax are the responsibilities."""
        return masked(logits / self.temperature if self.training else logits, self.active)


class MixtureVAENet(nn.Module):
    """images (B, C, H, W) -> r (B, K) and one or K posteriors of z -> J images -> their mean: see `MixtureVAE`."""

    shared_outputs = frozenset(
        {ModelOutput.COMPONENT_MEANS, ModelOutput.COMPONENT_LOGVARS, ModelOutput.COMPONENT_LOG_WEIGHTS}
    )

    def __init__(self, config: MixtureVAE) -> None:
        super().__init__()
        from acc_assets.models.mixture_configs import ConvLayers

        self.latent_dim, self.factor_groups = config.latent_dim, config.factor_groups
        self.components, self.z_dim, self.layout = config.components, config.z_dim, config.layout
        self.code_parts = (ModelOutput.LATENT, *([ModelOutput.COMPONENT] if config.decodings > 1 else []))
        self.shows_gaussians = config.layout == "shared" and config.prior.gaussian
        layers, size = config.encoder, config.image_size
        self.convolves = isinstance(layers, ConvLayers)
        if isinstance(layers, ConvLayers):
            self.backbone = halving_convolutions(config.in_channels, layers.channels, layers.dropout)
            features = layers.channels[-1] * (size // 2 ** len(layers.channels)) ** 2
        else:
            widths = (config.in_channels * size**2, *layers.hidden)
            self.backbone = nn.Sequential(nn.Flatten(), *_dense(widths, layers))
            features = layers.hidden[-1]
        self.posterior = nn.Linear(features, 2 * config.latent_dim)
        self.assignment = nn.Linear(features, config.components)
        self.routing = Routing(config.components)
        self.prior = config.prior.build(config.components, config.z_dim, (config.in_channels, size, size))
        self.decoder = ComponentDecoder(config)

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        """LATENT, MU and LOGVAR (B, D or K D), COMPONENT and its logits (B, K), SPATIAL; what belongs to the model."""
        features = self.backbone(images)
        mu, logvar = self._posterior(features)
        logits = self.routing(self.assignment(features.flatten(1)))
        encoded = posterior_outputs(mu, logvar, sample=self.training) | {
            ModelOutput.COMPONENT: logits.softmax(1),
            ModelOutput.COMPONENT_LOGITS: logits,
            ModelOutput.COMPONENT_LOG_WEIGHTS: self.prior.log_weights(self.routing.active),
        }
        if self.convolves:
            encoded[ModelOutput.SPATIAL] = features
        if self.shows_gaussians and (gaussians := self.prior.gaussians()) is not None:
            means, logvars = (part.expand(self.components, -1) for part in gaussians)
            encoded |= {ModelOutput.COMPONENT_MEANS: means, ModelOutput.COMPONENT_LOGVARS: logvars}
        return encoded

    def decode(self, code: Outputs) -> dict[str, Tensor]:
        """RECONSTRUCTION in [0, 1], and each component's own, from a code: LATENT and, where it counts, COMPONENT."""
        logits, sigma = self.decoder(self.by_component(code[ModelOutput.LATENT]))  # (B, J, C, H, W)
        if logits.shape[1] == 1:
            decoded = image_outputs(logits[:, 0])
        else:
            shares = code[ModelOutput.COMPONENT][:, :, None, None, None]
            decoded = {ModelOutput.RECONSTRUCTION: (shares * logits.sigmoid()).sum(1)}
        decoded[ModelOutput.COMPONENT_RECONSTRUCTION_LOGITS] = logits
        return decoded if sigma is None else {**decoded, ModelOutput.COMPONENT_SIGMA: sigma}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        encoded = self.encode(images)
        return encoded | self.decode(encoded)

    def by_component(self, latent: Tensor) -> Tensor:
        """A latent, mean or log-variance (B, D) or (B, K D) as (B, 1 or K, D)."""
        return latent.unflatten(1, (-1, self.z_dim))

    def posterior_of(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, 1 or K, D) of z for images (B, C, H, W)."""
        mu, logvar = self._posterior(self.backbone(images))
        return self.by_component(mu), self.by_component(logvar)

    def weigher(self, images: Tensor, draws: torch.Generator) -> Callable[[int], Tensor]:
        """log w (S, B), nats, of S fresh draws of z from q(z|x), as a function of S: p(x) is the mean of w.

        w = sum_c p(c) p(z_c|c) p(x|z_c, c) / q(z_c|x, c) for images (B, C, H, W) of 0 and 1, with a Bernoulli decoder.
        Without a gradient, in evaluation mode.
        """
        encoded = self.encode(images)
        mu, logvar = (self.by_component(encoded[part]) for part in (ModelOutput.MU, ModelOutput.LOGVAR))
        log_shares, gaussians = encoded[ModelOutput.COMPONENT_LOG_WEIGHTS], self.prior.gaussians()

        def weigh(count: int) -> Tensor:
            noise = torch.randn((count, *mu.shape), device=mu.device, generator=draws)
            z = mu + (0.5 * logvar).exp() * noise  # (S, B, 1 or K, D)
            logits = self.decoder(z.flatten(0, 1))[0].flatten(2).unflatten(0, (count, -1))  # (S, B, J, P)
            truth = images.flatten(1)[None, :, None].expand_as(logits)
            errors = F.binary_cross_entropy_with_logits(logits, truth, reduction="none").sum(3)
            prior = self.prior.log_density(z, self) if gaussians is None else log_normal(z, *gaussians)
            parts = log_shares - errors + prior - log_normal(z, mu, logvar)  # (S, B, K)
            return parts.logsumexp(2)

        return weigh

    def _posterior(self, features: Tensor) -> tuple[Tensor, Tensor]:
        mu, raw = self.posterior(features.flatten(1)).chunk(2, dim=1)
        return mu, bounded_logvar(raw)


def _dense(widths: Sequence[int], layers: DenseLayers) -> list[nn.Module]:
    """Linear layers between these widths, each with its ReLU, or gated ones."""
    kind = GatedLinear if layers.gated else nn.Linear
    return [
        part
        for before, after in pairwise(widths)
        for part in (kind(before, after), *relu_dropout(layers.dropout, gated=layers.gated))
    ]
