"""The layers of a network in words: geometry, what feeds them, and what their positions see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from acc_assets.analysis.convolution_step import ELEMENTWISE, allowed_difference, convolution_facts
from acc_assets.analysis.layer_capture import capture
from acc_assets.analysis.receptive_field import Mixed, Wiring, wiring
from acc_assets.models.layer_calls import evaluating
from acc_assets.models.network_choice import chosen_channels

IMAGE = -1  # the image itself among the layers that feed another


def describe_layers(
    model: nn.Module, image_shape: tuple[int, ...], choice: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The layers of a choice as the document names them: geometry, what feeds them, and what their positions see.

    The document's `conv_step` of a convolution still lacks how well it agrees: see `network_snapshot.Snapshot`.
    """
    wires: dict[str, Wiring] = {}
    unknown = "it is not called for a single blank image"
    try:
        wires = wiring(model, image_shape)
    except (
        Exception
    ) as error:  # a user's module may not bear to be followed; its layers are shown all the same
        unknown = f"the model cannot be followed on a single blank image: {type(error).__name__}: {error}"
    modules = dict(model.named_modules())
    ids = {layer["name"]: place for place, layer in enumerate(choice["layers"])}
    described = []
    for place, layer in enumerate(choice["layers"]):
        module, wire = modules[layer["module"]], wires.get(layer["name"], Wiring(Mixed(unknown), ()))
        facts = convolution_facts(module) if len(layer["shape"]) == 3 and not layer["matrix"] else None
        described.append(
            {
                "id": place,
                **{key: layer[key] for key in ("name", "module", "kind", "part", "shape", "matrix")},
                "detail": _detail(module, facts),
                "inputs": _feeding(wire.inputs, ids, wires),
                "channels": chosen_channels(layer),
                "positions": places_of(layer),
                "receptive_field": _receptive_field(layer, wire),
                "convolution": facts,
            }
        )
    given = capture(model, _noise(image_shape)).layers
    for layer, chosen in zip(described, choice["layers"], strict=True):
        layer["conv_step"] = _step_facts(layer, chosen, described, model, given)
    return described


def _noise(image_shape: tuple[int, ...]) -> np.ndarray:
    """Two images of noise in [0, 1], always the same."""
    return np.random.default_rng(0).random((2, *image_shape), np.float32)


def places_of(layer: Mapping[str, Any]) -> list[tuple[int, int]]:
    """The probed places (x, y) of a layer of a choice; none of a vector."""
    return [(x, y) for y in layer.get("rows", ()) for x in layer.get("columns", ())]


def _feeding(names: Sequence[str], ids: Mapping[str, int], wires: Mapping[str, Wiring]) -> list[int]:
    """The layers that feed another by id, `IMAGE` among them; empty where nothing is known of what feeds it.

    One that is not captured is replaced by those that feed it.
    """
    found: set[int] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name == "":
            found.add(IMAGE)
        elif name in ids:
            found.add(ids[name])
        else:
            waiting += wires[name].inputs
    return sorted(found)


def _receptive_field(layer: Mapping[str, Any], wire: Wiring) -> dict[str, Any]:
    why = ""
    if len(layer["shape"]) == 1:
        why = "a vector has no positions"
    elif layer["matrix"]:
        why = "rows and columns of a matrix are no places of an image"
    elif wire.field is None:
        why = "it does not depend on the image"
    elif isinstance(wire.field, Mixed):
        why = wire.field.reason
    elif (len(wire.field.rows), len(wire.field.columns)) != tuple(layer["shape"][1:]):
        why = "its size depends on the images"
    else:
        box = {"columns": wire.field.columns.tolist(), "rows": wire.field.rows.tolist()}
        return {"status": "ok", **box, "note": wire.field.note}
    return {"status": "unavailable", "reason": why}


def _step_facts(
    layer: Mapping[str, Any],
    chosen: Mapping[str, Any],
    layers: Sequence[Mapping[str, Any]],
    model: nn.Module,
    given: Mapping[str, Tensor],
) -> dict[str, Any]:
    if layer["convolution"] is None:
        return {"status": "unavailable", "reason": f"a {layer['kind']} is no convolution over images"}
    if layer["convolution"]["transposed"]:
        why = "a transposed convolution adds up what several places of its input spread; it has no patch to read"
        return {"status": "unavailable", "reason": why}
    if type(model.get_submodule(layer["module"])).forward is not nn.Conv2d.forward:
        why = f"{layer['kind']} has a forward of its own, which need not be a sum over a patch"
        return {"status": "unavailable", "reason": why}
    following = [
        other
        for other in layers
        if other["inputs"] == [layer["id"]]
        and other["shape"] == layer["shape"]
        and _activates(model, other, given.get(layer["name"]), given.get(other["name"]))
    ]
    activation = {"layer": following[0]["id"], "kind": following[0]["kind"]} if following else None
    return {"status": "ok", "out_channels": list(chosen["out_channels"]), "activation": activation}


def _activates(
    model: nn.Module, layer: Mapping[str, Any], before: Tensor | None, after: Tensor | None
) -> bool:
    """Whether a layer changes each value by itself and takes `before` to `after` with nothing between."""
    module = model.get_submodule(layer["module"])
    if not isinstance(module, ELEMENTWISE) or before is None or after is None:
        return False
    with evaluating(model) as device:
        computed = module(before.clone().to(device)).float().cpu()
    return computed.shape == after.shape and bool(
        (computed - after).abs().max() <= allowed_difference(after.numpy())
    )


def _detail(module: nn.Module, facts: Mapping[str, Any] | None) -> str:
    """Its geometry in a few words."""
    if isinstance(module, nn.Linear):
        return f"{module.in_features} → {module.out_features}"
    if facts is None:
        return ""
    sizes = "x".join(map(str, facts["kernel_size"]))
    told = [sizes, f"{facts['in_channels']} → {facts['out_channels']}"]
    for key, usual in (("stride", 1), ("dilation", 1)):
        one, other = facts[key]
        if (one, other) != (usual, usual):
            told.append(f"{key} {one}" if one == other else f"{key} {one}x{other}")
    if facts["groups"] > 1:
        told.append(f"{facts['groups']} groups")
    return ", ".join([*told, "transposed"] if facts["transposed"] else told)
