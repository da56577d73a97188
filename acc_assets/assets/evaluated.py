"""What a node's model makes of the test split: read from artifacts and, where it takes the model, computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from acc_assets.assets.work import NodeWork
from acc_assets.families import Evaluated, latents
from acc_assets.families.providers import Classified
from acc_assets.models import ModelOutput
from acc_assets.tree import LATENT


def evaluated(work: NodeWork) -> Evaluated:
    """The test split of the data set that the latents are of; a classifier is asked about that of its own data set."""
    loaded, data = work.model(), work.data
    has_latents = LATENT not in work.abilities.lacks
    classes = data.target_names if data.kind_of_target == "class" else ()
    tasks = work.run.read_json("metrics/metrics.json")["tasks"]
    return Evaluated(
        node=work.node,
        seed=work.seed,
        images=data.test.images,
        targets=data.test.targets,
        classes=tuple(str(name) for name in classes),
        steps=latents.facts(work.run)["steps"] if has_latents else (),
        at=lambda step: latents.SERIES.read(work.run, step),
        metrics={name: told["metrics"] for name, told in tasks.items()},
        examples=work.examples(len(data.test)),
        model=loaded.model,
        heads=loaded.heads,
        model_at=lambda step: work.model(step).model,
        judge=lambda: _judged(work),
    )


def _judged(work: NodeWork) -> tuple[Mapping[str, Classified], np.ndarray | None]:
    """One pass over the test images of the primary data set, and one more for each classifier with others."""
    from acc_assets.training.evaluation import judge_images

    work.runtime.apply()
    loaded, images = work.model(), work.data.test.images
    found: dict[str, Classified] = {}
    apart: list[Any] = []
    shared: list[Any] = []
    splits = {name: work.load(ref).test for name, ref in work.node.datasets.items()}
    for task in work.node.tasks:
        if hasattr(task, "probabilities"):
            (shared if work.is_shown(task.dataset) else apart).append(task)

    def keep(tasks: list[Any], probabilities: Mapping[str, np.ndarray]) -> None:
        for task in tasks:
            split, told = splits[task.dataset.name], probabilities[task.name]
            given = slice(None) if split.labelled is None else split.labelled
            names = [str(name) for name in getattr(task.dataset.config, "target_names", None) or ()]
            names = names if len(names) == told.shape[1] else [str(at) for at in range(told.shape[1])]
            same = tasks is shared and split.labelled is None
            found[task.name] = Classified(told[given], split.targets[given], names, same)

    errors: np.ndarray | None = None
    if shared or ModelOutput.COMPONENT in work.abilities.outputs:
        probabilities, errors = judge_images(loaded.model, loaded.heads, shared, images)
        keep(shared, probabilities)
    for task in apart:
        own = judge_images(loaded.model, loaded.heads, [task], splits[task.dataset.name].images)[0]
        keep([task], own)
    return found, errors
