"""Carrying a recipe out from the command line: Dagster runs of exactly what is missing or stale."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import active_children, get_context
from threading import Thread
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError

from acc_assets.assets import progress
from acc_assets.assets.instance import PROCESS_TAG, clear_dead_runs, open_instance, process_tag
from acc_assets.assets.location import PRELOADED, build_definitions
from acc_assets.assets.partitions import chosen_seeds
from acc_assets.assets.plans import AssetPlan, plans
from acc_assets.assets.progress import Listener, ProgressEvent
from acc_assets.assets.resources import training_slots
from acc_assets.assets.status import AssetStatus, recipe_status, upstream_closure
from acc_assets.recipes import find_recipes
from acc_assets.storage import Store
from acc_assets.tree import RecipeError, Tree

# The event log keeps every message; the terminal belongs to the progress display.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
LAST = ("comparison", "site")
MAX_PASSES = (
    3  # a rebuilt checkpoint with new content makes its analyses stale, which the next pass carries out
)


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
    """What a build did and what was fresh already."""

    built: Sequence[Built]
    fresh: Sequence[AssetStatus]
    closed_runs: Sequence[str] = field(default_factory=tuple)

    @property
    def failed(self) -> list[Built]:
        """Assets that did not come about."""
        return [one for one in self.built if one.outcome != "built"]


@dataclass(frozen=True)
class _Unit:
    """Assets that one Dagster run materializes: one seed's, or (seed None) those of the whole recipe."""

    recipe: str
    parameters: Mapping[str, Any]
    assets: tuple[str, ...]
    seed: int | None


def build(
    tree: Tree,
    store: Store,
    *,
    select: str | None = None,
    seeds: list[int] | None = None,
    workers: int = 1,
    force: bool = False,
    upstream: bool = True,
    listener: Listener | None = None,
) -> BuildReport:
    """Bring a recipe, a branch or a node up to date, with everything it is made from; then comparison and site.

    `force` builds the selection although it is fresh (a whole checkpoint is kept: its bits are determined);
    without `upstream` nothing but the selection is built.
    Failures of single assets are in the report; whatever does not depend on them is carried out all the same.
    """
    os.environ["ACC_STORAGE"] = str(store.root)  # the assets' own store
    chosen = chosen_seeds(tree, seeds)
    definitions = build_definitions([tree])
    wanted = (
        _wanted(tree, definitions, select) if upstream else {plan.key for plan in _selected(tree, select)}
    )
    forced = {plan.key for plan in _selected(tree, select)} if force else set()
    built: dict[tuple[str, int | None], Built] = {}
    with open_instance(store, training_slots=training_slots(workers)) as instance:
        closed = clear_dead_runs(instance)
        started_fresh: list[AssetStatus] = []
        for number in range(MAX_PASSES):
            states = recipe_status(tree, definitions, instance, store, chosen, verify=number == 0)
            states = [state for state in states if state.plan.key in wanted]
            if number == 0:
                started_fresh = [s for s in states if not s.to_build and s.plan.key not in forced]
            todo = [
                s
                for s in states
                if (s.to_build or (s.plan.key in forced and number == 0))
                and built.get((s.plan.name, s.seed), _NEVER).outcome in ("", "built")
            ]
            if not todo:
                break
            for wave in _waves(tree, todo, workers):
                ready, skipped = _without_failed(wave, definitions, built)
                carried_out = _carry_out(
                    ready, _reasons(todo), definitions, instance, store, workers, listener
                )
                for one in (*skipped, *carried_out):
                    built[one.asset, one.seed] = one
    redone = {(asset, seed) for asset, seed in built}
    fresh = [s for s in started_fresh if (s.plan.name, s.seed) not in redone]
    return BuildReport(list(built.values()), fresh, closed)


_NEVER = Built("", None, "", "")


