"""Priors of a mixture VAE as configurations: what p(c) and p(z|c) are. Torch-free; `build` gives the module.

A prior of your own is a configuration that derives from `Prior` and a module that derives from
`acc_assets.models.prior_nets.PriorNet`: see `docs/mixture_vae.md`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from acc_assets.tree.config import Positive, PositiveNumber, config

if TYPE_CHECKING:
    from acc_assets.models.prior_nets import PriorNet

PseudoInputs = Literal["random", "data", "kmeans"]


@config
class Prior(ABC):
    """p(c), the weights of the components, and p(z|c), what the posterior of z is held against."""

    learns_weights: ClassVar[bool] = False  # p(c) is learned
    gaussian: ClassVar[bool] = False  # p(z|c) is a Gaussian, which the model returns in the shared layout

    def refuses(self, components: int, z_dim: int, layout: str) -> str | None:
        """Why this prior makes no sense for a model of K components with z of D dimensions; None where it does."""
        return None

    @abstractmethod
    def build(self, components: int, z_dim: int, image_shape: tuple[int, int, int]) -> PriorNet:
        """Return the module, initialised from torch's global generator."""


@config
class StandardPrior(Prior):
    """p(z|c) = N(0, I) for every component, p(c) uniform."""

    gaussian: ClassVar[bool] = True

    def build(self, components: int, z_dim: int, image_shape: tuple[int, int, int]) -> PriorNet:
        """Return the module."""
        from acc_assets.models.prior_nets import StandardPriorNet

        return StandardPriorNet(components, z_dim)


@config
class MixturePrior(Prior):
    """A mixture whose weights p(c) are learned (`learn_weights`), its components (`learn_components`), or both.

    Components that are not learned are N(0, I); learned ones are N(mu_c, diag sigma_c^2), with means drawn from N(0, I)
    and variances of 1 to begin with, as in `GaussianMixtureVAE`. Weights begin uniform, and stay so where they are not
    learned. A Dirichlet prior on learned weights is the task `DirichletTask`.
    """

    learn_weights: bool = True
    learn_components: bool = False

    gaussian: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not (self.learn_weights or self.learn_components):
            raise ValueError(
                "learn_weights and learn_components are both False; allowed is one of them, since without either this "
                "is StandardPrior()"
            )

    @property
    def learns_weights(self) -> bool:  # type: ignore[override]
        """Whether p(c) is learned."""
        return self.learn_weights

    def refuses(self, components: int, z_dim: int, layout: str) -> str | None:
        """One component has nothing to weigh."""
        if components == 1 and self.learn_weights:
            return (
                "the weight of a single component is 1 and cannot be learned; use learn_weights=False or more"
            )
        return None

    def build(self, components: int, z_dim: int, image_shape: tuple[int, int, int]) -> PriorNet:
        """Return the module, its means drawn from torch's global generator."""
        from acc_assets.models.prior_nets import MixturePriorNet

        return MixturePriorNet(components, z_dim, self.learn_weights, self.learn_components)


@config
class GeometricPrior(Prior):
    """p(z|c) = N(m_c, I) with fixed centres in the first two dimensions of z, 0 in the others; p(c) uniform.

    "circle": evenly spaced on a circle of the radius `distance`. "grid": the first K places, row by row, of the
    smallest square grid that holds them, `distance` apart, with the middle of the used places at 0.
    """

    arrangement: Literal["circle", "grid"] = "circle"
    distance: PositiveNumber = 3.0

    gaussian: ClassVar[bool] = True

    def refuses(self, components: int, z_dim: int, layout: str) -> str | None:
        """A plane has two dimensions, and a figure more than one point."""
        if z_dim < 2:
            return f"a {self.arrangement} lies in two dimensions, and z has {z_dim}; use z_dim=2 or more"
        if components < 2:
            return f"a {self.arrangement} of one centre is no arrangement; use components=2 or more, or StandardPrior"
        return None

    def build(self, components: int, z_dim: int, image_shape: tuple[int, int, int]) -> PriorNet:
        """Return the module."""
        from acc_assets.models.prior_nets import GeometricPriorNet

        return GeometricPriorNet(components, z_dim, self.arrangement, self.distance)


@config
class VampPrior(Prior):
    """p(z) = 1/M sum_m q(z|u_m) with M learned pseudo-inputs u_m: Tomczak and Welling (2018), equation 9; p(c) uniform.

    start: pseudo-inputs are grey noise ("random"), training images ("data") or the centres of a k-means clustering of
    training images ("kmeans"); the latter two are taken when the task of the KL is first trained, without labels. They
    are sigmoids of what is learned, so that they stay within (0, 1) and every pixel keeps a gradient. samples: of z for
    each image, of which the KL is the Monte Carlo mean.
    """

    version: ClassVar[int] = 2

    pseudo_inputs: Positive = 100
    start: PseudoInputs = "data"
    samples: Positive = 1

    def refuses(self, components: int, z_dim: int, layout: str) -> str | None:
        """A pseudo-input has one posterior."""
        if layout == "decentralized":
            return (
                "a pseudo-input has K posteriors in the decentralized layout and belongs to no component, so that it "
                "does not say which of them the prior is made of; use layout='shared', or another prior"
            )
        return None

    def build(self, components: int, z_dim: int, image_shape: tuple[int, int, int]) -> PriorNet:
        """Return the module, its pseudo-inputs drawn from torch's global generator."""
        from acc_assets.models.prior_nets import VampPriorNet

        return VampPriorNet(components, image_shape, self)


PRIORS: dict[str, type[Prior]] = {
    "standard": StandardPrior,
    "mixture": MixturePrior,
    "geometric": GeometricPrior,
    "vamp": VampPrior,
}
