"""The formulas behind the tasks: tensors in, tensors out."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from acc_assets.datasets import Batch
from acc_assets.models import ModelOutput, Outputs


def latent(outputs: Outputs) -> Tensor:
    """The latent (B, D) that training sees: a sample where the model is variational."""
    return _get(outputs, ModelOutput.LATENT)


def point_latent(outputs: Outputs) -> Tensor:
    """The latent (B, D) that evaluation sees: the posterior mean where there is one, never a sample."""
    return outputs[ModelOutput.MU] if ModelOutput.MU in outputs else latent(outputs)


def posterior(outputs: Outputs) -> tuple[Tensor, Tensor]:
    """Posterior mean and log-variance, both (B, D)."""
    return _get(outputs, ModelOutput.MU), _get(outputs, ModelOutput.LOGVAR)


def reconstruction_error(outputs: Outputs, images: Tensor, error: str) -> Tensor:
    """Error summed over batch and pixels (scalar): cross-entropy in nats, squared or absolute error.

    "bce" reads logits where the model returns them, and probabilities else; never a sigmoid twice.
    """
    if error == "bce":
        logits = outputs.get(ModelOutput.RECONSTRUCTION_LOGITS)
        if logits is not None:
            _same_shape(logits, images)
            return F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
        probabilities = _get(outputs, ModelOutput.RECONSTRUCTION)
        _same_shape(probabilities, images)
        return F.binary_cross_entropy(probabilities, images, reduction="sum")
    reconstruction = _get(outputs, ModelOutput.RECONSTRUCTION)
    _same_shape(reconstruction, images)
    if error == "mse":
        return F.mse_loss(reconstruction, images, reduction="sum")
    return F.l1_loss(reconstruction, images, reduction="sum")


def kl_standard_normal(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, I)) of each row (B,), nats: Kingma and Welling (2014), appendix B."""
    return -0.5 * (1.0 + logvar - mu.square() - logvar.exp()).sum(1)


def cross_entropy(logits: Tensor, batch: Batch, task: str) -> Tensor:
    """Cross-entropy of logits (B, K) for class targets (B,) int64, nats; the mean over the images with a label."""
    targets = batch.targets
    if targets.ndim != 1 or targets.dtype != torch.int64:
        raise ValueError(
            f"task '{task}' needs class targets of shape (B,) and type int64, but the batch has "
            f"{tuple(targets.shape)} of {targets.dtype}: attach it to a data set with labels"
        )
    if batch.labelled is None:
        return F.cross_entropy(logits, targets)
    share = batch.labelled_share
    return _over_labelled(F.cross_entropy(logits, targets, reduction="none"), batch.labelled, share)


def gaussian_nll(prediction: Tensor, targets: Tensor, batch: Batch, sigma: float, task: str) -> Tensor:
    """sum_t (y_t - p_t)^2 / (2 sigma^2), both (B, T), nats without the constant; the mean over images with a target."""
    if prediction.shape != targets.shape:
        raise ValueError(
            f"task '{task}' predicts {tuple(prediction.shape)}, but the batch's targets are "
            f"{tuple(targets.shape)}: build the head for this data set"
        )
    if batch.labelled is None:
        return F.mse_loss(prediction, targets, reduction="sum") / (2.0 * sigma**2 * prediction.shape[0])
    nll = (prediction - targets).square().sum(1) / (2.0 * sigma**2)
    return _over_labelled(nll, batch.labelled, batch.labelled_share)


def _over_labelled(values: Tensor, labelled: Tensor, share: float) -> Tensor:
    """Sum of values (B,) over the labelled images, over the number of them that a batch has on average.

    So its mean over batches is the mean over all of the data set's targets: a batch that happens to hold none of them
    counts as nothing learned, not as a loss of zero.
    """
    return (values * labelled).sum() / (len(values) * share)


def _get(outputs: Outputs, key: str) -> Tensor:
    if key not in outputs:
        given = ", ".join(str(name) for name in outputs)
        raise ValueError(f"the model did not return {key} (it returned {given}): add it to its forward()")
    return outputs[key]


def _same_shape(reconstruction: Tensor, images: Tensor) -> None:
    if reconstruction.shape != images.shape:
        raise ValueError(
            f"the reconstruction has the shape {tuple(reconstruction.shape)}, the images "
            f"{tuple(images.shape)}: the decoder must return images of the data set's size"
        )
