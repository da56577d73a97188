"""Encoder and decoder as ONNX, with the same bits for the same weights, and a check against torch."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from acc_assets.models import ModelOutput
from acc_assets.models.abilities import coded, named_outputs, point_latent

if TYPE_CHECKING:
    import onnx
    import torch

Array = np.ndarray

OPSET = 20
TOLERANCE = 1e-4
BATCHES = (1, 5)
INPUT, LATENT, RECONSTRUCTION = "input", "latent", "reconstruction"


class ExportError(RuntimeError):
    """A model cannot be written as ONNX; the message names the half, the cause and the remedy."""


@dataclass(frozen=True)
class OnnxBundle:
    """Serialized encoder (`input` (B, C, H, W) -> `latent` (B, D)) and decoder (`latent` -> `reconstruction`).

    decoder: None for a model that cannot decode a latent.
    """

    encoder: bytes
    decoder: bytes | None
    opset: int


@dataclass(frozen=True)
class Parity:
    """Largest absolute difference between onnxruntime and torch, by batch size; NaN where either gave NaN.

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


def export_onnx(
    model: torch.nn.Module,
    image_shape: tuple[int, ...],
    latent_dim: int,
    card: Mapping[str, Any],
    *,
    decoder: bool = True,
) -> OnnxBundle:
    """Export a model's two halves as ONNX files with a dynamic batch: images to latent, and with `decoder` back.

    image_shape: (C, H, W); the latent is that of `encode`, or of `forward` for a module without it; card: facts for
    the files' metadata, such as recipe, node, seed, data version and digest (values that are not text are written
    as JSON). The encoder gives MU of a variational model, so it
    is deterministic. The model itself is not changed. Nothing of the exporting machine (paths, stack traces)
    is kept: equal weights and card give equal bytes. Raises ExportError for a model without a flat latent or, with
    `decoder`, without `decode`, and for operations that ONNX lacks.
    """
    import torch

    if decoder and not callable(getattr(model, "decode", None)):
        raise ExportError(
            f"{type(model).__name__} has no method decode(latent): add one that returns "
            "{ModelOutput.RECONSTRUCTION: images}, or export the encoder alone with decoder=False"
        )
    still = copy.deepcopy(model).cpu().eval()
    facts = dict(card)
    # two examples, not one: a batch of one would be taken for a constant
    encoder = _export(
        _half(still, _encoder_latent),
        torch.zeros(2, *image_shape),
        INPUT,
        LATENT,
        {**facts, "part": "encoder"},
    )
    if not decoder:
        return OnnxBundle(encoder, None, OPSET)
    latent = torch.zeros(2, latent_dim)
    decoding = _export(
        _half(still, _decoder_output), latent, LATENT, RECONSTRUCTION, {**facts, "part": "decoder"}
    )
    return OnnxBundle(encoder, decoding, OPSET)


def _half(
    model: torch.nn.Module, compute: Callable[[torch.nn.Module, torch.Tensor], torch.Tensor]
) -> torch.nn.Module:
    """The model's encoder or decoder as a module from one tensor to one tensor."""
    import torch

    class Half(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, values: torch.Tensor) -> torch.Tensor:
            return compute(self.model, values)

    return Half().eval()


def _encoder_latent(model: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The latent (B, D) of images: MU where there is one, else LATENT."""
    outputs = coded(model, images)
    latent = point_latent(outputs)
    if latent is None:
        raise ExportError(
            f"{type(model).__name__} returns {sorted(str(name) for name in outputs)}; ONNX needs a flat latent (B, D) "
            "under ModelOutput.MU or ModelOutput.LATENT"
        )
    return latent


def _decoder_output(model: torch.nn.Module, latent: torch.Tensor) -> torch.Tensor:
    """The images of latents (B, D)."""
    outputs = named_outputs(model.decode(latent), model, "decode")  # type: ignore[operator]
    if ModelOutput.RECONSTRUCTION not in outputs:
        raise ExportError(
            f"decode() returned {sorted(str(name) for name in outputs)}; ONNX needs {ModelOutput.RECONSTRUCTION}"
        )
    return outputs[ModelOutput.RECONSTRUCTION]


def _export(
    half: torch.nn.Module, example: torch.Tensor, input_name: str, output_name: str, facts: Mapping[str, Any]
) -> bytes:
    import torch

    try:
        with _quiet():
            program = torch.onnx.export(
                _traced(half, example),
                dynamo=True,
                external_data=False,
                opset_version=OPSET,
                input_names=[input_name],
                output_names=[output_name],
                verbose=False,
            )
    except ExportError:
        raise
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


def _traced(half: torch.nn.Module, example: torch.Tensor) -> torch.export.ExportedProgram:
    """Trace for any batch size; slower, through the bytecode, where plain tracing would fix it (as `len(x)` does)."""
    import torch

    shapes = ({0: torch.export.Dim("batch")},)
    try:
        return torch.export.export(half, (example,), dynamic_shapes=shapes, strict=False)
    except ExportError:
        raise
    except Exception:
        return torch.export.export(half, (example,), dynamic_shapes=shapes, strict=True)


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
    """Run the files in onnxruntime and compare them with torch, at batches of 1 and 5.

    images: (N, C, H, W), floats in [0, 1] or uint8; repeated if fewer than five. The decoder is given torch's
    latents, so that its difference is its own.
    """
    import torch

    if images.ndim != 4 or len(images) == 0:
        raise ValueError(f"check_parity: expected images (N, C, H, W), got shape {images.shape}")
    scaled = images.astype(np.float32) / (255.0 if images.dtype == np.uint8 else 1.0)
    scaled = np.resize(scaled, (max(BATCHES), *scaled.shape[1:])) if len(scaled) < max(BATCHES) else scaled
    still = copy.deepcopy(model).cpu().eval()
    encoder = _session(bundle.encoder)
    decoder = _session(bundle.decoder) if bundle.decoder is not None else None
    differences: tuple[dict[int, float], dict[int, float]] = ({}, {})
    for batch in BATCHES:
        shown = np.ascontiguousarray(scaled[:batch], dtype=np.float32)
        with torch.no_grad():
            latent = _encoder_latent(still, torch.from_numpy(shown))
            differences[0][batch] = _difference(encoder.run([LATENT], {INPUT: shown})[0], latent.numpy())
            if decoder is not None:
                decoded = _decoder_output(still, latent).numpy()
                made = decoder.run([RECONSTRUCTION], {LATENT: latent.numpy()})[0]
                differences[1][batch] = _difference(made, decoded)
    return Parity(*differences, tolerance)


def _session(model: bytes) -> Any:
    """An onnxruntime session on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _difference(ours: Array, theirs: Array) -> float:
    """Largest absolute difference; infinite for unequal shapes."""
    if ours.shape != theirs.shape:
        return float("inf")
    return float(np.abs(ours.astype(np.float64) - theirs).max())
