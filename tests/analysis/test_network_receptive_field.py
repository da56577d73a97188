"""What positions see, against the support of gradients, and which layers feed which."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acc_assets.analysis.receptive_field import Field, Mixed, Wiring, wiring
from acc_assets.models import ModelOutput, ResNetAutoencoder

SIDE = 14
MAPS = (
    "first",
    "relu",
    "widened",
    "dilated",
    "pool",
    "transposed",
    "doubled",
    "sharper",
    "mirrored",
    "smooth",
    "mean",
)


class Mesh(nn.Module):
    """Strides, dilation, mirrored edges, pools, enlargements, skips, and operations without a module."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.dilated = nn.Conv2d(4, 4, (3, 2), padding=(2, 0), dilation=2)
        self.norm = nn.BatchNorm2d(4)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.transposed = nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1, output_padding=(0, 0))
        self.doubled = nn.Upsample(scale_factor=2)
        self.blend = nn.Conv2d(4, 4, 1)  # a box is that of all channels: here each has the same
        self.sharper = nn.PixelShuffle(2)
        self.mirrored = nn.Conv2d(1, 2, 5, padding=2, padding_mode="reflect")
        self.smooth = nn.Upsample(scale_factor=2, mode="bilinear")
        self.mean = nn.AdaptiveAvgPool2d(5)
        self.code = nn.Linear(50, 3)
        self.widened = nn.Conv2d(8, 4, 3, padding=0)
        self.round = nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular")

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        first = self.relu(self.first(images))
        self.widened(F.pad(first, (1, 1, 1, 1, 0, 4)))
        wide = F.pad(self.dilated(first), (1, 1)) + first
        small = self.pool(F.silu(self.norm(wide)))
        joined = torch.cat([self.transposed(small), first], 1)[:, 2:6]
        sharp = self.mirrored(self.sharper(self.blend(self.doubled(joined))))
        mean = self.mean(self.smooth(F.avg_pool2d(sharp, 2)))
        self.round(mean)
        return {ModelOutput.LATENT: self.code(mean.flatten(1))}


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    made = Mesh().eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.abs_().add_(0.01)  # no path cancels another, and no ReLU is silent
    return made


@pytest.fixture(scope="module")
def wires(model: nn.Module) -> dict[str, Wiring]:
    return wiring(model, (1, SIDE, SIDE))


def support(model: nn.Module, name: str, place: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows and columns of the image that some of many random images change a position by."""
    kept: list[Tensor] = []
    handle = model.get_submodule(name).register_forward_hook(lambda m, i, output: kept.append(output.clone()))
    images = torch.rand(48, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1), requires_grad=True)
    model(images)
    handle.remove()
    y, x = place
    (found,) = torch.autograd.grad(kept[0][:, :, y, x].sum(), images)
    seen = (found != 0).any(dim=0)[0].numpy()
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return (rows[0], rows[-1] + 1), (columns[0], columns[-1] + 1)


@pytest.mark.parametrize("name", MAPS)
def test_a_box_is_the_support_of_the_gradient(model: nn.Module, wires: dict[str, Wiring], name: str) -> None:
    field = wires[name].field
    assert isinstance(field, Field)
    assert field.note == ""
    height, width = len(field.rows), len(field.columns)
    for y, x in {(0, 0), (height // 2, width // 3), (1, width - 2), (height - 1, width - 1)}:
        rows, columns = support(model, name, (y, x))
        assert (tuple(field.rows[y]), tuple(field.columns[x])) == (rows, columns), (name, y, x)


def test_what_mixes_positions_has_no_box_and_says_where(wires: dict[str, Wiring]) -> None:
    code, circular = wires["code"].field, wires["round"].field
    assert isinstance(code, Mixed)
    assert "positions are mixed at code" in code.reason
    assert isinstance(circular, Mixed)  # its edges are written into a tensor, which is not followed


def test_layers_name_those_that_feed_them_also_past_operations_without_a_module(
    wires: dict[str, Wiring],
) -> None:
    assert wires["first"].inputs == ("",)
    assert wires["norm"].inputs == ("dilated", "relu")
    assert wires["doubled"].inputs == ("relu", "transposed")
    assert wires["code"].inputs == ("mean",)


def test_a_residual_network_has_the_union_of_its_paths_and_names_the_norms_that_see_all() -> None:
    wires = wiring(ResNetAutoencoder(image_size=16).build(), (1, 16, 16))
    field = wires["backbone.3"].field  # 3x3, then a block of two 3x3 beside its shortcut
    assert isinstance(field, Field)
    assert field.rows[8].tolist() == [5, 12]
    assert "a group norm" in field.note
    assert wires["backbone.3"].inputs == ("backbone.2", "backbone.3.residual.4")
    assert isinstance(wires["decoder.layers.5"].field, Mixed)
