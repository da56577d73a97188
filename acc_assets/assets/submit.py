"""Ordinary Dagster runs from the command line: the jobs, the queue and the origin are those of the UI's runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.code_pointer import CodePointer
from dagster._core.definitions.job_base import InMemoryJob

# The UI's own mutation needs a code server for what these classes say in a few lines: where a run comes from.
from dagster._core.definitions.metadata.metadata_value import CodeLocationReconstructionMetadataValue
from dagster._core.definitions.repository_definition import RepositoryLoadData
from dagster._core.execution.api import execute_run
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.run_coordinator import SubmitRunContext
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from acc_assets.assets.daemon import MODULE
from acc_assets.assets.launched import RECIPE_TAG, Project, seed_tags, tree_tag
from acc_assets.assets.location import application, launched_key
from acc_assets.tree import Tree

# The event log keeps every message; the terminal belongs to the progress display.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class Launcher:
    """Submits runs of one recipe's jobs."""

    def __init__(self, project: Project, tree: Tree, instance: dg.DagsterInstance) -> None:
        self._tree = tree
        self._instance = instance
        repository = application(project).get_repository_def()
        self._repository = repository
        hashes = CodeLocationReconstructionMetadataValue(project.to_json())
        self._load_data = RepositoryLoadData(
            cacheable_asset_data={}, reconstruction_metadata={launched_key(project.prefix): hashes}
        )
        self._code = RepositoryPythonOrigin(sys.executable, CodePointer.from_module(MODULE, "defs", None))
        target = LoadableTargetOrigin(executable_path=sys.executable, module_name=MODULE)
        self._origin = RemoteRepositoryOrigin(
            ManagedGrpcPythonEnvCodeLocationOrigin(target, location_name=MODULE), repository.name
        )

    def submit(
        self, seed: int | None, keys: set[dg.AssetKey], *, tags: Mapping[str, str], processes: int
    ) -> str:
        """Put a run that materializes these assets into the queue; returns its id."""
        _, run = self._create(seed, keys, tags, processes)
        self._instance.run_coordinator.submit_run(SubmitRunContext(run, workspace=None))  # type: ignore[arg-type]
        return run.run_id

    def carry_out(self, seed: int | None, keys: set[dg.AssetKey], *, tags: Mapping[str, str]) -> str:
        """The same run, carried out in this process; returns its id when it has ended."""
        job, run = self._create(seed, keys, tags, processes=1)
        execute_run(InMemoryJob(job.get_subset(asset_selection=keys)), run, self._instance)
        return run.run_id

    def _create(
        self, seed: int | None, keys: set[dg.AssetKey], tags: Mapping[str, str], processes: int
    ) -> tuple[dg.JobDefinition, dg.DagsterRun]:
        job = self._repository.get_job(self._tree.name if seed is not None else f"{self._tree.name}__report")
        execution: dict[str, Any] = {"in_process": {}}
        if processes > 1:
            execution = {"multiprocess": {"max_concurrent": processes}}
        run = self._instance.create_run_for_job(
            job_def=job,
            asset_selection=keys,
            run_config={**QUIET, "execution": {"config": execution}},
            tags={
                RECIPE_TAG: self._tree.name,
                tree_tag(self._tree.name): self._tree.hash,
                **seed_tags(seed),
                **tags,
            },
            remote_job_origin=RemoteJobOrigin(self._origin, job.name),
            job_code_origin=JobPythonOrigin(job.name, self._code),
            repository_load_data=self._load_data,
        )
        return job, run
