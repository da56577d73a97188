"""The exact neighbour graph of the latents at every snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from acc_assets.families.base import Family, Payload, Script
from acc_assets.families.series import Series
from acc_assets.tree import LATENT, Analysis

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import ArtifactFolder

SHARED_NEIGHBORS = 30  # of every point in the graph that all analyses share; the point itself is not counted
LISTED = 15  # neighbours of each point that the viewer lists; the graph holds more
SERIES = Series("neighbors", "knn")


class NeighborsFamily(Family):
    """An npz a snapshot: `indices` (N, k) int and `distances` (N, k) in latent space, nearest first."""

    name = "neighbors"
    title = "Neighbours"
    document = "neighbors.json"

    def payloads(self, run: RunArtifacts, shared: Artifacts) -> Iterable[Payload]:
        """Yield the nearest neighbours of every point, a script a snapshot."""
        for step in SERIES.steps(run):

            def make(step: int = step) -> Script:
                graph = run.arrays(SERIES.path(step))
                indices = graph["indices"][:, :LISTED]
                small = np.uint16 if len(indices) <= np.iinfo(np.uint16).max + 1 else np.int32
                return {"k": int(indices.shape[1])}, {
                    "indices": indices.astype(small),
                    "distances": graph["distances"][:, :LISTED].astype(np.float32),
                }

            source = [run.digest(self.name)]
            yield Payload(what=f"neighbors-{step}", page="viewer", source=source, make=make, rounded=True)


FAMILY = NeighborsFamily()


class Neighbors(Analysis):
    """Find the nearest neighbours of every test point at every snapshot."""

    name = "neighbors"
    family = FAMILY
    description = "The nearest neighbours of every test point in latent space, at every snapshot."
    kinds = frozenset({"numpy"})
    needs = (LATENT,)
    after = ("latents",)
    reads_model = False


def write(folder: ArtifactFolder, graphs: Mapping[int, Mapping[str, np.ndarray]], k: int) -> None:
    """Write the graph (`indices`, `distances`, both (N, k)) of every snapshot by step."""
    with folder.family(FAMILY.name) as out:
        SERIES.write(out, graphs)
        facts = {"steps": sorted(graphs), "k": k, "metric": "euclidean", "space": "posterior mean"}
        out.json(FAMILY.document, facts)
