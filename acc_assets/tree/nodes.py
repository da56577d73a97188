"""The traced result of a recipe: nodes with canonical specs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from acc_assets.tree.analyses import Analysis
from acc_assets.tree.errors import RecipeError
from acc_assets.tree.growth import Growth
from acc_assets.tree.phases import TrainPhase
from acc_assets.tree.references import DatasetRef
from acc_assets.tree.spec import canonical, spec_hash

if TYPE_CHECKING:
    from acc_assets.tree.forks import RecordedFork
    from acc_assets.tree.opened import Opened

NodeKind = Literal["root", "fork", "trained"]


@dataclass(frozen=True)
class TreeNode:
    """A checkpoint of the tree: what it starts from, which tasks it carries and how it was trained."""

    tag: str
    kind: NodeKind
    parent: str | None
    branch: str
    model: Any
    tasks: tuple[Any, ...] = ()
    phases: tuple[TrainPhase, ...] = ()
    growth: Growth | None = None  # of a fork whose model is larger than its parent's
    evaluated: bool = False
    # What it is analysed for; None: the standard analyses. They do not decide the weights, so `spec` leaves them out.
    requests: tuple[Analysis, ...] | None = None
    notes: tuple[str, ...] = ()
    line: int | None = field(default=None, compare=False)  # of the recipe's file that made it

    @cached_property
    def spec(self) -> dict[str, Any]:
        """Everything that decides this node's weights and heads, as plain JSON."""
        grown = {"growth": canonical(self.growth)} if self.growth is not None else {}
        return grown | {
            "tag": self.tag,
            "kind": self.kind,
            "parent": self.parent,
            "model": canonical(self.model),
            "tasks": canonical(self.tasks),
            "phases": canonical(self.phases),
        }

    @cached_property
    def spec_hash(self) -> str:
        """Hash of `spec`, 16 hex digits."""
        return spec_hash(self.spec)

    @property
    def steps(self) -> int:
        """Training steps that this node adds to its parent."""
        return sum(phase.steps for phase in self.phases)

    @property
    def datasets(self) -> dict[str, DatasetRef]:
        """Every data set that this node trains on or is evaluated on, by name."""
        tasks = [task for phase in self.phases for task in phase.tasks] + list(self.tasks)
        return {task.dataset.name: task.dataset for task in tasks}

    @property
    def primary_dataset(self) -> DatasetRef | None:
        """The data set that the latents are shown on: that of the reconstruction task, else of the first task."""
        ranked = sorted(self.tasks, key=lambda task: not getattr(task, "sets_scale", False))
        return ranked[0].dataset if ranked else None


