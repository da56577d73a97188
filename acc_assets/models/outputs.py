"""The contract between models and tasks: the names of the tensors that `forward()` returns."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class ModelOutput(str, Enum):
    """A key of the dictionary that a model's `forward()` returns: a text, equal to the one beside it.

    A model may return more under names of its own, such as "brightness". B is the batch, C channels, H and W the
    image, D the latent dimension, K the number of components, c, h and w a feature map.
    """

    LATENT = "latent"  # (B, D): a sample in training of a variational model, else the code itself
    MU = "mu"  # (B, D) posterior mean
    LOGVAR = "logvar"  # (B, D) log posterior variance, nats
    RECONSTRUCTION = "reconstruction"  # (B, C, H, W) in [0, 1]
    RECONSTRUCTION_LOGITS = "reconstruction_logits"  # (B, C, H, W); sigmoid(logits) is RECONSTRUCTION
    SPATIAL = "spatial"  # (B, c, h, w) last feature map of the encoder
    COMPONENT = "component"  # (B, K) q(c|x), the responsibilities of a mixture's components
    COMPONENT_LOGITS = "component_logits"  # (B, K); softmax(logits) is COMPONENT
    COMPONENT_MEANS = "component_means"  # (K, D) means of p(z|c), of the model and not of an image
    COMPONENT_LOGVARS = "component_logvars"  # (K, D) log variances of p(z|c), nats, likewise
    COMPONENT_LOG_WEIGHTS = "component_log_weights"  # (K,) log p(c), nats, likewise
    # of each component's own decoding; J is K, or 1 where all components decode alike
    COMPONENT_RECONSTRUCTION_LOGITS = (
        "component_reconstruction_logits"  # (B, J, C, H, W); their sigmoid is an image
    )
    COMPONENT_SIGMA = "component_sigma"  # (B, J) or (B, J, C, H, W): deviation of a pixel from that image

    def __str__(self) -> str:
        return self.value


Outputs = Mapping[str, "Tensor"]  # by `ModelOutput`, or by a name of the user's own
