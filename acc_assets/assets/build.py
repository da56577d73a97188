"""Bringing a recipe up to date: ordinary Dagster runs of exactly what is missing or stale, one a seed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg

from acc_assets.assets.daemon import BUILD_TAG, Daemon, cancel
from acc_assets.assets.follow import Listener, Outcomes, follow
from acc_assets.assets.home import home_plan
from acc_assets.assets.instance import UNFINISHED, cores, open_instance
from acc_assets.assets.launched import VERSION_TAG, Project, keep, seed_tags, tree_tag
from acc_assets.assets.partitions import chosen_seeds
from acc_assets.assets.plans import SITE, AssetPlan, Unit, plans
from acc_assets.assets.status import AssetStatus, Depth, home_status, recipe_status
from acc_assets.assets.submit import Launcher
from acc_assets.assets.watch import TELLING_SECONDS, tell_failure, tell_verdicts
from acc_assets.storage import Store
from acc_assets.tree import RecipeError, Tree


@dataclass(frozen=True)
class Built:
    """What became of one asset: built, failed, or skipped because something before it failed."""

    asset: str
    seed: int | None
    outcome: str
    why: str
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class BuildReport:
    """What a build did, what was fresh already, and what was recorded because it lay there whole."""

    built: Sequence[Built]
    fresh: Sequence[AssetStatus]
    registered: Sequence[AssetStatus] = field(default_factory=tuple)

    @property
    def failed(self) -> list[Built]:
        """Assets that did not come about."""
        return [one for one in self.built if one.outcome != "built"]


def build(
    project: Project,
    recipe: str,
    store: Store,
    *,
    select: str | None = None,
    seeds: list[int] | None = None,
    force: bool = False,
    upstream: bool = True,
    listener: Listener | None = None,
    instance: dg.DagsterInstance | None = None,
    in_process: bool = False,
) -> BuildReport:
    """Bring a recipe, a branch or a node up to date, with everything it is made from; then comparison and site.

    `force` builds the selection although it is fresh (a whole checkpoint is kept: its bits are determined);
    without `upstream` nothing but the selection is built. With an `instance`, its daemon carries the runs out;
    `in_process` carries them out here, one after another, as a notebook or a test wants it.
    Failures of single assets are in the report; whatever does not depend on them is carried out all the same.
    """
    tree = project.trees[recipe]
    chosen = chosen_seeds(tree, seeds)
    selected = {plan.key for plan in _selected(project, tree, select)}
    wanted = _wanted(project, tree, selected) if upstream else selected
    own = open_instance(store) if instance is None else nullcontext(instance)
    with own as dagster:
        states = _in_question(project, tree, dagster, store, chosen, wanted, depth="files")
        registered = [one for one in states if one.state == "unregistered"]
        if registered:
            register(dagster, registered)
            states = _in_question(project, tree, dagster, store, chosen, wanted)
        forced = selected if force else set()
        started_fresh = [one for one in states if not one.to_build and one.plan.key not in forced]
        todo = [one for one in states if one.to_build or one.plan.key in forced]
        built: dict[Unit, Built] = {}
        if todo:
            for one in project.trees.values():  # a run traces all that its location had when it was launched
                keep(store, one)
            build_id = uuid.uuid4().hex[:12]
            alone = instance is None and not in_process
            with Daemon(dagster, store, build_id) if alone else nullcontext() as daemon:
                work = _Work(project, tree, store, dagster, daemon, build_id, listener, in_process)
                built |= work.seeds([one for one in todo if not one.plan.kind.reads_all], chosen)
                # Only now is it known what there is to compare and to show.
                states = _in_question(project, tree, dagster, store, chosen, wanted)
                built |= work.report([one for one in states if one.to_build or one.plan.key in forced])
                tell_verdicts(project, tree, dagster, store, time.monotonic() + TELLING_SECONDS)
    fresh = [one for one in started_fresh if one.unit not in built]
    return BuildReport(list(built.values()), fresh, registered)


def register(instance: dg.DagsterInstance, states: Iterable[AssetStatus]) -> None:
    """Tell Dagster of whole artifacts that its database does not know, as materializations without a run."""
    for one in states:
        tags = {VERSION_TAG: str(one.version), "dagster/code_version": one.plan.code_version}
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                asset_key=one.plan.key,
                partition=None if one.seed is None else str(one.seed),
                tags=tags,
                metadata={"registered": "found whole in the store"},
            )
        )


@dataclass(frozen=True)
class _Work:
    """The runs of one build."""

    project: Project
    tree: Tree
    store: Store
    instance: dg.DagsterInstance
    daemon: Daemon | None
    build_id: str
    listener: Listener | None
    in_process: bool

    def seeds(self, todo: Sequence[AssetStatus], seeds: Sequence[int]) -> dict[Unit, Built]:
        """One run a seed; each makes sure of the data sets that it needs."""
        data = [one for one in todo if one.seed is None]
        by_seed = {seed: [one for one in todo if one.seed == seed] for seed in seeds}
        runs = {seed: [*data, *own] for seed, own in by_seed.items() if own}
        if data and not runs:
            runs = {seeds[0]: data}
        branches = {
            one.plan.node.branch for one in todo if one.plan.node is not None and one.plan.node.phases
        }
        # Seeds side by side need no processes of their own; branches do, where cores are left for them.
        return self._carry_out(runs, processes=max(1, min(cores() // max(1, len(runs)), len(branches))))

    def report(self, todo: Sequence[AssetStatus]) -> dict[Unit, Built]:
        """The comparison and the site."""
        last = [one for one in todo if one.plan.kind.reads_all]
        return self._carry_out({None: last}, processes=1) if last else {}

    def _carry_out(
        self,
        runs: Mapping[Any, Sequence[AssetStatus]],
        processes: int,
    ) -> dict[Unit, Built]:
        launcher = Launcher(self.project, self.tree, self.instance)
        followed: dict[str, Sequence[AssetStatus]] = {}
        for seed, units in runs.items():
            keys = {one.plan.key for one in units}
            tags = {BUILD_TAG: self.build_id}
            if self.in_process:
                run_id = launcher.carry_out(seed, keys, tags=tags)
            else:
                run_id = self._under_way(seed, keys) or launcher.submit(
                    seed, keys, tags=tags, processes=processes
                )
            followed[run_id] = units
        try:
            outcomes = follow(self.instance, self.store, self.tree, followed, self.daemon, self.listener)
        except BaseException:
            cancel(self.instance, self.build_id)
            raise
        for run in map(self.instance.get_run_by_id, followed):
            if run is not None and run.status == dg.DagsterRunStatus.FAILURE:
                tell_failure(self.project, self.instance, self.store, run)
        return _what_became(followed, outcomes)

    def _under_way(self, seed: int | None, keys: set[dg.AssetKey]) -> str | None:
        """A run of the same tree that makes all of it already."""
        tags = {tree_tag(self.tree.name): self.tree.hash, **seed_tags(seed)}
        asked = dg.RunsFilter(statuses=list(UNFINISHED), tags=tags)
        for run in self.instance.get_runs(asked):
            if run.asset_selection is not None and keys <= run.asset_selection:
                return run.run_id
        return None


def _what_became(followed: Mapping[str, Sequence[AssetStatus]], outcomes: Outcomes) -> dict[Unit, Built]:
    found: dict[Unit, Built] = {}
    for run_id, units in followed.items():
        for one in units:
            name, seed = one.unit
            done = outcomes.seconds.get((run_id, name))
            error = outcomes.errors.get((run_id, name), "")
            outcome = "built" if done is not None else "failed" if error else "skipped"
            known = found.get(one.unit)
            if known is None or known.outcome != "built":
                found[one.unit] = Built(name, seed, outcome, one.why or one.state, done or 0.0, error)
    return found


def _in_question(
    project: Project,
    tree: Tree,
    instance: dg.DagsterInstance,
    store: Store,
    seeds: Sequence[int],
    wanted: set[dg.AssetKey],
    *,
    depth: Depth | None = None,
) -> list[AssetStatus]:
    states = recipe_status(tree, instance, store, seeds, prefix=project.prefix, depth=depth)
    home = home_status(project, instance, store, depth=depth)
    if any(one.plan.name == SITE and one.to_build for one in states) and not home.to_build:
        home = replace(home, state="stale", why="the recipe's site is stale")
    return [one for one in [*states, home] if one.plan.key in wanted]


def _selected(project: Project, tree: Tree, select: str | None) -> list[AssetPlan]:
    every = list(plans(tree, project.prefix))
    if select is None:
        return every
    if select in tree.nodes:
        tags = {node.tag for node in tree.subtree(select)}
        return [plan for plan in every if plan.node is not None and plan.node.tag in tags]
    exact = [plan for plan in every if plan.name == select]
    if not exact:
        raise RecipeError(
            f"nothing here is called '{select}'.",
            remedy=f"Branches and nodes are: {', '.join(tree.nodes)}; single assets go by their names in `acc status`.",
            recipe=tree.name,
        )
    return exact


def _wanted(project: Project, tree: Tree, selected: set[dg.AssetKey]) -> set[dg.AssetKey]:
    """The selection with everything that it is made from, and the report, which reads what there is."""
    every = {plan.key: plan for plan in plans(tree, project.prefix)}
    found = {key for key, plan in every.items() if plan.kind.reads_all} | {home_plan(project).key}
    waiting: list[Any] = [key for key in selected if key not in found]
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += every[key].deps
    return found
