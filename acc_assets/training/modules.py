"""Modules from configurations and checkpoints."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from acc_assets.training.checkpoint import CheckpointState
from acc_assets.training.errors import TrainingError
from acc_assets.training.randomness import generator, seed_device
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


def grown(state: CheckpointState, node: TreeNode) -> CheckpointState:
    """A parent's checkpoint with the weights of the node's larger model; as it is where the model did not grow.

    Copies are drawn from the seed alone, so that branches which differ in the noise have the same.
    """
    growth = node.growth
    if growth is None:
        return state
    seed = state.identity.seed
    modules = build_model(growth.before, seed), build_model(node.model, seed)
    load_weights(modules[0], state, node)
    drawn = generator(_CPU, seed, "growth")
    return replace(state, model=growth.before.grow(node.model, modules, state.model, growth.noise, drawn))


def load_weights(model: nn.Module, state: CheckpointState, node: TreeNode) -> None:
    """Put a checkpoint's weights into a model; raises `TrainingError` when they do not fit."""
    try:
        model.load_state_dict(state.model)
    except RuntimeError as error:
        raise TrainingError(
            f"the checkpoint of '{state.identity.node}' does not fit the model of '{node.tag}': {error} "
            "Build the parent again, or give the node the parent's model."
        ) from error
