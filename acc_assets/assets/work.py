"""An asset at work: where it reads and writes, on what machine, and what it finds of its node."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np

from acc_assets.assets.kinds import Outcome, Verdict, data_scope
from acc_assets.assets.progress import TrainingProgress
from acc_assets.datasets import load_dataset
from acc_assets.families import latents
from acc_assets.models import Abilities
from acc_assets.storage import LEFT_OUT, ArtifactFolder, MadeFrom, RunDirectory, Store
from acc_assets.tree import LATENT, Check, DatasetRef, Tree, TreeNode

if TYPE_CHECKING:
    from torch import Tensor

    from acc_assets.assets.launched import Project
    from acc_assets.assets.plans import AssetPlan
    from acc_assets.datasets import ImageData
    from acc_assets.models import FactorGroup
    from acc_assets.report import RecipeView
    from acc_assets.training import LoadedModel, Runtime

NO_PARTS: Mapping[str, np.ndarray] = MappingProxyType({})
INLINE_PICTURE_BYTES = 200_000  # larger pictures are linked by path, so that the event log stays small


@dataclass(frozen=True)
class Work:
    """One asset and one seed (None for what has no seed) at work: where to read and write, and on what machine."""

    project: Project
    tree: Tree
    plan: AssetPlan
    seed: int | None
    store: Store
    device: Any  # auto, cpu, cuda or mps
    threads: int
    progress: TrainingProgress
    made_from: MadeFrom  # kept in the manifest of what is written
    view: RecipeView | None = None  # for what reads whatever is there and matches the recipe
    loaded: dict[str, LoadedModel] = field(default_factory=dict)  # shared by the analyses of one step

    @cached_property
    def folder(self) -> ArtifactFolder:
        """Where the artifacts go."""
        return self.plan.folder(self.store, self.seed).stamped(self.made_from)

    @property
    def request(self) -> Any:
        """What the recipe asks of an analysis."""
        return self.plan.request

    def load(self, ref: DatasetRef) -> ImageData:
        """A data set, as this seed sees it."""
        return load_dataset(ref.config, self.seed)

    def data_folder(self, name: str) -> RunDirectory:
        """Where the artifacts of a data set lie, as this seed sees it."""
        return data_folder(self.store, self.tree, self.tree.datasets[name], self.seed)

    def at(self, node: TreeNode, seed: int | None = None) -> NodeWork:
        """The same work with a node and a seed in view, for assets that look at several."""
        chosen = self.seed if seed is None else seed
        return NodeWork(**{**vars_of(self), "node": node, "seed": chosen, "loaded": {}})


@dataclass(frozen=True, kw_only=True)
class NodeWork(Work):
    """Work on one node and seed: also its model, its data and what other analyses found."""

    node: TreeNode
    seed: int

    @cached_property
    def run(self) -> RunDirectory:
        """The run directory of this node and seed."""
        return self.store.run(self.tree.name, self.node.tag, self.seed)

    @property
    def runtime(self) -> Runtime:
        """Device and threads of this step."""
        from acc_assets.training import Runtime

        return Runtime(device=self.device, threads=self.threads)

    def model(self, step: int | None = None) -> LoadedModel:
        """The model with its heads in evaluation mode, at its last step or at a snapshot; the last is loaded once."""
        from acc_assets.training import checkpoint_steps, load_model

        if step is not None and step not in checkpoint_steps(self.run)[-1:]:
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
        return self.load(self.node.datasets[self.dataset_name])

    def is_shown(self, ref: DatasetRef) -> bool:
        """Whether a data set has the same test split as that one, as labelled images have that of all."""
        one, other = self.load(ref).test, self.data.test
        return one is other or (
            np.array_equal(one.targets, other.targets) and np.array_equal(one.images, other.images)
        )

    @cached_property
    def abilities(self) -> Abilities:
        """What the model can do, as the latents asset saw it."""
        facts = latents.facts(self.run)
        if "code" not in facts:
            raise ValueError(
                f"{self.run.shown(latents.FAMILY.path())} is of an earlier version. Materialize "
                f"{self.node.tag}_latents for seed {self.seed} again."
            )
        return Abilities.from_json(facts)

    @property
    def groups(self) -> tuple[FactorGroup, ...]:
        """The model's factor groups; for a model without any, one group that spans the latent."""
        from acc_assets.models import FactorGroup

        able = self.abilities
        return able.factor_groups or (FactorGroup("latent", 0, able.latent_dim or 0),)

    def examples(self, count: int) -> np.ndarray:
        """The first `count` of the test images that figures show: what `viz_indices` of `config.json` lists.

        A node that was built without data, since nothing was asked of it then, takes them by the same rule.
        """
        from acc_assets.training import viz_indices

        kept = self.run.read_json("config.json")["viz_indices"]
        return np.asarray((kept or viz_indices(self.data))[:count], int)

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Latents (N, D) of uint8 images (N, C, H, W), by the node's model at its last step."""
        from acc_assets.training import encode_split

        return encode_split(self.model().model, {}, [], images, decode=False)["mu"]

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """What the model makes of images (B, C, H, W) in [0, 1], by a model that can reconstruct."""
        import torch

        from acc_assets.models import ModelOutput
        from acc_assets.models.abilities import every_output

        model = self.model().model
        with torch.no_grad():
            outputs = every_output(model, torch.from_numpy(images).to(self.runtime.resolve()))
        made: np.ndarray = outputs[ModelOutput.RECONSTRUCTION].cpu().numpy()
        return made

    def code(
        self,
        rows: np.ndarray,
        moved: Mapping[str, np.ndarray] = NO_PARTS,
        stored: Mapping[str, np.ndarray] | None = None,
    ) -> dict[str, Tensor]:
        """What the model's `decode` takes of the test images `rows` (B,), by name, on the model's device.

        moved: parts (B, ...) in place of the images' own; every other part of the code stays that of its image.
        stored: the latents' arrays of a snapshot, by default those of the last step.
        """
        import torch

        arrays = latents.SERIES.read(self.run) if stored is None else stored
        named = {**arrays, LATENT: arrays["mu"]}
        parts = {name: moved[name] if name in moved else named[name][rows] for name in self.abilities.code}
        device = self.runtime.resolve()
        return {name: torch.from_numpy(values).float().to(device) for name, values in parts.items()}

    def decoder(self, step: int | None = None) -> Callable[..., np.ndarray]:
        """A function to images (B, C, H, W) in [0, 1], by a model that can `decode`: its last step or a snapshot.

        It takes latents (B, D), the test images (B,) whose other parts of the code go with them, and parts (B, ...) by
        name in place of theirs, where there are any.
        """
        import torch

        from acc_assets.models import ModelOutput

        model: Any = self.model(step).model
        stored = latents.SERIES.read(self.run, step)

        def decode(
            moved: np.ndarray, rows: np.ndarray, parts: Mapping[str, np.ndarray] = NO_PARTS
        ) -> np.ndarray:
            with torch.no_grad():
                outputs = model.decode(self.code(rows, {**parts, LATENT: moved}, stored))
            images: np.ndarray = outputs[ModelOutput.RECONSTRUCTION].cpu().numpy()
            return images

        return decode


