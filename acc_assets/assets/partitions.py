"""Seeds as Dagster partitions."""

from __future__ import annotations

import dagster as dg

from acc_assets.tree import RecipeError, Tree


def seed_partitions(tree: Tree) -> dg.StaticPartitionsDefinition:
    """One partition for each seed of the recipe."""
    return dg.StaticPartitionsDefinition([str(seed) for seed in tree.seeds])


def chosen_seeds(tree: Tree, seeds: list[int] | None) -> list[int]:
    """The seeds to work on; raises `RecipeError` for one that the recipe does not have."""
    unknown = sorted(set(seeds or []) - set(tree.seeds))
    if unknown:
        raise RecipeError(
            f"there is no seed {unknown}.",
            remedy=f"Seeds are {list(tree.seeds)}; add others to `seeds` in {tree.source}.",
            recipe=tree.name,
        )
    return list(seeds or tree.seeds)