def _without_failed(
    wave: Sequence[_Unit], definitions: dg.Definitions, built: Mapping[tuple[str, int | None], Built]
) -> tuple[list[_Unit], list[Built]]:
    """Take out of a wave what something that failed in an earlier wave leads to; comparison and site stay."""
    failed = {key for key, one in built.items() if one.outcome != "built"}
    if not failed:
        return list(wave), []
    ready, skipped = [], []
    for unit in wave:
        kept = []
        for name in unit.assets:
            upstream = upstream_closure(definitions, [dg.AssetKey([unit.recipe, name])])
            causes = [
                key.path[-1] for key in upstream if {(key.path[-1], unit.seed), (key.path[-1], None)} & failed
            ]
            if causes and name not in LAST:
                skipped.append(Built(name, unit.seed, "skipped", f"{causes[0]} did not come about"))
            else:
                kept.append(name)
        if kept:
            ready.append(replace(unit, assets=tuple(kept)))
    return ready, skipped


def _selected(tree: Tree, select: str | None) -> list[AssetPlan]:
    if select is None:
        return plans(tree)
    if select in tree.nodes:
        tags = {node.tag for node in tree.subtree(select)}
        return [plan for plan in plans(tree) if plan.node is not None and plan.node.tag in tags]
    exact = [plan for plan in plans(tree) if plan.name == select]
    if not exact:
        raise RecipeError(
            f"nothing here is called '{select}'.",
            remedy=f"Branches and nodes are: {', '.join(tree.nodes)}; single assets go by their names in `acc status`.",
            recipe=tree.name,
        )
    return exact


def _wanted(tree: Tree, definitions: dg.Definitions, select: str | None) -> set[dg.AssetKey]:
    everything = {plan.key for plan in plans(tree)}
    if select is None:
        return everything
    chosen = upstream_closure(definitions, [plan.key for plan in _selected(tree, select)])
    return chosen | {key for key in everything if key.path[-1] in LAST}


def _waves(tree: Tree, todo: Sequence[AssetStatus], workers: int) -> Iterable[list[_Unit]]:
    """Units of work, in waves of which each needs only earlier ones: data, branches by depth, comparison and site."""

    def unit(states: Sequence[AssetStatus]) -> _Unit:
        return _Unit(tree.name, tree.parameters, tuple(s.plan.name for s in states), states[0].seed)

    data = [s for s in todo if s.plan.dataset is not None]
    if data:
        yield [unit(data)]
    per_node = [s for s in todo if s.plan.node is not None]
    groups: dict[tuple[int, str, int | None], list[AssetStatus]] = {}
    for state in per_node:
        assert state.plan.node is not None
        branch = state.plan.node.branch
        # With one worker a seed is one run; with more, branches that share no work run side by side.
        group = (_depth(tree, branch), branch) if workers > 1 else (0, "")
        groups.setdefault((*group, state.seed), []).append(state)
    for depth in sorted({key[0] for key in groups}):
        yield [unit(states) for key, states in groups.items() if key[0] == depth]
    last = [s for s in todo if s.plan.name in LAST]
    if last:
        yield [unit(last)]


def _depth(tree: Tree, branch: str) -> int:
    return len({node.branch for node in tree.ancestors(branch)})


def _reasons(todo: Iterable[AssetStatus]) -> dict[tuple[str, int | None], str]:
    return {(s.plan.name, s.seed): s.why or s.state for s in todo}


