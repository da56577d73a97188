"""Modules that a task trains or keeps beside the model."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from acc_assets.models.outputs import ModelOutput


class LatentSlice(nn.Module):
    """Picks the dimensions [start, stop) of a flat latent (B, D); has no parameters."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, latent: Tensor) -> Tensor:
        if latent.ndim != 2 or latent.shape[1] < self.stop:
            raise ValueError(
                f"the latent has the shape {tuple(latent.shape)}, but the slice ({self.start}, {self.stop}) needs a "
                f"flat one, (B, D) with D of at least {self.stop}"
            )
        return latent[:, self.start : self.stop]


class LinearProbe(LatentSlice):
    """A linear map from the dimensions [start, stop) of a flat latent to `outputs` values."""

    def __init__(self, start: int, stop: int, outputs: int) -> None:
        super().__init__(start, stop)
        self.linear = nn.Linear(stop - start, outputs)

    def forward(self, latent: Tensor) -> Tensor:
        values: Tensor = self.linear(super().forward(latent))  # (B, outputs)
        return values


def measured_latent_dim(model: Any, dataset: Any) -> int:
    """Width D of the latent of a module that does not say its `latent_dim`, from one forward pass on two images."""
    shape = tuple(dataset.train.images.shape[1:])
    reference = next(iter(model.parameters()), None)
    images = torch.zeros((2, *shape), device=None if reference is None else reference.device)
    training = model.training
    with torch.no_grad(), torch.random.fork_rng():
        model.eval()
        outputs = model.encode(images) if hasattr(model, "encode") else model(images)
        model.train(training)
    latent = outputs.get(ModelOutput.LATENT)
    if latent is None or latent.ndim != 2:
        found = "none" if latent is None else f"the shape {tuple(latent.shape)}"
        raise ValueError(
            f"{type(model).__name__} must return a flat latent (B, D) under ModelOutput.LATENT, found {found}: "
            "flatten or pool it in forward()"
        )
    return int(latent.shape[1])
