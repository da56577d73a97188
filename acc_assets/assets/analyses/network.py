"""What every layer of a model makes of chosen test images, at every snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from acc_assets.assets.kinds import Outcome, Verdict
from acc_assets.assets.work import NodeWork, left_out
from acc_assets.families import latents, network
from acc_assets.tree import DECODE

if TYPE_CHECKING:
    from acc_assets.analysis.network_snapshot import Snapshot

BEST = 9  # images that top-k keeps of a channel
MOST_SNAPSHOTS, MOST_BYTES = (
    8,
    28_000_000,
)  # that are looked into, and what their arrays may take before compression

MISSING = "it was not called for the examples, or gave another shape than for a blank image"


def run(work: NodeWork) -> Outcome:
    """Look into the model at its last snapshot and evenly chosen ones before, with the choice of `config.json`."""
    from acc_assets.analysis.network_layers import describe_layers
    from acc_assets.analysis.network_snapshot import look_into, missing_layers
    from acc_assets.analysis.perturbation import SAMPLE_SEED
    from acc_assets.models.network_choice import spread

    started = perf_counter()
    test = work.data.test
    every = latents.facts(work.run)["steps"]
    model = work.model(every[-1]).model
    choice, before = network_choice(work, model)
    examples, subset = test.images[choice["examples"]], test.images[: choice["subset"]]
    missing = missing_layers(model, choice["layers"], examples) if choice["layers"] else []
    choice = _without(choice, missing)
    if not choice["layers"]:
        reasons = [f"{one['module'] or 'the model'}: {one['reason']}" for one in choice["left_out"]]
        why = "; ".join(reasons) or f"{type(model).__name__} is made of no modules"
        return left_out(work, f"no layer can be captured ({why})", work.request.checks)
    layers = describe_layers(model, test.images.shape[1:], choice)
    decodes = DECODE not in work.abilities.lacks

    def look(model: Any) -> Snapshot:
        return look_into(model, choice, layers, examples, subset, BEST, decodes=decodes)

    last = look(model)
    size = sum(values.nbytes for arrays in last.parts.values() for values in arrays.values())
    count = min(len(every), MOST_SNAPSHOTS, max(1, MOST_BYTES // size))
    chosen = [every[place] for place in spread(len(every), count)] if count > 1 else every[-1:]
    snapshots, epochs = {}, []
    for step in chosen:
        loaded = work.model(step)
        images = loaded.state.positions.get(work.dataset_name, 0)  # that training has seen, over the lineage
        epochs.append(round(images / len(work.data.train), 3))
        snapshots[step] = last if step == every[-1] else look(loaded.model)
    agree = _agreement(layers, [one.differences for one in snapshots.values()])
    facts = {
        "epochs": epochs,
        "image_shape": list(test.images.shape[1:]),
        "examples": choice["examples"],
        "close_examples": choice["close_examples"],
        "subset_n": len(subset),
        "k": min(BEST, len(subset)),
        "layers": layers,
        "left_out": choice["left_out"],
        "latents": last.latents,
        "perturb": last.perturbed,
        "lacks": _lacks(work, last.parts),
        "sampling": {"sample_id": 0, "seed": SAMPLE_SEED} if "z_sample" in last.latents else None,
        "chosen_before_training": before,
    }
    network.write(work.folder, {step: one.parts for step, one in snapshots.items()}, facts)
    return Outcome(
        metadata={
            "layers": len(layers),
            "modules not captured": len(facts["left_out"]),
            "snapshots": len(snapshots),
            "size (kB)": round(sum(one.size for one in work.run.manifest(work.plan.family).files) / 1000),
            "seconds": round(perf_counter() - started, 1),
        },
        verdicts={"conv_step_matches": agree},
    )


def network_choice(work: NodeWork, model: Any) -> tuple[Mapping[str, Any], bool]:
    """What is captured, and whether it was chosen before training: an older run gets it by the same rule."""
    from acc_assets.models.network_choice import VERSION, choose_network

    kept = work.run.read_json("config.json").get("network")
    if isinstance(kept, Mapping) and kept.get("version") == VERSION:
        return kept, True
    indices = work.examples(len(work.data.test.images)).tolist()
    return choose_network(model, work.data.test.images.shape[1:], indices, work.abilities), False


def _without(choice: Mapping[str, Any], missing: Sequence[str]) -> Mapping[str, Any]:
    """A choice with some layers left out."""
    layers = [layer for layer in choice["layers"] if layer["name"] not in missing]
    reasons = [{"module": name, "reason": MISSING} for name in missing]
    return {**choice, "layers": layers, "left_out": [*choice["left_out"], *reasons]}


def _agreement(
    layers: Sequence[dict[str, Any]], found: Sequence[Mapping[int, tuple[float, float]]]
) -> Verdict:
    """Say in the layers how far computed values are from captured ones, over all snapshots; and judge it."""
    worst, at = 0.0, ""
    steps = 0
    broken: list[str] = []
    for layer in layers:
        of_layer = [one[layer["id"]] for one in found if layer["id"] in one]
        if layer["conv_step"]["status"] != "ok":
            continue
        if not of_layer:
            layer["conv_step"] = {"status": "unavailable", "reason": "its input could not be captured"}
            continue
        steps += 1
        if not np.isfinite(of_layer).all():
            why = "computed or captured values are not finite"
            layer["conv_step"] = {"status": "unavailable", "reason": why}
            broken.append(layer["name"])
            continue
        difference, tolerance = max(of_layer, key=lambda pair: pair[0] / pair[1])
        layer["conv_step"] |= {"difference": difference, "tolerance": tolerance}
        if difference / tolerance > worst:
            worst, at = (
                difference / tolerance,
                f"{layer['name']}: {difference:.1e} of {tolerance:.1e} allowed",
            )
    if broken:
        return Verdict(
            passed=False, reason=f"computed or captured values are not finite: {', '.join(broken)}"
        )
    if not steps:
        return Verdict(passed=True, reason="nothing to judge: no convolution is followed step by step")
    reason = f"{steps} convolutions, the largest difference at {at}" if at else f"{steps} convolutions agree"
    return Verdict(passed=worst <= 1.0, reason=reason, numbers={"share of the allowed difference": worst})


def _lacks(work: NodeWork, parts: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, str]:
    """Why a whole part is empty."""
    words = {
        "inspect": "no layer gives a map",
        "convolution": "the model has no convolution over images",
        "kernels": "the model has no convolution over images",
        "topk": "no layer gives a map",
        "perturb": work.abilities.lacks.get(DECODE, "the latents asset saw nothing to move"),
    }
    return {part: words.get(part, "nothing was captured") for part, arrays in parts.items() if not arrays}
