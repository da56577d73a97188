"""A network at one snapshot: the arrays of all layers, as the family `network` keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from acc_assets.analysis.convolution_step import allowed_difference, convolution_steps, kernels
from acc_assets.analysis.figures import to_uint8
from acc_assets.analysis.layer_capture import Capture, as_map, capture, quantised, statistics
from acc_assets.analysis.perturbation import PROBABILITY, Path, latent_vectors, paths, perturb
from acc_assets.analysis.top_activations import Scan, scan, top_images
from acc_assets.models import ModelOutput
from acc_assets.models.abilities import shared_outputs

Array = np.ndarray
Parts = dict[str, dict[str, Array]]
Layers = Sequence[Mapping[str, Any]]  # by `network_layers.describe_layers`


@dataclass(frozen=True)
class Snapshot:
    """The arrays of one snapshot by part and name, and what is told of them.

    differences: by layer, the largest |computed - captured| of its convolution steps, and what is allowed. perturbed
    and latents: see `perturb` and `latents` of the document.
    """

    parts: Parts
    differences: dict[int, tuple[float, float]]
    perturbed: dict[str, dict[str, Any]]
    latents: dict[str, int]


def look_into(
    model: nn.Module,
    choice: Mapping[str, Any],
    layers: Layers,
    examples: Array,
    subset: Array,
    k: int,
    *,
    decodes: bool,
) -> Snapshot:
    """Capture everything of a model at one snapshot.

    examples: uint8 (E, C, H, W), those of the choice; subset: uint8 (n, C, H, W), the images that top-k looks at;
    layers: by `network_layers.describe_layers`. decodes: whether the model's `decode` takes the code of its outputs.
    """
    close = int(choice["close_examples"])
    stepped = {layer["name"] for layer in layers if layer["conv_step"]["status"] == "ok"}
    seen = capture(model, examples.astype(np.float32) / 255.0, stepped)
    values = _values(layers, seen, len(examples))
    maps = {layer["id"]: layer for layer in layers if len(layer["shape"]) == 3 and layer["id"] in values}
    spatial = {one["name"]: one["channels"] for one in maps.values() if not one["matrix"]}
    scanned = scan(model, subset, spatial)
    steps, differences = _steps(model, layers, seen, values, close)
    parts: Parts = {
        "forward": _forward(layers, seen, values, examples),
        "inspect": _inspect(maps, values),
        "convolution": steps,
        "kernels": _kernels(model, layers),
        "perturb": {},
        "topk": {},
    }
    for place, layer in maps.items():
        if layer["name"] in scanned.largest:
            parts["topk"] |= _top(f"topk/{place}", scanned, layer["name"], k)
    movable: dict[str, Path] = {}
    if decodes:
        shared = shared_outputs(model, seen.outputs)
        own = {name: value[:close] for name, value in seen.outputs.items() if name not in shared}
        first = {**own, **shared}
        deviations = None if scanned.latents is None else scanned.latents.std(axis=0)
        movable = paths(model, first, choice["dims"], deviations)
    for name, path in movable.items():
        for what, found in perturb(model, path).items():
            kept = to_uint8(np.nan_to_num(found)) if what == "recon" else found
            parts["perturb"][f"perturb/{name}/{what}"] = kept
    return Snapshot(
        parts,
        differences,
        {name: _told(path) for name, path in movable.items()},
        {name: vector.shape[1] for name, vector in latent_vectors(seen.outputs).items()},
    )


def missing_layers(model: nn.Module, layers: Layers, examples: Array) -> list[str]:
    """Names of the layers of a choice that give nothing of their shape for the examples, uint8 (E, C, H, W)."""
    seen = capture(model, examples.astype(np.float32) / 255.0)
    return [layer["name"] for layer in layers if _value(layer, seen, len(examples)) is None]


def _values(layers: Layers, seen: Capture, count: int) -> dict[int, Array]:
    """What each layer gave, all channels, by id; without those that gave nothing of their shape this time."""
    found = {layer["id"]: _value(layer, seen, count) for layer in layers}
    return {place: values for place, values in found.items() if values is not None}


def _value(layer: Mapping[str, Any], seen: Capture, count: int) -> Array | None:
    """What a layer gave for so many examples, all channels; None unless it has the shape that was chosen."""
    if layer["name"] not in seen.layers:
        return None
    values = as_map(seen.layers[layer["name"]].numpy())
    return values if values.shape == (count, *layer["shape"]) else None


def _forward(layers: Layers, seen: Capture, values: Mapping[int, Array], examples: Array) -> dict[str, Array]:
    found = {"input": examples}
    if (recon := seen.outputs.get(ModelOutput.RECONSTRUCTION)) is not None and recon.ndim == 4:
        found["recon"] = to_uint8(np.nan_to_num(recon.numpy()))
    for place, whole in values.items():
        kept = whole[:, layers[place]["channels"]]
        if kept.ndim == 2:
            found[f"layer/{place}"] = kept
        else:
            found[f"layer/{place}"], found[f"range/{place}"] = quantised(kept)
    return found | {f"latent/{name}": vector for name, vector in latent_vectors(seen.outputs).items()}


def _inspect(maps: Mapping[int, Mapping[str, Any]], values: Mapping[int, Array]) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for place, layer in maps.items():
        kept = values[place][:, layer["channels"]]
        x, y = np.array(layer["positions"]).T
        found[f"probe/{place}"] = kept[:, :, y, x]
        found[f"statistics/{place}"] = statistics(kept)
    return found


def _steps(
    model: nn.Module, layers: Layers, seen: Capture, values: Mapping[int, Array], close: int
) -> tuple[dict[str, Array], dict[int, tuple[float, float]]]:
    found: dict[str, Array] = {}
    differences: dict[int, tuple[float, float]] = {}
    modules = dict(model.named_modules())
    for layer in layers:
        step, name, place = layer["conv_step"], layer["name"], layer["id"]
        module = modules[layer["module"]]
        if step["status"] != "ok" or name not in seen.inputs or place not in values:
            continue
        assert isinstance(module, nn.Conv2d)
        outs, positions = step["out_channels"], layer["positions"]
        arrays = convolution_steps(module, seen.inputs[name][:close], positions, outs)
        arrays["captured"] = _at(values[place][:close], positions, outs)
        activation = step["activation"]
        if activation is not None and activation["layer"] in values:
            arrays["activated"] = _at(values[activation["layer"]][:close], positions, outs)
        off = float(np.abs(arrays["computed"] - arrays["captured"]).max(initial=0.0))
        differences[place] = off, allowed_difference(arrays["captured"])
        found |= {f"conv/{place}/{what}": one for what, one in arrays.items()}
    return found, differences


def _at(maps: Array, positions: Sequence[tuple[int, int]], channels: Sequence[int]) -> Array:
    """The values of maps (e, C, h, w) at P places (x, y) of o channels: (e, P, o)."""
    x, y = np.array(positions).T
    values: Array = maps[:, list(channels)][:, :, y, x].transpose(0, 2, 1)
    return values


def _kernels(model: nn.Module, layers: Layers) -> dict[str, Array]:
    found: dict[str, Array] = {}
    modules = dict(model.named_modules())
    for layer in layers:
        module = modules[layer["module"]]
        if layer["convolution"] is not None and isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            arrays = kernels(module, layer["channels"])
            found |= {f"kernel/{layer['id']}/{what}": values for what, values in arrays.items()}
    return found


def _top(prefix: str, scanned: Scan, name: str, k: int) -> dict[str, Array]:
    largest, mean = scanned.largest[name], scanned.means[name]  # (N, c)
    best, scores = top_images(largest, k)
    channels = np.arange(len(best))[:, None]
    by_mean, means = top_images(mean, k)
    return {
        f"{prefix}/max/indices": best,
        f"{prefix}/max/score": scores,
        f"{prefix}/max/least": largest.min(axis=0),
        f"{prefix}/max/xy": scanned.places[name][best, channels].astype(np.int32),
        f"{prefix}/mean/indices": by_mean,
        f"{prefix}/mean/score": means,
        f"{prefix}/mean/least": mean.min(axis=0),
    }


def _told(path: Path) -> dict[str, Any]:
    return {
        "label": path.label,
        "path": path.path,
        "dims": list(path.dims),
        "moves": list(path.moves),
        "unit": path.unit,
        "absolute": path.unit == PROBABILITY,  # moves are new values, not what is added
    }
