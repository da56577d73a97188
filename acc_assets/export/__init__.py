"""Models leave the project here: ONNX files and the proof that they compute what torch computes."""

from acc_assets.export.describe import GraphFacts, TensorFacts, describe
from acc_assets.export.onnx import (
    BATCHES,
    OPSET,
    TOLERANCE,
    ExportError,
    OnnxBundle,
    Parity,
    check_parity,
    export_onnx,
)

__all__ = [
    "BATCHES",
    "OPSET",
    "TOLERANCE",
    "ExportError",
    "GraphFacts",
    "OnnxBundle",
    "Parity",
    "TensorFacts",
    "check_parity",
    "describe",
    "export_onnx",
]
