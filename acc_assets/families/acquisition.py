"""Which training images to ask a person about next, by several rules, with a random control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from acc_assets.families.artifacts import Artifacts, RunArtifacts
from acc_assets.families.base import Download, Family, Payload, Picture, Script, Table
from acc_assets.families.projections import METHODS
from acc_assets.families.words import number
from acc_assets.storage import ArtifactFolder
from acc_assets.tree import LATENT, Analysis, config
from acc_assets.tree.asking import RULES, Rule
from acc_assets.tree.config import Positive, Several

Map = Literal["umap", "pca"]
PLACED_BY = 5  # test images whose places make that of a training image
PLACES: Mapping[Map, str] = {
    "umap": f"The map is the node's UMAP of test images. A training image stands at the mean of the places of the "
    f"{PLACED_BY} test images nearest to it in the latent space, weighted by 1 / distance; where these lie apart it "
    "stands between them, where none is.",
    "pca": "The map is the node's PCA of test images; training images are projected onto the same two components.",
}
ARRAYS, PICTURE, ATLAS = "acquisition.npz", "queue.png", "atlas.png"
SHOWN = 12  # images of each rule in the picture


@dataclass(frozen=True)
class Ranked:
    """What a rule asks about: images (n,) by their place in the training split, most wanted first, with scores (n,).

    pool: the scores (N,) of all images that were looked at.
    """

    images: np.ndarray
    scores: np.ndarray
    pool: np.ndarray


@dataclass(frozen=True)
class Pool:
    """The images (N,) that were looked at, by their place in the training split, and their places (N, 2) on the map."""

    images: np.ndarray
    places: np.ndarray


@dataclass(frozen=True)
class Queue:
    """The images (Q,) that any rule asks about, ascending, and what a person who labels them is shown.

    probabilities: (Q, K) of the classes, whose names are `classes`; shape: (C, H, W); atlas: their pictures in one PNG.
    """

    images: np.ndarray
    probabilities: np.ndarray
    classes: Sequence[str]
    shape: Sequence[int]
    atlas: bytes
    columns: int


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

    def payloads(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Payload]:
        """Yield what a labelling page shows: the queue of each rule with its pictures, and the map of the pool."""
        told = run.document(self)
        if not run.exists(self.path(ATLAS)) or told.get("map") not in PLACES:
            return
        channels, height, width = told["shape"]
        meta = {
            "recipe": run.recipe,
            "node": run.node,
            "seed": run.seed,
            "name": told["dataset"],
            "source": str(((run.config.get("datasets") or {}).get(told["dataset"]) or {}).get("source", "")),
            "n": told["queue"],
            "width": width,
            "height": height,
            "channels": channels,
            "columns": told["atlas_columns"],
            "classes": told["classes"],
            "images": told["labelled"] + told["unlabelled"],
            "labelled": told["labelled"],
            "lines": (told.get("labels") or {}).get("lines", 0),
            "probabilities": told["probabilities"],
            "map": {"title": METHODS[told["map"]].title, "note": PLACES[told["map"]]},
            "rules": [{"id": rule, "words": RULES.get(rule, "")} for rule in told["rules"]],
        }

        def make() -> Script:
            arrays = run.arrays(self.path(ARRAYS))
            atlas = run.run.read_bytes(self.path(ATLAS))
            found = {"atlas": np.frombuffer(atlas, np.uint8)}
            for name, values in arrays.items():
                found[name] = values.astype(np.int32 if values.dtype.kind == "i" else np.float32)
            return meta, found

        source = [run.digest(self.name), meta]
        yield Payload(what="labels", page="labels", source=source, make=make, rounded=True)

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
    from, and the voters where no task gives class probabilities. map: the node's map of its test latents on which pages
    show these images.
    """

    count: Positive = 50
    rules: Several[Rule] = tuple(RULES)
    pool: Positive = 10_000
    neighbors: Positive = 10
    map: Map = "umap"

    name = "acquisition"
    family = FAMILY
    version = 2
    description = "The training images to ask a person about next, by several rules and at random."
    kinds = frozenset({"pytorch", "scikitlearn"})
    needs = (LATENT,)
    reads_data = True

    @property
    def after(self) -> tuple[str, ...]:  # type: ignore[override]
        """The latents, and the map where it does not follow from them."""
        return ("latents",) if self.map == "pca" else ("latents", "projection")


def write(
    folder: ArtifactFolder,
    ranked: Mapping[str, Ranked],
    pool: Pool,
    queue: Queue,
    picture: bytes,
    facts: Mapping[str, Any],
) -> None:
    """Write the ranked images by rule, those looked at, those asked about, a picture, and what they were made with."""
    with folder.family(FAMILY.name) as out:
        arrays = {f"{rule}/images": found.images for rule, found in ranked.items()}
        arrays |= {f"{rule}/scores": found.scores.astype(np.float32) for rule, found in ranked.items()}
        arrays |= {f"{rule}/pool": found.pool.astype(np.float32) for rule, found in ranked.items()}
        arrays |= {"pool": pool.images, "places": pool.places.astype(np.float32)}
        arrays |= {"queue": queue.images, "probabilities": queue.probabilities.astype(np.float32)}
        out.npz(ARRAYS, arrays)
        out.png(PICTURE, picture)
        out.png(ATLAS, queue.atlas)
        rules = {
            rule: {"images": found.images.tolist(), "scores": [round(float(one), 6) for one in found.scores]}
            for rule, found in ranked.items()
        }
        shown = {
            "queue": len(queue.images),
            "classes": list(queue.classes),
            "shape": list(queue.shape),
            "atlas_columns": queue.columns,
        }
        out.json(FAMILY.document, {**facts, **shown, "rules": rules})
