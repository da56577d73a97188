"""The network looked into: what every layer makes of chosen test images, at every snapshot.

Examples, layers, channels, positions and dimensions are chosen before training (`network` in config.json), and so mean
the same at every snapshot. E are the examples, e the first of them that are looked at closely, P positions. A layer
is one call of a module, L its id, of shape (C, h, w), a map, or (n,), a vector; c of its channels are captured.
Each part is an npz a snapshot; `docs/artifacts.md` has their arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from acc_assets.families.base import Download, Family, Payload, Picture, Script, Table
from acc_assets.families.dataset import TEST, DatasetFamily
from acc_assets.families.feature_maps import VERSION as PICTURE_VERSION
from acc_assets.families.feature_maps import feature_maps_png, picture_size, shown_layers
from acc_assets.families.onnx import FAMILY as ONNX
from acc_assets.families.series import Series
from acc_assets.tree import Analysis, Check

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import ArtifactFolder

PARTS = {  # what the files hold, in words
    "forward": "Activations of the examples",
    "inspect": "Channels: probes and statistics",
    "convolution": "Single convolution steps",
    "kernels": "Kernels",
    "perturb": "Moved latents, decoded",
    "topk": "Images that activate channels most",
}
SERIES = {part: Series("network", part) for part in PARTS}
Arrays = Mapping[str, np.ndarray]


class NetworkFamily(Family):
    """The document says what the arrays are of: see `NetworkMeta` in the client's `network/contract.ts`."""

    name = "network"
    title = "Network"
    document = "network.json"
    rank = 5
    downloads = tuple(Download(SERIES[part].name(), f"{words} (npz)") for part, words in PARTS.items())

    def pictures(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Picture]:
        """Yield the first example's way through the layers that give maps."""
        layers = run.document(self).get("layers") or []
        if not shown_layers(layers):
            return
        names = ", ".join(layer["name"] for layer in shown_layers(layers))
        yield Picture(
            name="network-layers",
            title="Feature maps",
            general="One test image through the layers, a row each: some of their channels, from black at the smallest "
            "to white at the largest value of each map. The first row is the image and what the model makes of it.",
            alt=f"Small grey maps of one test image in the layers {names}.",
            draw=lambda theme: feature_maps_png(run.arrays(SERIES["forward"].path()), layers, theme),
            source=(PICTURE_VERSION, run.digest(self.name)),
            size=picture_size(layers),
        )

    def tables(self, run: RunArtifacts) -> Iterator[Table]:
        """Yield the layers, and what could not be captured."""
        facts = run.document(self)
        rows = [
            (
                layer["name"],
                " ".join(filter(None, (layer["kind"], layer["detail"]))),
                "x".join(map(str, layer["shape"])),
                _seen(layer["receptive_field"]),
            )
            for layer in facts.get("layers") or []
        ]
        if rows:
            head = ("Layer", "What it does", "Gives", "Pixels seen in the middle")
            yield Table(title="Layers of the network", head=head, rows=rows)
        left = [(one["module"], one["reason"]) for one in facts.get("left_out") or []]
        if left:
            yield Table(title="Not captured of the network", head=("Module", "Why"), rows=left)

    def payloads(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Payload]:
        """Yield the document, the arrays of every snapshot, and the images that top-k names."""
        facts = run.document(self)
        if not facts.get("layers"):
            return
        digest = run.digest(self.name)
        data = DatasetFamily(run.primary_dataset)
        built = shared.exists(data.path(TEST))
        meta = {"recipe": run.recipe, "node": run.node, "seed": run.seed, "dataset": data.site_name(shared)}
        undrawable = ONNX.layers_problem(run) or (None if built else "its data set is not built")
        meta |= {"classes": data.classes(shared) or None, "labels": _labels(data, shared, facts), **facts}
        meta |= {"undrawable": undrawable, "pen_rule": data.facts_of(shared).get("pen_rule")}
        yield Payload(what="network", page="network", source=[digest, meta], make=lambda: (meta, {}))
        for step in facts["steps"]:

            def make(step: int = step) -> Script:
                arrays: dict[str, np.ndarray] = {}
                for series in SERIES.values():
                    arrays |= run.arrays(series.path(step))
                return {"step": step}, arrays

            yield Payload(what=f"network-{step}", page="network", source=[digest, step], make=make)
        if built:
            count = int(facts["subset_n"])

            def images() -> Script:
                test = shared.arrays(data.path(TEST))
                return {"n": count}, {"images": test["images"][:count].astype(np.uint8)}

            source = [shared.digest(data.name), count]
            yield Payload(what="network-images", page="network", source=source, make=images)


FAMILY = NetworkFamily()


class Network(Analysis):
    """Capture what the layers make of chosen test images, at every snapshot."""

    name = "network"
    family = FAMILY
    version = 3
    description = (
        "What every layer makes of chosen test images: maps, single steps, kernels, most activating images."
    )
    kinds = frozenset({"pytorch", "image"})
    after = ("latents",)
    checks = (
        Check(
            "conv_step_matches",
            "A convolution's value, computed from patch, kernel and bias, is what the model had there.",
        ),
    )


def write(
    folder: ArtifactFolder, arrays: Mapping[int, Mapping[str, Arrays]], facts: Mapping[str, Any]
) -> None:
    """Write the arrays by step and part, and the document that says what they are of."""
    with folder.family(FAMILY.name) as out:
        for part, series in SERIES.items():
            by_step = {step: found[part] for step, found in arrays.items()}
            series.write(out, by_step, compress=True)
        out.json(FAMILY.document, {**facts, "steps": sorted(arrays)})


def _seen(field: Mapping[str, Any]) -> str:
    """The box that the middle position of a map sees, as width x height."""
    if field["status"] != "ok":
        return "no box"
    (left, right), (top, bottom) = (field[side][len(field[side]) // 2] for side in ("columns", "rows"))
    return f"{right - left}x{bottom - top}"


def _labels(data: DatasetFamily, shared: Artifacts, facts: Mapping[str, Any]) -> list[float] | None:
    """The targets of the examples; None where the data set is not built."""
    targets = data.targets(shared)
    if targets is None:
        return None
    found: list[float] = targets.reshape(len(targets), -1)[facts["examples"], 0].tolist()
    return found
