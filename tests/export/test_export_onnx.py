"""ONNX files: parity with torch, a dynamic batch, equal bytes, no trace of this machine, clear errors."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from acc_assets.analysis.layer_capture import capture
from acc_assets.export import OPSET, ExportError, OnnxBundle, check_parity, export_onnx
from acc_assets.export.halves import halves_of
from acc_assets.models import (
    ConvAutoencoder,
    FactorGroup,
    FactorSlotAutoencoder,
    ModelOutput,
    Outputs,
    observe,
)
from acc_assets.models.network_choice import choose_network

CARD = {"recipe": "tiny", "node": "root", "seed": 3, "data_version": "abc"}
SLOTS = FactorSlotAutoencoder(
    image_size=16, factor_groups=(FactorGroup("digit", 0, 3), FactorGroup("thickness", 3, 5))
)
BYTES_IN_ANOTHER_PROCESS = """
import hashlib, torch
from acc_assets.export import export_onnx
from acc_assets.models import ConvAutoencoder
torch.set_num_threads(1)
torch.manual_seed(0)
model = ConvAutoencoder(image_size=16, latent_dim=4, variational=True).build()
bundle = export_onnx(model, (1, 16, 16), {"seed": 3})
print(hashlib.sha256(bundle.encoder + bundle.decoder).hexdigest())
"""


def run(model: bytes, values: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: values})[0]


@pytest.fixture(scope="module")
def slots() -> tuple[torch.nn.Module, OnnxBundle]:
    torch.manual_seed(0)
    model = SLOTS.build()
    return model, export_onnx(model, (1, 16, 16), CARD, layers_of(model, (1, 16, 16)))


def layers_of(model: torch.nn.Module, shape: tuple[int, ...]) -> list[str]:
    """The layers that are chosen of a model before training."""
    return [
        layer["name"] for layer in choose_network(model, shape, range(2), observe(model, shape))["layers"]
    ]


def test_a_factor_slot_model_agrees_with_torch_at_any_batch(
    slots: tuple[torch.nn.Module, OnnxBundle],
) -> None:
    model, bundle = slots
    images = np.random.default_rng(0).integers(0, 256, (7, 1, 16, 16), dtype=np.uint8)
    parity = check_parity(bundle, model, images)
    assert parity.passed
    assert parity.max_abs < 1e-5
    assert 0 < parity.layers < 1e-5
    assert set(parity.encoder) == set(parity.decoder) == {1, 5}
    assert run(bundle.encoder, images.astype(np.float32) / 255).shape == (7, 5)
    assert run(bundle.decoder, np.zeros((3, 5), np.float32)).shape == (3, 1, 16, 16)
    assert check_parity(bundle, model, images[:2]).passed  # fewer images than the larger batch


def test_every_chosen_layer_is_an_output_under_its_name(
    slots: tuple[torch.nn.Module, OnnxBundle],
) -> None:
    model, bundle = slots
    images = np.random.default_rng(1).random((3, 1, 16, 16), dtype=np.float32)
    seen = capture(model, images, convolutions := {"backbone.0", "backbone.2"})
    encoder, decoder = (
        onnxruntime.InferenceSession(half) for half in (bundle.encoder, bundle.decoder) if half is not None
    )
    made = dict(zip(names_of(encoder), encoder.run(None, {"input": images}), strict=True))
    made |= zip(names_of(decoder), decoder.run(None, {"latent": made["latent"]}), strict=True)
    chosen = layers_of(model, (1, 16, 16))
    assert {name.removeprefix("layer/") for name in made if name.startswith("layer/")} == set(chosen)
    for name in chosen:
        np.testing.assert_allclose(made[f"layer/{name}"], seen.layers[name].numpy(), atol=1e-5)
        assert made[f"layer/{name}"].shape[1:] in [
            half.get(f"layer/{name}") for half in bundle.layers.values()
        ]
    for name in convolutions:
        np.testing.assert_allclose(made[f"reads/{name}"], seen.inputs[name].numpy(), atol=1e-5)


def names_of(session: onnxruntime.InferenceSession) -> list[str]:
    return [one.name for one in session.get_outputs()]


class Twice(torch.nn.Module):
    """One activation for both halves, in place; `forward` decodes a draw where `noise` is above 0."""

    def __init__(self, noise: float) -> None:
        super().__init__()
        self.down, self.up = torch.nn.Conv2d(1, 2, 4), torch.nn.Linear(2, 16)
        self.act, self.noise = torch.nn.ReLU(inplace=True), noise

    def encode(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return {ModelOutput.LATENT: self.act(self.down(images)).flatten(1)}

    def decode(self, code: Outputs) -> dict[str, torch.Tensor]:
        return {ModelOutput.RECONSTRUCTION: self.act(self.up(code[ModelOutput.LATENT])).view(-1, 1, 4, 4)}

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        encoded = self.encode(images)
        latent = encoded[ModelOutput.LATENT]
        return encoded | self.decode({ModelOutput.LATENT: latent + self.noise * torch.randn_like(latent)})


def test_layers_of_a_half_have_the_names_of_the_whole_model() -> None:
    names = ["down", "act", "up", "act#2"]
    encoder, decoder = halves_of(Twice(0.0), (1, 4, 4), ["latent"], names, decodes=True)
    assert encoder.outputs == ("latent", "reads/down", "layer/down", "layer/act")
    assert decoder is not None
    assert decoder.outputs == ("reconstruction", "layer/up", "layer/act#2")
    images = -torch.ones(2, 1, 4, 4)
    before, after = encoder(images)[2:]
    assert before.min() < 0 or after.equal(before)  # as it was before the activation changed it in place
    assert after.min() >= 0
    _, decoder = halves_of(Twice(1.0), (1, 4, 4), ["latent"], names, decodes=True)
    assert decoder is not None
    assert decoder.outputs == ("reconstruction",)  # what the model decodes by itself is another latent


def test_the_files_are_valid_named_and_carry_their_card(slots: tuple[torch.nn.Module, OnnxBundle]) -> None:
    _, bundle = slots
    for part, content, ends in (
        ("encoder", bundle.encoder, ("input", "latent")),
        ("decoder", bundle.decoder, ("latent", "reconstruction")),
    ):
        model = onnx.load_from_string(content)
        onnx.checker.check_model(model, full_check=True)
        assert (model.graph.input[0].name, model.graph.output[0].name) == ends
        assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
        assert {entry.key: entry.value for entry in model.metadata_props} == {
            "recipe": "tiny", "node": "root", "seed": "3", "data_version": "abc", "part": part,
        }  # fmt: skip
        assert next(entry.version for entry in model.opset_import if entry.domain == "") == bundle.opset >= 18
        assert {entry.domain for entry in model.opset_import} == {""}


def test_nothing_of_the_exporting_machine_is_in_the_files(slots: tuple[torch.nn.Module, OnnxBundle]) -> None:
    for content in (slots[1].encoder, slots[1].decoder):
        for trace in (b"File ", b".py", b"stack_trace", b"acc_assets.models"):
            assert trace not in content


def test_equal_weights_give_equal_bytes_in_another_process_too() -> None:
    torch.manual_seed(0)
    model = ConvAutoencoder(image_size=16, latent_dim=4, variational=True).build()
    bundle = export_onnx(model, (1, 16, 16), {"seed": 3})
    assert export_onnx(model, (1, 16, 16), {"seed": 3}) == bundle
    other = subprocess.run(
        [sys.executable, "-c", BYTES_IN_ANOTHER_PROCESS], check=True, capture_output=True, text=True
    )
    assert other.stdout.strip() == hashlib.sha256(bundle.encoder + bundle.decoder).hexdigest()
    with torch.no_grad():
        next(model.parameters()).add_(0.1)
    assert export_onnx(model, (1, 16, 16), {"seed": 3}) != bundle


def test_the_encoder_gives_mu_and_the_model_is_left_as_it_was() -> None:
    torch.manual_seed(0)
    model = ConvAutoencoder(image_size=16, latent_dim=4, variational=True, dropout=0.5).build().train()
    bundle = export_onnx(model, (1, 16, 16), {})
    assert model.training
    images = torch.rand(2, 1, 16, 16)
    with torch.no_grad():
        mu = model.eval().encode(images)[ModelOutput.MU]
    np.testing.assert_allclose(run(bundle.encoder, images.numpy()), mu.numpy(), atol=1e-5)


def test_other_weights_fail_the_parity_check(slots: tuple[torch.nn.Module, OnnxBundle]) -> None:
    torch.manual_seed(1)
    parity = check_parity(slots[1], SLOTS.build(), np.ones((5, 1, 16, 16), np.float32))
    assert not parity.passed
    assert parity.to_json()["passed"] is False


def test_nan_fails_the_parity_check(slots: tuple[torch.nn.Module, OnnxBundle]) -> None:
    model, bundle = slots
    images = np.full((5, 1, 16, 16), np.nan, np.float32)
    assert not check_parity(bundle, model, images).passed


class OwnModel(torch.nn.Module):
    """A model as a user writes it: no posterior, `len()` of a batch, one layer each way."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = torch.nn.Linear(16, 2), torch.nn.Linear(2, 16)

    def encode(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return {ModelOutput.LATENT: self.down(images.reshape(len(images), -1))}

    def decode(self, code: Outputs) -> dict[str, torch.Tensor]:
        latent = code[ModelOutput.LATENT]
        return {ModelOutput.RECONSTRUCTION: self.up(latent).sigmoid().view(len(latent), 1, 4, 4)}

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        encoded = self.encode(images)
        return encoded | self.decode(encoded)


def test_a_users_model_with_len_keeps_a_dynamic_batch() -> None:
    model = OwnModel()
    bundle = export_onnx(model, (1, 4, 4), {}, ["down", "up"])
    assert check_parity(bundle, model, np.ones((1, 1, 4, 4), np.float32)).passed
    assert bundle.layers == {"encoder": {"layer/down": (2,)}, "decoder": {"layer/up": (16,)}}


class EncoderAlone(OwnModel):
    """`forward` gives the latent; there is neither `encode` nor `decode`."""

    encode = decode = None  # type: ignore[assignment]

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return {ModelOutput.LATENT: self.down(images.reshape(len(images), -1))}


class NoLatent(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return {ModelOutput.RECONSTRUCTION: images}


def test_an_encoder_alone_is_exported_from_forward() -> None:
    model = EncoderAlone()
    bundle = export_onnx(model, (1, 4, 4), {})
    images = np.random.default_rng(0).random((5, 1, 4, 4), dtype=np.float32)
    parity = check_parity(bundle, model, images)
    assert bundle.decoder is None
    assert parity.passed
    assert not parity.decoder
    expected = model(torch.from_numpy(images))[ModelOutput.LATENT].detach().numpy()
    np.testing.assert_allclose(run(bundle.encoder, images), expected, atol=1e-5)


class TwoParts(OwnModel):
    """Its decoder takes the shares of three components beside the latent."""

    code_parts = ("latent", "component")
    shared_outputs = frozenset({"means"})

    def __init__(self) -> None:
        super().__init__()
        self.router, self.means = torch.nn.Linear(16, 3), torch.nn.Parameter(torch.randn(3, 2))

    def encode(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        component = self.router(images.flatten(1)).softmax(1)
        return super().encode(images) | {"component": component, "means": self.means}

    def decode(self, code: Outputs) -> dict[str, torch.Tensor]:
        return super().decode({ModelOutput.LATENT: code["latent"] + code["component"] @ self.means})


def test_a_code_of_two_parts_is_written_by_its_names() -> None:
    torch.manual_seed(0)
    model = TwoParts()
    bundle = export_onnx(model, (1, 4, 4), {})
    assert bundle.to_json() == {
        "opset": OPSET,
        "inputs": {"encoder": {"input": [1, 4, 4]}, "decoder": {"latent": [2], "component": [3]}},
        "outputs": {"encoder": {"latent": [2], "component": [3]}, "decoder": {"reconstruction": [1, 4, 4]}},
        "layers": {"encoder": {}, "decoder": {}},
    }
    images = np.random.default_rng(0).random((7, 1, 4, 4), dtype=np.float32)
    parity = check_parity(bundle, model, images)
    assert parity.passed
    encoder, decoder = (onnxruntime.InferenceSession(half) for half in (bundle.encoder, bundle.decoder))
    code = dict(
        zip(("latent", "component"), encoder.run(["latent", "component"], {"input": images}), strict=True)
    )
    (made,) = decoder.run(["reconstruction"], code)
    with torch.no_grad():
        expected = model(torch.from_numpy(images))
    np.testing.assert_allclose(code["component"], expected["component"], atol=1e-5)
    np.testing.assert_allclose(made, expected["reconstruction"], atol=1e-5)
    with torch.no_grad():
        model.router.weight[0].add_(1.0)  # the second output alone
    assert not check_parity(bundle, model, images).passed


def test_errors_name_the_half_and_the_remedy() -> None:
    with pytest.raises(ExportError, match=r"NoLatent returns no flat latent.*flatten or pool"):
        export_onnx(NoLatent(), (1, 4, 4), {})

    class Branching(OwnModel):
        def decode(self, code: Outputs) -> dict[str, torch.Tensor]:
            latent = code[ModelOutput.LATENT]
            return super().decode({ModelOutput.LATENT: latent if float(latent.sum()) > 0 else -latent})

    with pytest.raises(ExportError, match="decoder: torch could not write the model as ONNX"):
        export_onnx(Branching(), (1, 4, 4), {})
