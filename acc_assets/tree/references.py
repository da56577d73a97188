"""Data sets as a recipe names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import WithJsonSchema


@dataclass(frozen=True)
class DatasetRef:
    """A data set under the name that a recipe gave it; `config.load()` brings the arrays."""

    name: str
    config: Any


# A field of this type takes what `ctx.load_dataset` returned, and in a YAML recipe the data set's name.
Dataset = Annotated[
    DatasetRef, WithJsonSchema({"type": "string", "description": "a data set of the recipe, by its name"})
]
