"""A look at a model in training: a few test images, what it makes of them, and a 2-D map of their latents."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from acc_assets.analysis.principal import pca, procrustes
from acc_assets.datasets import ImageData
from acc_assets.families import previews
from acc_assets.families.dataset import targets_of
from acc_assets.models import ModelOutput
from acc_assets.models.abilities import coded, every_output, point_latent
from acc_assets.models.layer_calls import evaluating
from acc_assets.training.config_record import viz_indices
from acc_assets.training.objective import as_images
from acc_assets.training.randomness import seed_device

BATCH_SIZE = 100  # no more memory than a step of training needs


class Previewer:
    """Draws a model as it is, and leaves it so: its weights, the modes of its modules, and torch's generators.

    The test images follow from the data set by the rule of `viz_indices`. Maps are turned onto the last one of a
    snapshot that stays (`aligned`, (N, 2)), so that a run that was interrupted ends with the same maps.
    """

    def __init__(
        self, data: ImageData, *, seed: int, device: torch.device, aligned: np.ndarray | None
    ) -> None:
        images, labels = data.test.images, data.test.targets
        examples = viz_indices(data)[: previews.examples_of(images.shape[1:])]
        indices = viz_indices(data, previews.POINTS)
        self._facts = {
            "examples": np.array(examples, np.int32),
            "indices": np.array(indices, np.int32),
            "images": images[examples],
            "labels": targets_of(labels.reshape(len(labels), -1)[indices, 0]),
        }
        self._shown = torch.from_numpy(images[examples])  # (I, C, H, W) uint8
        self._mapped = torch.from_numpy(images[indices])  # (N, C, H, W) uint8
        self._seed, self._device, self._aligned = seed, device, aligned

    def draw(self, model: nn.Module, *, stays: bool) -> dict[str, np.ndarray]:
        """The arrays of a preview, see `families.previews.stage`; without what the model lacks or what is not finite.

        stays: whether the snapshot is one that is kept, so that the next maps are turned onto this one.
        """
        with evaluating(model):
            seed_device(self._device, self._seed, "preview")
            outputs = every_output(model, as_images(self._shown, self._device))
            made = outputs.get(ModelOutput.RECONSTRUCTION)
            latents = self._latents(model)
        found = dict(self._facts)
        if made is not None and bool(torch.isfinite(made).all()):
            found["reconstructions"] = (made.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
        if latents is not None and np.isfinite(latents).all():
            found |= self._map(latents)
            if stays:
                self._aligned = found["coords"]
        return found

    def _latents(self, model: nn.Module) -> np.ndarray | None:
        parts: list[Tensor] = []
        for images in self._mapped.split(BATCH_SIZE):
            part = point_latent(coded(model, as_images(images, self._device)))
            if part is None:
                return None
            parts.append(part)
        latents: np.ndarray = torch.cat(parts).float().cpu().numpy()
        return latents

    def _map(self, latents: np.ndarray) -> dict[str, np.ndarray]:
        if latents.shape[1] == 2:
            return {"coords": latents}
        found = pca(latents, 2)
        coords = found.coords if self._aligned is None else procrustes(found.coords, self._aligned)
        return {"coords": coords, "explained": found.explained_variance.astype(np.float32)}
