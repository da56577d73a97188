"""Convolution steps, kernels, top images and moved latents against known answers; what is chosen and left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from acc_assets.analysis.convolution_step import allowed_difference, convolution_steps, kernels
from acc_assets.analysis.layer_capture import capture, quantised
from acc_assets.analysis.network_layers import describe_layers
from acc_assets.analysis.network_snapshot import look_into, missing_layers
from acc_assets.analysis.perturbation import PROBABILITIES, paths, perturb
from acc_assets.analysis.top_activations import scan, top_images
from acc_assets.assets.analyses import network as network_asset
from acc_assets.models import ConvAutoencoder, GaussianMixtureVAE, ModelOutput, observe
from acc_assets.models.abilities import SEEN
from acc_assets.models.network_choice import FORWARD_BYTES, choose_network, lattice

PLACES = [(0, 0), (2, 1), (4, 3)]


@pytest.mark.parametrize(
    "options",
    [
        {"in_channels": 1, "kernel_size": 3, "padding": 1},
        {"in_channels": 6, "kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)},
        {"in_channels": 6, "kernel_size": 3, "padding": "same", "groups": 3, "bias": False},
        {"in_channels": 3, "kernel_size": 5, "padding": 2, "padding_mode": "reflect"},
    ],
)
def test_a_step_is_what_conv2d_gives(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    module = nn.Conv2d(out_channels=9, **options)
    images = torch.randn(2, options["in_channels"], 9, 8)
    outs = [1, 4, 8]
    found = convolution_steps(module, images, PLACES, outs)
    with torch.no_grad():
        given = module(images)[:, outs].numpy()
    expected = np.stack([given[:, :, y, x] for x, y in PLACES], axis=1)  # (e, P, o)
    assert np.abs(found["computed"] - expected).max() < allowed_difference(expected)
    assert np.allclose(found["sum"] + found["bias"], found["computed"], atol=1e-6)
    assert np.allclose(found["channel_sums"].sum(axis=3), found["sum"], atol=1e-5)
    read = found["kernel"].shape[1]
    for at, out in enumerate(outs):
        first = out // (9 // module.groups) * read
        products = found["patch"][:, :, first : first + read] * found["kernel"][at]
        largest = np.argsort(-np.abs(products.sum(axis=(3, 4))), axis=2, kind="stable")[..., :4]
        assert (found["top_in"][:, :, at] == largest).all()
        kept = np.take_along_axis(products, largest[..., None, None], axis=2)
        assert np.allclose(found["product"][:, :, at], kept, atol=1e-6)


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_kernels_are_what_an_impulse_leaves(kind: type[nn.Module], groups: int) -> None:
    torch.manual_seed(0)
    module: Any = kind(4, 4, 3, padding=1, bias=False, groups=groups)
    found, read = kernels(module, [0, 3]), 4 // groups
    for row, out in enumerate((0, 3)):
        assert found["bias"][row] == 0
        slices = []
        for channel in range(out // read * read, out // read * read + read):
            impulse = torch.zeros(1, 4, 5, 5)
            impulse[0, channel, 2, 2] = 1
            with torch.no_grad():
                left = module(impulse)[0, out, 1:4, 1:4].numpy()
            slices.append(left if kind is nn.ConvTranspose2d else left[::-1, ::-1])
        assert np.allclose(found["weight"][row], slices)
        if read == 1:
            assert np.allclose(found["direct"][row], slices[0])
            continue
        norms = [np.linalg.norm(one) for one in slices]
        assert np.allclose(found["norms"][row], norms)
        assert np.allclose(found["aggregate"][row], np.linalg.norm(slices, axis=0))
        assert found["top_in"][row].tolist() == np.argsort(norms)[::-1].tolist()
        assert np.allclose(found["slices"][row], [slices[place] for place in found["top_in"][row]])


def test_top_images_are_those_of_a_brute_search_over_several_batches() -> None:
    torch.manual_seed(0)
    model: Any = ConvAutoencoder(image_size=8, latent_dim=2, channels=(3,)).build().eval()
    images = np.random.default_rng(0).integers(0, 256, (70, 1, 8, 8)).astype(np.uint8)
    images[69] = images[3]  # a tie: the earlier one comes first
    found = scan(model, images, {"backbone.0": [0, 2]})
    with torch.no_grad():
        maps = model.backbone[0](torch.from_numpy(images).float() / 255)[:, [0, 2]].numpy()
    best, scores = top_images(found.largest["backbone.0"], 70)
    for channel in range(2):
        peaks = maps[:, channel].reshape(70, -1).max(axis=1)
        order = best[channel].tolist()
        assert sorted(order) == list(range(70))
        assert order.index(3) < order.index(69)
        assert np.allclose(scores[channel], np.sort(peaks)[::-1], atol=1e-5)
        for image in order[:5]:
            x, y = found.places["backbone.0"][image, channel]
            assert maps[image, channel, y, x] == pytest.approx(peaks[image], abs=1e-5)
    assert np.allclose(found.means["backbone.0"], maps.mean(axis=(2, 3)), atol=1e-5)


def test_one_dimension_is_moved_and_decoded_and_q_stays_a_distribution() -> None:
    torch.manual_seed(0)
    model: Any = GaussianMixtureVAE(image_size=8, latent_dim=3, components=2, channels=(4,)).build().eval()
    outputs = capture(model, np.random.default_rng(0).random((2, 1, 8, 8), np.float32)).outputs
    found = paths(model, outputs, {"latent": [0, 2], "component": [1]}, np.array([1.0, 1.0, 2.0]))
    assert set(found) == {"mu", "z_sample", "qc_probs"}
    moved = perturb(model, found["mu"])
    mu = outputs["mu"].numpy()
    assert np.allclose(moved["delta"][:, 1], [-6, -3, 0, 3, 6])  # of two deviations
    assert np.allclose(moved["new_value"] - moved["delta"], moved["base_value"][..., None], atol=1e-5)
    changed = mu[1].copy()
    changed[2] = moved["new_value"][1, 1, 4]
    with torch.no_grad():
        expected = model.decode({"latent": torch.from_numpy(changed[None])})["reconstruction"].numpy()[0]
    assert np.allclose(moved["recon"][1, 1, 4], expected, atol=1e-6)
    path = found["qc_probs"]
    weights = path.changed(path.base, 1, path.new_values[:, 0])
    assert np.allclose(weights.sum(axis=2), 1)
    assert np.allclose(weights[0, :, 1], PROBABILITIES)
    at_one = perturb(model, path)["recon"][:, 0, -1]  # q is all of component 1: its mean decoded
    means = outputs[ModelOutput.COMPONENT_MEANS][1:2]
    with torch.no_grad():
        assert np.allclose(at_one, model.decode({"latent": means})["reconstruction"].numpy(), atol=1e-6)


class Own(nn.Module):
    """A user's module: a skip, one ReLU for all, a part that returns two values, one that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.same = nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.relu, self.memory = nn.ReLU(inplace=True), nn.GRU(4, 3, batch_first=True)
        self.drop, self.unused, self.code = nn.Dropout(0.5), nn.Linear(2, 2), nn.Linear(3, 2)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        small = self.relu(self.down(images))
        summed = self.relu(self.same(small) + small)
        _, state = self.memory(self.drop(summed).flatten(2).transpose(1, 2))
        return {ModelOutput.LATENT: self.code(state[0])}


