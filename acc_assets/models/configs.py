"""Model configurations: frozen, torch-free at import, and each with a `build()` that returns the nn.Module.

`build()` draws the initial weights from torch's global generator: seed it first with `torch.manual_seed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acc_assets.models.factors import FactorGroup, check_factor_groups
from acc_assets.models.outputs import ModelOutput

if TYPE_CHECKING:
    from torch import nn

_PLAIN = frozenset(
    {
        ModelOutput.LATENT,
        ModelOutput.SPATIAL,
        ModelOutput.RECONSTRUCTION,
        ModelOutput.RECONSTRUCTION_LOGITS,
    }
)
_POSTERIOR = frozenset({ModelOutput.MU, ModelOutput.LOGVAR})
NORM_GROUPS = 8  # of the factor-slot model
_SLOT_HALVINGS = {16: 1, 28: 2, 32: 2, 64: 3}  # image size -> halvings, to a map of 8x8 (7x7 at 28)


@dataclass(frozen=True, kw_only=True)
class FullyConnectedAutoencoder:
    """Fully connected ReLU autoencoder with a flat latent and a sigmoid output.

    `hidden` are the encoder's widths; the decoder mirrors them. `dropout` follows each hidden ReLU.
    """

    in_channels: int = 1
    image_size: int = 28
    latent_dim: int = 32
    hidden: tuple[int, ...] = (256, 128)
    dropout: float = 0.0

    def __post_init__(self) -> None:
        _store_widths(self, "hidden")
        _check_positive(self, "in_channels", "image_size", "latent_dim")
        _check_dropout(self)

    factor_groups = ()
    variational = False
    outputs = _PLAIN - {ModelOutput.SPATIAL}

    def build(self) -> nn.Module:
        """Return the module, initialised from torch's global generator."""
        from acc_assets.models.fully_connected import FullyConnectedAutoencoderNet

        return FullyConnectedAutoencoderNet(self)


@dataclass(frozen=True, kw_only=True)
class ConvAutoencoder:
    """Convolutional autoencoder with a flat latent: 3x3 stride-2 convolutions, a linear code, their transpose.

    `channels` are the widths after each halving of the image, so `image_size` must be divisible by
    2 ** len(channels). With `variational` the code is a Gaussian posterior (MU, LOGVAR).
    `factor_groups` may name slices of the latent; the architecture does not depend on them.
    `dropout` follows each hidden ReLU of encoder and decoder.
    """

    in_channels: int = 1
    image_size: int = 32
    latent_dim: int = 32
    channels: tuple[int, ...] = (8, 16)
    dropout: float = 0.0
    variational: bool = False
    factor_groups: tuple[FactorGroup, ...] = ()

    def __post_init__(self) -> None:
        _store_widths(self, "channels")
        object.__setattr__(self, "factor_groups", tuple(self.factor_groups))
        _check_positive(self, "in_channels", "image_size", "latent_dim")
        _check_dropout(self)
        _check_halvings(self, self.image_size, len(self.channels))
        check_factor_groups(self.factor_groups, self.latent_dim, cover=False)

    @property
    def outputs(self) -> frozenset[ModelOutput]:
        """The keys of `forward()`."""
        return _PLAIN | _POSTERIOR if self.variational else _PLAIN

    def build(self) -> nn.Module:
        """Return the module, initialised from torch's global generator."""
        from acc_assets.models.conv import ConvAutoencoderNet

        return ConvAutoencoderNet(self)


@dataclass(frozen=True, kw_only=True)
class ResNetAutoencoder:
    """Asymmetric autoencoder: a ResNet encoder of depth 6n+2 and the small decoder of ConvAutoencoder.

    The encoder is He et al., "Deep Residual Learning" (2016), section 4.2, with GroupNorm (`norm_groups`
    groups) for BatchNorm, projection shortcuts, and the last norm of each block initialised to zero, so
    that every block starts as its shortcut. A 1x1 convolution brings it to the decoder's deepest width.
    """

    in_channels: int = 1
    image_size: int = 28
    latent_dim: int = 32
    depth: int = 8
    base_channels: int = 16
    norm_groups: int = 8
    decoder_channels: tuple[int, int] = (8, 16)
    dropout: float = 0.0

    def __post_init__(self) -> None:
        _store_widths(self, "decoder_channels")
        _check_positive(self, "in_channels", "image_size", "latent_dim", "base_channels", "norm_groups")
        _check_dropout(self)
        _check_halvings(self, self.image_size, 2)
        if self.depth < 8 or (self.depth - 2) % 6:
            raise ValueError(f"ResNetAutoencoder depth is {self.depth}: use 6n+2, that is 8, 14, 20, 26, ...")
        if len(self.decoder_channels) != 2:
            raise ValueError(
                f"ResNetAutoencoder decoder_channels is {self.decoder_channels}: give two widths, "
                "because the encoder halves the image twice"
            )
        for width in (self.base_channels, self.decoder_channels[1]):
            if width % self.norm_groups:
                raise ValueError(
                    f"ResNetAutoencoder norm_groups is {self.norm_groups}, which does not divide the width "
                    f"{width}: choose a divisor of base_channels and of decoder_channels[1]"
                )

    factor_groups = ()
    variational = False
    outputs = _PLAIN

    def build(self) -> nn.Module:
        """Return the module, initialised from torch's global generator."""
        from acc_assets.models.resnet import ResNetAutoencoderNet

        return ResNetAutoencoderNet(self)


