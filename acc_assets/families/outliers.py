"""How well a run's model tells images that it was never to see from new ones of its own data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from acc_assets.families.base import Download, Family, Number, Picture, Table
from acc_assets.families.latents import SCORES
from acc_assets.families.words import MetricWords, number
from acc_assets.tree import LATENT, Analysis, config
from acc_assets.tree.config import AnyNumberOf, Positive

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import ArtifactFolder

Elsewhere = Literal["fashion_mnist", "mnist", "digits", "shapes"]
ARRAYS, PICTURE = "outliers.npz", "outliers.png"
ERROR, DISTANCE = "error", "distance"  # scores of every model; the others are those of its tasks
SHOWN = 12  # images of a row of the picture


@dataclass(frozen=True)
class Judged:
    """Images from elsewhere: in words what they are, and their scores (M,) with AUROC and FPR95 by score."""

    source: str
    scores: Mapping[str, np.ndarray]
    auroc: Mapping[str, float]
    fpr95: Mapping[str, float]


class OutliersFamily(Family):
    """What a run's scores make of images from elsewhere."""

    name = "outliers"
    title = "Images it was never to see"
    document = "outliers.json"
    downloads = (Download(ARRAYS, "Scores of test images and outliers (npz)"),)
    metrics = {  # noqa: RUF012
        "auroc": MetricWords("AUROC", "", "higher", "number", 3, 9)
    }

    def numbers(self, run: RunArtifacts) -> Iterator[Number]:
        """Yield the AUROC of every score on every set of outliers."""
        images = run.document(self).get("images")
        for name, score, found in _judged(run.document(self)):
            yield Number(
                key=f"outliers.{name}.{score}",
                task=name,
                metric="auroc",
                label=f"AUROC of {name} by {_words(score)}",
                value=float(found["auroc"]),
                baseline=0.5,
                count=images,
            )

    def tables(self, run: RunArtifacts) -> Iterator[Table]:
        """Yield AUROC and FPR95 by set and score, and the sets that are not there."""
        told = run.document(self)
        rows = [
            [name, _words(score), number(found["auroc"], 3), number(100 * found["fpr95"], 1)]
            for name, score, found in _judged(told)
        ]
        rows += [[name, why, "—", "—"] for name, why in (told.get("left_out") or {}).items()]
        if rows:
            head = ("Outliers", "Score", "AUROC", "Outliers taken for its data at 95 % of it, %")
            yield Table(title=self.title, head=head, rows=rows, numbers=(2, 3))

    def pictures(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Picture]:
        """Yield the test images that look most like outliers, and the outliers that look least like it."""
        told = run.document(self)
        if rows := told.get("rows"):
            yield Picture(
                name=PICTURE,
                title="What it is and is not suspicious of",
                general=f"A row each: the {SHOWN} test images of its own data with the highest score; of a set of "
                f"outliers the {SHOWN} with the lowest, which it misses first.",
                caption=f"Ordered by {_words(told['shown'])}, a row each: "
                + "; ".join(_ROW.format(one) if one != "test" else _OWN for one in rows)
                + ".",
                alt=f"{len(rows)} rows of {SHOWN} images.",
            )


_OWN = f"the {SHOWN} test images of its own data with the highest score"
_ROW = f"of {{}} the {SHOWN} with the lowest, which it misses first"
FAMILY = OutliersFamily()


@config
class Outliers(Analysis):
    """Scores of test images beside those of images from elsewhere: classes that the data set holds out, and `against`.

    against: data sets, at the image size of the run's, whose test images are taken where their files are there; what is
    not there is left out with the reason, and nothing is downloaded. Scores: what tasks are unsure of (`Task.scores`),
    the error of the reconstruction, and the distance to the k-th nearest (`neighbors`) of up to `reference` training
    images in the latent space. limit: at most so many images of a set, the first.
    """

    against: AnyNumberOf[Elsewhere] = ("fashion_mnist",)
    neighbors: Positive = 10
    reference: Positive = 10_000
    limit: Positive = 10_000

    name = "outliers"
    family = FAMILY
    description = "How well scores of the model tell images from elsewhere from test images."
    kinds = frozenset({"pytorch", "scikitlearn"})
    needs = (LATENT,)
    after = ("latents",)
    reads_data = True


def write(
    folder: ArtifactFolder,
    inside: Mapping[str, np.ndarray],
    sets: Mapping[str, Judged],
    picture: bytes | None,
    facts: Mapping[str, Any],
) -> None:
    """Write the scores (N,) of test images, what is known of each set of outliers, a picture, and how it was made."""
    with folder.family(FAMILY.name) as out:
        arrays = {f"inside/{score}": values for score, values in inside.items()}
        for name, found in sets.items():
            arrays |= {f"{name}/{score}": values for score, values in found.scores.items()}
        out.npz(ARRAYS, {key: values.astype(np.float32) for key, values in arrays.items()})
        if picture is not None:
            out.png(PICTURE, picture)
        told = {
            name: {
                "source": found.source,
                "images": len(next(iter(found.scores.values()))),
                "scores": {
                    score: {"auroc": found.auroc[score], "fpr95": found.fpr95[score]}
                    for score in found.scores
                },
            }
            for name, found in sets.items()
        }
        out.json(FAMILY.document, {**facts, "sets": told})


def _judged(told: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, float]]]:
    for name, found in (told.get("sets") or {}).items():
        for score, measured in found["scores"].items():
            yield name, score, measured


def _words(score: str) -> str:
    """What a score is called."""
    if score == ERROR:
        return "reconstruction error"
    if score == DISTANCE:
        return "distance to training images"
    task, what = score.split("/")
    return f"{SCORES.get(what, what)} of {task}"
