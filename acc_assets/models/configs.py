"""Model configurations: frozen, torch-free at import, and each with a `build()` that returns the nn.Module.

`build()` draws the initial weights from torch's global generator: seed it first with `torch.manual_seed`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from acc_assets.models.factors import FactorGroup, check_factor_groups
from acc_assets.models.growth import Growable
from acc_assets.models.outputs import ModelOutput
from acc_assets.tree.config import AnyNumberOf, Pair, Positive, Several, Share, config

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
_MIXTURE = frozenset(
    {
        ModelOutput.COMPONENT,
        ModelOutput.COMPONENT_LOGITS,
        ModelOutput.COMPONENT_MEANS,
        ModelOutput.COMPONENT_LOGVARS,
    }
)
Eights = Annotated[int, Field(ge=8, multiple_of=8)]  # a width that eight norm groups divide
_SLOT_HALVINGS = {16: 1, 28: 2, 32: 2, 64: 3}  # image size -> halvings, to a map of 8x8 (7x7 at 28)


@config
class FullyConnectedAutoencoder(Growable):
    """Fully connected ReLU autoencoder with a flat latent and a sigmoid output.

    `hidden` are the encoder's widths; the decoder mirrors them. `dropout` follows each hidden ReLU.
    """

    in_channels: Positive = 1
    image_size: Positive = 28
    latent_dim: Positive = 32
    hidden: Several[Positive] = (256, 128)
    dropout: Share = 0.0

    version: ClassVar[int] = 1
    factor_groups = ()
    variational = False
    outputs = _PLAIN - {ModelOutput.SPATIAL}
    grows, reads, deepens = "hidden", ("encoder",), True

    def build(self) -> nn.Module:
        """Return the module, initialised from torch's global generator."""
        from acc_assets.models.fully_connected import FullyConnectedAutoencoderNet

        return FullyConnectedAutoencoderNet(self)


@config
class ConvAutoencoder(Growable):
    """Convolutional autoencoder with a flat latent: 3x3 stride-2 convolutions, a linear code, their transpose.

    `channels` are the widths after each halving of the image, so `image_size` must be divisible by
    2 ** len(channels). With `variational` the code is a Gaussian posterior (MU, LOGVAR).
    `factor_groups` may name slices of the latent; the architecture does not depend on them.
    `dropout` follows each hidden ReLU of encoder and decoder.
    """

    in_channels: Positive = 1
    image_size: Positive = 32
    latent_dim: Positive = 32
    channels: Several[Positive] = (8, 16)
    dropout: Share = 0.0
    variational: bool = False
    factor_groups: AnyNumberOf[FactorGroup] = ()

    version: ClassVar[int] = 1
    grows, reads, deepens = "channels", ("backbone", "code"), False

    def __post_init__(self) -> None:
        _check_halvings(self.image_size, len(self.channels))
        check_factor_groups(self.factor_groups, self.latent_dim, cover=False)

    @property
    def outputs(self) -> frozenset[ModelOutput]:
        """The keys of `forward()`."""
        return _PLAIN | _POSTERIOR if self.variational else _PLAIN

    def build(self) -> nn.Module:
        """Return the module, initialised from torch's global generator."""
        from acc_assets.models.conv import ConvAutoencoderNet

        return ConvAutoencoderNet(self)


@config
class ResNetAutoencoder:
    """Asymmetric autoencoder: a ResNet encoder of depth 6n+2 and the small decoder of ConvAutoencoder.

    The encoder is He et al., "Deep Residual Learning" (2016), section 4.2, with GroupNorm (`norm_groups`
    groups) for BatchNorm, projection shortcuts, and the last norm of each block initialised to zero, so
    that every block starts as its shortcut. A 1x1 convolution brings it to the decoder's deepest width.
    """

    in_channels: Positive = 1
    image_size: Positive = 28
    latent_dim: Positive = 32
    depth: Annotated[int, Field(ge=8)] = 8
    base_channels: Positive = 16
    norm_groups: Positive = 8
    decoder_channels: Pair[Positive] = (8, 16)
    dropout: Share = 0.0

    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        _check_halvings(self.image_size, 2)
        if (self.depth - 2) % 6:
            raise ValueError(f"depth is {self.depth}; allowed is 6n+2, that is 8, 14, 20, 26, ...")
        for width in (self.base_channels, self.decoder_channels[1]):
            if width % self.norm_groups:
                raise ValueError(
                    f"norm_groups is {self.norm_groups}, which does not divide the width {width}; allowed is a "
                    "divisor of base_channels and of decoder_channels[1]"
                )

    factor_groups = ()
    variational = False
    outputs = _PLAIN

    def build(self) -> nn.Module:
        """Return the module, initialised from torch's global generator."""
        from acc_assets.models.resnet import ResNetAutoencoderNet

        return ResNetAutoencoderNet(self)


@config
class FactorSlotAutoencoder:
    """Factor-slot cross-attention VAE, sized for CPUs.

    A convolutional backbone is read by one head per factor group (mu, and logvar within (-6, 6)). The decoder
    turns each group's slice into one token; a learned query at each position of the bottleneck map
    cross-attends to the tokens, and its attention can be read out as one map per factor. The bottleneck map
    is 8x8 (7x7 at 28x28). Image sizes: 16, 28, 32 and 64; all widths must be multiples of 8.
    """

    in_channels: Positive = 1
    image_size: Literal[16, 28, 32, 64] = 32
    factor_groups: Several[FactorGroup] = (FactorGroup("free", 0, 16),)
    backbone_channels: Pair[Eights] = (16, 32)
    embed_dim: Eights = 64
    heads: Positive = 4

    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if self.embed_dim % self.heads:
            raise ValueError(
                f"heads is {self.heads}; allowed is a divisor of embed_dim, which is {self.embed_dim}"
            )
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


@config
class GaussianMixtureVAE(Growable):
    """Convolutional VAE whose prior is a mixture of `components` Gaussians with learnable means and variances.

    One encoder of 3x3 stride-2 convolutions, as in ConvAutoencoder, ends in two linear maps: q(c|x), a distribution
    over the components, and q(z|x), a diagonal Gaussian. The decoder sees z alone. p(c) is uniform; p(z|c) is
    N(mu_c, diag sigma_c^2), with the means drawn from N(0, I) and the variances at 1 to begin with.
    """

    in_channels: Positive = 1
    image_size: Positive = 28
    latent_dim: Positive = 10
    components: Positive = 10
    channels: Several[Positive] = (16, 32)
    dropout: Share = 0.0

    version: ClassVar[int] = 1
    factor_groups = ()
    variational = True
    outputs = _PLAIN | _POSTERIOR | _MIXTURE
    grows, reads, deepens = "channels", ("backbone", "posterior", "assignment"), False

    def __post_init__(self) -> None:
        _check_halvings(self.image_size, len(self.channels))

    def build(self) -> nn.Module:
        """Return the module, initialised from torch's global generator."""
        from acc_assets.models.gaussian_mixture import GaussianMixtureVAENet

        return GaussianMixtureVAENet(self)


def _check_halvings(image_size: int, halvings: int) -> None:
    if image_size % 2**halvings:
        raise ValueError(
            f"image_size is {image_size}; allowed is a multiple of {2**halvings}, since the encoder halves the image "
            f"{halvings} times"
        )
