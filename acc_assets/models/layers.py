"""Pieces that several models share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from acc_assets.models.outputs import ModelOutput

_FEW_CHANNELS = 4
LOGVAR_BOUND = 6.0  # posterior deviations stay between exp(-3) = 0.05 and exp(3) = 20
MASKED = (
    -1e4
)  # in the place of -inf: its exponential is exactly 0 in every precision, and 0 * MASKED is no NaN


def bounded_logvar(raw: Tensor) -> Tensor:
    """Log-variance within (-6, 6): the identity near zero, and a KL that cannot overflow."""
    return LOGVAR_BOUND * torch.tanh(raw / LOGVAR_BOUND)


def masked(logits: Tensor, active: Tensor) -> Tensor:
    """Logits (..., K) whose softmax is exactly 0 where `active`, bool (K,), is False."""
    return logits.masked_fill(~active, MASKED)


def posterior_outputs(mu: Tensor, logvar: Tensor, *, sample: bool) -> dict[str, Tensor]:
    """MU, LOGVAR and LATENT (B, D): mu + exp(logvar / 2) * noise where `sample`, else mu itself."""
    latent = torch.addcmul(mu, (0.5 * logvar).exp(), torch.randn_like(mu)) if sample else mu
    return {ModelOutput.LATENT: latent, ModelOutput.MU: mu, ModelOutput.LOGVAR: logvar}


def image_outputs(logits: Tensor) -> dict[str, Tensor]:
    """RECONSTRUCTION_LOGITS (B, C, H, W) and their sigmoid as RECONSTRUCTION."""
    return {ModelOutput.RECONSTRUCTION: logits.sigmoid(), ModelOutput.RECONSTRUCTION_LOGITS: logits}


def halving_convolutions(in_channels: int, channels: Sequence[int], dropout: float) -> nn.Sequential:
    """3x3 convolutions with stride 2 and ReLU: each halves an image of even size."""
    layers: list[nn.Module] = []
    for width in channels:
        layers += [nn.Conv2d(in_channels, width, 3, stride=2, padding=1), *relu_dropout(dropout)]
        in_channels = width
    return nn.Sequential(*layers)


class DoublingConvolution(nn.ConvTranspose2d):
    """3x3 transposed convolution with stride 2: doubles the height and width of (B, C, H, W).

    With one or a few output channels oneDNN's kernel is four times slower than PyTorch's own on one CPU thread,
    so training calls the latter by name. Both sum the same products; they round differently.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, stride=2, padding=1, output_padding=1)

    def forward(self, images: Tensor, output_size: list[int] | None = None) -> Tensor:
        plain = images.device.type == "cpu" and images.dtype == self.weight.dtype == torch.float32
        if not (self.training and plain and self.out_channels < _FEW_CHANNELS):
            return super().forward(images, output_size)
        result: Tensor = torch.ops.aten.slow_conv_transpose2d(
            images, self.weight, self.kernel_size, self.bias, self.stride, self.padding, self.output_padding
        )
        return result


class DoublingDecoder(nn.Module):
    """Linear map from the latent (B, D) to a small feature map, then transposed 3x3 convolutions to logits."""

    def __init__(
        self, *, latent_dim: int, in_channels: int, image_size: int, channels: Sequence[int], dropout: float
    ) -> None:
        super().__init__()
        side = image_size // 2 ** len(channels)
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, channels[-1] * side**2),
            *relu_dropout(dropout),
            nn.Unflatten(1, (channels[-1], side, side)),
        ]
        widths = [*reversed(channels), in_channels]
        for before, after in pairwise(widths):
            layers += [
                DoublingConvolution(before, after),
                *relu_dropout(dropout),
            ]
        self.layers = nn.Sequential(*layers[: -len(relu_dropout(dropout))])  # no ReLU on the logits

    def forward(self, latent: Tensor) -> Tensor:
        logits: Tensor = self.layers(latent)  # (B, C, H, W)
        return logits


def relu_dropout(dropout: float, *, gated: bool = False) -> list[nn.Module]:
    """ReLU, unless the layer before is gated, followed by dropout when its rate is above zero."""
    return [*([] if gated else [nn.ReLU()]), *([nn.Dropout(dropout)] if dropout else [])]


class GatedLinear(nn.Module):
    """(A h + a) * sigmoid(G h + g) of features (B, before), with A and G drawn from N(0, 2 / before)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.value, self.gate = nn.Linear(before, after), nn.Linear(before, after)
        for linear in (self.value, self.gate):
            nn.init.normal_(linear.weight, std=(2.0 / before) ** 0.5)

    def forward(self, features: Tensor) -> Tensor:
        value: Tensor = self.value(features)
        return value * self.gate(features).sigmoid()