@dataclass(frozen=True, kw_only=True)
class FactorSlotAutoencoder:
    """Factor-slot cross-attention VAE, sized for CPUs.

    A convolutional backbone is read by one head per factor group (mu, and logvar within (-6, 6)). The decoder
    turns each group's slice into one token; a learned query at each position of the bottleneck map
    cross-attends to the tokens, and its attention can be read out as one map per factor. The bottleneck map
    is 8x8 (7x7 at 28x28). Image sizes: 16, 28, 32 and 64; all widths must be multiples of 8.
    """

    in_channels: int = 1
    image_size: int = 32
    factor_groups: tuple[FactorGroup, ...] = (FactorGroup("free", 0, 16),)
    backbone_channels: tuple[int, int] = (16, 32)
    embed_dim: int = 64
    heads: int = 4

    def __post_init__(self) -> None:
        _store_widths(self, "backbone_channels")
        object.__setattr__(self, "factor_groups", tuple(self.factor_groups))
        _check_positive(self, "in_channels", "embed_dim", "heads")
        if self.image_size not in _SLOT_HALVINGS:
            raise ValueError(
                f"FactorSlotAutoencoder image_size is {self.image_size}: allowed are "
                f"{', '.join(map(str, _SLOT_HALVINGS))}; load the data set at one of these sizes"
            )
        if len(self.backbone_channels) != 2:
            raise ValueError(
                f"FactorSlotAutoencoder backbone_channels is {self.backbone_channels}: give two widths"
            )
        for width in (*self.backbone_channels, self.embed_dim):
            if width % NORM_GROUPS:
                raise ValueError(
                    f"FactorSlotAutoencoder has the width {width} in backbone_channels or embed_dim: "
                    f"use multiples of {NORM_GROUPS}, the number of norm groups"
                )
        if self.embed_dim % self.heads:
            raise ValueError(
                f"FactorSlotAutoencoder embed_dim {self.embed_dim} is not divisible by heads {self.heads}"
            )
        if not self.factor_groups:
            raise ValueError("FactorSlotAutoencoder needs at least one FactorGroup in factor_groups")
        check_factor_groups(self.factor_groups, self.factor_groups[-1].stop, cover=True)

    variational = True
    outputs = _PLAIN | _POSTERIOR
    readouts = frozenset({"attention"})  # the module has attention_maps(code)

    @property
    def latent_dim(self) -> int:
        """Number of latent dimensions D: the groups cover them all."""
        return self.factor_groups[-1].stop

    @property
    def halvings(self) -> int:
        """How often the backbone halves the image on the way to the bottleneck map."""
        return _SLOT_HALVINGS[self.image_size]

    def build(self) -> nn.Module:
        """Return the module, initialised from torch's global generator."""
        from acc_assets.models.factor_slot import FactorSlotAutoencoderNet

        return FactorSlotAutoencoderNet(self)


def _store_widths(config: Any, field: str) -> None:
    """Store a list, as YAML gives it, as a tuple, and check that it holds positive integers."""
    value = getattr(config, field)
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ValueError(f"{type(config).__name__} {field} is {value!r}: give one or more widths")
    if any(not isinstance(width, int) or width < 1 for width in value):
        raise ValueError(f"{type(config).__name__} {field} is {value!r}: widths are positive integers")
    object.__setattr__(config, field, tuple(value))


def _check_positive(config: Any, *fields: str) -> None:
    for field in fields:
        value = getattr(config, field)
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{type(config).__name__} {field} is {value!r}: it must be a positive integer")


def _check_dropout(config: Any) -> None:
    if not 0.0 <= config.dropout < 1.0:
        raise ValueError(f"{type(config).__name__} dropout is {config.dropout}: allowed is 0 <= dropout < 1")


def _check_halvings(config: Any, image_size: int, halvings: int) -> None:
    if image_size % 2**halvings:
        raise ValueError(
            f"{type(config).__name__} image_size is {image_size}, which is not divisible by {2**halvings}: "
            f"the encoder halves the image {halvings} times; choose a multiple of {2**halvings}"
        )
