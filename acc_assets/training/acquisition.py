"""Which training images to ask about next, by a model as it is: one pass over images, then rules on their codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from acc_assets.analysis import acquisition
from acc_assets.datasets import Split
from acc_assets.families.acquisition import Ranked
from acc_assets.models.abilities import Outputs, flat_latent
from acc_assets.training.evaluation import by_image
from acc_assets.tree.asking import Rule


@dataclass(frozen=True)
class Ranking:
    """What rules ask about among the images `pool` (N,) without a label.

    latents (N, D) and class probabilities (N, K) are those of the pool. left_out: rules that cannot be followed, and
    why. probabilities_by: in words, where class probabilities came from.
    """

    pool: np.ndarray
    latents: np.ndarray
    probabilities: np.ndarray
    ranked: Mapping[str, Ranked]
    left_out: Mapping[str, str]
    probabilities_by: str


def rank_unlabelled(
    model: nn.Module,
    heads: Mapping[str, nn.Module],
    tasks: Sequence[Any],
    train: Split,
    classes: Sequence[str],
    rules: Sequence[Rule],
    *,
    count: int,
    pool: int,
    neighbors: int,
    rng: np.random.Generator,
) -> Ranking:
    """Rank images without a label, `count` by each rule, of at most `pool` that are drawn, as labelled ones are.

    Class probabilities are those of the first task that has any of these classes, else a vote of the nearest labelled
    images.
    Raises ValueError where every image has a label.
    """
    if train.labelled is None or train.labelled.all():
        raise ValueError("every training image has a label")
    given, open_ones = np.flatnonzero(train.labelled), np.flatnonzero(~train.labelled)
    asked = np.sort(rng.choice(open_ones, min(pool, len(open_ones)), replace=False))
    voters = np.sort(rng.choice(given, min(pool, len(given)), replace=False))
    task = next((one for one in tasks if _tells(one, classes)), None)

    def told(outputs: Outputs, pixels: Tensor) -> dict[str, Tensor]:
        codes = {"latents": flat_latent(model, outputs)}
        if task is None:
            return codes
        return {**codes, "probabilities": task.probabilities(outputs, heads.get(task.name))}

    pictures = train.take(np.concatenate([asked, voters])).drawn(0).images
    found = by_image(model, heads, pictures, told, decode=False)
    codes = found["latents"].float().numpy()
    latents, labelled, labels = codes[: len(asked)], codes[len(asked) :], train.targets[voters]
    if task is not None:
        probabilities = found["probabilities"][: len(asked)].double().numpy()
        by = f"the task {task.name}"
    else:
        probabilities = acquisition.neighbour_probabilities(
            latents, labelled, labels, len(classes), neighbors
        )
        by = f"the {min(neighbors, len(voters))} nearest labelled images in the latent space"
    known = acquisition.Known(
        latents,
        probabilities,
        labelled,
        labels,
        np.bincount(train.targets[given], minlength=len(classes)),
        neighbors,
    )
    ranked: dict[str, Ranked] = {}
    left_out: dict[str, str] = {}
    for rule in rules:
        try:
            chosen, scores, every = acquisition.rank(rule, known, min(count, len(asked)), rng)
        except ValueError as error:
            left_out[rule] = str(error)
        else:
            ranked[rule] = Ranked(asked[chosen], scores, every)
    return Ranking(asked, latents, probabilities, ranked, left_out, by)


def _tells(task: Any, classes: Sequence[str]) -> bool:
    """Whether a task gives probabilities of these classes."""
    own = getattr(task.dataset.config, "target_names", None) or ()
    return hasattr(task, "probabilities") and tuple(own) == tuple(classes)
