"""Facts of exported graphs: known operators and sizes, nested graphs, and models that onnx refuses."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from acc_assets.export import ExportError, describe, export_onnx
from acc_assets.models import ConvAutoencoder

OPSET = [helper.make_opsetid("", 20)]


def value(name: str, shape: list[int | str] | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def graph(nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray], out: list[int | str]) -> bytes:
    """A model from x (batch, 4) to y by opset 20."""
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    made = helper.make_graph(nodes, "tiny", [value("x", ["batch", 4])], [value("y", out)], tensors)
    return helper.make_model(made, opset_imports=OPSET, ir_version=10).SerializeToString()


def test_an_exported_model_is_described() -> None:
    torch.manual_seed(0)
    model = ConvAutoencoder(image_size=16, latent_dim=4, variational=True).build()
    bundle = export_onnx(model, (1, 16, 16), {})
    encoder, decoder = describe(bundle.encoder, "encoder"), describe(bundle.decoder or b"", "decoder")
    assert encoder.parameters + decoder.parameters == sum(part.numel() for part in model.parameters())
    assert encoder.operators == {"Conv": 2, "Relu": 2, "Gemm": 1, "Reshape": 1, "Split": 1}
    assert list(encoder.operators)[:2] == ["Conv", "Relu"]
    assert decoder.operators["ConvTranspose"] == 2
    assert json.loads(json.dumps(encoder.to_json())) == {
        "operators": encoder.operators,
        "parameters": encoder.parameters,
        "size": len(bundle.encoder),
        "inputs": [{"name": "input", "type": "float32", "shape": ["batch", 1, 16, 16]}],
        "outputs": [{"name": "latent", "type": "float32", "shape": ["batch", 4]}],
        "opset": 20,
        "ir_version": 10,
    }


def test_branches_constants_and_foreign_operators_are_counted() -> None:
    half = helper.make_node(
        "Constant", [], ["half"], value=numpy_helper.from_array(np.full(4, 0.5, np.float32))
    )
    branches = {
        name: helper.make_graph(
            [helper.make_node(kind, ["x", "half"], [name])], name, [], [value(name, ["batch", 4])]
        )
        for name, kind in (("then_branch", "Mul"), ("else_branch", "Add"))
    }
    nodes = [half, helper.make_node("If", ["which"], ["y"], **branches)]
    found = describe(graph(nodes, {"which": np.array(True)}, ["batch", 4]), "encoder")
    assert found.operators == {"Add": 1, "Constant": 1, "If": 1, "Mul": 1}
    assert found.parameters == 4  # the truth value is not one


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (graph([helper.make_node("Relu", ["absent"], ["y"])], {}, ["batch", 4]), "absent"),
        (graph([helper.make_node("Relux", ["x"], ["y"])], {}, ["batch", 4]), "Relux"),
        (
            graph(
                [helper.make_node("MatMul", ["x", "w"], ["y"])],
                {"w": np.eye(3, dtype=np.float32)},
                ["batch", 3],
            ),
            "Incompatible dimensions",
        ),
        (graph([helper.make_node("Relu", ["x"], ["y"])], {}, ["batch", 5]), "4"),
        (b"no model", "pars"),
    ],
    ids=["unknown input", "unknown operator", "shapes that do not fit", "another output shape", "no model"],
)
def test_a_graph_that_onnx_refuses_is_one_error(content: bytes, cause: str) -> None:
    with pytest.raises(ExportError, match=rf"^decoder: onnx refuses the exported graph .*{cause}"):
        describe(content, "decoder")
