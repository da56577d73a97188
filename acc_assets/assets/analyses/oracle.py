"""What a simulated oracle was asked: read from its state in the checkpoint."""

from __future__ import annotations

from typing import Any

import numpy as np

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork
from acc_assets.datasets import load_dataset
from acc_assets.families import oracle


def run(work: NodeWork) -> Outcome:
    """Write the images of the last round with their true classes."""
    from acc_assets.analysis.figures import tile, to_png
    from acc_assets.training import asked_of

    task: Any = next(task for task in work.node.tasks if task.kind == "oracle")
    head: Any = work.model().heads[task.name]
    asked = asked_of(head)
    images, scores = asked.images[asked.before :], asked.scores[asked.before :]
    whole = load_dataset(task.dataset.config.of, work.seed)
    labels = whole.train.targets[images]
    present = np.unique(labels)
    of_class = [images[labels == label] for label in present]
    blank = np.full_like(whole.train.images[0], 0)
    longest = max(map(len, of_class))
    rows = np.stack([[*whole.train.images[own], *[blank] * (longest - len(own))] for own in of_class])
    names = [whole.target_names[label] for label in present]
    oracle.write(
        work.folder,
        rule=task.rule,
        images=images,
        labels=labels,
        scores=scores,
        labelled=int(head.given) + len(asked.images),
        classes=whole.target_names,
        dataset=task.dataset.name,
        picture=to_png(tile(rows, scale=2, row_labels=names)),
    )
    return Outcome(
        metadata={
            "rule": task.rule,
            "asked": len(images),
            "labelled": int(head.given) + len(asked.images),
            "classes asked about": ", ".join(
                f"{n} {len(own)}" for n, own in zip(names, of_class, strict=True)
            ),
        }
    )
