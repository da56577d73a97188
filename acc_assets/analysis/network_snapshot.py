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
from acc_assets.analysis.perturbation import Path, latent_vectors, paths, perturb
from acc_assets.analysis.top_activations import Scan, scan, top_images
from acc_assets.models import ModelOutput
from acc_assets.models.abilities import shared_outputs

Array = np.ndarray
Parts = dict[str, dict[str, Array]]


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
    layers: Sequence[Mapping[str, Any]],
    examples: Array,
    subset: Array,
    k: int,
) -> Snapshot:
    """Capture everything of a model at one snapshot.

    examples: uint8 (E, C, H, W), those of the choice; subset: uint8 (n, C, H, W), the images that top-k looks at;
    layers: by `network_layers.describe_layers`.
    """
    close = int(choice["close_examples"])
    stepped = {layer["name"] for layer in layers if layer["conv_step"]["status"] == "ok"}
    seen = capture(model, examples.astype(np.float32) / 255.0, stepped)
    maps = {
        layer["id"]: layer for layer in layers if len(layer["shape"]) == 3 and layer["name"] in seen.layers
    }
    scanned = scan(
        model, subset, {one["name"]: one["channels"] for one in maps.values() if not one["matrix"]}
    )
    shared = shared_outputs(model, seen.outputs)
    first = {**{name: value[:close] for name, value in seen.outputs.items()}, **shared}
    deviations = None if scanned.latents is None else scanned.latents.std(axis=0)
    movable = (
        paths(model, first, choice["dims"], deviations) if callable(getattr(model, "decode", None)) else {}
    )
    steps, differences = _steps(model, layers, seen, close)
    parts: Parts = {
        "forward": _forward(layers, seen, examples),
        "inspect": _inspect(maps, seen),
        "convolution": steps,
        "kernels": _kernels(model, layers),
        "perturb": {},
        "topk": {},
    }
    for name, path in movable.items():
        for what, values in perturb(model, path).items():
            kept = to_uint8(np.nan_to_num(values)) if what == "recon" else values
            parts["perturb"][f"perturb/{name}/{what}"] = kept
    for place, layer in maps.items():
        if layer["name"] in scanned.largest:
            parts["topk"] |= _top(f"topk/{place}", scanned, layer["name"], k)
    latents = {name: values.shape[1] for name, values in latent_vectors(seen.outputs).items()}
    return Snapshot(parts, differences, {name: _told(path) for name, path in movable.items()}, latents)


def _forward(layers: Sequence[Mapping[str, Any]], seen: Capture, examples: Array) -> dict[str, Array]:
    found = {"input": examples}
    if (recon := seen.outputs.get(ModelOutput.RECONSTRUCTION)) is not None and recon.ndim == 4:
        found["recon"] = to_uint8(np.nan_to_num(recon.numpy()))
    for layer in layers:
        if layer["name"] not in seen.layers:
            continue
        values = as_map(seen.layers[layer["name"]].numpy())[:, layer["channels"]]
        if values.ndim == 2:
            found[f"layer/{layer['id']}"] = values
        else:
            found[f"layer/{layer['id']}"], found[f"range/{layer['id']}"] = quantised(values)
    return found | {f"latent/{name}": values for name, values in latent_vectors(seen.outputs).items()}


def _inspect(maps: Mapping[int, Mapping[str, Any]], seen: Capture) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for place, layer in maps.items():
        values = as_map(seen.layers[layer["name"]].numpy())[:, layer["channels"]]
        x, y = np.array(layer["positions"]).T
        found[f"probe/{place}"] = values[:, :, y, x]
        found[f"statistics/{place}"] = statistics(values)
    return found


def _steps(
    model: nn.Module, layers: Sequence[Mapping[str, Any]], seen: Capture, close: int
) -> tuple[dict[str, Array], dict[int, tuple[float, float]]]:
    found: dict[str, Array] = {}
    differences: dict[int, tuple[float, float]] = {}
    modules = dict(model.named_modules())
    for layer in layers:
        step, name, place = layer["conv_step"], layer["name"], layer["id"]
        if step["status"] != "ok" or name not in seen.inputs:
            continue
        module = modules[layer["module"]]
        assert isinstance(module, nn.Conv2d)
        arrays = convolution_steps(
            module, seen.inputs[name][:close], layer["positions"], step["out_channels"]
        )
        x, y = np.array(layer["positions"]).T

        def at_places(
            name: str, x: Array = x, y: Array = y, outs: Sequence[int] = step["out_channels"]
        ) -> Array:
            values: Array = seen.layers[name][:close].numpy()[:, outs][:, :, y, x].transpose(0, 2, 1)
            return values  # (e, P, o)

        arrays["captured"] = at_places(name)
        if step["activation"] is not None:
            arrays["activated"] = at_places(layers[step["activation"]["layer"]]["name"])
        off = float(np.abs(arrays["computed"] - arrays["captured"]).max(initial=0.0))
        differences[place] = off, allowed_difference(arrays["captured"])
        found |= {f"conv/{place}/{what}": values for what, values in arrays.items()}
    return found, differences


def _kernels(model: nn.Module, layers: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
    found: dict[str, Array] = {}
    modules = dict(model.named_modules())
    for layer in layers:
        module = modules[layer["module"]]
        if layer["convolution"] is not None and isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            arrays = kernels(module, layer["channels"])
            found |= {f"kernel/{layer['id']}/{what}": values for what, values in arrays.items()}
    return found


def _top(prefix: str, scanned: Scan, name: str, k: int) -> dict[str, Array]:
    best, scores = top_images(scanned.largest[name], k)
    channels = np.arange(len(best))[:, None]
    by_mean, means = top_images(scanned.means[name], k)
    return {
        f"{prefix}/max/indices": best,
        f"{prefix}/max/score": scores,
        f"{prefix}/max/xy": scanned.places[name][best, channels].astype(np.int32),
        f"{prefix}/mean/indices": by_mean,
        f"{prefix}/mean/score": means,
    }


def _told(path: Path) -> dict[str, Any]:
    return {
        "label": path.label,
        "path": path.path,
        "dims": list(path.dims),
        "moves": list(path.moves),
        "unit": path.unit,
    }
