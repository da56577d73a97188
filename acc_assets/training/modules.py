"""Modules from configurations and checkpoints."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from acc_assets.training.checkpoint import CheckpointState
from acc_assets.training.errors import TrainingError
from acc_assets.training.randomness import seed_device
from acc_assets.tree import TreeNode

_CPU = torch.device("cpu")


def build_model(config: Any, seed: int) -> nn.Module:
    """A model on the CPU, initialised from (seed) alone; torch's generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        seed_device(_CPU, seed, "model")
        model = config.build()
    if not isinstance(model, nn.Module):
        raise ValueError(f"{config!r} built a {type(model).__name__}; a model must be a torch.nn.Module.")
    declared = getattr(config, "factor_groups", None)
    if declared and not getattr(model, "factor_groups", None):
        # a builder that was given groups and does not keep them: tasks, analyses and pages ask the module
        model.factor_groups = tuple(declared)  # type: ignore[assignment]
    return model


def load_weights(model: nn.Module, state: CheckpointState, node: TreeNode) -> None:
    """Put a checkpoint's weights into a model; raises `TrainingError` when they do not fit."""
    try:
        model.load_state_dict(state.model)
    except RuntimeError as error:
        raise TrainingError(
            f"the checkpoint of '{state.identity.node}' does not fit the model of '{node.tag}': {error} "
            "Build the parent again, or give the node the parent's model."
        ) from error
