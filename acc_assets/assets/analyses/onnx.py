"""Encoder and decoder for the browser and other runtimes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np

from acc_assets.assets.analyses.network import network_choice
from acc_assets.assets.kinds import Outcome, Verdict
from acc_assets.assets.work import NodeWork, outputs_of
from acc_assets.families import latents, onnx
from acc_assets.tree import DECODE

if TYPE_CHECKING:
    from acc_assets.export import GraphFacts

EXAMPLES = 30  # test images that the playground offers


def run(work: NodeWork) -> Outcome:
    """Export encoder and, where the model has one, decoder as ONNX and compare them with torch by onnxruntime."""
    from acc_assets.analysis.latent_stats import latent_stats
    from acc_assets.export import check_parity, describe, export_onnx

    loaded = work.model()
    arrays = latents.SERIES.read(work.run)
    images = work.data.test.images
    stats = latent_stats(arrays["mu"], arrays.get("logvar"), work.abilities.factor_groups)
    no_decoder = work.abilities.lacks.get(DECODE)
    card = {
        "recipe": work.tree.name,
        "node": work.node.tag,
        "seed": str(work.seed),
        "step": str(loaded.step),
        "spec_hash": work.node.spec_hash,
        "digest": loaded.state.digest,
        "data_version": loaded.state.digest[:16],  # of the checkpoint, as Dagster knows it
        "data": work.data.source,
        "data_digest": work.data.digest,
    }
    layers = [layer["name"] for layer in network_choice(work, loaded.model)[0]["layers"]]
    bundle = export_onnx(loaded.model, images.shape[1:], card, layers)
    halves = {"encoder": bundle.encoder, "decoder": bundle.decoder}
    graphs = {part: describe(content, part) for part, content in halves.items() if content is not None}
    probes, weights = _probes(work, loaded.heads)
    parity = check_parity(bundle, loaded.model, images[:5])
    facts = {
        **bundle.to_json(),
        "graphs": {part: one.to_json() for part, one in graphs.items()},
        "no_decoder": no_decoder,
        "parity": parity.to_json(),
        "ranges": stats.ranges,
        "probes": probes,
        "step": loaded.step,
        "examples": work.examples(EXAMPLES).tolist(),
        "card": card,
    }
    onnx.write(work.folder, bundle.encoder, bundle.decoder, weights, facts)
    return Outcome(
        metadata={
            "opset": bundle.opset,
            "encoder (KB)": round(len(bundle.encoder) / 1000, 1),
            "decoder (KB)": round(len(bundle.decoder) / 1000, 1)
            if bundle.decoder is not None
            else f"left out: {no_decoder}",
            **{
                f"operators, {part}": dg.MetadataValue.md(_operator_table(one))
                for part, one in graphs.items()
            },
            "largest difference to torch": parity.max_abs,
            "layers among the outputs": sum(len(found) for found in bundle.layers.values()),
        },
        verdicts={
            "onnx_parity": Verdict(
                passed=parity.passed,
                reason=f"largest difference to torch {parity.max_abs:.1e}, of a layer as a share of its values "
                f"{parity.layers:.1e}, allowed {parity.tolerance:.0e}",
                numbers={"largest difference": parity.max_abs, "of a layer": parity.layers},
            )
        },
    )


def _operator_table(facts: GraphFacts) -> str:
    """How often each operator occurs, as a Markdown table."""
    rows = [f"| {name} | {count} |" for name, count in facts.operators.items()]
    return "\n".join(["| operator | count |", "| --- | --- |", *rows, f"\n{facts.parameters:,} parameters"])


def _probes(work: NodeWork, heads: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """The linear probes on the latent, for a page to predict with: what each reads, and weights (O, width + 1)."""
    described, weights = [], {}
    for task in work.node.tasks:
        head: Any = heads.get(task.name)
        outputs = outputs_of(task, head)
        if outputs is None:
            continue
        matrix = head.linear.weight.detach().cpu().numpy()
        bias = head.linear.bias.detach().cpu().numpy()
        weights[f"probe/{task.name}"] = np.concatenate([matrix, bias[:, None]], axis=1).astype(np.float32)
        classes = outputs if task.kind == "classification" else None
        described.append(
            {
                "task": task.name,
                "start": head.start,
                "stop": head.stop,
                "classes": classes,
                "outputs": outputs,
            }
        )
    return described, weights
