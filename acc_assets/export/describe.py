"""What an exported graph consists of, once onnx's checker and its strict shape inference have accepted it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from acc_assets.export.onnx import ExportError

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class TensorFacts:
    """One input or output: its type as NumPy names it; a dimension without a fixed length has its name, or `?`."""

    name: str
    type: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class GraphFacts:
    """A checked graph. operators: how often each occurs, most frequent first; parameters: floating-point numbers that
    the file stores (constants that the exporter folded included); size: bytes of the file."""

    operators: dict[str, int]
    parameters: int
    size: int
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    opset: int
    ir_version: int

    def to_json(self) -> dict[str, Any]:
        """One entry of `graphs` in onnx.json."""
        return asdict(self)


def describe(model: bytes, part: str) -> GraphFacts:
    """Check a serialized model and describe it; `part` (encoder, decoder) names it in errors.

    Operators of local functions and of the branches and bodies of control flow are counted where they are called.
    Raises ExportError for a model that onnx.checker or strict shape inference refuses.
    """
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import checker, inliner, shape_inference

    try:
        proto = onnx.load_from_string(model)
        checker.check_model(proto, full_check=True)
        proto = inliner.inline_local_functions(proto)
        shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
    except (DecodeError, checker.ValidationError, shape_inference.InferenceError) as error:
        raise ExportError(
            f"{part}: onnx refuses the exported graph ({' '.join(str(error).split())}); change the operation that it "
            "names in the model, or try another version of torch or onnx"
        ) from error
    stored = [*proto.graph.initializer, *_constants(proto.graph)]
    counts = Counter(_operator(node) for node in _nodes(proto.graph))
    return GraphFacts(
        operators=dict(sorted(counts.items(), key=lambda found: (-found[1], found[0]))),
        parameters=sum(
            prod(tensor.dims) for tensor in stored if _dtype(tensor.data_type).startswith("float")
        ),
        size=len(model),
        inputs=_tensors(proto.graph.input),
        outputs=_tensors(proto.graph.output),
        opset=next(entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")),
        ir_version=proto.ir_version,
    )


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """All nodes, those of subgraphs included."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _constants(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Tensors that nodes hold."""
    for node in _nodes(graph):
        yield from (attribute.t for attribute in node.attribute if attribute.HasField("t"))


def _operator(node: onnx.NodeProto) -> str:
    """Name of a node's operator, with its domain where that is not ONNX's own."""
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def _tensors(values: Iterable[onnx.ValueInfoProto]) -> tuple[TensorFacts, ...]:
    return tuple(
        TensorFacts(
            value.name,
            _dtype(value.type.tensor_type.elem_type),
            tuple(
                dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?"
                for dim in value.type.tensor_type.shape.dim
            ),
        )
        for value in values
    )


def _dtype(element: int) -> str:
    from onnx import helper

    return helper.tensor_dtype_to_np_dtype(element).name
