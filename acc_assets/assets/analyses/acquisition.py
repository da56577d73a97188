"""Which training images to ask a person about next: one pass over those without a label, and a rule on its codes."""

from __future__ import annotations

import numpy as np

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork, left_out
from acc_assets.families import Acquisition, acquisition


def run(work: NodeWork) -> Outcome:
    """Rank the images without a label by every rule that is asked for."""
    from acc_assets.analysis.figures import tile, to_png
    from acc_assets.training import rank_unlabelled, with_answers

    request: Acquisition = work.request
    name = _partly_labelled(work)
    if name is None:
        return left_out(work, "every training image has a label")
    ref = work.node.datasets[name]
    work.runtime.apply()
    loaded = work.model()
    data = with_answers(loaded.heads, work.node.tasks, {name: ref}, {name: work.load(ref)}, work.seed)[name]
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
        len(data.target_names),
        request.rules,
        count=request.count,
        pool=request.pool,
        neighbors=request.neighbors,
        rng=np.random.default_rng(work.seed),
    )
    ranked = ranking.ranked
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
    picture = to_png(tile(rows, scale=2, row_labels=list(ranked)))
    acquisition.write(work.folder, ranked, ranking.pool, picture, facts)
    return Outcome(
        metadata={
            "labelled": given,
            "unlabelled": len(train) - given,
            "looked at": len(ranking.pool),
            "class probabilities": ranking.probabilities_by,
            "rules": ", ".join(ranked),
        }
    )


def _partly_labelled(work: NodeWork) -> str | None:
    """The name of the node's first data set of which some training images alone have a label."""
    return next(
        (name for name, ref in work.node.datasets.items() if work.load(ref).train.labelled is not None), None
    )