def test_a_module_with_a_skip_is_captured_and_the_rest_is_left_out_with_the_reason() -> None:
    torch.manual_seed(0)
    model = Own()
    before = torch.get_rng_state()
    able = observe(model, (1, 8, 8))
    choice = choose_network(model, (1, 8, 8), range(40), able)
    assert choice == choose_network(model, (1, 8, 8), range(40), able)
    assert model.drop.training
    assert torch.equal(torch.get_rng_state(), before)
    assert [layer["name"] for layer in choice["layers"]] == ["down", "relu", "same", "relu#2", "code"]
    assert {one["module"]: one["reason"] for one in choice["left_out"]} == {
        "memory": "GRU returns 2 values, not one tensor",
        "drop": "Dropout returns its input unchanged in evaluation",
        "unused": "it is not called when the model runs",
    }
    layers = describe_layers(model, (1, 8, 8), choice)
    assert [layer["inputs"] for layer in layers] == [[-1], [0], [1], [1, 2], [3]]
    assert layers[0]["conv_step"]["activation"] == {"layer": 1, "kind": "ReLU"}
    assert layers[2]["conv_step"]["activation"] is None  # the sum with the skip comes between
    images = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8)).astype(np.uint8)
    assert missing_layers(model, choice["layers"], images[:4]) == []
    found = look_into(model, choice, layers, images[choice["examples"]], images, 3, decodes=False)
    assert (found.perturbed, found.latents) == ({}, {"z": 2})
    assert all(off <= allowed for off, allowed in found.differences.values())
    forward, steps = found.parts["forward"], found.parts["convolution"]
    with torch.no_grad():
        before_relu = model.eval().down(torch.from_numpy(images[:10]).float() / 255).numpy()
    low, high = (forward["range/0"][..., end, None, None] for end in (0, 1))
    shown = low + forward["layer/0"] / 255 * (high - low)
    assert (
        np.abs(shown - before_relu).max() <= np.ptp(before_relu) / 255 / 2 + 1e-6
    )  # and not what the ReLU left
    assert np.allclose(steps["conv/0/activated"], np.maximum(steps["conv/0/captured"], 0))
    x, y = layers[0]["positions"][5]
    assert np.allclose(found.parts["inspect"]["probe/0"][:, :, 5], before_relu[:, :, y, x], atol=1e-6)


