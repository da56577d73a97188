"""Models: torch-free configurations whose `build()` returns an nn.Module with the `ModelOutput` contract.

A module's `forward(images (B, C, H, W) in [0, 1])` returns tensors by name, those of `ModelOutput` or its own;
`encode(images)` and `decode(code)` return its two halves. `code_parts` names what of `encode`'s outputs `decode` takes
(default: the latent alone), `shared_outputs` those that belong to the model and not to an example, such as component
means (K, D) (default: none). A module of a user's own needs `forward` alone: `observe` finds what it can do, and
analyses that need more are left out with the reason.
"""

from acc_assets.models.abilities import Abilities, observe
from acc_assets.models.configs import (
    ConvAutoencoder,
    FactorSlotAutoencoder,
    FullyConnectedAutoencoder,
    GaussianMixtureVAE,
    ResNetAutoencoder,
)
from acc_assets.models.factors import FactorGroup
from acc_assets.models.growth import Growable
from acc_assets.models.hierarchical_configs import HierarchicalVAE
from acc_assets.models.mixture_configs import (
    LAYERS,
    Conditioning,
    ConvLayers,
    DenseLayers,
    GatedLayers,
    Heteroscedastic,
    MixtureVAE,
)
from acc_assets.models.outputs import ModelOutput, Outputs
from acc_assets.models.priors import (
    PRIORS,
    GeometricPrior,
    MixturePrior,
    Prior,
    StandardPrior,
    VampPrior,
)

MODELS: dict[str, type] = {
    "fully_connected_autoencoder": FullyConnectedAutoencoder,
    "conv_autoencoder": ConvAutoencoder,
    "resnet_autoencoder": ResNetAutoencoder,
    "factor_slot_autoencoder": FactorSlotAutoencoder,
    "gaussian_mixture_vae": GaussianMixtureVAE,
    "mixture_vae": MixtureVAE,
    "hierarchical_vae": HierarchicalVAE,
}

__all__ = [
    "LAYERS",
    "MODELS",
    "PRIORS",
    "Abilities",
    "Conditioning",
    "ConvAutoencoder",
    "ConvLayers",
    "DenseLayers",
    "FactorGroup",
    "FactorSlotAutoencoder",
    "FullyConnectedAutoencoder",
    "GatedLayers",
    "GaussianMixtureVAE",
    "GeometricPrior",
    "Growable",
    "Heteroscedastic",
    "HierarchicalVAE",
    "MixturePrior",
    "MixtureVAE",
    "ModelOutput",
    "Outputs",
    "Prior",
    "ResNetAutoencoder",
    "StandardPrior",
    "VampPrior",
    "observe",
]
