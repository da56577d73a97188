"""Which training images to ask a person about next, by several rules, with a random control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from acc_assets.families.artifacts import Artifacts, RunArtifacts
from acc_assets.families.base import Download, Family, Picture, Table
from acc_assets.families.words import number
from acc_assets.storage import ArtifactFolder
from acc_assets.tree import LATENT, Analysis, config
from acc_assets.tree.asking import RULES, Rule
from acc_assets.tree.config import Positive, Several

ARRAYS, PICTURE = "acquisition.npz", "queue.png"
SHOWN = 12  # images of each rule in the picture


@dataclass(frozen=True)
class Ranked:
    """What a rule asks about: images (n,) by their place in the training split, most wanted first, with scores (n,)."""

    images: np.ndarray
    scores: np.ndarray


class AcquisitionFamily(Family):
    """What a run would ask a person about next."""

    name = "acquisition"
    title = "Which images to label next"
    document = "acquisition.json"
    downloads = (Download(ARRAYS, "Images to ask about, by rule (npz)"),)

    def pictures(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Picture]:
        """Yield the first images of every rule."""
        if rules := run.document(self).get("rules"):
            yield Picture(
                name=PICTURE,
                title=self.title,
                general=f"Each row is a rule, its first {SHOWN} images of the training split from the left.",
                alt=f"{len(rules)} rows of training images without a label.",
            )

    def tables(self, run: RunArtifacts) -> Iterator[Table]:
        """Yield what each rule asks about first."""
        rows = [
            [rule, RULES.get(rule, ""), ", ".join(map(str, told["images"][:5])), number(told["scores"][0])]
            for rule, told in run.document(self).get("rules", {}).items()
        ]
        if rows:
            head = ("Rule", "What it asks about", "First images", "Highest score")
            yield Table(title=self.title, head=head, rows=rows, numbers=(3,))

    def facts(self, run: RunArtifacts) -> Iterator[tuple[str, str]]:
        """Yield how many images have a label."""
        if told := run.document(self):
            yield (
                "Labelled",
                f"{told['labelled']:,} of {told['labelled'] + told['unlabelled']:,} training images",
            )


FAMILY = AcquisitionFamily()


@config
class Acquisition(Analysis):
    """The training images to ask a person about next, by each rule, of the data set that gives labels for some alone.

    count: of images a rule asks about; rules: in the order in which pages show them; pool: at most so many images
    without a label are looked at, drawn by the seed of the run; neighbors: the last of those that an outlier is far
    from, and the voters where no task gives class probabilities.
    """

    count: Positive = 50
    rules: Several[Rule] = tuple(RULES)
    pool: Positive = 10_000
    neighbors: Positive = 10

    name = "acquisition"
    family = FAMILY
    description = "The training images to ask a person about next, by several rules and at random."
    kinds = frozenset({"pytorch", "scikitlearn"})
    needs = (LATENT,)
    after = ("latents",)
    reads_data = True


def write(
    folder: ArtifactFolder,
    ranked: Mapping[str, Ranked],
    pool: np.ndarray,
    picture: bytes,
    facts: Mapping[str, Any],
) -> None:
    """Write the ranked images by rule, the images that were looked at (N,), a picture, and what they were made with."""
    with folder.family(FAMILY.name) as out:
        arrays = {f"{rule}/images": found.images for rule, found in ranked.items()}
        arrays |= {f"{rule}/scores": found.scores.astype(np.float32) for rule, found in ranked.items()}
        out.npz(ARRAYS, {"pool": pool, **arrays})
        out.png(PICTURE, picture)
        rules = {
            rule: {"images": found.images.tolist(), "scores": [round(float(one), 6) for one in found.scores]}
            for rule, found in ranked.items()
        }
        out.json(FAMILY.document, {**facts, "rules": rules})
