"""Modules that a task trains or keeps beside the model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


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


class PerceptronProbe(LatentSlice):
    """ReLU layers of widths `hidden` from the dimensions [start, stop) of a flat latent to `outputs` values."""

    def __init__(self, start: int, stop: int, hidden: Sequence[int], outputs: int) -> None:
        super().__init__(start, stop)
        widths = (stop - start, *hidden)
        layers = [
            part for before, after in pairwise(widths) for part in (nn.Linear(before, after), nn.ReLU())
        ]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], outputs))

    def forward(self, latent: Tensor) -> Tensor:
        values: Tensor = self.layers(super().forward(latent))  # (B, outputs)
        return values
