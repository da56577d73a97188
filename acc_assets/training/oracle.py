"""Carrying out an oracle: what it is asked as a phase begins, and the data sets with its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from acc_assets.datasets import ImageData
from acc_assets.datasets.partly_labelled import PartlyLabelled
from acc_assets.tasks import OracleTask
from acc_assets.training.acquisition import rank_unlabelled
from acc_assets.training.randomness import derived_seed
from acc_assets.tree import DatasetRef


@dataclass(frozen=True)
class Asked:
    """What an oracle was asked: training images (n,) in their order, their scores (n,), how many in earlier rounds."""

    images: np.ndarray
    scores: np.ndarray
    before: int


def asked_of(head: Any) -> Asked:
    """What the oracle with this head was asked so far."""
    order = head.order.cpu().numpy()
    images = np.argsort(order, kind="stable")[len(order) - int((order > 0).sum()) :]
    return Asked(images, head.scores.cpu().numpy()[images], int(head.before))


def ask(
    model: nn.Module,
    heads: Mapping[str, nn.Module],
    tasks: Sequence[Any],
    refs: Mapping[str, DatasetRef],
    datasets: Mapping[str, ImageData],
    seed: int,
) -> None:
    """Let every oracle among the tasks of a phase that begins ask its next images, and keep them in its head.

    Raises ValueError where its rule cannot be followed, or fewer images are left than it is to reveal.
    """
    for task in tasks:
        if not isinstance(task, OracleTask):
            continue
        data = with_answers(heads, tasks, refs, datasets, seed)[task.dataset.name]
        head: Any = heads[task.name]
        known = int((head.order > 0).sum())
        ranking = rank_unlabelled(
            model,
            heads,
            tasks,
            data.train,
            data.target_names,
            (task.rule,),
            count=task.labels,
            pool=task.pool,
            neighbors=task.neighbors,
            rng=np.random.default_rng(derived_seed(seed, "oracle", known)),  # the same pool for all rules
        )
        found = ranking.ranked.get(task.rule)
        if found is None or len(found.images) < task.labels:
            why = ranking.left_out.get(task.rule, f"{len(ranking.pool)} images are left to ask about")
            raise ValueError(f"oracle task '{task.name}' cannot reveal {task.labels} by {task.rule}: {why}")
        images = torch.from_numpy(found.images).to(head.order.device)
        head.order[images] = torch.arange(
            known + 1, known + 1 + len(images), dtype=torch.int32, device=images.device
        )
        head.scores[images] = torch.from_numpy(found.scores.astype(np.float32)).to(images.device)
        head.before.fill_(known)


def with_answers(
    heads: Mapping[str, nn.Module],
    tasks: Sequence[Any],
    refs: Mapping[str, DatasetRef],
    datasets: Mapping[str, ImageData],
    seed: int,
) -> dict[str, ImageData]:
    """The data sets with what oracles among the tasks were told, also those of the labelled images alone."""
    oracles = [task for task in tasks if isinstance(task, OracleTask)]
    found = dict(datasets)
    for name in datasets:
        config = refs[name].config
        if not isinstance(config, PartlyLabelled):
            continue
        whole = replace(config, labelled_only=False)
        told = [asked_of(heads[task.name]).images for task in oracles if task.dataset.config == whole]
        if sum(map(len, told)):
            found[name] = config.revealed(np.concatenate(told), seed)
    return found
