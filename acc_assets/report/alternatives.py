"""What a picture shows, in words for those who do not see it: what lies where, and what the artifact knows of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from acc_assets.report.artifacts import Artifacts, RunArtifacts, is_number
from acc_assets.report.vocabulary import number

NAMED = 3  # classes that are counted by name; the others are "others"


def alternative(run: RunArtifacts, shared: Artifacts, family: str, factor: str, dims: bool = False) -> str:
    """Describe one picture of a run: of a family, of one factor ("" where it shows all) or its dimensions."""
    facts = run.json(f"{family}/{family}.json")
    describe: Mapping[str, Callable[[Mapping[str, Any], Classes, str], str]] = {
        "reconstructions": _reconstructions,
        "traversals": _dimensions if dims else _traversal,
        "sorted": _sorted,
        "attention": _attention,
    }
    text = describe[family](facts, Classes(run, shared), factor)
    return f"{text} {run.node}, seed {run.seed}."


class Classes:
    """The names of test images' classes; where the targets are no classes, images go without a name."""

    def __init__(self, run: RunArtifacts, shared: Artifacts) -> None:
        family = f"data-{run.config.get('primary_dataset', '')}"
        names = shared.json(f"{family}/dataset.json").get("class_names")
        self.names = [str(name) for name in names] if isinstance(names, list) else []
        self.targets = shared.npz(f"{family}/test.npz").get("targets") if self.names else None

    def of(self, indices: Any) -> list[str]:
        """The class of each of the test images that an artifact names; [] where they have none."""
        if self.targets is None or self.targets.ndim != 1 or not isinstance(indices, list):
            return []
        known = [index for index in indices if isinstance(index, int) and 0 <= index < len(self.targets)]
        labels = [int(self.targets[index]) for index in known]
        return [self.names[label] if label < len(self.names) else str(label) for label in labels]


def _images(facts: Mapping[str, Any], classes: Classes) -> str:
    indices = facts.get("indices")
    count = f"{len(indices)} test images" if isinstance(indices, list) else "Test images"
    named = classes.of(indices)
    return f"{count} ({', '.join(named)})" if named else count


def _reconstructions(facts: Mapping[str, Any], classes: Classes, factor: str) -> str:
    errors = [value for value in facts.get("mse") or [] if is_number(value) and value > 0]
    told = ""
    if errors:
        worst, best = (number(-10 * math.log10(error), 1) for error in (max(errors), min(errors)))
        told = f" Their PSNR is {worst} to {best} dB."
    return f"{_images(facts, classes)} above what the decoder makes of each.{told}"


def _factor(facts: Mapping[str, Any], factor: str) -> Mapping[str, Any]:
    factors = facts.get("factors")
    found = factors.get(factor) if isinstance(factors, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _range(facts: Mapping[str, Any]) -> str:
    offsets = [value for value in facts.get("offsets") or [] if is_number(value)]
    if not offsets:
        return ""
    return f" from {number(offsets[0], 1)} to {number(offsets[-1], 1)} standard deviations in {len(offsets)} columns"


def _traversal(facts: Mapping[str, Any], classes: Classes, factor: str) -> str:
    effect = _factor(facts, factor).get("effect")
    change = f" On average a pixel changes by {number(effect, 3)} of its range." if is_number(effect) else ""
    return (
        f"{_images(facts, classes)}, a row each, decoded with the {factor} slot put{_range(facts)}.{change}"
    )


def _dimensions(facts: Mapping[str, Any], classes: Classes, factor: str) -> str:
    own = _factor(facts, factor)
    count = own["stop"] - own["start"] if is_number(own.get("stop")) and is_number(own.get("start")) else None
    rows = f"{count} rows, one for each dimension" if count else "A row for each dimension"
    named = classes.of((facts.get("indices") or [])[:1])
    image = f"one test image ({named[0]})" if named else "one test image"
    return f"{rows} of the {factor} slot: {image} decoded with that dimension put{_range(facts)}."


def _sorted(facts: Mapping[str, Any], classes: Classes, factor: str) -> str:
    own = _factor(facts, factor)
    ends = []
    for end in ("lowest", "highest"):
        counted = _counted(classes.of(own.get(end)))
        ends.append(f"{end}{f': {counted}' if counted else ''}")
    return f"Test images sorted by the {factor} slot, {'; '.join(ends)}."


def _counted(names: Sequence[str]) -> str:
    """The most frequent classes with how often they occur: "12 of class 1, 5 of class 7 and 3 others"."""
    most = Counter(names).most_common(NAMED)
    rest = len(names) - sum(count for _, count in most)
    parts = [f"{count} of class {name}" for name, count in most]
    return ", ".join([*parts, *([f"{rest} others"] if rest else [])])


def _attention(facts: Mapping[str, Any], classes: Classes, factor: str) -> str:
    shares = [
        f"{one['name']} {number(100 * one['share'], 0)} %"
        for one in facts.get("factors") or []
        if isinstance(one, Mapping) and is_number(one.get("share")) and one.get("name")
    ]
    told = f" Of the attention go to {', '.join(shares)}." if shares else ""
    return f"{_images(facts, classes)}, and over each where the decoder attends to every factor.{told}"


def latent_map_alternative(run: RunArtifacts, shared: Artifacts, method: str) -> str:
    """Describe the scatter plot of a run's latents."""
    classes = Classes(run, shared)
    count = run.images("test").get(str(run.config.get("primary_dataset")))
    points = f"{count:,} test images" if count else "The test images"
    colors = f"in {len(classes.names)} colours, one a class" if classes.names else "coloured by their target"
    trust = (run.projections.get("trustworthiness") or {}).get(f"{method}_2d")
    kept = f" Trustworthiness of their neighbourhoods: {number(trust, 2)} of 1." if is_number(trust) else ""
    placed = f"{points} as points at their places in the {method.upper()} of the latents, {colors}."
    return f"{placed}{kept} {run.node}, seed {run.seed}."