def seen(work: Work) -> RecipeView:
    """What is stored of the recipe and matches it; for assets that read all of it."""
    if work.view is None:
        raise TypeError(f"{work.plan.name} has the scope '{work.plan.scope}', which sees one seed alone")
    return work.view


def left_out(work: Work, why: str, checks: Sequence[Check] = ()) -> Outcome:
    """Write down why an analysis does not apply to a model; its checks have nothing to judge."""
    with work.folder.family(work.plan.family) as out:
        out.json(LEFT_OUT, {"reason": why})
    return Outcome(
        metadata={"left out": why},
        verdicts={check.name: Verdict(passed=True, reason=f"nothing to judge: {why}") for check in checks},
    )


def data_folder(store: Store, tree: Tree, ref: DatasetRef, seed: int | None) -> RunDirectory:
    """Where the artifacts of a data set lie, as a seed sees it."""
    if seed is not None and data_scope(ref) == "data_seed":
        return store.seed(tree.name, seed)
    return store.recipe(tree.name)


def vars_of(work: Work) -> dict[str, Any]:
    """The fields of some work, those of a node aside."""
    return {one.name: getattr(work, one.name) for one in fields(Work)}


def outputs_of(task: Any, head: Any) -> list[str] | None:
    """Names of what a task's linear probe puts out: classes, or columns of a regression; None without such a probe."""
    from acc_assets.tasks import ProbeTask

    linear = getattr(head, "linear", None)
    return (
        task.output_names(linear.out_features) if linear is not None and isinstance(task, ProbeTask) else None
    )


def picture(png: bytes, folder: ArtifactFolder, rel: str) -> dg.MetadataValue[Any]:
    """A PNG as Dagster metadata: shown in place when small, else named by its path."""
    path = folder.shown(rel)
    if len(png) > INLINE_PICTURE_BYTES:
        return dg.MetadataValue.path(path)
    return dg.MetadataValue.md(f"![{path}](data:image/png;base64,{base64.b64encode(png).decode()})")
