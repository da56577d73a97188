"""What an asset kind is: a name, a version, what it reads, one function, and the checks it answers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np

from acc_assets.assets.progress import TrainingProgress
from acc_assets.storage import MadeFrom, Manifest, RunDirectory, Store
from acc_assets.tree import Tree, TreeNode

if TYPE_CHECKING:
    from acc_assets.datasets import ImageData
    from acc_assets.training import LoadedModel, Runtime

LEFT_OUT = "left out"  # in what readers were made from: what they could not read
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
    device: Any  # auto, cpu, cuda or mps
    threads: int
    progress: TrainingProgress
    made_from: MadeFrom  # kept in the manifest of what is written
    loaded: dict[str, LoadedModel] = field(default_factory=dict)  # shared by the analyses of one step

    @cached_property
    def run(self) -> RunDirectory:
        """The run directory of this node and seed."""
        return self.store.run(self.tree.name, self.node.tag, self.seed).stamped(self.made_from)

    @property
    def runtime(self) -> Runtime:
        """Device and threads of this step."""
        from acc_assets.training import Runtime

        return Runtime(device=self.device, threads=self.threads)

    def model(self, step: int | None = None) -> LoadedModel:
        """The model with its heads in evaluation mode, at its last step or at a snapshot; the last is loaded once."""
        from acc_assets.training import load_model

        if step is not None:
            return load_model(self.run, self.node, step=step, device=self.runtime.apply())
        if "last" not in self.loaded:
            self.loaded["last"] = load_model(self.run, self.node, device=self.runtime.apply())
        return self.loaded["last"]

    @property
    def dataset_name(self) -> str:
        """Name of the data set that the latents are shown on."""
        ref = self.node.primary_dataset
        if ref is None:
            raise ValueError(
                f"{self.tree.name}/{self.node.tag} has no task, so there is no data set to look at."
            )
        return ref.name

    @property
    def data(self) -> ImageData:
        """The data set that the latents are shown on."""
        return self.node.datasets[self.dataset_name].config.load()

    @property
    def groups(self) -> tuple[Any, ...]:
        """The model's factor groups; for a model without any, one group that spans the latent."""
        from acc_assets.models import FactorGroup

        width = int(self.run.read_json("latents/latents.json")["latent_dim"])
        return self.node.factor_groups or (FactorGroup("latent", 0, width),)

    def example_indices(self, per_class: int) -> np.ndarray:
        """The first test images of every class (of a real target: evenly spread ones), the same for every node."""
        targets = self.data.test.targets
        if targets.ndim > 1 or not np.issubdtype(targets.dtype, np.integer):
            return np.linspace(0, len(targets) - 1, 10 * per_class).astype(int)
        return np.sort(
            np.concatenate([np.flatnonzero(targets == label)[:per_class] for label in np.unique(targets)])
        )

    def decoder(self) -> Callable[[np.ndarray], np.ndarray]:
        """A function from latents (B, D) to images (B, C, H, W) in [0, 1], by the node's own decoder."""
        import torch

        from acc_assets.models import ModelOutput

        model: Any = self.model().model
        if not hasattr(model, "decode"):
            raise TypeError(
                f"{type(model).__name__} of {self.tree.name}/{self.node.tag} has no decode(latent). Give it one "
                "that returns {ModelOutput.RECONSTRUCTION: images}, or leave evaluate() out of the recipe."
            )
        device = next(model.parameters()).device

        def decode(latents: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                outputs = model.decode(
                    torch.from_numpy(np.ascontiguousarray(latents, dtype=np.float32)).to(device)
                )
            images: np.ndarray = outputs[ModelOutput.RECONSTRUCTION].cpu().numpy()
            return images

        return decode


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
    reads_data: bool = False  # True where it reads the artifacts of the node's data sets
    reads_model: bool = True  # False where the artifacts named in `after` are all that it reads
    checks: tuple[Check, ...] = ()
    applies: Callable[[TreeNode], bool] = lambda node: True
    # What the recipe asked of this analysis; its hash is part of the code version, beside the node's lineage.
    request: Callable[[TreeNode], Any] = lambda node: None


def picture(png: bytes, path: str) -> dg.MetadataValue[Any]:
    """A PNG as Dagster metadata: shown in place when small, else named by its path."""
    if len(png) > INLINE_PICTURE_BYTES:
        return dg.MetadataValue.path(path)
    return dg.MetadataValue.md(f"![{path}](data:image/png;base64,{base64.b64encode(png).decode()})")


def digest_of(manifest: Manifest) -> str:
    """A family's data version."""
    return manifest.digest[:16]
