"""Traced recipes as one set of Dagster definitions, for the UI, the command line and the tests."""

from __future__ import annotations

import os
from collections.abc import Iterable

import dagster as dg

from acc_assets.assets.factory import branch_jobs, broken_recipe_asset, recipe_assets, recipe_job
from acc_assets.assets.resources import MachineResource, StoreResource
from acc_assets.tree import BrokenRecipe, Tree

# What steps import; the forkserver loads it once, so that a step starts in milliseconds.
PRELOADED = [
    "dagster",
    "torch",
    "sklearn.neighbors",
    "acc_assets.assets.location",
    "acc_assets.training",
    "acc_assets.analysis",
]


def build_definitions(trees: Iterable[Tree], broken: Iterable[BrokenRecipe] = ()) -> dg.Definitions:
    """Definitions for the given trees, with errors standing where recipes are broken."""
    trees = list(trees)
    return dg.Definitions(
        assets=[
            *(asset for tree in trees for asset in recipe_assets(tree)),
            *(broken_recipe_asset(one) for one in broken),
        ],
        jobs=[job for tree in trees for job in (recipe_job(tree), *branch_jobs(tree))],
        resources={"store": StoreResource(), "machine": MachineResource()},
        executor=dg.multiprocess_executor.configured(
            {
                "max_concurrent": os.cpu_count() or 1,
                "start_method": {"forkserver": {"preload_modules": PRELOADED}},
            }
        ),
    )
