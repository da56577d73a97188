"""Fresh, stale or missing: Dagster's own answer, for the CLI and the site."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import dagster as dg

# Dagster has no public name for the resolver behind the UI's "unsynced"; asking it keeps one notion of staleness.
from dagster._core.asset_graph_view.asset_graph_view import AssetGraphView, TemporalContext
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus

from acc_assets.assets.plans import AssetPlan, plans
from acc_assets.assets.site import site_folder
from acc_assets.storage import Store
from acc_assets.tree import Tree


@dataclass(frozen=True)
class AssetStatus:
    """One asset, for one seed or (seed None) for the whole recipe.

    `state` is Dagster's fresh, stale or missing; `damaged` where Dagster calls it materialized and an artifact that its
    manifest names is not as it was written.
    """

    plan: AssetPlan
    seed: int | None
    state: str
    why: str

    @property
    def to_build(self) -> bool:
        """Whether a build carries it out."""
        return self.state != "fresh"


def recipe_status(
    tree: Tree,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    store: Store,
    seeds: Sequence[int] | None = None,
    *,
    verify: bool = True,
) -> list[AssetStatus]:
    """The state of every asset of a recipe, upstream first; `verify` also reads the artifacts against manifests."""
    graph = definitions.resolve_asset_graph()
    view = AssetGraphView(
        temporal_context=TemporalContext(effective_dt=datetime.now(timezone.utc), last_event_id=None),
        instance=instance,
        asset_graph=graph,
    )
    resolver = CachingStaleStatusResolver(instance=instance, asset_graph=graph, loading_context=view)
    found = []
    for plan in plans(tree):
        for seed in seeds if seeds is not None and plan.node else tree.seeds if plan.node else (None,):
            found.append(_status(plan, seed, resolver, store, verify))
    return found


def _status(
    plan: AssetPlan, seed: int | None, resolver: CachingStaleStatusResolver, store: Store, verify: bool
) -> AssetStatus:
    partition = None if seed is None else str(seed)
    state = resolver.get_status(plan.key, partition)
    if state == StaleStatus.MISSING:
        return AssetStatus(plan, seed, "missing", "never built")
    if state == StaleStatus.STALE:
        causes = resolver.get_stale_causes(plan.key, partition)
        return AssetStatus(plan, seed, "stale", "; ".join(dict.fromkeys(_words(cause) for cause in causes)))
    if not plan.family and not (site_folder(store) / "index.html").exists():
        return AssetStatus(plan, seed, "missing", "its folder is gone")
    if verify and plan.family:
        folder = (
            store.recipe(plan.recipe)
            if plan.node is None
            else store.run(plan.recipe, plan.node.tag, int(seed or 0))
        )
        damages = folder.verify(plan.family)
        if damages:
            return AssetStatus(plan, seed, "damaged", str(damages[0]))
    return AssetStatus(plan, seed, "fresh", "")


def _words(cause: object) -> str:
    """Dagster's reason in a few words."""
    reason = str(getattr(cause, "reason", cause))
    key = getattr(getattr(cause, "dependency", None), "asset_key", None)
    if reason == "has a new code version":
        return "its recipe or code changed"
    if key is None:
        return reason
    changed = "is read no more" if "removed" in reason else "is read now" if "on " in reason else "changed"
    return f"{key.path[-1]} {changed}"


def upstream_closure(definitions: dg.Definitions, keys: Iterable[dg.AssetKey]) -> set[dg.AssetKey]:
    """The keys and everything of the recipe that they are made from."""
    graph = definitions.resolve_asset_graph()
    found: set[dg.AssetKey] = set()
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += graph.get(key).parent_keys
    return found
