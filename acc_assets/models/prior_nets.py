"""The modules of priors: weights of the components, and Gaussians or a density of z."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from acc_assets.models.layers import bounded_logvar, masked

if TYPE_CHECKING:
    from acc_assets.models.priors import VampPrior

EDGE = 0.02  # how far a pseudo-input stays from black and white when it is taken from an image
LARGE = 2**20  # differences of z and means beyond which they are not held, but multiplied out
CLUSTERED = 10_000  # images at most that k-means looks at


class PriorNet(nn.Module):
    """A prior gives either `gaussians()`, with which the KL has a closed form, or `log_density(z, model)`.

    samples: of z for each image, where the KL is a Monte Carlo mean over `log_density`.
    """

    samples = 1
    weight_logits: Tensor

    def __init__(self, components: int) -> None:
        super().__init__()
        self.components = components
        self.register_buffer("weight_logits", torch.zeros(components))

    def log_weights(self, active: Tensor) -> Tensor:
        """log p(c) (K,) over the active components (bool (K,)); the others have none of it."""
        return masked(self.weight_logits, active).log_softmax(0)

    def gaussians(self) -> tuple[Tensor, Tensor] | None:
        """Means and log-variances of p(z|c), (K, D), or (1, D) where all components share one; None: not Gaussian."""
        return None

    def log_density(self, z: Tensor, model: Any) -> Tensor:
        """log p(z) (...) of z (..., D), nats; `model.posterior_of(images)` is the encoder's posterior."""
        raise NotImplementedError(f"{type(self).__name__} must define gaussians() or log_density()")

    def start(self, training_images: Callable[[], np.ndarray]) -> None:
        """Take from training images, uint8 (N, C, H, W), what the prior begins with; called whenever tasks are built.

        Ask for images only where a buffer says that they are still to be taken.
        """


class StandardPriorNet(PriorNet):
    """N(0, I) for every component."""

    zeros: Tensor

    def __init__(self, components: int, z_dim: int) -> None:
        super().__init__(components)
        self.register_buffer("zeros", torch.zeros(1, z_dim), persistent=False)

    def gaussians(self) -> tuple[Tensor, Tensor]:
        return self.zeros, self.zeros


class MixturePriorNet(PriorNet):
    """Learned weights, learned components, or both."""

    means: Tensor
    logvars: Tensor

    def __init__(self, components: int, z_dim: int, learn_weights: bool, learn_components: bool) -> None:
        super().__init__(components)
        if learn_weights:
            del self.weight_logits
            self.weight_logits = nn.Parameter(torch.zeros(components))
        self.learn_components = learn_components
        if learn_components:
            self.means = nn.Parameter(torch.randn(components, z_dim))
            self.logvars = nn.Parameter(torch.zeros(components, z_dim))
        else:
            self.register_buffer("means", torch.zeros(1, z_dim), persistent=False)
            self.register_buffer("logvars", torch.zeros(1, z_dim), persistent=False)

    def gaussians(self) -> tuple[Tensor, Tensor]:
        return self.means, bounded_logvar(self.logvars)


class GeometricPriorNet(PriorNet):
    """Fixed centres of unit Gaussians."""

    means: Tensor
    logvars: Tensor

    def __init__(self, components: int, z_dim: int, arrangement: str, distance: float) -> None:
        super().__init__(components)
        means = torch.zeros(components, z_dim)
        means[:, :2] = arranged(components, arrangement, distance)
        self.register_buffer("means", means, persistent=False)
        self.register_buffer("logvars", torch.zeros_like(means), persistent=False)

    def gaussians(self) -> tuple[Tensor, Tensor]:
        return self.means, self.logvars


class VampPriorNet(PriorNet):
    """The mean of the posteriors of M learned pseudo-inputs."""

    started: Tensor

    def __init__(self, components: int, image_shape: tuple[int, int, int], config: VampPrior) -> None:
        super().__init__(components)
        self.samples, self.begins = config.samples, config.start
        self.logits = nn.Parameter(torch.randn(config.pseudo_inputs, *image_shape))
        self.register_buffer("started", torch.tensor(config.start == "random"))

    def pseudo_inputs(self) -> Tensor:
        """Images (M, C, H, W) in (0, 1)."""
        return self.logits.sigmoid()

    def log_density(self, z: Tensor, model: Any) -> Tensor:
        """log 1/M sum_m N(z; mu(u_m), diag sigma^2(u_m)) of z (..., D)."""
        means, logvars = (part[:, 0] for part in model.posterior_of(self.pseudo_inputs()))  # (M, D)
        many = z.shape[:-1].numel() * means.numel() > LARGE and z.device.type != "mps"  # which has no float64
        each = log_normals(z, means, logvars) if many else log_normal(z[..., None, :], means, logvars)
        return (each.logsumexp(-1) - math.log(len(means))).to(z.dtype)

    def start(self, training_images: Callable[[], np.ndarray]) -> None:
        """Begin with training images or their cluster centres, once in a lineage of checkpoints."""
        if self.started:
            return
        images = training_images()
        chosen = torch.randperm(len(images))[: CLUSTERED if self.begins == "kmeans" else len(self.logits)]
        pixels = images[chosen.numpy()].astype(np.float32) / 255.0
        if len(pixels) < len(self.logits):
            raise ValueError(
                f"the VampPrior has {len(self.logits)} pseudo-inputs, and the data set {len(pixels)} training images "
                "to begin them with; use fewer pseudo_inputs, or start='random'"
            )
        if self.begins == "kmeans":
            from sklearn.cluster import MiniBatchKMeans

            seed = int(torch.randint(2**31, ()))
            fit = MiniBatchKMeans(len(self.logits), random_state=seed, n_init=1, batch_size=1024)
            pixels = fit.fit(pixels.reshape(len(pixels), -1)).cluster_centers_.astype(np.float32)
        with torch.no_grad():
            values = torch.from_numpy(pixels).reshape(self.logits.shape).clamp(EDGE, 1.0 - EDGE)
            self.logits.copy_(values.logit())
            self.started.fill_(True)


def arranged(count: int, arrangement: str, distance: float) -> Tensor:
    """Centres (K, 2) on a circle or a grid: see `GeometricPrior`."""
    if arrangement == "circle":
        angles = 2.0 * math.pi * torch.arange(count) / count
        return distance * torch.stack([angles.cos(), angles.sin()], 1)
    side = math.ceil(math.sqrt(count))
    places = torch.stack([torch.arange(count) % side, torch.arange(count) // side], 1).float()
    middle = (places.amin(0) + places.amax(0)) / 2.0
    return distance * (places - middle)


def log_normal(z: Tensor, means: Tensor, logvars: Tensor) -> Tensor:
    """log N(z; means, diag exp(logvars)) (...) of tensors (..., D) that broadcast, nats."""
    squared = (z - means).square() * (-logvars).exp()
    return -0.5 * (math.log(2.0 * math.pi) + logvars + squared).sum(-1)


def log_normals(z: Tensor, means: Tensor, logvars: Tensor) -> Tensor:
    """log N(z; means_m, diag exp(logvars_m)) (..., M) of z (..., D), means and logvars (M, D), nats, float64.

    As `log_normal` of all pairs, by products of matrices: (z - m)^2 / v = z^2 / v - 2 z m / v + m^2 / v, whose terms
    are large and cancel, hence float64.
    """
    z, means, precisions = z.double(), means.double(), (-logvars).double().exp()
    constants = (math.log(2.0 * math.pi) + logvars.double() + means.square() * precisions).sum(-1)  # (M,)
    return z @ (means * precisions).T - 0.5 * (z.square() @ precisions.T + constants)
