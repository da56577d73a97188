"""The exact neighbour graph of the latents at every snapshot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from acc_assets.families.base import Family, Payload, Script
from acc_assets.tree import LATENT, Analysis

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import ArtifactFolder

SHARED_NEIGHBORS = 30  # of every point in the graph that all analyses share; the point itself is not counted
LISTED = 15  # neighbours of each point that the viewer lists; the graph holds more
LATEST = "knn_latest.npz"
_STEP = re.compile(r"knn_step_(\d+)\.npz$")


class NeighborsFamily(Family):
    """An npz a snapshot: `indices` (N, k) int and `distances` (N, k) in latent space, nearest first."""

    name = "neighbors"
    title = "Neighbours"
    document = "neighbors.json"

    def payloads(self, run: RunArtifacts, shared: Artifacts) -> Iterable[Payload]:
        """Yield the nearest neighbours of every point, a script a snapshot."""
        for step, name in sorted(by_step(run).items()):

            def make(name: str = name) -> Script:
                graph = run.arrays(self.path(name))
                indices = graph["indices"][:, :LISTED]
                small = np.uint16 if len(indices) <= np.iinfo(np.uint16).max + 1 else np.int32
                return {"k": int(indices.shape[1])}, {
                    "indices": indices.astype(small),
                    "distances": graph["distances"][:, :LISTED].astype(np.float32),
                }

            yield Payload(what=f"neighbors-{step}", page="viewer", source=[run.digest(self.name)], make=make)


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
    steps = sorted(graphs)
    with folder.family(FAMILY.name) as out:
        for step, graph in graphs.items():
            out.npz(_file(step), graph)
        out.latest(_file(steps[-1]), LATEST)
        facts: dict[str, Any] = {"steps": steps, "k": k, "metric": "euclidean", "space": "posterior mean"}
        out.json(FAMILY.document, facts)


def read(folder: ArtifactFolder, step: int | None = None) -> dict[str, np.ndarray]:
    """`indices` and `distances` of one snapshot, by default the last; raises `StorageError`."""
    return folder.read_npz(FAMILY.path(LATEST if step is None else _file(step)))


def by_step(run: RunArtifacts) -> dict[int, str]:
    """Return the file of each snapshot that is there."""
    found = ((_STEP.search(name), name) for name in run.names(FAMILY.name, suffix=".npz"))
    return {int(match[1]): name for match, name in found if match}


def _file(step: int) -> str:
    return f"knn_step_{step}.npz"
