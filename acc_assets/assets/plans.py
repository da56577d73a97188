"""Which assets a tree has, under which keys and code versions, and what each is made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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
from acc_assets.assets.kinds import AnalysisKind
from acc_assets.tree import DatasetRef, Tree, TreeNode, canonical, spec_hash

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


@dataclass(frozen=True)
class AssetPlan:
    """One asset of a recipe.

    `node` is None for what belongs to the whole recipe; `kind` is the analysis of an analysis asset, `dataset` the data
    set of a data asset; `family` names the artifacts ("" for the site, which lies outside the runs).
    """

    key: dg.AssetKey
    recipe: str
    family: str
    code_version: str
    deps: tuple[dg.AssetKey, ...]
    node: TreeNode | None = None
    kind: AnalysisKind | None = None
    dataset: DatasetRef | None = None

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.path[-1]


def plans(tree: Tree) -> list[AssetPlan]:
    """Every asset of a tree, upstream first."""
    data = {name: _data_plan(tree, ref) for name, ref in tree.datasets.items()}
    found = list(data.values())
    analyses: list[AssetPlan] = []
    for node in tree:
        deps = [_key(tree, node.parent)] if node.parent else []
        deps += [data[name].key for name in node.datasets]
        version = f"{checkpoint.VERSION}-{tree.lineage_hash(node.tag)}"
        key = _key(tree, node.tag)
        found.append(AssetPlan(key, tree.name, checkpoint.FAMILY, version, tuple(deps), node=node))
        own = [_analysis_plan(tree, node, kind) for kind in analyses_of(node)]
        analyses += own
        found += own
    everything = spec_hash({"lineages": [tree.lineage_hash(node.tag) for node in tree]})
    compared = [plan.key for plan in analyses if plan.kind and plan.kind.suffix in comparison.READS]
    # The site shows all; what reaches it through something else needs no edge of its own in the drawn graph.
    passed_on = {*compared, *(dep for plan in found for dep in plan.deps)}
    shown = [plan.key for plan in found if plan.key not in passed_on]
    found.append(
        AssetPlan(
            _key(tree, "comparison"),
            tree.name,
            comparison.FAMILY,
            f"{comparison.VERSION}-{everything}",
            tuple(compared),
        )
    )
    site_deps = (found[-1].key, *shown)
    # These are shown by the site alone.
    words = spec_hash(
        {
            "title": tree.title,
            "question": tree.question,
            "hypothesis": tree.hypothesis,
            "description": tree.description,
        }
    )
    found.append(
        AssetPlan(_key(tree, "site"), tree.name, "", f"{site.version()}-{everything}-{words}", site_deps)
    )
    return found


def analyses_of(node: TreeNode) -> Iterator[AnalysisKind]:
    """The analyses that a node gets: none unless the recipe evaluates it."""
    if node.evaluated:
        yield from (kind for kind in ANALYSES if kind.applies(node))


def _data_plan(tree: Tree, ref: DatasetRef) -> AssetPlan:
    version = spec_hash({"config": canonical(ref.config)})
    return AssetPlan(
        _key(tree, f"data_{ref.name}"),
        tree.name,
        f"data-{ref.name}",
        f"{dataset.VERSION}-{version}",
        (),
        dataset=ref,
    )


def _analysis_plan(tree: Tree, node: TreeNode, kind: AnalysisKind) -> AssetPlan:
    own = {other.suffix for other in analyses_of(node)}
    deps = [_key(tree, f"{node.tag}_{suffix}") for suffix in kind.after if suffix in own]
    if kind.reads_model or not deps:
        deps.insert(0, _key(tree, node.tag))
    label_sets = node.manifold.label_sets if node.manifold is not None and kind.suffix == "manifold" else ()
    read = [*(node.datasets if kind.reads_data else ()), *(ref.name for ref in label_sets)]
    deps += [_key(tree, f"data_{name}") for name in dict.fromkeys(read)]
    request = kind.request(node)
    asked = "" if request is None else f"-{spec_hash({'request': canonical(request)})}"
    return AssetPlan(
        _key(tree, f"{node.tag}_{kind.suffix}"),
        tree.name,
        kind.family,
        f"{kind.version}-{tree.lineage_hash(node.tag)}{asked}",
        tuple(deps),
        node=node,
        kind=kind,
    )


def _key(tree: Tree, name: Any) -> dg.AssetKey:
    return dg.AssetKey([tree.name, str(name)])
