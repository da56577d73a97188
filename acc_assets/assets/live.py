"""What `acc serve` serves: the store with its site and its recipes, and how a run of it is cancelled."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import dagster as dg

from acc_assets.assets.forks import record_fork, remove_fork
from acc_assets.assets.instance import open_instance
from acc_assets.assets.launched import RECIPE_TAG, seed_tags
from acc_assets.assets.proposals import propose
from acc_assets.assets.rounds import record_round
from acc_assets.assets.site import built_site, fetched_site, frame, site_folder
from acc_assets.recipes import FORKS, find_recipes, recipe_folders, vocabulary
from acc_assets.server import Sources
from acc_assets.storage import Store
from acc_assets.storage.files import Stamp
from acc_assets.storage.store import ENVIRONMENT
from acc_assets.tree import Tree, fork_schema, source_files

_Stamps = tuple[dict[Path, Stamp], dict[str, Stamp]]
AT_WORK = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


def sources(store: Store, *, begun: bool = True) -> Sources:
    """Where the server's answers come from; with `begun`, raises `SiteMissing` where there is neither site nor run."""
    if begun and not store.recipes():
        built_site(store)
    return Sources(
        store,
        site_folder(store),
        frame=lambda: frame(store),
        refresh=None if store.is_local else partial(fetched_site, store),
        trees=Recipes(),
        cancel=lambda *unit: cancel(store, *unit),
        fork_form=lambda tree, node: fork_schema(tree, node, vocabulary()),
        propose=partial(propose, store),
        record_fork=partial(record_fork, store),
        remove_fork=lambda recipe, name: remove_fork(store, recipe, name).kept,
        record_round=lambda recipe, node: record_round(store, recipe, node)[1],
        build=partial(begin_build, store),
    )


class Recipes:
    """The recipes as they are now; traced anew after a change of their files, and at each call while one is broken."""

    def __init__(self) -> None:
        self._known: tuple[_Stamps, Mapping[str, Tree]] | None = None

    def __call__(self) -> Mapping[str, Tree]:
        known = self._known
        if known is not None and known[0] == _stamps(known[0][0]):
            return known[1]
        began = time.time_ns()
        found = find_recipes()
        stamps = _stamps(
            file for tree in found.trees.values() for file in source_files(Path(tree.source)).values()
        )
        settled = not found.broken and all(one.changed < began for some in stamps for one in some.values())
        self._known = (stamps, found.trees) if settled else None
        return found.trees


def _stamps(files: Iterable[Path]) -> _Stamps:
    """The stamps of the files that are there, of those beside recipes among them, and of recorded forks."""
    beside = (file for folder in recipe_folders() for file in folder.glob("*"))
    stats = {file: file.stat() for file in {*files, *beside} if file.is_file()}
    found = {file: Stamp(str(one.st_ino), one.st_size, one.st_mtime_ns) for file, one in stats.items()}
    return found, Store().folder(FORKS).stamps()


def begin_build(store: Store, recipe: str, branch: str) -> None:
    """Begin `acc build` of a branch as a process of its own; what it says is in `forks/<recipe>.log`."""
    command = [
        sys.executable,
        "-c",
        "from acc_assets.cli import main; main()",
        "build",
        recipe,
        "--select",
        branch,
    ]
    folder = store.root / FORKS
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{recipe}.log").open("ab") as log:
        subprocess.Popen(
            command,
            env={**os.environ, ENVIRONMENT: store.place},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a Ctrl-C that ends the server is not for it
        )


def cancel(store: Store, recipe: str, node: str, seed: int) -> list[str]:
    """Terminate Dagster's runs that are at work on a node and seed; returns their ids, none where there is none.

    A run makes many nodes of a seed, and is left alone while another of them is in training.
    """
    if not store.run(recipe, node, seed).at_work:
        return []
    with open_instance(store) as instance:
        asked = dg.RunsFilter(statuses=AT_WORK, tags=seed_tags(seed))
        found = [run.run_id for run in instance.get_runs(asked) if _makes(run, recipe, node)]
        return [run_id for run_id in found if instance.run_coordinator.cancel_run(run_id)]


def _makes(run: dg.DagsterRun, recipe: str, node: str) -> bool:
    """Whether a run makes a node; one that names no assets makes those of its job, which is of one recipe."""
    if run.asset_selection is None:
        return run.tags.get(RECIPE_TAG) == recipe
    return any(key.path[-2:] == [recipe, node] for key in run.asset_selection)
