"""Configuration of mixture VAEs: layers, layout, conditioning, output and prior, each to be chosen by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, WithJsonSchema

from acc_assets.models.factors import FactorGroup
from acc_assets.models.outputs import ModelOutput
from acc_assets.models.priors import MixturePrior, Prior
from acc_assets.tree.config import Pair, Positive, PositiveNumber, Several, Share, config

if TYPE_CHECKING:
    from torch import nn

Layout = Literal["shared", "decentralized"]


@config
class DenseLayers:
    """Fully connected ReLU layers of these widths, from the image inwards; a decoder mirrors them."""

    hidden: Several[Positive] = (256, 128)
    dropout: Share = 0.0

    gated: ClassVar[bool] = False


@config
class GatedLayers(DenseLayers):
    """Fully connected gated layers, (A h + a) * sigmoid(G h + g), of these widths, from the image inwards.

    Dauphin et al., "Language modeling with gated convolutional networks" (2017), equation 1, as Tomczak and Welling
    (2018) have them: there is no other nonlinearity, and A and G are drawn from N(0, 2 / fan-in).
    """

    gated: ClassVar[bool] = True


@config
class ConvLayers:
    """3x3 convolutions with stride 2 and ReLU, of these widths from the image inwards; a decoder mirrors them."""

    channels: Several[Positive] = (16, 32)
    dropout: Share = 0.0


@config
class Conditioning:
    """How the decoder is told its component c, by a learned embedding e_c of `embedding_dim` numbers.

    "concat": [z, e_c] goes in. "film": after each hidden layer h becomes g * h + b, with g and b linear in e_c for each
    channel (Perez et al., "FiLM", 2018). "instance_norm": (1 + g) * (h - m) / sqrt(v + 1e-5) + b with mean m and
    variance v over the places of each channel's map (Dumoulin et al., "A learned representation for artistic style",
    2017).
    """

    by: Literal["concat", "film", "instance_norm"] = "film"
    embedding_dim: Positive = 16


@config
class Heteroscedastic:
    """The decoder also gives the deviation of a pixel, sigma = clip(`least` + softplus(s), bounds).

    per: s is one number an image, or one a pixel and channel. It begins near sigma = 0.2.
    """

    per: Literal["image", "pixel"] = "image"
    least: Annotated[float, Field(ge=0)] = 0.05
    bounds: Pair[PositiveNumber] = (0.05, 0.5)

    def __post_init__(self) -> None:
        if not max(self.least, self.bounds[0]) < self.bounds[1]:
            raise ValueError(
                f"least is {self.least} and bounds are {self.bounds}; allowed is least and bounds[0] below bounds[1]"
            )


Layers = ConvLayers | DenseLayers | GatedLayers
LAYERS: dict[str, type] = {"conv": ConvLayers, "dense": DenseLayers, "gated": GatedLayers}


@config
class MixtureVAE:
    """VAE with a component c beside z: an encoder of q(c|x) and q(z|x), a decoder that may know c, and a prior.

    q(c|x) = r = softmax(logits), the responsibilities. layout "shared": one q(z|x), whichever component. layout
    "decentralized": a q(z|x, c) of `z_dim` dimensions for each component; the latent that readers see holds them one
    after another, as factor groups component_0, component_1, and so on. Where the decoder's image depends on c, because
    of the layout or by `conditioning` (None: it does not see c), each component decodes an image of its own, and the
    model's reconstruction is their mean weighted by r.

    Raises ValueError for a combination that makes no sense, with the reason.
    """

    in_channels: Positive = 1
    image_size: Positive = 28
    z_dim: Positive = 10
    components: Positive = 10
    encoder: Layers = ConvLayers()
    decoder: Layers = ConvLayers()
    layout: Layout = "shared"
    conditioning: Conditioning | None = None
    heteroscedastic: Heteroscedastic | None = None
    prior: Annotated[
        Prior, WithJsonSchema({"description": "a prior such as MixturePrior(learn_weights=True)"})
    ] = MixturePrior()

    version: ClassVar[int] = 1
    variational = True

    def __post_init__(self) -> None:
        for name in ("encoder", "decoder"):
            layers = getattr(self, name)
            halvings = len(layers.channels) if isinstance(layers, ConvLayers) else 0
            if self.image_size % 2**halvings:
                raise ValueError(
                    f"image_size is {self.image_size}; allowed is a multiple of {2**halvings}, since the {name} halves "
                    f"the image {halvings} times"
                )
        if self.conditioning is not None and self.components == 1:
            raise ValueError(
                "conditioning by one component says nothing, since its embedding is always the same; use "
                "conditioning=None, or components=2 or more"
            )
        if self.conditioning is not None and self.conditioning.by == "instance_norm":
            if isinstance(self.decoder, DenseLayers):
                raise ValueError(
                    "conditioning by instance_norm normalises maps over their places, and the layers of a dense "
                    "decoder have no places; use by='film' or 'concat', or decoder=ConvLayers(...)"
                )
            if self.image_size == 2 ** len(self.decoder.channels):
                raise ValueError(
                    "conditioning by instance_norm needs maps of more than one place, and the decoder's first is 1x1; "
                    "use fewer channels in the decoder, or by='film'"
                )
        reason = self.prior.refuses(self.components, self.z_dim, self.layout)
        if reason is not None:
            raise ValueError(f"{type(self.prior).__name__} does not fit this model: {reason}")

    @property
    def decodings(self) -> int:
        """J, the number of images that a code is decoded to: one for each component, or 1 where all are alike."""
        return self.components if self.conditioning is not None or self.layout == "decentralized" else 1

    @property
    def latent_dim(self) -> int:
        """Width of the latent that readers see."""
        return self.z_dim * (self.components if self.layout == "decentralized" else 1)

    @property
    def factor_groups(self) -> tuple[FactorGroup, ...]:
        """The slice of each component's z; none in the shared layout."""
        if self.layout == "shared":
            return ()
        bounds = range(0, self.latent_dim, self.z_dim)
        return tuple(
            FactorGroup(f"component_{at}", start, start + self.z_dim) for at, start in enumerate(bounds)
        )

    @property
    def outputs(self) -> frozenset[ModelOutput]:
        """The keys of `forward()`."""
        found = {
            ModelOutput.LATENT,
            ModelOutput.MU,
            ModelOutput.LOGVAR,
            ModelOutput.COMPONENT,
            ModelOutput.COMPONENT_LOGITS,
            ModelOutput.COMPONENT_LOG_WEIGHTS,
            ModelOutput.RECONSTRUCTION,
            ModelOutput.COMPONENT_RECONSTRUCTION_LOGITS,
        }
        if isinstance(self.encoder, ConvLayers):
            found.add(ModelOutput.SPATIAL)
        if self.decodings == 1:
            found.add(ModelOutput.RECONSTRUCTION_LOGITS)
        if self.heteroscedastic is not None:
            found.add(ModelOutput.COMPONENT_SIGMA)
        if self.layout == "shared" and self.prior.gaussian:
            found |= {ModelOutput.COMPONENT_MEANS, ModelOutput.COMPONENT_LOGVARS}
        return frozenset(found)

    def build(self) -> nn.Module:
        """Return the module, initialised from torch's global generator."""
        from acc_assets.models.mixture_vae import MixtureVAENet

        return MixtureVAENet(self)
