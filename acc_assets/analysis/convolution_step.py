"""One step of a convolution in numbers, and its kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acc_assets.models.network_choice import TOP_CHANNELS

Array = np.ndarray
TOLERANCE = 1e-4  # of a computed value from the captured one, as a share of one plus the largest of these
ELEMENTWISE = (  # activations that change each value by itself
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.PReLU,
    nn.ELU,
    nn.CELU,
    nn.SELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Sigmoid,
    nn.Tanh,
    nn.Softplus,
    nn.Softsign,
    nn.Hardswish,
    nn.Hardsigmoid,
    nn.Hardtanh,
    nn.Threshold,
)


def convolution_facts(module: nn.Module) -> dict[str, Any] | None:
    """The geometry of a convolution over images, transposed or not, in pairs (height, width); None for another module.

    A padding given by name is that of its first row and column.
    """
    if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        return None
    left, top = _margins(module)[0], _margins(module)[2]
    return {
        "in_channels": module.in_channels,
        "out_channels": module.out_channels,
        "groups": module.groups,
        "kernel_size": list(module.kernel_size),
        "stride": list(module.stride),
        "padding": [top, left],
        "dilation": list(module.dilation),
        "padding_mode": module.padding_mode,
        "bias": module.bias is not None,
        "transposed": isinstance(module, nn.ConvTranspose2d),
    }


def convolution_steps(
    module: nn.Conv2d, inputs: Tensor, places: Sequence[tuple[int, int]], outs: Sequence[int]
) -> dict[str, Array]:
    """What a convolution does at P places (x, y) of its output, for o output channels and images (B, C, H, W).

    Returns patch (B, P, C, kh, kw), kernel (o, I, kh, kw), channel_sums (B, P, o, I), top_in (B, P, o, T), product
    (B, P, o, T, kh, kw), sum and computed (B, P, o), and bias (o,): see the family `network`. Sums are made in float64.
    """
    mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
    padded = F.pad(inputs, _margins(module), mode=mode)
    (high, wide), (down, right), (down_step, right_step) = module.kernel_size, module.stride, module.dilation
    patches = [
        padded[:, :, y * down :: down_step, x * right :: right_step][:, :, :high, :wide] for x, y in places
    ]
    patch = torch.stack(patches, dim=1).double()  # (B, P, C, kh, kw)
    kernel = module.weight.detach().cpu()[list(outs)].double()  # (o, I, kh, kw)
    read = kernel.shape[1]
    firsts = [out // (module.out_channels // module.groups) * read for out in outs]
    own = torch.stack([patch[:, :, first : first + read] for first in firsts], dim=2)  # (B, P, o, I, kh, kw)
    product = own * kernel
    channel_sums = product.sum(dim=(-2, -1))  # (B, P, o, I)
    top = channel_sums.abs().argsort(dim=-1, descending=True, stable=True)[..., :TOP_CHANNELS]
    kept = product.gather(3, top[..., None, None].expand(*top.shape, high, wide))
    total = channel_sums.sum(dim=-1)
    bias = torch.zeros(len(outs)) if module.bias is None else module.bias.detach().cpu()[list(outs)]
    found = {
        "patch": patch,
        "kernel": kernel,
        "channel_sums": channel_sums,
        "product": kept,
        "sum": total,
        "bias": bias,
        "computed": total + bias.double(),
    }
    arrays = {name: value.float().numpy() for name, value in found.items()}
    return {**arrays, "top_in": top.int().numpy()}


def kernels(module: nn.Conv2d | nn.ConvTranspose2d, channels: Sequence[int]) -> dict[str, Array]:
    """The kernels of c output channels: `weight` (c, I, kh, kw) and `bias` (c,); `direct` (c, kh, kw) where I is 1.

    Otherwise `aggregate` (c, kh, kw), the L2 norm over the I input channels, `norms` (c, I) of their slices, `top_in`
    (c, T) with the largest of these, and `slices` (c, T, kh, kw).
    """
    weight = module.weight.detach().cpu().float().numpy()
    if isinstance(module, nn.ConvTranspose2d):
        each, read = module.out_channels // module.groups, module.in_channels // module.groups
        weight = np.stack(
            [weight[out // each * read : (out // each + 1) * read, out % each] for out in channels]
        )
    else:
        weight = weight[list(channels)]  # (c, I, kh, kw)
    bias = (
        np.zeros(module.out_channels, np.float32)
        if module.bias is None
        else module.bias.detach().cpu().numpy()
    )
    whole = {"weight": weight, "bias": bias[list(channels)].astype(np.float32)}
    if weight.shape[1] == 1:
        return {**whole, "direct": weight[:, 0]}
    norms = np.sqrt(np.square(weight).sum(axis=(2, 3)))  # (c, I)
    top = np.argsort(-norms, axis=1, kind="stable")[:, :TOP_CHANNELS]
    return {
        **whole,
        "aggregate": np.sqrt(np.square(weight).sum(axis=1)),
        "norms": norms,
        "top_in": top.astype(np.int32),
        "slices": np.take_along_axis(weight, top[:, :, None, None], axis=1),
    }


def allowed_difference(captured: Array) -> float:
    """How far computed values may be from captured ones of this size, which float32 sums in another order."""
    return TOLERANCE * (1.0 + float(np.abs(captured).max(initial=0.0)))


def _margins(module: nn.Conv2d | nn.ConvTranspose2d) -> list[int]:
    """Padding left, right, above and below, as `torch.nn.functional.pad` takes it."""
    return [int(margin) for margin in module._reversed_padding_repeated_twice]
