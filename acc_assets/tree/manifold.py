"""What a recipe asks for with `evaluate(manifold=...)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from acc_assets.tree.nodes import DatasetRef

Split = Literal["test", "train"]
Metric = Literal["euclidean", "manhattan", "cosine"]


@dataclass(frozen=True, kw_only=True)
class ManifoldAnalysis:
    """How well the latents keep classes apart, and a fixed map of them to place new images on.

    label_sets: data sets whose labelled training images a k-nearest-neighbour classifier (`k`, by the distance
    `metric`) is fitted on, one classifier each; the first gives the headline; all other measures are Euclidean.
    split: of the node's data set, what is measured and mapped.
    pixels: measure the raw pixels in the same way, as a control.
    points: size of the map (UMAP in 3-D with `umap_neighbors` and `min_dist`); l2_normalize: latents are brought to
    length 1 before; projection_k: map points that a new latent is placed between.
    """

    label_sets: tuple[DatasetRef, ...]
    k: int = 5
    metric: Metric = "euclidean"
    split: Split = "test"
    pixels: bool = False
    points: int = 3000
    l2_normalize: bool = True
    umap_neighbors: int = 30
    min_dist: float = 0.1
    projection_k: int = 12

    def __post_init__(self) -> None:
        if not self.label_sets:
            raise ValueError("ManifoldAnalysis: label_sets is empty; give the data sets to take labels from.")
        names = [ref.name for ref in self.label_sets]
        if len(set(names)) != len(names):
            raise ValueError(f"ManifoldAnalysis: label_sets {names} name a data set twice; name each once.")
        for field, allowed in (("split", get_args(Split)), ("metric", get_args(Metric))):
            if getattr(self, field) not in allowed:
                raise ValueError(
                    f"ManifoldAnalysis: {field} is {getattr(self, field)!r}; allowed are {', '.join(allowed)}."
                )
        for field, least in (("k", 1), ("points", 5), ("umap_neighbors", 2), ("projection_k", 1)):
            value = getattr(self, field)
            if not isinstance(value, int) or value < least:
                raise ValueError(f"ManifoldAnalysis: {field} is {value!r}; allowed is {least} or more.")
        if not self.min_dist >= 0:
            raise ValueError(f"ManifoldAnalysis: min_dist is {self.min_dist!r}; allowed is 0 or more.")
