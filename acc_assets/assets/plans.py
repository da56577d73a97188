"""Which assets a tree has, under which keys and code versions, and what each is made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import dagster as dg

from acc_assets.assets import (
    attention,
    checkpoint,
    comparison,
    dataset,
    interactive,
    latents,
    manifold,
    metrics,
    neighbors,
    onnx,
    projection,
    reconstructions,
    site,
    sorted_images,
    traversals,
)
from acc_assets.assets.kinds import AnalysisKind, Check
from acc_assets.storage import RunDirectory, Store
from acc_assets.tree import DatasetRef, Tree, TreeNode, canonical, spec_hash

Scope = Literal["data", "node", "recipe"]  # decides the partitions, the group and the place in the store
Prefix = tuple[str, ...]
Unit = tuple[str, int | None]  # an asset's name with a seed; None for what has no seed

ANALYSES: tuple[AnalysisKind, ...] = (
    latents.KIND,
    metrics.KIND,
    reconstructions.KIND,
    traversals.KIND,
    sorted_images.KIND,
    attention.KIND,
    neighbors.KIND,
    projection.KIND,
    onnx.KIND,
    manifold.KIND,
    interactive.KIND,
)
COMPARISON, SITE = "comparison", "site"


@dataclass(frozen=True)
class AssetPlan:
    """One asset of a recipe.

    A data set, the comparison and the site have no seed; a checkpoint and its analyses are of one node and are
    partitioned by seed. `family` names the artifacts, in the order of `deps` stand the assets that it is made from.
    """

    key: dg.AssetKey
    recipe: str
    scope: Scope
    family: str
    code_version: str
    deps: tuple[dg.AssetKey, ...]
    node: TreeNode | None = None
    kind: AnalysisKind | None = None
    dataset: DatasetRef | None = None
    source: dg.AssetKey | None = None  # the files outside that a data set is read from

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.path[-1]

    @property
    def checks(self) -> tuple[Check, ...]:
        """The judgements on it, whether it is what the recipe says aside."""
        if self.kind is not None:
            return self.kind.checks
        if self.node is not None:
            return checkpoint.CHECKS if self.node.kind == "trained" else ()
        return site.CHECKS if self.name == SITE else ()

    def seeds(self, tree: Tree) -> Sequence[int | None]:
        """The seeds that it has."""
        return tree.seeds if self.scope == "node" else (None,)

    def folder(self, store: Store, seed: int | None) -> RunDirectory:
        """Where its artifacts lie."""
        if self.node is None or seed is None:
            return store.recipe(self.recipe)
        return store.run(self.recipe, self.node.tag, seed)


def plans(tree: Tree, prefix: Prefix = ()) -> list[AssetPlan]:
    """Every asset of a tree, upstream first."""

    def key(name: str) -> dg.AssetKey:
        return dg.AssetKey([*prefix, tree.name, name])

    data = {name: _data_plan(tree, ref, key(f"data_{name}"), prefix) for name, ref in tree.datasets.items()}
    found = list(data.values())
    analyses: list[AssetPlan] = []
    for node in tree:
        deps = [key(node.parent)] if node.parent else []
        if node.phases:  # a fork takes its parent's weights and reads no data
            deps += [data[name].key for name in node.datasets]
        found.append(
            AssetPlan(
                key(node.tag),
                tree.name,
                "node",
                checkpoint.FAMILY,
                f"{checkpoint.VERSION}-{tree.lineage_hash(node.tag)}",
                tuple(deps),
                node=node,
            )
        )
        own = [_analysis_plan(tree, node, kind, prefix) for kind in analyses_of(node)]
        analyses += own
        found += own
    everything = spec_hash({"lineages": [tree.lineage_hash(node.tag) for node in tree]})
    compared = [plan.key for plan in analyses if plan.kind and plan.kind.suffix in comparison.READS]
    # The site shows all; what reaches it through something else needs no edge of its own in the drawn graph.
    passed_on = {*compared, *(dep for plan in found for dep in plan.deps)}
    shown = [plan.key for plan in found if plan.key not in passed_on]
    compares = AssetPlan(
        key(COMPARISON),
        tree.name,
        "recipe",
        comparison.FAMILY,
        f"{comparison.VERSION}-{everything}",
        tuple(compared),
    )
    # These are shown by the site alone.
    words = spec_hash(
        {
            "title": tree.title,
            "question": tree.question,
            "hypothesis": tree.hypothesis,
            "description": tree.description,
        }
    )
    renders = AssetPlan(
        key(SITE),
        tree.name,
        "recipe",
        site.FAMILY,
        f"{site.version()}-{everything}-{words}",
        (compares.key, *shown),
    )
    return [*found, compares, renders]


def analyses_of(node: TreeNode) -> Iterator[AnalysisKind]:
    """The analyses that a node gets: none unless the recipe evaluates it."""
    if node.evaluated:
        yield from (kind for kind in ANALYSES if kind.applies(node))


def inputs_of(plan: AssetPlan, seed: int | None, by_key: Mapping[dg.AssetKey, AssetPlan]) -> list[Unit]:
    """What one unit is made from: of the same seed, or of no seed."""
    return [(by_key[key].name, seed if by_key[key].scope == "node" else None) for key in plan.deps]


def read_by(plan: AssetPlan, tree: Tree, every: Sequence[AssetPlan]) -> list[Unit]:
    """What the comparison or the site may read: every seed of what it compares, or of all that there is."""
    read = [one for one in every if one.key in plan.deps or (plan.name == SITE and one.key != plan.key)]
    return [(one.name, seed) for one in read for seed in one.seeds(tree)]


def _data_plan(tree: Tree, ref: DatasetRef, key: dg.AssetKey, prefix: Prefix) -> AssetPlan:
    source = dataset.source_key(ref, prefix)
    return AssetPlan(
        key,
        tree.name,
        "data",
        f"data-{ref.name}",
        f"{dataset.VERSION}-{spec_hash({'config': canonical(ref.config)})}",
        (),
        dataset=ref,
        source=source,
    )


def _analysis_plan(tree: Tree, node: TreeNode, kind: AnalysisKind, prefix: Prefix) -> AssetPlan:
    def key(name: str) -> dg.AssetKey:
        return dg.AssetKey([*prefix, tree.name, name])

    own = {other.suffix for other in analyses_of(node)}
    deps = [key(f"{node.tag}_{suffix}") for suffix in kind.after if suffix in own]
    if kind.reads_model or not deps:
        deps.insert(0, key(node.tag))
    label_sets = node.manifold.label_sets if node.manifold is not None and kind.suffix == "manifold" else ()
    read = [*(node.datasets if kind.reads_data else ()), *(ref.name for ref in label_sets)]
    deps += [key(f"data_{name}") for name in dict.fromkeys(read)]
    request: Any = kind.request(node)
    asked = "" if request is None else f"-{spec_hash({'request': canonical(request)})}"
    return AssetPlan(
        key(f"{node.tag}_{kind.suffix}"),
        tree.name,
        "node",
        kind.family,
        f"{kind.version}-{tree.lineage_hash(node.tag)}{asked}",
        tuple(deps),
        node=node,
        kind=kind,
    )
