"""What a recipe asks for with `evaluate(manifold=...)`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from acc_assets.tree.config import Amount, Positive, Several, config
from acc_assets.tree.references import Dataset

Split = Literal["test", "train"]
Metric = Literal["euclidean", "manhattan", "cosine"]


@config
class ManifoldAnalysis:
    """How well the latents keep classes apart, and a fixed map of them to place new images on.

    label_sets: data sets whose labelled training images a k-nearest-neighbour classifier (`k`, by the distance
    `metric`) is fitted on, one classifier each; the first gives the headline; all other measures are Euclidean.
    split: of the node's data set, what is measured and mapped.
    pixels: measure the raw pixels in the same way, as a control.
    points: size of the map (UMAP in 3-D with `umap_neighbors` and `min_dist`); l2_normalize: latents are brought to
    length 1 before; projection_k: map points that a new latent is placed between.
    """

    label_sets: Several[Dataset]
    k: Positive = 5
    metric: Metric = "euclidean"
    split: Split = "test"
    pixels: bool = False
    points: Annotated[int, Field(ge=5)] = 3000
    l2_normalize: bool = True
    umap_neighbors: Annotated[int, Field(ge=2)] = 30
    min_dist: Amount = 0.1
    projection_k: Positive = 12

    def __post_init__(self) -> None:
        names = [ref.name for ref in self.label_sets]
        if len(set(names)) != len(names):
            raise ValueError(f"label_sets {names} name a data set twice; name each once")