@dataclass(frozen=True, eq=False)
class Tree:
    """All nodes of one recipe in the order in which the recipe made them; parents stand before children.

    Two trees are the same where their `hash` is; `==` asks whether they are one object.
    """

    name: str
    title: str
    description: str
    question: str
    hypothesis: str
    seeds: tuple[int, ...]
    parameters: Mapping[str, Any]
    nodes: Mapping[str, TreeNode]
    datasets: Mapping[str, DatasetRef] = field(default_factory=dict)
    source: str = ""
    requests: tuple[Analysis, ...] = ()  # of all evaluated nodes together
    forks: tuple[RecordedFork, ...] = ()  # recorded beside the recipe; their nodes are among the others
    opened: Mapping[str, Opened] = field(default_factory=dict)  # what may be proposed of forks, by checkpoint

    def __iter__(self) -> Iterator[TreeNode]:
        return iter(self.nodes.values())

    @cached_property
    def hash(self) -> str:
        """Hash of everything that decides what is built and what is shown of it, 16 hex digits.

        Nodes with their specs, branches, analyses, notes and names of phases, data sets, seeds, parameters and the
        recipe's words; not where the file lies. Equal hashes: the same artifacts and the same pages.
        """
        return spec_hash(
            {
                "words": [self.name, self.title, self.description, self.question, self.hypothesis],
                "seeds": canonical(self.seeds),
                "parameters": canonical(self.parameters),
                "requests": canonical(self.requests),
                "datasets": {name: canonical(ref.config) for name, ref in self.datasets.items()},
                "nodes": [
                    {
                        "spec": node.spec,
                        "branch": node.branch,
                        "evaluated": node.evaluated,
                        "requests": canonical(node.requests),
                        "notes": list(node.notes),
                        "phases": [phase.name for phase in node.phases],
                    }
                    for node in self
                ],
            }
            | ({"forks": [fork.model_dump() for fork in self.forks]} if self.forks else {})
            | ({"opened": canonical(self.opened)} if self.opened else {})
        )

    def __getitem__(self, tag: str) -> TreeNode:
        try:
            return self.nodes[tag]
        except KeyError:
            raise RecipeError(
                f"there is no node '{tag}'.", remedy=f"Nodes are: {', '.join(self.nodes)}.", recipe=self.name
            ) from None

    def children(self, tag: str) -> list[TreeNode]:
        """Nodes made directly from `tag`."""
        return [node for node in self if node.parent == tag]

    def ancestors(self, tag: str) -> list[TreeNode]:
        """Nodes from the root down to the parent of `tag`."""
        line: list[TreeNode] = []
        parent = self[tag].parent
        while parent is not None:
            line.append(self[parent])
            parent = self[parent].parent
        return line[::-1]

    def lineage(self, tag: str) -> list[TreeNode]:
        """Nodes from the root down to `tag`, both included."""
        return [*self.ancestors(tag), self[tag]]

    @property
    def label_sets(self) -> list[DatasetRef]:
        """The data sets that read the labels which people gave for this recipe, those of earlier rounds too."""
        return [ref for ref in self.datasets.values() if getattr(ref.config, "people", None) == self.name]

    def label_pool(self) -> tuple[tuple[str, ...], int]:
        """What people label for this recipe: the names of the classes, and the number of training images.

        Raises `RecipeError` where no data set reads their labels, or two that do have other images.
        """
        configs = [ref.config for ref in self.label_sets]
        if not configs:
            raise RecipeError(
                "no data set reads labels that people gave.",
                remedy=f"Load one with Labelled(of=..., people='{self.name}').",
                recipe=self.name,
            )
        if any(one.of != configs[0].of for one in configs):
            raise RecipeError(
                "data sets with different images read one label file.",
                remedy="Give them the same `of`, since a line names an image by its place.",
                recipe=self.name,
            )
        return tuple(configs[0].target_names), int(configs[0].of.train_size)

    @property
    def branches(self) -> list[str]:
        """Names of the branches in the order in which the recipe makes them."""
        return list(dict.fromkeys(node.branch for node in self if node.kind != "root"))

    def shown(self) -> list[TreeNode]:
        """The nodes that a comparison shows: the last trained one of each branch that is evaluated, else the leaves."""
        parents = {node.parent for node in self}
        evaluated = {
            (node.branch, node.kind): node for node in self if node.evaluated and node.kind != "root"
        }
        return list(evaluated.values()) or [
            node for node in self if node.kind == "trained" and node.tag not in parents
        ]

    def start_step(self, tag: str) -> int:
        """Steps that were trained before a node begins."""
        return sum(node.steps for node in self.ancestors(tag))

    def lineage_hash(self, tag: str) -> str:
        """Hash of a node's spec and of all its ancestors' specs: changes where the node's result may change."""
        return spec_hash({"specs": [node.spec_hash for node in self.lineage(tag)]})

    def subtree(self, tag: str) -> list[TreeNode]:
        """`tag` and everything made from it: a branch where `tag` is a fork."""
        kept = {self[tag].tag}
        for node in self:
            if node.parent in kept:
                kept.add(node.tag)
        return [node for node in self if node.tag in kept]
