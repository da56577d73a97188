"""Which training images to ask a person about next: one pass over those without a label, and a rule on its codes."""

from __future__ import annotations

import numpy as np

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork, left_out
from acc_assets.datasets import ImageData
from acc_assets.families import Acquisition, acquisition, latents, projections


def run(work: NodeWork) -> Outcome:
    """Rank the images without a label by every rule that is asked for."""
    from acc_assets.analysis.figures import atlas, tile, to_png
    from acc_assets.training import rank_unlabelled, with_answers

    request: Acquisition = work.request
    found = _partly_labelled(work)
    if found is None:
        return left_out(work, "every training image has a label")
    name, data = found
    work.runtime.apply()
    loaded = work.model()
    data = with_answers(loaded.heads, work.node.tasks, work.node.datasets, {name: data}, work.seed)[name]
    train = data.train
    assert train.labelled is not None  # that is what was looked for
    given = int(train.labelled.sum())
    if given == len(train) or data.kind_of_target != "class":
        return left_out(work, "there is no image left whose class could be asked about")
    ranking = rank_unlabelled(
        loaded.model,
        loaded.heads,
        work.node.tasks,
        train,
        data.target_names,
        request.rules,
        count=request.count,
        pool=request.pool,
        neighbors=request.neighbors,
        rng=np.random.default_rng(work.seed),
    )
    ranked = ranking.ranked
    if not ranked:
        return left_out(work, "; ".join(f"{rule}: {why}" for rule, why in ranking.left_out.items()))
    shown = min(acquisition.SHOWN, request.count, len(ranking.pool))
    rows = np.stack([train.images[one.images[:shown]] for one in ranked.values()])
    facts = {
        "dataset": name,
        "split": "train",
        "labelled": given,
        "unlabelled": len(train) - given,
        "pool": len(ranking.pool),
        "seed": work.seed,
        "probabilities": ranking.probabilities_by,
        "data": data.digest,
        "labels": data.facts.get("labels"),
        "left_out": ranking.left_out,
    }
    queue = np.unique(np.concatenate([one.images for one in ranked.values()]))
    pictures, columns = atlas(train.images[queue])
    asked = acquisition.Queue(
        images=queue,
        probabilities=ranking.probabilities[np.searchsorted(ranking.pool, queue)],
        classes=data.target_names,
        shape=train.images.shape[1:],
        atlas=pictures,
        columns=columns,
    )
    acquisition.write(
        work.folder,
        ranked,
        acquisition.Pool(images=ranking.pool, places=_places(work, request, ranking.latents)),
        asked,
        to_png(tile(rows, scale=2, row_labels=list(ranked))),
        {**facts, "map": request.map},
    )
    return Outcome(
        metadata={
            "labelled": given,
            "unlabelled": len(train) - given,
            "looked at": len(ranking.pool),
            "class probabilities": ranking.probabilities_by,
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
