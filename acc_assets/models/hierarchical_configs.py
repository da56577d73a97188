"""Configuration of a VAE with two stochastic layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import WithJsonSchema

from acc_assets.models.factors import FactorGroup
from acc_assets.models.outputs import ModelOutput
from acc_assets.models.priors import Prior, StandardPrior
from acc_assets.tree.config import Positive, config

if TYPE_CHECKING:
    from torch import nn

# of p(z1|z2) for each image, beside the outputs that other models have too
LOWER_MU, LOWER_LOGVAR = "lower_mu", "lower_logvar"


@config
class HierarchicalVAE:
    """VAE with z1 below z2: p(z2) p(z1|z2) p(x|z1, z2), and q(z2|x) q(z1|x, z2); `prior` is that of z2.

    Tomczak and Welling, "VAE with a VampPrior" (2018), section 3, HVAE (L = 2) of their experiments: gated layers
    of `hidden` units (see `GatedLayers`), two from x to z2 and from z2 to z1; q(z1|x, z2) and p(x|z1, z2) have one for
    each of their two inputs, and one that joins them. The latent that readers see is [z2, z1], as factor groups.
    """

    in_channels: Positive = 1
    image_size: Positive = 28
    z1_dim: Positive = 40
    z2_dim: Positive = 40
    hidden: Positive = 300
    prior: Annotated[
        Prior, WithJsonSchema({"description": "a prior such as VampPrior(pseudo_inputs=500)"})
    ] = StandardPrior()

    version: ClassVar[int] = 1
    variational = True

    def __post_init__(self) -> None:
        reason = self.prior.refuses(1, self.z2_dim, "shared")
        if reason is not None:
            raise ValueError(f"{type(self.prior).__name__} does not fit this model: {reason}")

    @property
    def latent_dim(self) -> int:
        """Width of [z2, z1]."""
        return self.z2_dim + self.z1_dim

    @property
    def factor_groups(self) -> tuple[FactorGroup, ...]:
        """The slices of z2 and z1."""
        return (FactorGroup("z2", 0, self.z2_dim), FactorGroup("z1", self.z2_dim, self.latent_dim))

    @property
    def outputs(self) -> frozenset[str]:
        """The keys of `forward()`."""
        return frozenset(
            {
                ModelOutput.LATENT,
                ModelOutput.MU,
                ModelOutput.LOGVAR,
                ModelOutput.RECONSTRUCTION,
                ModelOutput.RECONSTRUCTION_LOGITS,
                LOWER_MU,
                LOWER_LOGVAR,
            }
        )

    def build(self) -> nn.Module:
        """Return the module, initialised from torch's global generator."""
        from acc_assets.models.hierarchical_vae import HierarchicalVAENet

        return HierarchicalVAENet(self)
