"""What moving one factor does to the decoded image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from acc_assets.families.base import Family, Number, Picture
from acc_assets.families.pictures import Classes, caption_of, factor_of, factors_with
from acc_assets.families.words import MetricWords, is_number, number
from acc_assets.tree import DECODE, Analysis

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import ArtifactFolder

CELLS = "traversals.npz"


class TraversalsFamily(Family):
    """Two pictures a factor: whole images moved along it, and one image moved along each of its dimensions.

    `CELLS` holds the images of the first as arrays by factor, (R, T + 1, C, H, W) uint8: each itself, then moved.
    """

    name = "traversals"
    title = "Latent traversals"
    document = "traversals.json"
    rank = 0
    metrics = {"effect": MetricWords("effect on the image", "", None, "number", 4, 11)}  # noqa: RUF012

    def numbers(self, run: RunArtifacts) -> Iterator[Number]:
        """Yield how much each factor changes the image: mean absolute change of a pixel, of its range."""
        factors = run.document(self).get("factors")
        for name, factor in factors.items() if isinstance(factors, Mapping) else ():
            if isinstance(factor, Mapping) and is_number(factor.get("effect")):
                yield Number(
                    task=f"{name} traversal", metric="effect", value=float(factor["effect"]), rank=62
                )

    def pictures(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Picture]:
        """Yield both pictures of every factor."""
        facts, classes = run.document(self), Classes(run, shared)
        for factor in factors_with(run, self.name, "traversal"):
            own = factor_of(facts, factor)
            effect = own.get("effect")
            change = (
                f" On average a pixel changes by {number(effect, 3)} of its range."
                if is_number(effect)
                else ""
            )
            yield Picture(
                name=_file(factor),
                title=f"{self.title}: {factor}",
                factor=factor,
                general="Each row is one test image, itself in the first column. The other columns put the factor's "
                "slot at fixed places along its first principal direction over the whole test split, counted in "
                "standard deviations from the mean and so the same in every row; every other dimension is held. "
                "Outlined is the column nearest to the image.",
                caption=caption_of(facts, _file(factor)),
                alt=f"{classes.images(facts)}, a row each, decoded with the {factor} slot put{_range(facts)}.{change}",
            )
            named = classes.of((facts.get("indices") or [])[:1])
            image = f"one test image ({named[0]})" if named else "one test image"
            yield Picture(
                name=_file(factor, dims=True),
                title=f"{self.title}: {factor}, dimension by dimension",
                factor=factor,
                general="One test image, itself in the first column; each row puts one dimension of the factor at the "
                "same fixed places and holds all others. Outlined is the column nearest to the image.",
                caption=caption_of(facts, _file(factor, dims=True)),
                alt=f"{_rows(own)} of the {factor} slot: {image} decoded with that dimension put{_range(facts)}.",
            )


FAMILY = TraversalsFamily()


class Traversals(Analysis):
    """Move each factor over fixed places and decode."""

    name = "traversals"
    family = FAMILY
    version = 4
    description = (
        "Each factor moved over fixed places, in standard deviations from the mean, all others held."
    )
    kinds = frozenset({"pytorch", "image"})
    needs = (DECODE,)
    after = ("latents",)


def write(
    folder: ArtifactFolder,
    pictures: Mapping[str, tuple[bytes, bytes]],
    cells: Mapping[str, np.ndarray],
    *,
    indices: Sequence[int],
    offsets: Sequence[float],
    factors: Mapping[str, Any],
    captions: Mapping[str, tuple[str, str]],
) -> None:
    """Write the two pictures, the images (see `CELLS`) and captions of each factor, and what was moved (`factors`).

    indices: of the images in the test split; offsets: standard deviations along the direction, from the mean of the
    test split.
    """
    with folder.family(FAMILY.name) as out:
        out.npz(CELLS, cells, compress=True)
        for factor, (whole, dims) in pictures.items():
            out.png(_file(factor), whole)
            out.png(_file(factor, dims=True), dims)
        out.json(
            FAMILY.document,
            {
                "indices": list(indices),
                "offsets": list(offsets),
                "unit": "standard deviations along the direction, from the mean of the test split",
                "factors": dict(factors),
                "captions": {
                    _file(factor, dims=bool(place)): text
                    for factor, texts in captions.items()
                    for place, text in enumerate(texts)
                },
            },
        )


def _file(factor: str, *, dims: bool = False) -> str:
    return f"traversal_{factor}{'_dims' if dims else ''}.png"


def _range(facts: Mapping[str, Any]) -> str:
    offsets = [value for value in facts.get("offsets") or [] if is_number(value)]
    if not offsets:
        return ""
    return f" from {number(offsets[0], 1)} to {number(offsets[-1], 1)} standard deviations in {len(offsets)} columns"


def _rows(own: Mapping[str, Any]) -> str:
    known = is_number(own.get("stop")) and is_number(own.get("start"))
    return (
        f"{own['stop'] - own['start']} rows, one for each dimension" if known else "A row for each dimension"
    )
