"""Checkpoints of a node and seed, and what its training left beside them: configuration, summary and history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from acc_assets.families import previews
from acc_assets.families.base import Download, Family, Payload

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts


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

    def payloads(self, run: RunArtifacts, shared: Artifacts) -> Iterable[Payload]:
        """Yield the previews of all snapshots, which the node's page replays."""
        steps = [step for step in previews.told(run.events) if run.exists(previews.SERIES.path(step))]
        if steps:
            source = [previews.VERSION, run.digest(self.name), steps, previews.words_of(run.config)]
            yield Payload(
                what="previews",
                page="node",
                source=source,
                make=lambda: previews.script_of(run),
                rounded=True,
            )


CHECKPOINTS = CheckpointFamily()
