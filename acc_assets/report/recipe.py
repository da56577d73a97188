"""A recipe's tree and what is stored of it: what every page is rendered from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path

from acc_assets.families import Artifacts, Family, RunArtifacts, families_of
from acc_assets.places import CHECKOUT
from acc_assets.storage import Store
from acc_assets.tree import Tree, TreeNode


@dataclass(frozen=True, kw_only=True)
class AssetView:
    """One asset: its key, and the versions that Dagster knows for it."""

    key: str  # "quickstart/mnist_only_5k_metrics"
    code_version: str | None = None
    data_versions: Mapping[int | None, str] = field(default_factory=dict)  # by seed


@dataclass(frozen=True, eq=False, kw_only=True)
class RecipeView(Tree):
    """A traced tree with its artifacts, each run opened once.

    `assets` are those of each node by family, and `joint` those of all nodes together; `withheld` are, by node and seed
    and then by family, the stored artifacts that are not the recipe's as it is now, and why.
    """

    store: Store
    assets: Mapping[str, Mapping[str, AssetView]]
    withheld: Mapping[tuple[str, int], Mapping[str, str]] = field(default_factory=dict)
    colors: Mapping[str, int] | None = None  # of the branches, where a part of the tree is in view
    _runs: dict[tuple[str, int], RunArtifacts] = field(default_factory=dict, repr=False)
    _shared: dict[int, Artifacts] = field(default_factory=dict, repr=False)

    @staticmethod
    def of(
        tree: Tree,
        store: Store,
        assets: Mapping[str, Mapping[str, AssetView]],
        withheld: Mapping[tuple[str, int], Mapping[str, str]],
    ) -> RecipeView:
        """A view of a tree; its source is named without what this machine calls its folders."""
        own = {one.name: getattr(tree, one.name) for one in fields(Tree)}
        return RecipeView(
            **{**own, "source": shown_path(Path(tree.source))}, store=store, assets=assets, withheld=withheld
        )

    def lone(self, node: TreeNode, colors: Mapping[str, int]) -> RecipeView:
        """The recipe with one node and what it starts from, and assets and artifacts of that node alone.

        What is made from this view tells of nothing else, so nothing else can make it stale.
        """
        line = {one.tag: one for one in self.lineage(node.tag)}
        return replace(
            self,
            nodes=line,
            forks=tuple(fork for fork in self.forks if fork.name in line),
            opened={tag: one for tag, one in self.opened.items() if tag in line},
            assets={node.tag: self.assets[node.tag]},
            colors={tag: colors[tag] for tag in line},
        )

    def run(self, node: str, seed: int) -> RunArtifacts:
        """The artifacts of one node and seed; raises `KeyError` for a node that is out of view."""
        if self.colors is not None and node not in self.assets:
            raise KeyError(f"the view of {', '.join(self.assets)} reads artifacts of {node}")
        if (node, seed) not in self._runs:
            folder = self.store.run(self.name, node, seed)
            withheld = self.withheld.get((node, seed))
            self._runs[node, seed] = RunArtifacts(
                folder, self.name, node, seed, withheld, self.families(self[node])
            )
        return self._runs[node, seed]

    def runs(self, node: str) -> list[RunArtifacts]:
        """A node's runs for every seed, built or not."""
        return [self.run(node, seed) for seed in self.seeds]

    def shown_runs(self) -> list[RunArtifacts]:
        """The runs of all nodes that a comparison shows, built or not."""
        return [run for node in self.shown() for run in self.runs(node.tag)]

    def shared(self, seed: int) -> Artifacts:
        """The artifacts of the data sets, as a seed sees them."""
        if seed not in self._shared:
            self._shared[seed] = Artifacts(self.store.recipe(self.name), own=self.store.seed(self.name, seed))
        return self._shared[seed]

    @cached_property
    def stored(self) -> Artifacts:
        """The artifacts of the whole recipe, such as its comparison."""
        return Artifacts(self.store.recipe(self.name))

    def families(self, node: TreeNode) -> Sequence[Family]:
        """The kinds of artifacts that a node can have, in the order in which pages show them."""
        return self._families[node.tag]

    @cached_property
    def _families(self) -> dict[str, tuple[Family, ...]]:
        return {node.tag: families_of(node) for node in self}

    def family(self, name: str) -> Family:
        """The kind of artifacts of this name that some node can have; raises `KeyError` where none has."""
        return {one.name: one for own in self._families.values() for one in own}[name]

    def problems(self) -> Iterable[str]:
        """What could not be read so far, each with the run it belongs to."""
        for (node, seed), run in self._runs.items():
            yield from (f"{self.name}/{node} seed {seed}: {problem}" for problem in run.problems)
        yield from dict.fromkeys(
            f"{self.name}: {p}" for shared in self._shared.values() for p in shared.problems
        )


def shown_path(path: Path) -> str:
    """A recipe's file, relative to the checkout where it lies there."""
    if CHECKOUT is not None and path.is_relative_to(CHECKOUT):
        return str(path.relative_to(CHECKOUT))
    return path.name
