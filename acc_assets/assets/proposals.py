"""Which forks of a checkpoint to try next, within a budget of minutes; nothing is kept but forks and artifacts.

What the recipe declares open is proposed by `optimiser` from the forks that are there: those whose settings are all
open and whose steps are those of the branch, and the branch itself. No torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any
from zlib import crc32

from acc_assets.assets.instance import open_instance
from acc_assets.assets.optimiser import STARTUP, Trial, suggested, within
from acc_assets.assets.results import recipe_view
from acc_assets.assets.status import recipe_status
from acc_assets.families import RunArtifacts
from acc_assets.report import RecipeView
from acc_assets.report.cells import Cell
from acc_assets.report.columns import Column, measured
from acc_assets.report.vocabulary import duration, show
from acc_assets.storage import Store
from acc_assets.tree import (
    Opened,
    RecipeError,
    RecordedFork,
    Tree,
    TreeNode,
    free_name,
    present,
    present_settings,
    trained_as,
)

MINUTES, COUNT = 20.0, 3


@dataclass(frozen=True)
class Proposals:
    """Forks that a person may record, the minutes that the training of one takes (None: not known), and why these."""

    forks: tuple[RecordedFork, ...]
    minutes: float | None
    why: str


@dataclass(frozen=True)
class _Tried:
    """A trained checkpoint that is comparable with what is proposed: what it was set to, and what it came to."""

    node: TreeNode
    trial: Trial
    seeds: int  # behind the value


def propose(store: Store, tree: Tree, node: str, minutes: float = MINUTES, count: int = COUNT) -> Proposals:
    """Propose up to `count` forks of a checkpoint whose training, all seeds one after another, fits into the minutes.

    Raises `RecipeError` where the recipe declares nothing open there, its metric is none, or Optuna is not installed.
    """
    opened = tree.opened.get(tree[node].tag)
    if opened is None:
        raise RecipeError(
            f"the recipe declares nothing open of forks of '{node}'.", remedy=_how_to_open(tree, node)
        )
    with open_instance(store) as instance:
        view = recipe_view(tree, store, recipe_status(tree, instance, store))
    return proposals_of(view, opened, minutes, count)


def proposals_of(view: RecipeView, opened: Opened, minutes: float, count: int) -> Proposals:
    """The proposals of a recipe with what is stored of it."""
    tags = dict(_comparable(view, opened))
    columns = _columns(view, opened, tags)
    tried = [_tried(view, opened, tag, settings) for tag, settings in tags.items()]
    maximise = _maximise(opened, columns, tried)
    cost = _minutes(view, opened.checkpoint, tags)
    fit = 1 if cost is None else min(count, math.floor(minutes / cost))
    seed = crc32(f"{view.name}/{opened.checkpoint}".encode())
    chosen = suggested(opened.settings, [one.trial for one in tried], fit, maximise=maximise, seed=seed)
    forks: list[RecordedFork] = []
    names = dict(view.nodes)
    for settings in chosen:
        name = free_name(names, view[opened.checkpoint].branch)
        names[name] = view[opened.checkpoint]
        forks.append(RecordedFork(name=name, checkpoint=opened.checkpoint, settings=settings))
    why = [_standing(opened, tried, maximise, columns.get(opened.metric))]
    why.append(_about_time(view, cost, minutes, fit, len(forks)))
    return Proposals(tuple(forks), cost, " ".join(why))


def _comparable(view: RecipeView, opened: Opened) -> Iterator[tuple[str, dict[str, Any]]]:
    """Checkpoints that differ from a proposal in open settings alone, with what these are: the branch, then forks."""
    start, usual = view[opened.checkpoint], trained_as(view.nodes, opened.checkpoint)
    own = {key: present(view.nodes, opened.checkpoint, key) for key in opened.settings}
    for child in view.children(start.tag):
        if child.kind == "trained" and child.phases == (usual,) and child.tasks == start.tasks:
            yield child.tag, own
    steps = usual.steps if usual is not None else None
    for fork in view.forks:
        if fork.checkpoint == start.tag and not fork.labels and fork.steps in (None, steps):
            settings = {**own, **fork.settings}
            if len(settings) == len(own):
                yield fork.trained, settings


def _tried(view: RecipeView, opened: Opened, tag: str, settings: Mapping[str, Any]) -> _Tried:
    """What became of a checkpoint: the mean of its metric over the seeds that have it; one failed seed fails all."""
    node, values, failed = view[tag], dict[int, float](), False
    for run in view.runs(tag):
        numbers = {column.key: value for column, value in measured(view, run)}
        value = numbers.get(opened.metric)
        if value is not None and math.isfinite(value):
            values[run.seed] = value
        elif value is not None or _is_measured(view, node, run) or _has_failed(node, run):
            failed = True
    pending = not values and not failed
    value = Cell.of(values).mean if values and not failed else None
    return _Tried(node, Trial(settings, value, pending), len(values))


def _is_measured(view: RecipeView, node: TreeNode, run: RunArtifacts) -> bool:
    """Whether all that measures a run has been carried out, so that a number which is not there was not finite."""
    measuring = [one for one in view.families(node) if one.measures and one.document]
    return bool(measuring) and all(run.document(one) or run.left_out(one.name) for one in measuring)


def _has_failed(node: TreeNode, run: RunArtifacts) -> bool:
    return run.summary.get("status") == "failed" and run.config.get("spec_hash") == node.spec_hash


def _columns(view: RecipeView, opened: Opened, tags: Mapping[str, Any]) -> dict[str, Column]:
    """The numbers that comparable checkpoints have, by key; raises `RecipeError` where the metric is none of them."""
    found = {
        column.key: column for tag in tags for run in view.runs(tag) for column, _ in measured(view, run)
    }
    if found and opened.metric not in found:
        raise RecipeError(
            f"no fork of '{opened.checkpoint}' has the metric '{opened.metric}'.",
            remedy=f"Metrics are: {', '.join(found)}.",
            recipe=view.name,
        )
    return found


def _maximise(opened: Opened, columns: Mapping[str, Column], tried: Sequence[_Tried]) -> bool:
    if opened.maximise is not None:
        return opened.maximise
    better = columns[opened.metric].better if columns else "lower"  # without any value it makes no difference
    if better is None:
        raise RecipeError(
            f"neither more nor less of '{opened.metric}' is better by itself.",
            remedy=f"Say it in open('{opened.checkpoint}', ...): maximise=True, or maximise=False.",
        )
    return better == "higher"


def _minutes(view: RecipeView, checkpoint: str, tags: Mapping[str, Any]) -> float | None:
    """What training a fork takes over all seeds, by the median of what those like it took a step; None: not known."""
    usual = trained_as(view.nodes, checkpoint)
    example = [node.tag for node in view if usual is not None and node.phases and node.phases[-1] is usual]
    a_step = [
        run.summary["wall_s"] / node.steps
        for node in (view[tag] for tag in dict.fromkeys([*tags, *example]))
        for run in view.runs(node.tag)
        if run.summary.get("status") == "completed" and node.steps and run.summary.get("wall_s")
    ]
    return median(a_step) * usual.steps * len(view.seeds) / 60 if a_step and usual is not None else None


def _standing(opened: Opened, tried: Sequence[_Tried], maximise: bool, column: Column | None) -> str:
    """What the proposals go by, in a sentence or two."""
    finished = [one for one in tried if one.trial.value is not None]
    failed = sum(one.trial.value is None and not one.trial.pending for one in tried)
    pending = sum(one.trial.pending for one in tried)
    outside = sum(not within(opened.settings, one.trial.settings) for one in tried)
    told = [f"{len(finished)} finished", f"{failed} failed", f"{pending} not finished yet"]
    told += [f"{outside} of these outside of what is open"] if outside else []
    text = f"By {', '.join(told)}."
    if not finished or column is None:
        return f"{text} Nothing is known yet, so these are drawn at random."
    best = (max if maximise else min)(finished, key=lambda one: one.trial.value or 0.0)
    settings = ", ".join(f"{key}={value}" for key, value in best.trial.settings.items())
    value = show(column.metric, best.trial.value)
    seeds = f"mean of {best.seeds} seed{'s' if best.seeds > 1 else ''}"
    text = f"{text} Best so far: {column.label} {value} ({seeds}) of {best.node.tag} with {settings}."
    return (
        text
        if len(finished) >= STARTUP
        else f"{text} Until {STARTUP} are finished these are drawn at random."
    )


def _about_time(view: RecipeView, cost: float | None, minutes: float, fit: int, found: int) -> str:
    if cost is None:
        return "How long a fork trains is not known before one is built, so this is one."
    seeds = f"over {len(view.seeds)} seed{'s' if len(view.seeds) > 1 else ''}, by what those before took"
    text = f"Training one takes about {duration(cost * 60)} {seeds}."
    if fit == 0:
        return f"{text} None fits into {minutes:g} min."
    return text if found == fit else f"{text} Nothing else is left to try."


def _how_to_open(tree: Tree, node: str) -> str:
    """What to add to the recipe, with ranges around what the settings are now."""
    if not tree[node].tasks:
        return "It has no tasks, so that a fork of it has nothing to learn."
    others = f"Open are: {', '.join(tree.opened)}. " if tree.opened else ""
    numbers = {
        key: value
        for key, value in present_settings(tree.nodes, node).items()
        if isinstance(value, int | float) and value > 0
    }
    ranges = ", ".join(f'"{key}": Log({value / 10:g}, {value * 10:g})' for key, value in numbers.items())
    metric = f"{tree[node].tasks[0].name}.loss"
    settings = ranges or '"task.<task>.<field>": Log(0.1, 10)'
    return f'{others}Add to its end: ctx.open("{node}", {{{settings}}}, metric="{metric}")'
