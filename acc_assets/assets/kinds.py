"""What an asset kind is: a name, a version, what it reads, one function, and the checks it answers."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np

from acc_assets.assets.progress import TrainingProgress
from acc_assets.models import Abilities
from acc_assets.storage import LEFT_OUT, MadeFrom, Manifest, RunDirectory, Store
from acc_assets.tree import Tree, TreeNode

if TYPE_CHECKING:
    from torch import Tensor

    from acc_assets.datasets import ImageData
    from acc_assets.models import FactorGroup
    from acc_assets.training import LoadedModel, Runtime

NOT_READ = "left out"  # in what readers were made from: what they could not read
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
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", _finite(self.numbers))


@dataclass(frozen=True)
class Outcome:
    """What an asset wrote and what it has to say about it."""

    data_version: str
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

    @cached_property
    def abilities(self) -> Abilities:
        """What the model can do, as the latents asset saw it."""
        facts = self.run.read_json("latents/latents.json")
        if "code" not in facts:
            raise ValueError(
                f"{self.run.local_path('latents/latents.json')} is of an earlier version. Materialize "
                f"{self.node.tag}_latents for seed {self.seed} again."
            )
        return Abilities.from_json(facts)

    @property
    def groups(self) -> tuple[FactorGroup, ...]:
        """The model's factor groups; for a model without any, one group that spans the latent."""
        from acc_assets.models import FactorGroup

        able = self.abilities
        return able.factor_groups or (FactorGroup("latent", 0, able.latent_dim or 0),)

    def example_indices(self, per_class: int) -> np.ndarray:
        """The first test images of every class (of a real target: evenly spread ones), the same for every node."""
        targets = self.data.test.targets
        if targets.ndim > 1 or not np.issubdtype(targets.dtype, np.integer):
            return np.linspace(0, len(targets) - 1, 10 * per_class).astype(int)
        return np.sort(
            np.concatenate([np.flatnonzero(targets == label)[:per_class] for label in np.unique(targets)])
        )

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Latents (N, D) of uint8 images (N, C, H, W), by the node's model at its last step."""
        from acc_assets.training import encode_split

        return encode_split(self.model().model, {}, [], images, decode=False)["mu"]

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """What the model makes of images (B, C, H, W) in [0, 1], by a model that can reconstruct."""
        import torch

        from acc_assets.models import ModelOutput
        from acc_assets.models.abilities import every_output
        from acc_assets.training import device_of

        model = self.model().model
        with torch.no_grad():
            outputs = every_output(model, torch.from_numpy(images).to(device_of(model)))
        made: np.ndarray = outputs[ModelOutput.RECONSTRUCTION].cpu().numpy()
        return made

    @cached_property
    def _latents(self) -> dict[str, np.ndarray]:
        return dict(self.run.read_npz("latents/latents_latest.npz"))

    def code(self, rows: np.ndarray, latents: np.ndarray | None = None) -> dict[str, Tensor]:
        """What the model's `decode` takes of the test images `rows` (B,), by name, on the model's device.

        latents: (B, D), in place of the images' own; every other part of the code stays that of its image.
        """
        import torch

        from acc_assets.models.abilities import LATENT
        from acc_assets.training import device_of

        stored = {**self._latents, LATENT: self._latents["mu"]}
        parts = {name: stored[name][rows] for name in self.abilities.code}
        if latents is not None:
            parts[LATENT] = latents
        device = device_of(self.model().model)
        return {name: torch.from_numpy(values).float().to(device) for name, values in parts.items()}

    def decoder(self) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """A function to images (B, C, H, W) in [0, 1], by a model that can `decode`.

        It takes latents (B, D) and the test images (B,) whose other parts of the code go with them.
        """
        import torch

        from acc_assets.models import ModelOutput

        model: Any = self.model().model

        def decode(latents: np.ndarray, rows: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                outputs = model.decode(self.code(rows, latents))
            images: np.ndarray = outputs[ModelOutput.RECONSTRUCTION].cpu().numpy()
            return images

        return decode


@dataclass(frozen=True)
class AnalysisKind:
    """An analysis of an evaluated node. `after` names the analyses (by suffix) whose artifacts it reads.

    `needs` are the model's abilities without which there is nothing to analyse. They are known when the model runs,
    so the asset stands in the graph all the same; its one artifact then says why it is left out.
    """

    suffix: str
    family: str
    version: int
    description: str
    kinds: frozenset[str]
    analyse: Callable[[NodeWork], Outcome]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    reads_data: bool = False  # True where it reads the artifacts of the node's data sets
    reads_model: bool = True  # False where the artifacts named in `after` are all that it reads
    checks: tuple[Check, ...] = ()
    applies: Callable[[TreeNode], bool] = lambda node: True
    # What the recipe asked of this analysis; its hash is part of the code version, beside the node's lineage.
    request: Callable[[TreeNode], Any] = lambda node: None

    def run(self, work: NodeWork) -> Outcome:
        """Carry the analysis out, or say in its place what the model lacks for it."""
        lacks = work.abilities.lacks if self.needs else {}
        why = next((lacks[need] for need in self.needs if need in lacks), None)
        if why is None:
            return self.analyse(work)
        with work.run.family(self.family) as out:
            out.json(LEFT_OUT, {"reason": why})
        return left_out(work, self.family, why, self.checks)


def left_out(work: NodeWork, family: str, why: str, checks: Sequence[Check] = ()) -> Outcome:
    """The outcome of an analysis that does not apply to a model: its checks have nothing to judge."""
    return Outcome(
        data_version=digest_of(work.run.manifest(family)),
        metadata={"left out": why, "path": str(work.run.local_path(family))},
        verdicts={check.name: Verdict(passed=True, reason=f"nothing to judge: {why}") for check in checks},
    )


def outputs_of(task: Any, head: Any) -> list[str] | None:
    """Names of what a task's linear probe puts out: classes, or columns of a regression; None without such a probe."""
    from acc_assets.tasks import ProbeTask

    linear = getattr(head, "linear", None)
    return (
        task.output_names(linear.out_features) if linear is not None and isinstance(task, ProbeTask) else None
    )


def asked_of(request: Any, *fields: str) -> dict[str, Any]:
    """The part of a recipe's request that one analysis reads: the others need not run again where it changes."""
    return {field: getattr(request, field) for field in fields}


def picture(png: bytes, path: str) -> dg.MetadataValue[Any]:
    """A PNG as Dagster metadata: shown in place when small, else named by its path."""
    if len(png) > INLINE_PICTURE_BYTES:
        return dg.MetadataValue.path(path)
    return dg.MetadataValue.md(f"![{path}](data:image/png;base64,{base64.b64encode(png).decode()})")


def digest_of(manifest: Manifest) -> str:
    """A family's data version."""
    return manifest.digest[:16]
