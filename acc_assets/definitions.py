"""The Dagster entry: every recipe as assets, checks and jobs."""

import dagster as dg

from acc_assets.assets.location import build_definitions
from acc_assets.recipes import find_recipes


@dg.definitions
def defs() -> dg.Definitions:
    """All recipes of the recipe folders, and the files that have errors."""
    found = find_recipes()
    return build_definitions(found.trees.values(), found.broken)
