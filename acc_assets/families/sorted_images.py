"""Test images sorted by how strongly each factor responds to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from acc_assets.families.base import Family, Picture
from acc_assets.families.pictures import Classes, caption_of, factor_of, factors_with
from acc_assets.tree import LATENT, Analysis

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import ArtifactFolder

ENDS = ("lowest", "highest")


class SortedFamily(Family):
    """One picture a factor, and for each the indices of the images at both ends with their activations."""

    name = "sorted"
    title = "Sorted along the slot"
    document = "sorted.json"
    rank = 1

    def pictures(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Picture]:
        """Yield the picture of every factor."""
        facts, classes = run.document(self), Classes(run, shared)
        for factor in factors_with(run, self.name, "sorted"):
            own = factor_of(facts, factor)
            told = "; ".join(
                f"{end}: {counted}" if (counted := classes.counted(own.get(end))) else end for end in ENDS
            )
            yield Picture(
                name=_file(factor),
                title=f"{self.title}: {factor}",
                factor=factor,
                general="The test images lowest and highest along the first principal direction of the factor's slot.",
                caption=caption_of(facts, _file(factor)),
                alt=f"Test images sorted by the {factor} slot, {told}.",
            )


FAMILY = SortedFamily()


class SortedImages(Analysis):
    """Sort the test images along the first principal direction of each factor."""

    name = "sorted"
    family = FAMILY
    version = 2
    description = "The test images with the lowest and with the highest activation of each factor."
    kinds = frozenset({"numpy", "image"})
    needs = (LATENT,)
    after = ("latents",)
    reads_model = False


def write(
    folder: ArtifactFolder,
    pictures: Mapping[str, bytes],
    factors: Mapping[str, Any],
    captions: Mapping[str, str],
) -> None:
    """Write each factor's picture and caption, and (`factors`) the images at both ends with their activations."""
    with folder.family(FAMILY.name) as out:
        for factor, png in pictures.items():
            out.png(_file(factor), png)
        out.json(
            FAMILY.document,
            {
                "unit": "standard deviations along the slot's direction, from the mean of the test split",
                "factors": dict(factors),
                "captions": {_file(factor): text for factor, text in captions.items()},
            },
        )


def _file(factor: str) -> str:
    return f"sorted_{factor}.png"
