"""`config.json`: what was built, from which data, with which versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from acc_assets.datasets import ImageData
from acc_assets.models import Abilities, observe
from acc_assets.models.network_choice import choose_network
from acc_assets.tree import TreeNode

VIZ_IMAGES = 40


def describe_run(
    node: TreeNode,
    *,
    recipe: str,
    seed: int,
    model: nn.Module,
    datasets: Mapping[str, ImageData],
    device: torch.device,
    flushes_denormals: bool,
    code: str,
) -> dict[str, Any]:
    """Everything that a reader needs to know about a run, as plain values.

    `viz_indices` are the test images of the primary data set that every figure shows, the same for all nodes
    and seeds; `network` says which of them, and which layers, channels and places, are captured when the network is
    looked into (null without a primary data set). Facts about data sets that the build did not have to load are null.
    What the model can do is seen by running it on the primary data set's shape of image (`lacks` says what it cannot
    do, and why); without one it is what the model says of itself.

    Raises ValueError for a model whose outputs are no `ModelOutput`, or whose factor groups do not fit its latent.
    """
    spec = node.spec
    primary = node.primary_dataset
    shown = datasets.get(primary.name) if primary is not None else None
    if shown is not None:
        able = observe(model, shown.train.images.shape[1:])
    else:
        declared = getattr(model, "latent_dim", getattr(node.model, "latent_dim", None))
        able = Abilities(declared, tuple(getattr(model, "factor_groups", None) or ()))
    shown_indices = viz_indices(shown) if shown is not None else []
    return {
        "recipe": recipe,
        "node": node.tag,
        "kind": node.kind,
        "branch": node.branch,
        "parent": node.parent,
        "seed": seed,
        "spec": spec,
        "spec_hash": node.spec_hash,
        "tasks": [{**told, "unit": task.unit} for told, task in zip(spec["tasks"], node.tasks, strict=True)],
        "phases": spec["phases"],
        "model": spec["model"],
        **able.to_json(),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "datasets": {
            name: describe_data(ref.config, datasets.get(name)) for name, ref in node.datasets.items()
        },
        "primary_dataset": primary.name if primary is not None else None,
        "viz_indices": shown_indices,
        "network": choose_network(model, shown.train.images.shape[1:], shown_indices, able)
        if shown is not None
        else None,
        "notes": list(node.notes),
        "device": str(device),
        "threads": torch.get_num_threads(),
        "flushes_denormals": flushes_denormals,
        "versions": {
            "code": code,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "command": f"acc build {recipe} --select {node.tag} --seeds {seed}",
    }


def describe_data(config: Any, data: ImageData | None) -> dict[str, Any]:
    """Source, digest and sizes of one data set; from its configuration where it was not loaded.

    `labelled` counts the training images with a target, where not all have one.
    """
    facts: dict[str, Any] = config.describe()
    if data is not None:
        facts.update(data.facts, source=data.source, **data.sizes)
        if data.train.labelled is not None:
            facts["labelled"] = int(data.train.labelled.sum())
    return {**facts, "digest": data.digest if data is not None else None}


def viz_indices(data: ImageData, count: int = VIZ_IMAGES) -> list[int]:
    """Test images to show: of each class in turn, in the order of the file; evenly over a real target's range."""
    targets = data.test.targets
    if targets.dtype.kind in "iu" and targets.ndim == 1:
        classes = np.unique(targets)
        rank = np.zeros(len(targets), np.int64)
        for label in classes:
            members = np.flatnonzero(targets == label)
            rank[members] = np.arange(len(members))
        order = np.lexsort((targets, rank))
        return [int(index) for index in order[:count]]
    order = np.argsort(targets.reshape(len(targets), -1)[:, 0], kind="stable")
    places = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    return [int(order[place]) for place in places]