class Told(nn.Module):
    """A linear decoder, a temperature of the whole model among its outputs, and a table that a module reads."""

    shared_outputs = frozenset({"temperature"})

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.table, self.embed = nn.Parameter(torch.rand(rows, 2)), nn.Linear(2, 2)
        self.down, self.up = nn.Linear(16, 2), nn.Linear(2, 16)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        latent = self.down(images.flatten(1)) + self.embed(self.table).mean(0)
        return {**self.decode({"latent": latent}), "latent": latent, "temperature": self.table.sum()}

    def decode(self, code: dict[str, Tensor]) -> dict[str, Tensor]:
        return {ModelOutput.RECONSTRUCTION: self.up(code["latent"]).sigmoid().unflatten(1, (1, 4, 4))}


def test_a_shared_number_is_no_output_of_an_example_and_a_table_of_as_many_rows_no_layer() -> None:
    torch.manual_seed(0)
    model, images = Told(SEEN), np.zeros((8, 1, 4, 4), np.uint8)
    choice = choose_network(model, (1, 4, 4), range(8), observe(model, (1, 4, 4)))
    missing = missing_layers(model, choice["layers"], images[choice["examples"]])
    assert missing == ["embed"]
    choice = network_asset._without(choice, missing)
    assert [layer["name"] for layer in choice["layers"]] == ["down", "up"]
    assert "embed" in {one["module"] for one in choice["left_out"]}
    layers = describe_layers(model, (1, 4, 4), choice)
    found = look_into(model, choice, layers, images[choice["examples"]], images, 3, decodes=True)
    assert set(found.perturbed) == {"z"}
    assert not found.perturbed["z"]["absolute"]


class Odd(nn.Module):
    """A scale between a convolution and its activation, a silent channel, a convolution that does more than one."""

    class Doubled(nn.Conv2d):
        def forward(self, maps: Tensor) -> Tensor:
            return 2 * super().forward(maps)

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.blank = nn.Conv2d(1, 2, 3), self.Doubled(2, 2, 3), nn.Linear(8, 2)
        self.relu, self.scale = nn.ReLU(), nn.Parameter(torch.tensor(2.0))
        nn.init.constant_(self.first.weight[1], 0.0)
        nn.init.constant_(self.first.bias, 0.0)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        code = self.second(self.relu(self.first(images) * self.scale)).flatten(1)
        return {ModelOutput.LATENT: code if images.any() else self.blank(code)}


