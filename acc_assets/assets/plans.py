"""Which assets a tree has, under which keys and code versions, and what each is made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import dagster as dg

from acc_assets.assets import checkpoint, comparison, dataset, site
from acc_assets.assets.analyses import kind_of
from acc_assets.assets.kinds import AssetKind, Scope
from acc_assets.families import analyses_of
from acc_assets.storage import ArtifactFolder, Store
from acc_assets.tree import Analysis, Check, DatasetRef, Tree, TreeNode, canonical, spec_hash

Prefix = tuple[str, ...]
Unit = tuple[str, int | None]  # an asset's name with a seed; None for what has no seed
COMPARISON, SITE = "comparison", "site"
PROJECT = "project"  # the folder of what all recipes share


@dataclass(frozen=True)
class AssetPlan:
    """One asset of a recipe: what kind it is, its version, and the assets that it is made from (`deps`)."""

    key: dg.AssetKey
    recipe: str
    kind: AssetKind
    code_version: str
    deps: tuple[dg.AssetKey, ...]
    node: TreeNode | None = None
    request: Analysis | None = None  # of an analysis
    dataset: DatasetRef | None = None
    sources: tuple[dg.AssetKey, ...] = ()  # the files outside that a data set is read from

    @cached_property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.path[-1]

    @property
    def scope(self) -> Scope:
        """What one result is of."""
        return self.kind.scope

    @property
    def by_seed(self) -> bool:
        """Whether it is partitioned by seed."""
        return self.kind.by_seed

    @property
    def family(self) -> str:
        """The name of its artifacts."""
        return self.kind.family.name

    @property
    def checks(self) -> tuple[Check, ...]:
        """The judgements on it, whether it is what the recipe says aside."""
        return self.kind.checks

    def seeds(self, tree: Tree) -> Sequence[int | None]:
        """The seeds that it has."""
        return tree.seeds if self.by_seed else (None,)

    def folder(self, store: Store, seed: int | None) -> ArtifactFolder:
        """Where its artifacts lie."""
        if self.scope == "project":
            return store.folder(PROJECT)
        if self.node is not None:
            tag = self.node.tag
            return store.node(self.recipe, tag) if seed is None else store.run(self.recipe, tag, seed)
        return store.recipe(self.recipe) if seed is None else store.seed(self.recipe, seed)


@lru_cache(maxsize=64)
def plans(tree: Tree, prefix: Prefix = ()) -> tuple[AssetPlan, ...]:
    """Every asset of a tree, upstream first."""
    return tuple(_Planner(tree, prefix).all())


class _Planner:
    """The plans of one tree."""

    def __init__(self, tree: Tree, prefix: Prefix) -> None:
        self._tree = tree
        self._prefix = prefix
        self._lineages = {node.tag: tree.lineage_hash(node.tag) for node in tree}

    def all(self) -> Iterator[AssetPlan]:
        tree = self._tree
        found = [self._data(ref) for ref in tree.datasets.values()]
        for node in tree:
            found.append(self._checkpoint(node))
            found += [self._analysis(node, request) for request in analyses_of(node)]
        found += [self._joint(request) for request in tree.requests]
        yield from found
        everything = spec_hash({"lineages": list(self._lineages.values())})
        compared = [one.key for one in found if one.node is not None and one.kind.family.measures]
        compares = self._of_recipe(
            comparison.KIND, COMPARISON, f"{comparison.VERSION}-{everything}", compared
        )
        yield compares
        # The site shows all; what reaches it through something else needs no edge of its own in the drawn graph.
        passed_on = {*compared, *(dep for plan in found for dep in plan.deps)}
        shown = [plan.key for plan in found if plan.key not in passed_on]
        version = f"{site.version()}-{everything}-{self._words()}"
        yield self._of_recipe(site.KIND, SITE, version, [compares.key, *shown])

    def _words(self, node: TreeNode | None = None) -> str:
        """Hash of words of which no weights depend: the recipe's, with the notes and phases of all nodes or of one."""
        tree, nodes = self._tree, list(self._tree) if node is None else [node]
        words = [tree.title, tree.question, tree.hypothesis, tree.description, *(one.notes for one in nodes)]
        words += [phase.name for one in nodes for phase in one.phases]
        if node is None and tree.opened:  # pages tell how to go on
            words.append(spec_hash(canonical(tree.opened)))
        return spec_hash({"words": canonical(words)})

    def _key(self, name: str) -> dg.AssetKey:
        return dg.AssetKey([*self._prefix, self._tree.name, name])

    def _data(self, ref: DatasetRef) -> AssetPlan:
        return AssetPlan(
            self._key(f"data_{ref.name}"),
            self._tree.name,
            dataset.kind_of(ref),
            f"{dataset.VERSION}-{spec_hash({'config': canonical(ref.config)})}",
            (),
            dataset=ref,
            sources=tuple(dataset.sources_of(ref, self._prefix)),
        )

    def _checkpoint(self, node: TreeNode) -> AssetPlan:
        deps = [self._key(node.parent)] if node.parent else []
        if node.phases:  # a fork takes its parent's weights and reads no data
            deps += [self._key(f"data_{name}") for name in node.datasets]
        version = f"{checkpoint.VERSION}-{self._lineages[node.tag]}"
        return AssetPlan(
            self._key(node.tag),
            self._tree.name,
            checkpoint.kind_of(self._tree, node),
            version,
            tuple(deps),
            node=node,
        )

    def _analysis(self, node: TreeNode, request: Analysis) -> AssetPlan:
        deps = [self._key(f"{node.tag}_{name}") for name in request.after]
        if request.reads_model or not deps:
            deps.insert(0, self._key(node.tag))
        read = [*(node.datasets if request.reads_data else ()), *(ref.name for ref in request.datasets)]
        deps += [self._key(f"data_{name}") for name in dict.fromkeys(read)]
        name = f"{node.tag}_{request.name}"
        return self._requested(request, name, self._lineages[node.tag], deps, node)

    def _joint(self, request: Analysis) -> AssetPlan:
        """An analysis of all evaluated nodes that have what it reads."""
        nodes = [node for node in self._tree if node.evaluated]
        deps = [
            self._key(f"{node.tag}_{one.name}")
            for node in nodes
            for one in analyses_of(node)
            if one.name in request.after
        ]
        if request.reads_model or not deps:
            deps += [self._key(node.tag) for node in nodes]
        deps += [self._key(f"data_{ref.name}") for ref in request.datasets]
        lineages = spec_hash({"lineages": [self._lineages[node.tag] for node in nodes]})
        return self._requested(request, f"tree_{request.name}", lineages, deps, None)

    def _requested(
        self,
        request: Analysis,
        name: str,
        lineage: str,
        deps: Sequence[dg.AssetKey],
        node: TreeNode | None,
    ) -> AssetPlan:
        parts = [str(request.version), lineage, spec_hash({"request": canonical(request)})]
        if request.reads_words:
            parts.append(self._words(node))
        kind, version = kind_of(request), "-".join(parts)
        return AssetPlan(
            self._key(name), self._tree.name, kind, version, tuple(deps), node=node, request=request
        )

    def _of_recipe(self, kind: AssetKind, name: str, version: str, deps: Sequence[dg.AssetKey]) -> AssetPlan:
        return AssetPlan(self._key(name), self._tree.name, kind, version, tuple(deps))


def inputs_of(
    plan: AssetPlan, tree: Tree, seed: int | None, by_key: Mapping[dg.AssetKey, AssetPlan]
) -> list[Unit]:
    """What one unit is made from: of the same seed or of no seed; of all seeds, for what has none itself.

    The site may read all that there is.
    """
    read = [by_key[key] for key in plan.deps]
    if plan.name == SITE:
        read = [one for one in by_key.values() if one is not plan]
    return [
        (one.name, own)
        for one in read
        for own in (one.seeds(tree) if seed is None or not one.by_seed else (seed,))
    ]


def branch_plans(tree: Tree, every: Sequence[AssetPlan], fork: str) -> list[AssetPlan]:
    """A branch off the root: what it starts from, its fork, all made from it, and their analyses and data."""
    tags = {below.tag for below in tree.subtree(fork)}
    above = {one.tag for one in tree.ancestors(fork)}
    data = {name for tag in tags for name in tree[tag].datasets}
    return [
        plan
        for plan in every
        if (plan.node is not None and plan.node.tag in tags)
        or (plan.node is not None and plan.node.tag in above and plan.request is None)
        or (plan.dataset is not None and plan.dataset.name in data)
    ]
