"""Training batches: the split lies on the device as bytes, and its order is a pure function of seed and epoch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from acc_assets.datasets import Batch, ImageData, Split, load_dataset
from acc_assets.training.randomness import derived_seed, generator


class BatchSource:
    """Endless batches of one data set's training split.

    Image number p of the stream, p = 0, 1, 2, ..., is entry p mod N of the permutation of epoch p div N, and
    that permutation depends on (seed, data set name, epoch) alone. So branches with one seed see the same
    batches, and `position` is all the state there is. A batch may span two epochs; no image is left out.
    """

    def __init__(
        self,
        name: str,
        data: ImageData,
        *,
        batch_size: int,
        seed: int,
        device: torch.device,
        position: int = 0,
        columns: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.batch_size = batch_size
        self.position = position  # images taken from the stream so far
        self._seed = seed
        self._device = device
        self._shape = data.train.images.shape[1:]  # (C, H, W)
        self._pixels = torch.from_numpy(data.train.images).flatten(1).to(device)  # (N, C*H*W) uint8
        self._targets = torch.from_numpy(data.train.targets).to(device)
        self._factors = {
            name: torch.from_numpy(values).to(device)
            for name, values in chosen_factors(data.train, columns).items()
        }
        labelled = data.train.labelled
        self._labelled = None if labelled is None else torch.from_numpy(labelled).to(device)
        self._dynamic = data.train.dynamic
        self._labelled_share = 1.0 if labelled is None else float(labelled.mean())
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def __len__(self) -> int:
        """Images in the training split."""
        return len(self._pixels)

    def skip(self) -> None:
        """Go past one batch without gathering it."""
        self.position += self.batch_size

    def next(self, step: int, augment: Any = None) -> Batch:
        """The next batch; `augment` distorts what the encoder sees, with noise of its own for each step.

        Dynamic images are a draw of their own for each step.
        """
        indices = self._indices()
        self.position += self.batch_size
        # index_select is three times faster here than indexing with a tensor
        pixels = self._pixels.index_select(0, indices)
        images = pixels.to(torch.float32).div_(255.0).view(-1, *self._shape)
        if self._dynamic:
            draws = generator(self._device, self._seed, "pixels", self.name, step)
            noise = torch.rand(images.shape, device=self._device, generator=draws)
            images = (noise < images).to(torch.float32)
        inputs = images
        if augment is not None:
            inputs = augment.apply(images, generator(self._device, self._seed, "augment", self.name, step))
        return Batch(
            images=images,
            inputs=inputs,
            targets=self._targets.index_select(0, indices),
            factors={name: values.index_select(0, indices) for name, values in self._factors.items()},
            labelled=None if self._labelled is None else self._labelled.index_select(0, indices),
            labelled_share=self._labelled_share,
        )

    def _indices(self) -> Tensor:
        parts = []
        start, wanted = self.position, self.batch_size
        while wanted > 0:
            epoch, offset = divmod(start, len(self))
            part = self._permutation(epoch)[offset : offset + wanted]
            parts.append(part)
            start, wanted = start + len(part), wanted - len(part)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _permutation(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            host = torch.Generator()  # drawn on the CPU, so that the order is the same on every device
            host.manual_seed(derived_seed(self._seed, "order", self.name, epoch))
            self._order = torch.randperm(len(self), generator=host).to(self._device)
            self._epoch = epoch
        return self._order


def chosen_factors(split: Split, columns: Sequence[str]) -> dict[str, np.ndarray]:
    """The named columns (N,) of a split; raises ValueError for one that it lacks."""
    there = split.factors or {}
    unknown = sorted(set(columns) - set(there))
    if unknown:
        raise ValueError(
            f"the data set has no column {', '.join(unknown)}; its Split.factors are {', '.join(there) or 'none'}."
        )
    return {name: there[name] for name in columns}


class LazyData:
    """Stands for a data set's arrays and loads them when a task first asks for one of them."""

    def __init__(self, config: Any, seed: int) -> None:
        self._config, self._seed = config, seed

    @cached_property
    def _data(self) -> ImageData:
        return load_dataset(self._config, self._seed)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._data, name)