def test_what_no_blank_image_shows_is_found_in_the_examples() -> None:
    torch.manual_seed(0)
    model, images = Odd(), np.random.default_rng(0).integers(1, 256, (5, 1, 6, 6)).astype(np.uint8)
    choice = choose_network(model, (1, 6, 6), range(5), observe(model, (1, 6, 6)))
    missing = missing_layers(model, choice["layers"], images)
    assert missing == ["blank"]
    choice = network_asset._without(choice, missing)
    assert choice["left_out"][-1]["module"] == "blank"
    layers = describe_layers(model, (1, 6, 6), choice)
    assert [layer["name"] for layer in layers] == ["first", "relu", "second"]
    assert layers[1]["inputs"] == [0]
    assert layers[0]["conv_step"]["activation"] is None  # the scale comes between
    assert "a forward of its own" in layers[2]["conv_step"]["reason"]
    top = look_into(model, choice, layers, images, images, 2, decodes=False).parts["topk"]
    assert (top["topk/0/max/least"] == top["topk/0/max/score"][:, 0]).tolist() == [False, True]


def test_a_choice_bounds_what_a_wide_network_leaves() -> None:
    model = nn.Sequential(nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1))
    outer: Any = type(
        "Wide", (nn.Module,), {"forward": lambda self, x: {"latent": self.body(x).mean((2, 3))}}
    )()
    outer.body = model
    choice = choose_network(outer, (1, 96, 96), range(40), observe(outer, (1, 96, 96)))
    kept = sum(len(layer["channels"]) * layer["shape"][1] * layer["shape"][2] for layer in choice["layers"])
    assert 0 < len(choice["examples"]) * kept <= FORWARD_BYTES
    assert choice["subset"] == 64
    assert lattice(1) == [0]


def test_a_model_that_bears_no_hooks_is_told_and_never_a_crash() -> None:
    class Stubborn(nn.Module):
        body: Any

        def forward(self, images: Tensor) -> dict[str, Tensor]:
            if self.body._forward_hooks:
                raise RuntimeError("no hooks here")
            return {ModelOutput.LATENT: self.body(images)}

    model = Stubborn()
    model.body = nn.Flatten()
    choice = choose_network(model, (1, 4, 4), [0], observe(model, (1, 4, 4)))
    assert choice["layers"] == []
    assert "RuntimeError: no hooks here" in choice["left_out"][0]["reason"]


def test_a_model_that_cannot_be_followed_keeps_its_layers() -> None:
    class Squeezing(nn.Module):
        body: Any

        def forward(self, images: Tensor) -> dict[str, Tensor]:
            code = self.body(images).squeeze()  # one image alone loses its batch
            return {ModelOutput.LATENT: code.flatten(1)}

    model = Squeezing()
    model.body = nn.Conv2d(1, 2, 4)
    choice = choose_network(model, (1, 4, 4), [0, 1], observe(model, (1, 4, 4)))
    (layer,) = describe_layers(model, (1, 4, 4), choice)
    assert layer["receptive_field"]["status"] == "unavailable"
    assert "cannot be followed on a single blank image: IndexError" in layer["receptive_field"]["reason"]
    assert layer["conv_step"]["status"] == "ok"


def test_a_map_that_is_flat_or_not_finite_is_kept_all_the_same() -> None:
    maps = np.array([[[[2.0, 2.0]], [[np.nan, 1.0]], [[np.inf, np.nan]]]], np.float32)
    levels, low_high = quantised(maps)
    assert levels.tolist() == [[[[0, 0]], [[0, 0]], [[0, 0]]]]
    assert low_high.tolist() == [[[2, 2], [1, 1], [0, 0]]]
