"""What an asset kind is: a name, a version, what it reads, one function, and the checks it answers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import dagster as dg

from acc_assets.assets.progress import TrainingProgress
from acc_assets.storage import Manifest, RunDirectory, Store
from acc_assets.tree import Tree, TreeNode

if TYPE_CHECKING:
    from acc_assets.datasets import ImageData
    from acc_assets.training import LoadedModel, Runtime

INLINE_PICTURE_BYTES = 200_000  # larger pictures are linked by path, so that the event log stays small


@dataclass(frozen=True)
class Check:
    """A judgement on an asset. `severity` says what a failure means: a warning, or an error."""

    name: str
    description: str
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN
    blocking: bool = False


@dataclass(frozen=True)
class Verdict:
    """The answer to a check."""

    passed: bool
    reason: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What an asset wrote and what it has to say about it."""

    data_version: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)


@dataclass(frozen=True)
class NodeWork:
    """One node and one seed at work: where to read and write, and on what machine."""

    tree: Tree
    node: TreeNode
    seed: int
    store: Store
    device: str
    threads: int
    progress: TrainingProgress

    @cached_property
    def run(self) -> RunDirectory:
        """The run directory of this node and seed."""
        return self.store.run(self.tree.name, self.node.tag, self.seed)

    @property
    def runtime(self) -> Runtime:
        """Device and threads of this step."""
        from acc_assets.training import Runtime

        return Runtime(device=self.device, threads=self.threads)  # type: ignore[arg-type]

    def model(self, step: int | None = None) -> LoadedModel:
        """The model with its heads in evaluation mode, at its last step or at a snapshot."""
        from acc_assets.training import load_model

        return load_model(self.run, self.node, step=step, device=self.runtime.apply())

    @property
    def dataset_name(self) -> str:
        """Name of the data set that the latents are shown on."""
        ref = self.node.primary_dataset
        if ref is None:
            raise ValueError(f"{self.tree.name}/{self.node.tag} has no task, so there is no data set to look at.")
        return ref.name

    @property
    def data(self) -> ImageData:
        """The data set that the latents are shown on."""
        return self.node.datasets[self.dataset_name].config.load()  # type: ignore[no-any-return]


@dataclass(frozen=True)
class AnalysisKind:
    """An analysis of an evaluated node. `after` names the analyses (by suffix) whose artifacts it reads."""

    suffix: str
    family: str
    version: int
    description: str
    kinds: frozenset[str]
    run: Callable[[NodeWork], Outcome]
    after: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    applies: Callable[[TreeNode], bool] = lambda node: True


def picture(png: bytes, path: str) -> dg.MetadataValue:  # type: ignore[type-arg]
    """A PNG as Dagster metadata: shown in place when small, else named by its path."""
    if len(png) > INLINE_PICTURE_BYTES:
        return dg.MetadataValue.path(path)
    return dg.MetadataValue.md(f"![{path}](data:image/png;base64,{base64.b64encode(png).decode()})")


def digest_of(manifest: Manifest) -> str:
    """A family's data version."""
    return manifest.digest[:16]
