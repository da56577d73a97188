"""Traced recipes as one set of Dagster definitions, for the UI, the command line, host projects and the tests."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

# Dagster exports its load context from no public module; what a code location keeps for its runs is public.
from dagster._core.definitions.definitions_load_context import DefinitionsLoadContext, DefinitionsLoadType

from acc_assets.assets.engine import engine
from acc_assets.assets.factory import home_asset, recipe_assets
from acc_assets.assets.jobs import broken_recipe_asset, project_jobs, recipe_jobs
from acc_assets.assets.launched import Project, keep, launched_project
from acc_assets.assets.no_garbage import nothing_is_garbage
from acc_assets.assets.resources import (
    MachineResource,
    StoreResource,
    parameters_resource,
)
from acc_assets.assets.round_jobs import round_job, round_sensor
from acc_assets.assets.watch import file_sources, sensors
from acc_assets.recipes import find_recipes, recorded_forks
from acc_assets.storage import Store
from acc_assets.tree import Tree


def current_project(
    store: Store, prefix: tuple[str, ...] = (), folders: Sequence[Path] | None = None
) -> Project:
    """The recipes of this code location: as they are now, or, in a run, as they were when it was launched."""
    context = DefinitionsLoadContext.get()
    if context.load_type == DefinitionsLoadType.RECONSTRUCTION:
        hashes = context.reconstruction_metadata.get(launched_key(prefix))
        if hashes is not None:
            return launched_project(store, hashes, prefix)
    found = find_recipes(folders=folders, recorded=recorded_forks(store))
    for tree in found.trees.values():
        keep(store, tree)
    return Project(found.trees, found.broken, prefix)


def project_definitions(project: Project, store: StoreResource | None = None) -> dg.Definitions:
    """Definitions for a project, without an executor: a host has its own."""
    trees = list(project.trees.values())
    keys = project.keys
    stored = store or StoreResource()
    resources: dict[str, Any] = {keys.store: stored, keys.machine: MachineResource.from_environment()}
    for tree in trees:
        resources[keys.parameters(tree.name)] = parameters_resource(tree)
    with warnings.catch_warnings():
        for unfinished in (dg.PreviewWarning, dg.BetaWarning):  # checks by partition, code references
            warnings.simplefilter("ignore", unfinished)
        definitions = _definitions(project, trees, resources)
        return definitions.with_reconstruction_metadata({launched_key(project.prefix): project.to_json()})


def _definitions(project: Project, trees: Sequence[Tree], resources: Mapping[str, Any]) -> dg.Definitions:
    *shared, schedule = project_jobs(project)
    asking = [tree for tree in trees if tree.label_sets]
    stored = resources[project.keys.store]
    return dg.Definitions(
        assets=[
            *file_sources(project),
            *(asset for tree in trees for asset in recipe_assets(project, tree)),
            home_asset(project),
            *(broken_recipe_asset(one) for one in project.broken),
        ],
        jobs=[
            *(job for tree in trees for job in recipe_jobs(project, tree)),
            *(round_job(project, tree) for tree in asking),
            *shared,
        ],
        schedules=[schedule],
        sensors=[
            *sensors(project, stored),
            *(round_sensor(project, tree, stored) for tree in asking),
        ],
        resources=resources,
    )


def launched_key(prefix: tuple[str, ...]) -> str:
    """Under which a code location keeps the hashes of its trees for its runs."""
    return "/".join(["acc_assets", *prefix])


def application(project: Project) -> dg.Definitions:
    """The definitions with the executor of the application, on one machine or a cluster."""
    with nothing_is_garbage():
        whole = dg.Definitions.merge(
            project_definitions(project), dg.Definitions(executor=engine().definition())
        )
        whole.get_repository_def()  # what everybody asks of it next, and what it keeps
        return whole
