"""Larger networks with the function of smaller ones: Net2WiderNet and Net2DeeperNet.

Chen, Goodfellow and Shlens (2016), "Net2Net: Accelerating Learning via Knowledge Transfer", section 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from acc_assets.models.growth import places_of

Weights = dict[str, Tensor]
LAYERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
Widths = Sequence[int]


def grown_weights(
    modules: tuple[nn.Module, nn.Module],
    reads: Sequence[str],
    paths: Sequence[tuple[Widths, Widths]],
    weights: Weights,
    noise: float,
    generator: torch.Generator,
) -> Weights:
    """Weights of the larger of two modules that computes what the other does with `weights`, up to rounding.

    reads: names of the modules on the path to the latent; all other layers are on the way back. paths: the widths of
    the hidden layers of both, before and after; all are ReLU, of which a further one is the identity. What is no layer
    stays as it is.
    """
    small, large = ([_path(module, reads, on_it) for on_it in (True, False)] for module in modules)
    moved = {f"{name}.{part}" for path in small for name in path for part in ("weight", "bias")}
    found = {name: tensor.clone() for name, tensor in weights.items() if name not in moved}
    for before, after, (old, new) in zip(small, large, paths, strict=True):
        found |= _grown_path(before, after, old, new, weights, noise, generator)
    return found


def _path(module: nn.Module, reads: Sequence[str], on_it: bool) -> dict[str, nn.Module]:
    """The layers of one path in order, by name; behind the hidden ones those that read the last of them."""
    return {
        name: layer
        for name, layer in module.named_modules()
        if isinstance(layer, LAYERS) and (name.partition(".")[0] in reads) == on_it
    }


def _grown_path(
    small: dict[str, nn.Module],
    large: dict[str, nn.Module],
    old: Widths,
    new: Widths,
    weights: Weights,
    noise: float,
    generator: torch.Generator,
) -> Weights:
    places = places_of(old, new)
    assert places is not None  # as `Growable.grown` has seen to
    layers = [
        _Layer(layer, weights[f"{name}.weight"], weights[f"{name}.bias"]) for name, layer in small.items()
    ]
    hidden, readers = layers[: len(old)], layers[len(old) :]
    chain: list[_Layer] = []
    widths: list[int] = []
    for place in range(len(new)):
        if place in places:
            chain.append(hidden[places.index(place)])
            widths.append(old[places.index(place)])
        else:
            widths.append(widths[-1])
            chain.append(_identity(widths[-1], like=chain[-1].weight))
    for place, (width, wider) in enumerate(zip(widths, new, strict=True)):
        if wider == width:
            continue
        more = torch.randint(width, (wider - width,), generator=generator)
        units = torch.cat([torch.arange(width), more])
        shares = 1.0 / torch.bincount(units, minlength=width)[units].to(chain[place].weight)
        chain[place].widen(width, units, noise, generator)
        for reader in [chain[place + 1]] if place + 1 < len(chain) else readers:
            reader.divide(width, units, shares)
    made = zip(large, [*chain, *readers], strict=True)
    return {f"{name}.{part}": tensor for name, layer in made for part, tensor in layer.tensors().items()}


class _Layer:
    """One layer: its weight with the outputs first, (out, in, ...), and its bias."""

    def __init__(self, module: nn.Module, weight: Tensor, bias: Tensor) -> None:
        self._turned = isinstance(module, nn.ConvTranspose2d)  # whose inputs stand first
        self.weight = weight.transpose(0, 1) if self._turned else weight
        self.bias = bias

    def widen(self, width: int, units: Tensor, noise: float, generator: torch.Generator) -> None:
        """Take `units` (wider,) of the `width` that it gives; a unit of a map is all its places."""
        deviation = noise * self.weight.std()
        weight = self.weight.reshape(width, -1, *self.weight.shape[1:])[units]  # (wider, places, in, ...)
        if noise:
            copies = weight[width:]
            copies += deviation * torch.randn(copies.shape, generator=generator, dtype=copies.dtype)
        self.weight = weight.flatten(0, 1)
        self.bias = self.bias.reshape(width, -1)[units].flatten()

    def divide(self, width: int, units: Tensor, shares: Tensor) -> None:
        """Read `units` (wider,) in the place of `width`, each with its share of the former weight."""
        turned = self.weight.transpose(0, 1)  # (in, out, ...)
        read = turned.reshape(width, -1, *turned.shape[1:])[units]  # (wider, places, out, ...)
        read = read * shares.view(-1, *[1] * (read.ndim - 1))
        self.weight = read.flatten(0, 1).transpose(0, 1)

    def tensors(self) -> Weights:
        weight = self.weight.transpose(0, 1) if self._turned else self.weight
        return {"weight": weight.contiguous().clone(), "bias": self.bias.clone()}


def _identity(width: int, like: Tensor) -> _Layer:
    layer = nn.Linear(1, 1)
    return _Layer(layer, torch.eye(width, dtype=like.dtype), torch.zeros(width, dtype=like.dtype))
