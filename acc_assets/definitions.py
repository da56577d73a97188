"""The Dagster entry: every recipe as assets, checks, jobs and sensors."""

import dagster as dg

from acc_assets.assets.location import application, current_project
from acc_assets.storage import Store


@dg.definitions
def defs() -> dg.Definitions:
    """All recipes of the recipe folders, and the files that have errors."""
    return application(current_project(Store()))
