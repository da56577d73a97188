"""What a recipe asks for with `evaluate(Projection(...))`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from acc_assets.tree.field_types import check_field_types

Engine = Literal["own", "umap-learn"]
SHARED_NEIGHBORS = (
    30  # of every point in the graph that all analyses of a snapshot share; the point is not counted
)


@dataclass(frozen=True, kw_only=True)
class Projection:
    """The maps of the latents in 2-D and 3-D.

    engine: what lays UMAP out; umap-learn compiles for some five seconds in every process.
    density: add densMAP, a map whose crowding follows the crowding of the latents (umap-learn, whatever `engine` is).
    n_neighbors: 2 to 31, the point itself counted; min_dist: 0 to 1, how close points may lie on the map.
    """

    engine: Engine = "own"
    density: bool = False
    n_neighbors: int = 15
    min_dist: float = 0.1

    def __post_init__(self) -> None:
        check_field_types(self)
        if not 2 <= self.n_neighbors <= SHARED_NEIGHBORS + 1:
            raise ValueError(
                f"Projection: n_neighbors is {self.n_neighbors}; allowed is 2 to {SHARED_NEIGHBORS + 1}."
            )
        if not 0.0 <= self.min_dist <= 1.0:
            raise ValueError(f"Projection: min_dist is {self.min_dist}; allowed is 0 to 1.")
