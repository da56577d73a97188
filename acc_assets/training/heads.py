"""Probe heads: built when a task is attached, inherited where the task goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from acc_assets.training.batches import LazyData
from acc_assets.training.checkpoint import Weights
from acc_assets.training.randomness import seed_device

_CPU = torch.device("cpu")


def head_spec(task: Any) -> str:
    """What must agree for a head to be inherited: kind of task, data set, targets, and where in the latent it looks."""
    facts = {
        "kind": task.kind,
        "dataset": task.dataset.name,
        "target_names": getattr(task, "target_names", None),
        "latent_slice": getattr(task, "latent_slice", None),
        "factor_name": getattr(task, "factor_name", None),
    }
    return json.dumps(facts, sort_keys=True)


def head_specs(tasks: Sequence[Any]) -> dict[str, str]:
    """`head_spec` of every task, by its name."""
    return {task.name: head_spec(task) for task in tasks}


def build_heads(
    tasks: Sequence[Any],
    model: nn.Module,
    *,
    seed: int,
    weights: Mapping[str, Weights],
    specs: Mapping[str, str],
    device: torch.device,
) -> dict[str, nn.Module]:
    """The heads of `tasks` by task name, on the device; tasks without a head are left out.

    A head starts from (seed, task name), so that equal tasks of two branches start equal. Where `weights` has
    a head of the same name, spec and shapes, it is taken over.
    """
    heads = {}
    for task in tasks:
        with torch.random.fork_rng(devices=[]):
            seed_device(_CPU, seed, "head", task.name)
            head = task.build_head(model, LazyData(task.dataset.config, seed))
        if head is None:
            continue
        saved = weights.get(task.name, {})
        if specs.get(task.name) == head_spec(task) and _shapes(head.state_dict()) == _shapes(saved):
            head.load_state_dict(saved)
        heads[task.name] = head.to(device)
    return heads


def _shapes(weights: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in weights.items()}
