"""Encoder and decoder for the browser and other runtimes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from acc_assets.families.base import Download, Family, Page, Payload, Script, Table
from acc_assets.families.dataset import TEST, DatasetFamily
from acc_assets.tree import LATENT, Analysis, Check

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import ArtifactFolder

ENCODER, DECODER, PROBES = "encoder.onnx", "decoder.onnx", "probes.npz"
LAYERS = (
    "layer/",
    "reads/",
)  # before a layer's name, as an output: what it gives, and what a convolution is given


class OnnxFamily(Family):
    """Two graphs, and the linear probes on the latent (`probe/<task>`, outputs x (width + 1), the bias last).

    The graphs also give the layers that were chosen before training, so that a drawing is followed through them.
    """

    name = "onnx"
    title = "ONNX models"
    document = "onnx.json"
    downloads = (Download(ENCODER, "Encoder (ONNX)"), Download(DECODER, "Decoder (ONNX)"))

    def problem(self, run: RunArtifacts) -> str | None:
        """Say why a run's two halves cannot be shown, or None when they can."""
        never, exists = self.never(run), run.exists(self.path(DECODER))
        return never or self.encoder_problem(run) or (None if exists else "not exported yet")

    def never(self, run: RunArtifacts) -> str | None:
        """Say why no build can bring encoder and decoder of this model, or None where one can."""
        why = run.left_out(self.name) or run.document(self).get("no_decoder")
        return None if why is None else str(why)

    def encoder_problem(self, run: RunArtifacts) -> str | None:
        """Say why a run's encoder cannot be shown, or None when it can."""
        if (why := run.left_out(self.name)) is not None:
            return str(why)
        if not run.exists(self.path(ENCODER)):
            return "not exported yet"
        parity = run.document(self).get("parity")
        if isinstance(parity, Mapping) and parity.get("passed") is False:
            return "the exported models do not agree with torch (parity check failed)"
        return None

    def layers_problem(self, run: RunArtifacts) -> str | None:
        """Say why a run's layers cannot be computed anew for another image, or None when they can."""
        why = self.encoder_problem(run)
        if why is not None or any((run.document(self).get("layers") or {}).values()):
            return why
        return "the exported graphs give no layers"

    def tables(self, run: RunArtifacts) -> Iterator[Table]:
        """Yield what each graph takes, gives and consists of, as onnx's checker and shape inference saw it."""
        rows = [
            (
                part,
                _tensors(graph["inputs"]),
                _tensors(graph["outputs"]),
                f"{graph['parameters']:,}",
                f"{graph['size'] / 1000:,.0f} kB",
                f"{graph['opset']}",
                ", ".join(f"{name} {count}" for name, count in graph["operators"].items()),
            )
            for part, graph in (run.document(self).get("graphs") or {}).items()
        ]
        if rows:
            head = ("Graph", "Takes", "Gives", "Parameters", "Size", "Opset", "Operators")
            yield Table(title="Exported graphs (ONNX)", head=head, rows=rows, numbers=(3, 4, 5))

    def payloads(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Payload]:
        """Yield the graphs with sample images, where they agree with torch and the images are built.

        A model that cannot decode has no playground, and is offered to the network inspector alone.
        """
        data = DatasetFamily(run.primary_dataset)
        if self.encoder_problem(run) is not None or not shared.exists(data.path(TEST)):
            return
        facts = run.document(self)
        decodes = self.problem(run) is None
        meta: dict[str, Any] = {
            "recipe": run.recipe,
            "node": run.node,
            "seed": run.seed,
            "latent_dim": run.latent_dim,
            "code": (facts.get("inputs") or {}).get("decoder"),
            "factors": run.groups,
            "ranges": facts.get("ranges"),
            "layers": {
                name: shape for half in (facts.get("layers") or {}).values() for name, shape in half.items()
            },
            "probes": facts.get("probes") or [],
            "step": facts.get("step"),
            "pen_rule": data.facts_of(shared).get("pen_rule"),
            "decoder_inputs": [
                {"name": name, "dims": dims}
                for name, dims in (facts.get("inputs") or {}).get("decoder", {}).items()
            ],
        }

        def make() -> Script:
            test = shared.arrays(data.path(TEST))
            images = test["images"]
            chosen = np.asarray(facts["examples"])
            labels = [value.item() for value in test["targets"][chosen].reshape(len(chosen), -1)[:, 0]]
            shape = {"image_size": int(images.shape[-1]), "channels": int(images.shape[1])}
            named = [{"index": int(i), "label": label} for i, label in zip(chosen, labels, strict=True)]
            return {**meta, **shape, "samples": named}, {
                **{
                    half: np.frombuffer(run.bytes(self.path(file)) or b"", np.uint8)
                    for half, file in (("encoder", ENCODER), ("decoder", DECODER))
                    if decodes or half == "encoder"
                },
                "samples": images[chosen].astype(np.uint8),
                **run.npz(self.path(PROBES)),
            }

        source = [run.digest(self.name), shared.digest(data.name), meta]
        page: Page = "playground" if decodes else "network"
        yield Payload(what="onnx", page=page, source=source, make=make)


FAMILY = OnnxFamily()


class Onnx(Analysis):
    """Export encoder and decoder and compare them with torch."""

    name = "onnx"
    family = FAMILY
    version = 8
    description = "Encoder and decoder as ONNX, compared with torch by onnxruntime."
    kinds = frozenset({"pytorch", "onnx"})
    needs = (LATENT,)
    after = ("latents",)
    checks = (
        Check(
            "onnx_parity",
            "onnxruntime gives what torch gives; the site shows no playground of a model that fails.",
            "ERROR",
        ),
    )


def _tensors(described: Sequence[Mapping[str, Any]]) -> str:
    """Names and shapes: `latent (batch, 8)`; layers are counted."""
    own = [one for one in described if not one["name"].startswith(LAYERS)]
    told = [f"{one['name']} ({', '.join(map(str, one['shape']))})" for one in own]
    layers = len(described) - len(own)
    return ", ".join([*told, f"{layers} outputs of layers"] if layers else told)


def write(
    folder: ArtifactFolder,
    encoder: bytes,
    decoder: bytes | None,
    probes: Mapping[str, np.ndarray],
    facts: Mapping[str, Any],
) -> None:
    """Write the graphs and the probes' weights; `facts` say what goes in and out, the parity and the step."""
    with folder.family(FAMILY.name) as out:
        out.bytes(ENCODER, encoder)
        if decoder is not None:
            out.bytes(DECODER, decoder)
        out.npz(PROBES, dict(probes))
        out.json(FAMILY.document, dict(facts))
