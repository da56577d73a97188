"""Encoder and decoder as ONNX, with the same bits for the same weights, and a check against torch."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from acc_assets.export.halves import LAYER, Half, halves_of
from acc_assets.models import observe
from acc_assets.models.abilities import LATENT, RECONSTRUCTION

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
    decoder: None for a model that cannot decode; where such a model makes a reconstruction, the encoder gives it.
    layers: by half its further outputs with their shapes: `layer/<name>`, and `reads/<name>` of a convolution.
    """

    encoder: bytes
    decoder: bytes | None
    opset: int
    image: tuple[int, ...]
    code: Mapping[str, tuple[int, ...]]
    layers: Mapping[str, Mapping[str, tuple[int, ...]]]

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
            "layers": {
                half: {name: list(shape) for name, shape in found.items()}
                for half, found in self.layers.items()
            },
        }


@dataclass(frozen=True)
class Parity:
    """Largest absolute difference between onnxruntime and torch, by batch size, over all outputs; NaN where one is NaN.

    decoder: empty where none was exported. layers: the largest difference of a layer, as a share of one plus the
    layer's own largest value, which is not bounded as that of a picture is; 0 where no layer is an output.
    """

    encoder: dict[int, float]
    decoder: dict[int, float]
    layers: float
    tolerance: float

    @property
    def max_abs(self) -> float:
        """The largest difference of all."""
        return float(np.max([*self.encoder.values(), *self.decoder.values()]))

    @property
    def passed(self) -> bool:
        """True when every difference is below the tolerance (NaN is not)."""
        return self.max_abs < self.tolerance and self.layers < self.tolerance

    def to_json(self) -> dict[str, Any]:
        """The `parity` part of onnx.json."""
        return {
            "encoder": {str(batch): value for batch, value in self.encoder.items()},
            "decoder": {str(batch): value for batch, value in self.decoder.items()},
            "max_abs": self.max_abs,
            "layers": self.layers,
            "tolerance": self.tolerance,
            "passed": self.passed,
        }


def export_onnx(
    model: torch.nn.Module,
    image_shape: tuple[int, ...],
    card: Mapping[str, Any],
    layers: Collection[str] = (),
) -> OnnxBundle:
    """Export a model's two halves as ONNX files with a dynamic batch: images to the code, and back where it can decode.

    image_shape: (C, H, W); card: facts for the files' metadata, such as recipe, node, seed,
    data version and digest (values that are not text are written as JSON); layers: those that become outputs as well,
    as `watch_layers` names them. The encoder gives MU of a variational model as the latent, so it is deterministic. The
    model itself is not changed. Nothing of the exporting machine (paths, stack traces) is kept: equal weights and card
    give equal bytes. Raises ExportError for a model without a flat latent, and for operations that ONNX lacks.
    """
    import torch

    able = observe(model, image_shape)
    if able.latent_dim is None:
        raise ExportError(f"{able.lacks[LATENT]}, which ONNX needs: flatten or pool it in forward()")
    still = copy.deepcopy(model).cpu().eval()
    code = {LATENT: (able.latent_dim,)} | dict(able.code)
    encode, decode = halves_of(still, image_shape, tuple(code), layers, decodes=bool(able.code))
    # two examples, not one: a batch of one would be taken for a constant
    examples = {name: torch.zeros(2, *shape) for name, shape in code.items()}
    encoder = _export(encode, {INPUT: torch.zeros(2, *image_shape)}, {**card, "part": "encoder"})
    decoder = None if decode is None else _export(decode, examples, {**card, "part": "decoder"})
    return OnnxBundle(
        encoder,
        decoder,
        OPSET,
        image_shape,
        code,
        {"encoder": encode.layers, **({} if decode is None else {"decoder": decode.layers})},
    )


def _export(half: Half, examples: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> bytes:
    import torch

    try:
        with _quiet():
            program = torch.onnx.export(
                _traced(half, tuple(examples.values())),
                dynamo=True,
                external_data=False,
                opset_version=OPSET,
                input_names=list(examples),
                output_names=list(half.outputs),
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
    wanted = [name.removeprefix(LAYER) for found in bundle.layers.values() for name in found]
    encode, decode = halves_of(
        copy.deepcopy(model).cpu().eval(),
        bundle.image,
        tuple(bundle.code),
        wanted,
        decodes=bundle.decoder is not None,
    )
    encoder = _session(bundle.encoder)
    decoder = _session(bundle.decoder) if bundle.decoder is not None else None
    differences: tuple[dict[int, float], dict[int, float]] = ({}, {})
    of_layers = [0.0]
    for batch in BATCHES:
        shown = np.ascontiguousarray(scaled[:batch], dtype=np.float32)
        with torch.no_grad():
            code = encode(torch.from_numpy(shown))
            differences[0][batch], share = _differences(encoder, {INPUT: shown}, encode, code)
            of_layers.append(share)
            if decoder is not None and decode is not None:
                feeds = {name: part.numpy() for name, part in zip(bundle.code, code, strict=False)}
                made = decode(*code[: len(feeds)])
                differences[1][batch], share = _differences(decoder, feeds, decode, made)
                of_layers.append(share)
    return Parity(*differences, float(np.max(of_layers)), tolerance)


def _session(model: bytes) -> Any:
    """An onnxruntime session on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _differences(
    session: Any, feeds: Mapping[str, Array], half: Half, expected: Sequence[torch.Tensor]
) -> tuple[float, float]:
    """Largest absolute difference over a half's own outputs, and that of its layers as a share: see `Parity`.

    Infinite for unequal shapes, NaN where one is NaN.
    """
    made = session.run(list(half.outputs), dict(feeds))
    off, shares = [], [0.0]
    for name, ours, tensor in zip(half.outputs, made, expected, strict=True):
        theirs = tensor.numpy().astype(np.float64)
        if ours.shape != theirs.shape:
            return float("inf"), float("inf")
        difference = np.abs(ours - theirs).max(initial=0.0)
        if name in half.layers:
            shares.append(difference / (1.0 + np.abs(theirs).max(initial=0.0)))
        else:
            off.append(difference)
    return float(np.max(off)), float(np.max(shares))
