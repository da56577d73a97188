"""A trained model as readers use it: weights in, evaluation mode, on a device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from acc_assets.storage import RunDirectory
from acc_assets.training.checkpoint import CheckpointState
from acc_assets.training.errors import TrainingError
from acc_assets.training.heads import build_heads, head_specs
from acc_assets.training.modules import build_model, load_weights
from acc_assets.training.snapshots import load_checkpoint, load_final
from acc_assets.tree import TreeNode


@dataclass(frozen=True)
class LoadedModel:
    """A model and its heads by task name, both in evaluation mode; `step` counts along the lineage."""

    model: nn.Module
    heads: dict[str, nn.Module]
    step: int
    state: CheckpointState


def load_model(
    run: RunDirectory, node: TreeNode, step: int | None = None, device: str | torch.device = "cpu"
) -> LoadedModel:
    """The model of a node at a snapshot, or at the end of its training without a `step`.

    Raises:
        MissingArtifact: there is no such checkpoint.
        DamagedArtifact: the file differs from its manifest.
        CheckpointRefused: the file carries code.
        TrainingError: training has not come to its end, or the checkpoint is of another version of the node.
    """
    state = load_final(run) if step is None else load_checkpoint(run, step)
    if state.identity.spec_hash != node.spec_hash:
        raise TrainingError(
            f"the checkpoint in {run.path} was built from another version of node '{node.tag}'. {run.remedy}"
        )
    # At a snapshot of an earlier phase a task may have had another head, or none yet: then it starts from its seed.
    if step is None and any(
        state.head_specs[name] != spec for name, spec in head_specs(node.tasks).items() if name in state.heads
    ):
        raise TrainingError(
            f"the heads in {run.path} are not those that node '{node.tag}' asks for. {run.remedy}"
        )
    place = torch.device(device)
    seed = state.identity.seed
    model = build_model(node.model, seed)
    load_weights(model, state, node)
    heads = build_heads(
        node.tasks, model, seed=seed, weights=state.heads, specs=state.head_specs, device=place
    )
    model.to(place).eval()
    for head in heads.values():
        head.eval()
    return LoadedModel(model, heads, state.step, state)
