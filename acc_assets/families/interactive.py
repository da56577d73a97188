"""A fixed map of the latents that new images are placed on: what the grounding playground reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from acc_assets.families.base import Download, Family, Payload, Script
from acc_assets.families.dataset import DatasetFamily
from acc_assets.tree import LATENT, Analysis, Check, config
from acc_assets.tree.config import Amount, Positive

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import ArtifactFolder

Split = Literal["test", "train"]
MAP, ATLAS = "manifold.npz", "atlas.png"
POINTS, ASSETS = "latent_points.json", "interactive_assets.json"  # a contract with other programs
DECIMALS = 5  # of that JSON; the npz holds float32


class InteractiveFamily(Family):
    """`reference_points` (n, 3), `reference_latents` (n, D) with labels and indices; the same as JSON."""

    name = "interactive"
    title = "Map for the playground"
    document = "interactive.json"
    downloads = (
        Download(ASSETS, "Interactive assets: map, latents, labels, samples (JSON)"),
        Download(POINTS, "Latent points on the map (JSON)"),
        Download(MAP, "The same map as arrays (npz)"),
    )

    def payloads(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Payload]:
        """Yield the map; with its own pictures where it is of images that the data set's atlas lacks."""
        if not run.exists(self.path(MAP)):
            return
        meta = {**run.document(self), "dataset": DatasetFamily(run.primary_dataset).site_name(shared)}

        def make() -> Script:
            arrays = run.arrays(self.path(MAP))
            kinds = {"reference_labels": np.int32, "indices": np.int32}
            found = {name: value.astype(kinds.get(name, np.float32)) for name, value in arrays.items()}
            pictures = run.bytes(self.path(ATLAS))
            if pictures is not None:
                found["atlas"] = np.frombuffer(pictures, np.uint8)
            return meta, found

        yield Payload(what="manifold", page="grounding", source=[run.digest(self.name), meta], make=make)


FAMILY = InteractiveFamily()


@config
class Interactive(Analysis):
    """Lay out a choice of the latents in 3-D, for new images to be placed on.

    split: of the node's data set, what is mapped. points: size of the map (UMAP with `umap_neighbors` and `min_dist`).
    l2_normalize: latents are brought to length 1 before; projection_k: map points that a new latent is placed between.
    """

    split: Split = "test"
    points: Annotated[int, Field(ge=5)] = 3000
    l2_normalize: bool = True
    umap_neighbors: Annotated[int, Field(ge=2)] = 30
    min_dist: Amount = 0.1
    projection_k: Positive = 12

    name = "interactive"
    family = FAMILY
    version = 2
    description = "A fixed UMAP map of latents in 3-D on which the grounding playground places new images."
    kinds = frozenset({"numpy", "umap"})
    needs = (LATENT,)
    after = ("latents",)
    checks = (Check("map_finite", "Every coordinate of the map is a finite number."),)


def write(
    folder: ArtifactFolder,
    *,
    points: np.ndarray,
    latents: np.ndarray,
    raw: np.ndarray,
    labels: np.ndarray,
    indices: np.ndarray,
    samples: np.ndarray,
    atlas: bytes | None,
    experiment: str,
    checkpoint: str,
    settings: Mapping[str, Any],
) -> None:
    """Write the map: points (n, 3), latents (n, D) that distances are measured in, `raw` as encoded, labels (n,).

    indices (n,): of the images in the split; samples: one flat image in [0, 1] a class; atlas: their pictures, where
    they are not the test split's. settings: `split`, `dataset`, `projection_k`, `l2_normalized`, `umap`, and so on.
    """
    with folder.family(FAMILY.name) as out:
        out.npz(
            MAP,
            reference_points=points,
            reference_latents=latents,
            reference_latents_raw=raw,
            reference_labels=labels.astype(np.int32),
            indices=indices.astype(np.int32),
        )
        if atlas is not None:
            out.png(ATLAS, atlas)
        width = int(raw.shape[1])
        same = {
            "experiment": experiment,
            "num_points": len(points),
            "latent_dim": width,
            "l2_normalized": settings["l2_normalized"],
        }
        out.json(
            POINTS,
            {
                **same,
                "split": settings["split"],
                "checkpoint": checkpoint,
                "projection": "umap_3d",
                "umap_n_neighbors": settings["umap"]["n_neighbors"],
                "umap_min_dist": settings["umap"]["min_dist"],
                "points": _rounded(points),
                "labels": labels.tolist(),
            },
        )
        out.json(
            ASSETS,
            {
                **same,
                "projection_k": settings["projection_k"],
                "reference_points": _rounded(points),
                "reference_latents": _rounded(latents),
                "reference_latents_raw": _rounded(raw),
                "reference_labels": labels.tolist(),
                "digit_samples": _rounded(samples),
            },
        )
        out.json(FAMILY.document, {"n": len(points), "latent_dim": width, **settings})


def _rounded(values: np.ndarray) -> list[Any]:
    rounded: list[Any] = np.asarray(values, dtype=np.float64).round(DECIMALS).tolist()
    return rounded