def _carry_out(
    wave: Sequence[_Unit],
    reasons: Mapping[tuple[str, int | None], str],
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    store: Store,
    workers: int,
    listener: Listener | None,
) -> Iterable[Built]:
    if workers == 1 or len(wave) <= 1:
        for unit in wave:
            yield from _materialize(unit, definitions, instance, reasons, listener)
        return
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    stopping = context.Event()
    with (
        context.Manager() as manager,
        _heard(manager.Queue(), listener) as queue,
        ProcessPoolExecutor(
            min(workers, len(wave)), mp_context=context, initializer=_serve, initargs=(queue, stopping)
        ) as pool,
    ):
        others = set(active_children())
        futures = {pool.submit(_run_unit, unit, str(store.root), reasons): unit for unit in wave}
        try:
            for future in as_completed(futures):
                unit = futures[future]
                try:
                    yield from future.result()
                except Exception as error:  # the process was killed, or the recipe's file broke meanwhile
                    why = f"{type(error).__name__}: {error}"
                    yield from (Built(name, unit.seed, "failed", why, error=why) for name in unit.assets)
        except BaseException:
            stopping.set()  # for units that a process has taken already and not begun
            for worker in set(active_children()) - others:
                worker.terminate()  # a training saves what it has and ends
            pool.shutdown(wait=True, cancel_futures=True)
            raise


@contextmanager
def _heard(queue: Any, listener: Listener | None) -> Iterator[Any]:
    """Pass what other processes put on the queue to the listener, until the block ends."""

    def drain() -> None:
        while (event := queue.get()) is not None:
            if listener is not None:
                listener(event)

    thread = Thread(target=drain, daemon=True)
    thread.start()
    try:
        yield queue
    finally:
        queue.put(None)
        thread.join()


_queue: Any = None  # in a process of the pool: where progress goes to,
_stopping: Any = None  # and whether the build is ending


def _serve(queue: Any, stopping: Any) -> None:
    """Prepare a process of the pool."""
    global _queue, _stopping
    _queue, _stopping = queue, stopping


def _run_unit(unit: _Unit, root: str, reasons: Mapping[tuple[str, int | None], str]) -> list[Built]:
    """A unit in a process of its own."""
    if _stopping.is_set():
        return []
    os.environ["ACC_STORAGE"] = root
    tree = find_recipes({unit.recipe: unit.parameters}).trees[unit.recipe]
    with open_instance(Store(root)) as instance:
        return _materialize(unit, build_definitions([tree]), instance, reasons, _queue.put)


def _materialize(
    unit: _Unit,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    reasons: Mapping[tuple[str, int | None], str],
    listener: Listener | None,
) -> list[Built]:
    """One Dagster run in this process."""
    seconds: dict[str, float] = {}
    interrupted: list[str] = []

    def listen(event: ProgressEvent) -> None:
        if event.kind == "interrupted":
            interrupted.append(event.asset)
        if event.kind in ("finished", "failed"):
            seconds[event.asset] = event.seconds
        if listener is not None:
            listener(event)

    progress.listen(listen)
    try:
        result = definitions.resolve_job_def(unit.recipe).execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey([unit.recipe, name]) for name in unit.assets],
            partition_key=None if unit.seed is None else str(unit.seed),
            tags={PROCESS_TAG: process_tag(), "acc/recipe": unit.recipe},
            raise_on_error=False,
            run_config=QUIET,
        )
    finally:
        progress.listen(None)
    if interrupted:
        raise DagsterExecutionInterruptedError
    errors = {
        str(event.step_key): _last_cause(event.step_failure_data.error)
        for event in result.all_events
        if event.is_step_failure
    }
    done = {str(event.step_key) for event in result.all_events if event.is_step_success}
    found = []
    for name in unit.assets:
        step = f"{unit.recipe}__{name}"
        outcome = "built" if step in done else "failed" if step in errors else "skipped"
        why = reasons.get((name, unit.seed), "")
        found.append(Built(name, unit.seed, outcome, why, seconds.get(name, 0.0), errors.get(step, "")))
    return found


def _last_cause(error: Any) -> str:
    """The message of the error that an asset raised, without Dagster's frames; our own errors need no class name."""
    while error is not None and error.cause is not None:
        error = error.cause
    if error is None:
        return "unknown error"
    kind, _, message = error.message.strip().partition(": ")
    return message if kind.startswith("acc_assets.") else f"{kind}: {message}" if message else kind
