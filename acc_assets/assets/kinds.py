"""What an asset kind is: its scope, the family it writes, one function, and what that function has to say."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from acc_assets.datasets import sees_seed
from acc_assets.families import Family
from acc_assets.tree import Check, DatasetRef

Scope = Literal["data", "data_seed", "node", "node_seeds", "tree", "recipe", "project"]
NOT_READ = "left out"  # in what readers were made from: what they could not read


@dataclass(frozen=True)
class Verdict:
    """The answer to a check."""

    passed: bool
    reason: str
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", _finite(self.numbers))


@dataclass(frozen=True)
class Outcome:
    """What an asset has to say about what it wrote: facts for the catalog, and the answers to its checks by name."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "metadata", _finite(self.metadata))


def _finite(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Infinities as text: GraphQL has no word for them, and the page of an asset would be an error."""
    return {
        name: str(value) if isinstance(value, float) and math.isinf(value) else value
        for name, value in facts.items()
    }


@dataclass(frozen=True)
class AssetKind:
    """What an asset is: the scope that one result is of, the family it writes, and the function that makes it.

    The scope decides partitions and place in the store: "data" (a data set), "data_seed" (one that sees the seed),
    "node" (a node and a seed), "node_seeds" (a node over all its seeds), "tree" (all nodes of a seed), "recipe", and
    "project" (all recipes).
    """

    scope: Scope
    family: Family
    run: Callable[[Any], Outcome]
    description: str
    kinds: frozenset[str]
    checks: tuple[Check, ...] = ()

    @property
    def by_seed(self) -> bool:
        """Whether it is partitioned by seed."""
        return self.scope in ("data_seed", "node", "tree")

    @property
    def reads_all(self) -> bool:
        """Whether it reads every seed that is there and matches the recipe, and says what is missing."""
        return self.scope in ("node_seeds", "recipe", "project")


def data_scope(ref: DatasetRef) -> Scope:
    """Whether a data set is one for all seeds, or sees the seed."""
    return "data_seed" if sees_seed(ref.config) else "data"
