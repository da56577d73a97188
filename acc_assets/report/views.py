"""What the report is told about recipes; everything else it reads from artifacts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class AssetView:
    """One asset of a node: its key, and the versions that Dagster knows for it."""

    key: str  # "quickstart/mnist_only_5k_metrics"
    code_version: str | None = None
    data_versions: Mapping[int, str] = field(default_factory=dict)  # by seed


@dataclass(frozen=True, kw_only=True)
class NodeView:
    """One node of a traced tree, as JSON-like values."""

    tag: str
    kind: str  # "root" | "fork" | "trained"
    parent: str | None = None
    branch: str | None = None
    evaluated: bool = False
    spec: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    tasks: Sequence[Mapping[str, Any]] = ()
    phases: Sequence[Mapping[str, Any]] = ()
    assets: Mapping[str, AssetView] = field(default_factory=dict)  # by artifact family, e.g. "metrics"
    notes: Sequence[str] = ()  # remarks that the recipe made on it


@dataclass(frozen=True, kw_only=True)
class RecipeView:
    """One recipe; `error` is set, and `nodes` is empty, when its file is broken."""

    name: str
    title: str = ""
    description: str = ""
    question: str = ""
    hypothesis: str = ""
    source: str = ""  # the recipe's file, relative to the checkout
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seeds: Sequence[int] = ()
    nodes: Sequence[NodeView] = ()
    # By node and seed, then by family: stored artifacts that are not the recipe's as it is now, and why.
    withheld: Mapping[tuple[str, int], Mapping[str, str]] = field(default_factory=dict)
    error: str | None = None

    def node(self, tag: str) -> NodeView:
        """Return the node with this tag.

        Raises:
            KeyError: no node has it; the message lists the tags there are.
        """
        for node in self.nodes:
            if node.tag == tag:
                return node
        raise KeyError(f"recipe '{self.name}' has no node '{tag}'; it has {[n.tag for n in self.nodes]}")

    def lineage(self, tag: str) -> list[NodeView]:
        """Return the nodes from the root down to `tag`, both included."""
        path: list[NodeView] = []
        current: str | None = tag
        while current is not None:
            node = self.node(current)
            path.append(node)
            current = node.parent
        return path[::-1]

    def branches(self) -> list[str]:
        """Return the names of the branches in the order in which the recipe makes them."""
        return list(dict.fromkeys(node.branch for node in self.nodes if node.branch and node.kind != "root"))

    def shown(self) -> Iterator[NodeView]:
        """Yield the nodes that a comparison shows: those the recipe evaluates, else the trained leaves."""
        evaluated = [node for node in self.nodes if node.evaluated and node.kind != "root"]
        if evaluated:
            yield from evaluated
            return
        parents = {node.parent for node in self.nodes}
        yield from (node for node in self.nodes if node.kind == "trained" and node.tag not in parents)
