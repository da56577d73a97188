"""Where the decoder looks for each factor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from acc_assets.families.base import Family, Picture
from acc_assets.families.pictures import Classes, caption_of
from acc_assets.families.words import is_number, number
from acc_assets.tree import DECODE, Analysis, TreeNode

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import ArtifactFolder

PICTURE, MAPS = "attention.png", "attention.npz"


class AttentionFamily(Family):
    """One picture, and `maps` (images, factors, h, w) whose shares sum to one over factors."""

    name = "attention"
    title = "Cross-attention"
    document = "attention.json"
    rank = 3

    def pictures(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Picture]:
        """Yield the overlays."""
        facts = run.document(self)
        shares = [
            f"{one['name']} {number(100 * one['share'], 0)} %"
            for one in facts.get("factors") or []
            if isinstance(one, Mapping) and is_number(one.get("share")) and one.get("name")
        ]
        told = f" Of the attention go to {', '.join(shares)}." if shares else ""
        images = Classes(run, shared).images(facts)
        yield Picture(
            name=PICTURE,
            title=self.title,
            general="Where the decoder looks: the cross-attention of each factor, laid over the input.",
            caption=caption_of(facts, PICTURE),
            alt=f"{images}, and over each where the decoder attends to every factor.{told}",
        )


FAMILY = AttentionFamily()


class Attention(Analysis):
    """Lay the decoder's cross-attention over test images."""

    name = "attention"
    family = FAMILY
    version = 2
    description = "The decoder's cross-attention to each factor, laid over test images."
    kinds = frozenset({"pytorch", "image"})
    needs = (DECODE,)
    after = ("latents",)

    def applies(self, node: TreeNode) -> bool:
        """Whether the model's configuration says that it has attention to read out."""
        return "attention" in getattr(node.model, "readouts", ())


def write(
    folder: ArtifactFolder,
    png: bytes,
    maps: np.ndarray,
    indices: Sequence[int],
    *,
    factors: Sequence[Mapping[str, Any]],
    measured_images: int,
    caption: str,
) -> None:
    """Write the overlays, their maps (images, factors, h, w), and each factor's share over `measured_images`."""
    with folder.family(FAMILY.name) as out:
        out.png(PICTURE, png)
        out.npz(MAPS, maps=maps.astype(np.float32), indices=np.asarray(indices))
        out.json(
            FAMILY.document,
            {
                "indices": list(indices),
                "factors": list(factors),
                "measured_images": measured_images,
                "caption": caption,
            },
        )
