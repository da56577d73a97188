"""A node while the recipe still works on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from acc_assets.tree.analyses import Analysis
from acc_assets.tree.growth import Growth
from acc_assets.tree.nodes import NodeKind, TreeNode
from acc_assets.tree.phases import TrainPhase


@dataclass
class Draft:
    """What a node is so far."""

    tag: str
    kind: NodeKind
    parent: str | None
    branch: str
    model: Any
    tasks: list[Any] = field(default_factory=list)
    phases: list[TrainPhase] = field(default_factory=list)
    growth: Growth | None = None
    evaluated: bool = False
    requests: tuple[Analysis, ...] | None = None  # None: the standard ones
    sealed: bool = False  # once trained from or forked, its tasks are fixed
    notes: list[str] = field(default_factory=list)
    line: int | None = None

    def finish(self) -> TreeNode:
        """The node as it is now."""
        return TreeNode(
            tag=self.tag,
            kind=self.kind,
            parent=self.parent,
            branch=self.branch,
            model=self.model,
            tasks=tuple(self.tasks),
            phases=tuple(self.phases),
            growth=self.growth,
            evaluated=self.evaluated,
            requests=self.requests,
            notes=tuple(self.notes),
            line=self.line,
        )
