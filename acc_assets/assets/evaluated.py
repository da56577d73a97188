"""What a node's model makes of the test split: read from artifacts and, where it takes the model, computed."""

from __future__ import annotations

from collections.abc import Mapping

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
    loaded, test = work.model(), work.data.test
    tasks = [task for task in work.node.tasks if hasattr(task, "probabilities")]
    shown = [task for task in tasks if work.is_shown(task.dataset)]
    told: dict[str, np.ndarray] = {}
    errors: np.ndarray | None = None
    if shown or ModelOutput.COMPONENT in work.abilities.outputs:
        told, errors = judge_images(loaded.model, loaded.heads, shown, test.images)
    found: dict[str, Classified] = {}
    for task in (*shown, *(one for one in tasks if one not in shown)):
        split = work.load(task.dataset).test
        if task not in shown:
            told |= judge_images(loaded.model, loaded.heads, [task], split.images)[0]
        given = slice(None) if split.labelled is None else split.labelled
        names = task.output_names(told[task.name].shape[1])
        same = task in shown and split.labelled is None
        found[task.name] = Classified(told[task.name][given], split.targets[given], names, same)
    return found, errors
