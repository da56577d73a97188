"""Encoder and decoder as ONNX, with the same bits for the same weights, and a check against torch."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from acc_assets.models import ModelOutput, observe
from acc_assets.models.abilities import LATENT, RECONSTRUCTION, code_of, coded, point_latent

if TYPE_CHECKING:
    import onnx
    import torch

Array = np.ndarray

OPSET = 20
TOLERANCE = 1e-4
BATCHES = (1, 5)
INPUT = "input"


class ExportError(RuntimeError):
    """A model cannot be written as ONNX; the message names the half, the cause and the remedy."""


@dataclass(frozen=True)
class OnnxBundle:
    """Serialized encoder (`input` (B, C, H, W) -> the code by its parts) and decoder (these -> `reconstruction`).

    code: name and shape of each part, without the batch; the latent comes first, most models have no other.
    decoder: None for a model that cannot decode.
    """

    encoder: bytes
    decoder: bytes | None
    opset: int
    image: tuple[int, ...]
    code: Mapping[str, tuple[int, ...]]

    def to_json(self) -> dict[str, Any]:
        """The names and shapes in onnx.json: what goes into each half, and what comes out."""
        image, code = list(self.image), {name: list(shape) for name, shape in self.code.items()}
        halves = {"encoder": ({INPUT: image}, code)}
        if self.decoder is not None:
            halves["decoder"] = (code, {RECONSTRUCTION: image})
        return {
            "opset": self.opset,
            "inputs": {half: given for half, (given, _) in halves.items()},
            "outputs": {half: made for half, (_, made) in halves.items()},
        }


@dataclass(frozen=True)
class Parity:
    """Largest absolute difference between onnxruntime and torch, by batch size, over all outputs; NaN where one is NaN.

    decoder: empty where none was exported.
    """

    encoder: dict[int, float]
    decoder: dict[int, float]
    tolerance: float

    @property
    def max_abs(self) -> float:
        """The largest difference of all."""
        return float(np.max([*self.encoder.values(), *self.decoder.values()]))

    @property
    def passed(self) -> bool:
        """True when every difference is below the tolerance (NaN is not)."""
        return self.max_abs < self.tolerance

    def to_json(self) -> dict[str, Any]:
        """The `parity` part of onnx.json."""
        return {
            "encoder": {str(batch): value for batch, value in self.encoder.items()},
            "decoder": {str(batch): value for batch, value in self.decoder.items()},
            "max_abs": self.max_abs,
            "tolerance": self.tolerance,
            "passed": self.passed,
        }


def export_onnx(model: torch.nn.Module, image_shape: tuple[int, ...], card: Mapping[str, Any]) -> OnnxBundle:
    """Export a model's two halves as ONNX files with a dynamic batch: images to the code, and back where it can decode.

    image_shape: (C, H, W); card: facts for the files' metadata, such as recipe, node, seed,
    data version and digest (values that are not text are written as JSON). The encoder gives MU of a variational model
    as the latent, so it is deterministic. The model itself is not changed. Nothing of the exporting machine (paths,
    stack traces) is kept: equal weights and card give equal bytes. Raises ExportError for a model without a flat
    latent, and for operations that ONNX lacks.
    """
    import torch

    able = observe(model, image_shape)
    if able.latent_dim is None:
        raise ExportError(f"{able.lacks[LATENT]}, which ONNX needs: flatten or pool it in forward()")
    still = copy.deepcopy(model).cpu().eval()
    code = {LATENT: (able.latent_dim,)} | dict(able.code)
    # two examples, not one: a batch of one would be taken for a constant
    examples = {name: torch.zeros(2, *shape) for name, shape in code.items()}
    facts = dict(card)
    encode, decode = _halves(still, tuple(code))
    encoder = _export(
        encode, {INPUT: torch.zeros(2, *image_shape)}, tuple(code), {**facts, "part": "encoder"}
    )
    decoder = None
    if able.code:
        decoder = _export(decode, examples, (RECONSTRUCTION,), {**facts, "part": "decoder"})
    return OnnxBundle(encoder, decoder, OPSET, image_shape, code)


def _halves(model: torch.nn.Module, names: tuple[str, ...]) -> tuple[torch.nn.Module, torch.nn.Module]:
    """The model's encoder, from images to the parts of its code in this order, and its decoder, back from these."""
    import torch

    class Half(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

    class Encoder(Half):
        def forward(self, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
            (images,) = given
            outputs = coded(self.model, images)
            point = point_latent(outputs)
            assert point is not None  # as `observe` saw
            code = {**code_of(self.model, outputs), LATENT: point}
            return tuple(code[name] for name in names)

    class Decoder(Half):
        def forward(self, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
            made = self.model.decode(dict(zip(names, given, strict=True)))  # type: ignore[operator]
            return (made[ModelOutput.RECONSTRUCTION],)

    return Encoder().eval(), Decoder().eval()


def _export(
    half: torch.nn.Module,
    examples: Mapping[str, torch.Tensor],
    output_names: tuple[str, ...],
    facts: Mapping[str, Any],
) -> bytes:
    import torch

    try:
        with _quiet():
            program = torch.onnx.export(
                _traced(half, tuple(examples.values())),
                dynamo=True,
                external_data=False,
                opset_version=OPSET,
                input_names=list(examples),
                output_names=list(output_names),
                verbose=False,
            )
    except Exception as error:
        cause = str(error).strip().splitlines()
        raise ExportError(
            f"{facts['part']}: torch could not write the model as ONNX ({type(error).__name__}: "
            f"{cause[0] if cause else 'no message'}); use operations with a fixed structure and a batch of any size"
        ) from error
    if program is None:
        raise ExportError(f"{facts['part']}: torch wrote no ONNX program")
    proto = program.model_proto
    _anonymise(proto)
    del proto.metadata_props[:]
    for key in sorted(facts):
        value = facts[key]
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return bytes(proto.SerializeToString(deterministic=True))


def _traced(half: torch.nn.Module, examples: tuple[torch.Tensor, ...]) -> torch.export.ExportedProgram:
    """Trace for any batch size; slower, through the bytecode, where plain tracing would fix it (as `len(x)` does)."""
    import torch

    batch = torch.export.Dim("batch")
    shapes = (tuple({0: batch} for _ in examples),)  # of the one parameter, `*given`
    try:
        return torch.export.export(half, examples, dynamic_shapes=shapes, strict=False)
    except Exception:
        return torch.export.export(half, examples, dynamic_shapes=shapes, strict=True)


def _anonymise(proto: onnx.ModelProto) -> None:
    """Remove stack traces, module paths and doc strings, which name the exporting machine, and name the batch."""
    proto.doc_string = ""
    proto.graph.doc_string = ""
    del proto.graph.value_info[:]
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    values = [*proto.graph.input, *proto.graph.output, *proto.graph.initializer]
    for part in (*proto.graph.node, *values, *proto.functions):
        part.doc_string = ""
        del part.metadata_props[:]
    for function in proto.functions:
        for node in function.node:
            node.doc_string = ""
            del node.metadata_props[:]
    del proto.graph.metadata_props[:]
    proto.graph.name = "acc_assets"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's prints, log lines and warnings; its exceptions come through."""
    names = ("torch.onnx", "torch.export", "torch._dynamo", "torch.fx", "onnxscript", "onnx_ir")
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def check_parity(
    bundle: OnnxBundle, model: torch.nn.Module, images: Array, tolerance: float = TOLERANCE
) -> Parity:
    """Run the files in onnxruntime and compare every output with torch's, at batches of 1 and 5.

    images: (N, C, H, W), floats in [0, 1] or uint8; repeated if fewer than five. The decoder is given torch's
    codes, so that its difference is its own.
    """
    import torch

    if images.ndim != 4 or len(images) == 0:
        raise ValueError(f"check_parity: expected images (N, C, H, W), got shape {images.shape}")
    scaled = images.astype(np.float32) / (255.0 if images.dtype == np.uint8 else 1.0)
    scaled = np.resize(scaled, (max(BATCHES), *scaled.shape[1:])) if len(scaled) < max(BATCHES) else scaled
    names = tuple(bundle.code)
    encode, decode = _halves(copy.deepcopy(model).cpu().eval(), names)
    encoder = _session(bundle.encoder)
    decoder = _session(bundle.decoder) if bundle.decoder is not None else None
    differences: tuple[dict[int, float], dict[int, float]] = ({}, {})
    for batch in BATCHES:
        shown = np.ascontiguousarray(scaled[:batch], dtype=np.float32)
        with torch.no_grad():
            code = encode(torch.from_numpy(shown))
            differences[0][batch] = _difference(encoder.run(list(names), {INPUT: shown}), code)
            if decoder is not None:
                feeds = {name: part.numpy() for name, part in zip(names, code, strict=True)}
                differences[1][batch] = _difference(decoder.run([RECONSTRUCTION], feeds), decode(*code))
    return Parity(*differences, tolerance)


def _session(model: bytes) -> Any:
    """An onnxruntime session on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _difference(ours: Sequence[Array], theirs: Sequence[torch.Tensor]) -> float:
    """Largest absolute difference over all outputs; infinite for unequal shapes, NaN where one is NaN."""
    pairs = [(made, tensor.numpy()) for made, tensor in zip(ours, theirs, strict=True)]
    if any(made.shape != expected.shape for made, expected in pairs):
        return float("inf")
    return float(np.max([np.abs(made.astype(np.float64) - expected).max() for made, expected in pairs]))
