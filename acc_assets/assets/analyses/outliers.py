"""Scores of images from elsewhere, beside those that the latents hold of the test images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork, left_out
from acc_assets.datasets import DATASETS, DatasetError, HeldOut, Split
from acc_assets.families import Outliers, latents, outliers
from acc_assets.families.outliers import DISTANCE, ERROR, SHOWN, Judged


def run(work: NodeWork) -> Outcome:
    """Judge by every score how well the sets are told from the test split."""
    from acc_assets.analysis.acquisition import neighbour_distance
    from acc_assets.analysis.figures import tile, to_png
    from acc_assets.analysis.outliers import auroc, fpr95
    from acc_assets.training import encode_split

    request: Outliers = work.request
    why_not: dict[str, str] = {}
    elsewhere = [*_elsewhere(work, why_not)]
    if not elsewhere:
        why = "; ".join(f"{name}: {reason}" for name, reason in why_not.items())
        return left_out(work, why or "its data set holds no class out, and no other data set is named")
    loaded, data = work.model(), work.data
    rng = np.random.default_rng(work.seed)
    drawn = rng.permutation(len(data.train))[: request.reference]
    told = encode_split(loaded.model, {}, [], data.train.take(np.sort(drawn)).drawn(0).images, decode=False)
    reference = told["mu"]

    def scores_of(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        of_tasks = {key: values for key, values in arrays.items() if key.startswith(latents.SCORED)}
        found = {key.removeprefix(latents.SCORED): values for key, values in sorted(of_tasks.items())}
        if ERROR in arrays:
            found[ERROR] = arrays[ERROR]
        return {**found, DISTANCE: neighbour_distance(arrays["mu"], request.neighbors, reference)}

    known = latents.SERIES.read(work.run)
    inside = scores_of(known)
    scored = {key.split("/")[1] for key in known if key.startswith(latents.SCORED)}
    tasks = [task for task in work.node.tasks if task.name in scored]
    shown = next(iter(inside))
    sets: dict[str, Judged] = {}
    rows = [data.test.images[np.argsort(-inside[shown], kind="stable")[:SHOWN]]]
    for name, source, images in elsewhere:
        pictures = images[: request.limit]
        found = scores_of(encode_split(loaded.model, loaded.heads, tasks, pictures))
        sets[name] = Judged(
            source,
            found,
            {score: auroc(inside[score], values) for score, values in found.items()},
            {score: fpr95(inside[score], values) for score, values in found.items()},
        )
        rows.append(pictures[np.argsort(found[shown], kind="stable")[:SHOWN]])
    full = {label: row for label, row in zip(["test", *sets], rows, strict=True) if len(row) == SHOWN}
    picture = to_png(tile(np.stack([*full.values()]), scale=2, row_labels=[*full])) if full else None
    facts = {
        "dataset": work.dataset_name,
        "split": "test",
        "images": len(data.test),
        "step": loaded.step,
        "neighbors": request.neighbors,
        "reference": len(reference),
        "shown": shown,
        "rows": [*full],
        "left_out": why_not,
    }
    outliers.write(work.folder, inside, sets, picture, facts)
    best = {f"AUROC {name}": max(found.auroc.values()) for name, found in sets.items()}
    return Outcome(metadata={**best, "scores": ", ".join(inside), **why_not})


def _elsewhere(work: NodeWork, why_not: dict[str, str]) -> Iterator[tuple[str, str, np.ndarray]]:
    """Name, source and images (M, C, H, W) of each set that is there; the reason for each that is not."""
    request, ref = work.request, work.node.datasets[work.dataset_name]
    is_dynamic = work.data.train.dynamic

    def as_seen(split: Split) -> np.ndarray:
        """Its images, black and white where the model's are."""
        return replace(split, dynamic=is_dynamic).drawn(0).images

    behind: Any = ref.config
    while behind is not None:
        if isinstance(behind, HeldOut):
            yield f"held-out {', '.join(behind.classes)}", behind.source, as_seen(behind.unseen())
        behind = getattr(behind, "of", None)
    shape = work.data.test.images.shape[1:]
    for name in request.against:
        kind: Any = DATASETS[name]
        other = kind(image_size=work.data.test.images.shape[-1])
        if missing := [path for path in other.files() if not path.is_file()]:
            why_not[name] = f"not there: {missing[0].name} is missing. {other.if_missing}"
            continue
        try:
            test = other.load().test
        except DatasetError as error:
            why_not[name] = str(error)
            continue
        if test.images.shape[1:] != shape:
            why_not[name] = f"its images are {test.images.shape[1:]}, those of the run {shape}"
            continue
        yield name, other.source, as_seen(test)
