"""Recipes in somebody else's Dagster project: a component for `dg`, which leaves executor and instance to the host.

In `defs.yaml` of the host:

    type: acc_assets.component.RecipeComponent
    attributes:
      recipes: [recipes]        # folders, from where defs.yaml lies
      storage: ../acc_storage
      key_prefix: [research]
"""

import dagster as dg
from pydantic import Field

from acc_assets.assets.location import current_project, project_definitions
from acc_assets.assets.resources import StoreResource
from acc_assets.storage import Store


class RecipeComponent(dg.Component, dg.Model, dg.Resolvable):
    """The assets, checks, jobs and sensors of recipes; a run uses the recipes as they were when it was launched."""

    recipes: list[str] = Field(default_factory=lambda: ["recipes"])
    storage: str | None = None
    key_prefix: list[str] = Field(default_factory=list)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Trace the recipes and define their assets under the prefix."""
        # Each prefix has a store of its own, so that recipes of one name do not meet.
        if self.storage is None:
            root = "/".join([Store().place, *self.key_prefix])
        else:
            root = self.storage if "://" in self.storage else str((context.path / self.storage).resolve())
        store = StoreResource(root=root)
        folders = [(context.path / folder).resolve() for folder in self.recipes]
        return project_definitions(current_project(store.open(), tuple(self.key_prefix), folders), store)
