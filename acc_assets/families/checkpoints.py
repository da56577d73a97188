"""Checkpoints of a node and seed, and what its training left beside them: configuration, summary and history."""

from __future__ import annotations

from acc_assets.families.base import Download, Family


class CheckpointFamily(Family):
    """Written by `acc_assets.training` while it trains; the files beside its folder tell of the training."""

    name = "checkpoints"
    title = "Checkpoints"
    parts = ("history", "summary", "config")
    downloads = (
        Download("../history/history.npz", "Training history (npz)"),
        Download("../config.json", "Configuration (JSON)"),
        Download("../summary.json", "Summary (JSON)"),
    )


CHECKPOINTS = CheckpointFamily()
