"""Test images and what the decoder makes of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from acc_assets.families.base import Family, Picture
from acc_assets.families.pictures import Classes
from acc_assets.families.words import is_number, number
from acc_assets.tree import RECONSTRUCTION, Analysis

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import ArtifactFolder

PICTURE = "reconstructions.png"


class ReconstructionsFamily(Family):
    """One picture, and `indices` of its images in the test split with the error `mse` of each."""

    name = "reconstructions"
    title = "Reconstructions"
    document = "reconstructions.json"
    rank = 2

    def pictures(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Picture]:
        """Yield inputs above outputs."""
        facts = run.document(self)
        errors = [value for value in facts.get("mse") or [] if is_number(value) and value > 0]
        told = ""
        if errors:
            worst, best = (number(-10 * math.log10(error), 1) for error in (max(errors), min(errors)))
            told = f" Their PSNR is {worst} to {best} dB."
        yield Picture(
            name=PICTURE,
            title=self.title,
            general="Top row: test images as the encoder sees them. Bottom row: what the model makes of them, a "
            "variational one of their mean latent.",
            alt=f"{Classes(run, shared).images(facts)} above what the decoder makes of each.{told}",
        )


FAMILY = ReconstructionsFamily()


class Reconstructions(Analysis):
    """Let the model reconstruct the first twenty of the example images."""

    name = "reconstructions"
    family = FAMILY
    version = 3
    description = "Example test images above what the model makes of them (of their posterior means)."
    kinds = frozenset({"pytorch", "image"})
    needs = (RECONSTRUCTION,)
    after = ("latents",)


def write(folder: ArtifactFolder, png: bytes, indices: Sequence[int], mse: Sequence[float]) -> None:
    """Write the picture, the indices of its images in the test split, and each one's mean squared error."""
    with folder.family(FAMILY.name) as out:
        out.png(PICTURE, png)
        out.json(FAMILY.document, {"indices": list(indices), "mse": list(mse), "split": "test"})
