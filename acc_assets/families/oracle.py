"""What a simulated oracle was asked before a node was trained, and what it told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from acc_assets.families.artifacts import Artifacts, RunArtifacts
from acc_assets.families.base import Download, Family, Picture, Table
from acc_assets.families.words import MetricWords, number
from acc_assets.storage import ArtifactFolder
from acc_assets.tree import Analysis, TreeNode
from acc_assets.tree.asking import RULES

ARRAYS, PICTURE = "oracle.npz", "asked.png"


class OracleFamily(Family):
    """What was revealed in the last round of a node."""

    name = "oracle"
    title = "What the oracle was asked"
    document = "oracle.json"
    downloads = (Download(ARRAYS, "Images that were asked about, in their order (npz)"),)
    metrics = {"labels": MetricWords("labels", "", None, "count", 0, 9)}  # noqa: RUF012

    def pictures(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Picture]:
        """Yield the images that were asked about."""
        if told := run.document(self):
            yield Picture(
                name=PICTURE,
                title=self.title,
                general="Training images whose class was revealed before this node was trained: a row a class, in each "
                "from the left in the order in which they were asked about.",
                alt=f"{len(told['images'])} training images in rows by class.",
                caption=f"Rule {told['rule']}: {RULES.get(told['rule'], '')}.",
            )

    def tables(self, run: RunArtifacts) -> Iterator[Table]:
        """Yield how many images of each class were asked about, with their scores."""
        if told := run.document(self):
            labels, scores = np.array(told["labels"]), np.array(told["scores"])
            rows = [
                (name, str(len(own)), number(own.max(), 4), number(own.min(), 4))
                for index, name in enumerate(told["classes"])
                if len(own := scores[labels == index])
            ]
            head = ("Class", "Asked about", f"Highest score, {told['rule']}", "Lowest")
            yield Table(title=self.title, head=head, rows=rows, numbers=(1, 2, 3))

    def facts(self, run: RunArtifacts) -> Iterator[tuple[str, str]]:
        """Yield what was asked, and how many images have a label."""
        if told := run.document(self):
            yield "Oracle", f"{len(told['images'])} by {told['rule']}, {told['labelled']:,} with a label now"


FAMILY = OracleFamily()


class Oracle(Analysis):
    """The images whose classes the oracle of a node revealed before its last phase."""

    name = "oracle"
    family = FAMILY
    description = (
        "The training images that a simulated oracle was asked about, by rule, with classes and scores."
    )
    kinds = frozenset({"pytorch"})
    reads_data = True

    def applies(self, node: TreeNode) -> bool:
        """Whether an oracle was asked as the node's last phase began."""
        return bool(node.phases) and any(task.kind == "oracle" for task in node.phases[-1].tasks)


def write(
    folder: ArtifactFolder,
    *,
    rule: str,
    images: np.ndarray,
    labels: np.ndarray,
    scores: np.ndarray,
    labelled: int,
    classes: Sequence[str],
    dataset: str,
    picture: bytes,
) -> None:
    """Write the images (n,) of a round by their place in the training split, their classes (n,) and scores (n,).

    labelled: how many images have a label with them.
    """
    with folder.family(FAMILY.name) as out:
        out.npz(ARRAYS, {"images": images, "labels": labels, "scores": scores.astype(np.float32)})
        out.png(PICTURE, picture)
        out.json(
            FAMILY.document,
            {
                "rule": rule,
                "dataset": dataset,
                "split": "train",
                "labelled": labelled,
                "classes": list(classes),
                "images": images.tolist(),
                "labels": labels.tolist(),
                "scores": [round(float(score), 6) for score in scores],
            },
        )
