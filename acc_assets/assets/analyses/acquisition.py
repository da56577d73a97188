"""Which training images to ask a person about next: one pass over those without a label, and a rule on its codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork, left_out
from acc_assets.datasets import ImageData
from acc_assets.families import Acquisition, acquisition, latents, projections


@dataclass(frozen=True)
class _Probabilities:
    """A task whose prediction are the probabilities of its classes."""

    task: Any

    @property
    def name(self) -> str:
        return str(self.task.name)

    def predict(self, outputs: Any, head: Any) -> Any:
        return self.task.probabilities(outputs, head)

    def scores(self, outputs: Any, head: Any) -> Any:
        return {}


def run(work: NodeWork) -> Outcome:
    """Rank the images without a label by every rule that is asked for."""
    from acc_assets.analysis import acquisition as rules
    from acc_assets.analysis.figures import atlas, tile, to_png
    from acc_assets.training import encode_split

    request: Acquisition = work.request
    found = _partly_labelled(work)
    if found is None:
        return left_out(work, "every training image has a label")
    name, data = found
    train, names = data.train, data.target_names
    assert train.labelled is not None  # that is what was looked for
    given, open_ones = np.flatnonzero(train.labelled), np.flatnonzero(~train.labelled)
    if not len(open_ones) or data.kind_of_target != "class":
        return left_out(work, "there is no image left whose class could be asked about")
    rng = np.random.default_rng(work.seed)
    pool = np.sort(rng.choice(open_ones, min(request.pool, len(open_ones)), replace=False))
    voters = np.sort(rng.choice(given, min(request.pool, len(given)), replace=False))

    work.runtime.apply()
    loaded = work.model()
    task = next((one for one in work.node.tasks if hasattr(one, "probabilities")), None)
    told = encode_split(
        loaded.model,
        loaded.heads,
        [_Probabilities(task)] if task is not None else [],
        train.images[np.concatenate([pool, voters])],
        decode=False,
    )
    codes, labelled, labels = told["mu"][: len(pool)], told["mu"][len(pool) :], train.targets[voters]
    if task is not None:
        probabilities = told[f"pred/{task.name}"][: len(pool)].astype(float)
        by = f"the task {task.name}"
    else:
        probabilities = rules.neighbour_probabilities(codes, labelled, labels, len(names), request.neighbors)
        by = f"the {min(request.neighbors, len(voters))} nearest labelled images in the latent space"

    count = min(request.count, len(pool))
    ranked: dict[str, acquisition.Ranked] = {}
    why_not: dict[str, str] = {}
    for rule in request.rules:
        if rule == "diversity":
            chosen, distances = rules.k_centre(codes, labelled, count)
            scores = rules.centre_distance(codes, labelled)
            ranked[rule] = acquisition.Ranked(pool[chosen], distances, scores)
            continue
        if rule == "boundary" and len(np.unique(labels)) < 2:
            why_not[rule] = "fewer than two classes have a label"
            continue
        if rule in ("entropy", "margin", "least_confidence"):
            scores = getattr(rules, rule)(probabilities)
        elif rule == "outlier":
            scores = rules.neighbour_distance(codes, request.neighbors)
        elif rule == "boundary":
            scores = rules.boundary(codes, labelled, labels)
        elif rule == "class_balance":
            counts = np.bincount(train.targets[given], minlength=len(names))
            scores = rules.class_balance(probabilities, counts)
        else:
            scores = rng.random(len(pool))
        order = rules.first(scores, count)
        ranked[rule] = acquisition.Ranked(pool[order], scores[order], scores)

    shown = min(acquisition.SHOWN, count)
    rows = np.stack([train.images[one.images[:shown]] for one in ranked.values()])
    facts = {
        "dataset": name,
        "split": "train",
        "labelled": len(given),
        "unlabelled": len(open_ones),
        "pool": len(pool),
        "seed": work.seed,
        "probabilities": by,
        "data": data.digest,
        "labels": data.facts.get("labels"),
        "left_out": why_not,
    }
    queue = np.unique(np.concatenate([one.images for one in ranked.values()]))
    pictures, columns = atlas(train.images[queue])
    asked = acquisition.Queue(
        images=queue,
        probabilities=probabilities[np.searchsorted(pool, queue)],
        classes=names,
        shape=train.images.shape[1:],
        atlas=pictures,
        columns=columns,
    )
    acquisition.write(
        work.folder,
        ranked,
        acquisition.Pool(images=pool, places=_places(work, request, codes)),
        asked,
        to_png(tile(rows, scale=2, row_labels=list(ranked))),
        {**facts, "map": request.map},
    )
    return Outcome(
        metadata={
            "labelled": len(given),
            "unlabelled": len(open_ones),
            "looked at": len(pool),
            "class probabilities": by,
            "rules": ", ".join(ranked),
        }
    )


def _places(work: NodeWork, request: Acquisition, codes: np.ndarray) -> np.ndarray:
    """Where latents (N, D) lie on the node's map of its test latents, (N, 2)."""
    from acc_assets.analysis.acquisition import places
    from acc_assets.analysis.principal import pca

    known = latents.SERIES.read(work.run)["mu"]
    if request.map == "pca":
        axes = pca(known, 2)
        found: np.ndarray = (codes - axes.mean) @ axes.components.T
        return found
    on_map = projections.series(request.map, 2).read(work.run)["coords"]
    return places(codes, known, on_map, acquisition.PLACED_BY)


def _partly_labelled(work: NodeWork) -> tuple[str, ImageData] | None:
    """The first data set of the node of which only some training images have a label, one that people label first."""
    sets = work.node.datasets.items()
    for name, ref in sorted(sets, key=lambda one: getattr(one[1].config, "people", None) != work.tree.name):
        data = work.load(ref)
        if data.train.labelled is not None:
            return name, data
    return None
