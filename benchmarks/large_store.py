"""Child process of the benchmark of large trees: what a finished build leaves, with files of a few bytes."""

from __future__ import annotations

import os
from typing import Any

import dagster as dg
import sqlalchemy as sql
from dagster._core.storage.event_log.sqlite import sqlite_event_log

from acc_assets.assets.build import register
from acc_assets.assets.instance import open_instance
from acc_assets.assets.plans import Unit, inputs_of, plans
from acc_assets.assets.status import named_inputs, recipe_status
from acc_assets.recipes import find_recipes
from acc_assets.storage import MadeFrom, Store
from acc_assets.tree import Tree


def fill(tree: Tree, store: Store, instance: dg.DagsterInstance) -> int:
    """Write every family of artifacts of a tree, tell Dagster of all of them, and return how many there are."""
    by_key = {plan.key: plan for plan in plans(tree)}
    versions: dict[Unit, str | None] = {}
    for plan in by_key.values():
        for seed in plan.seeds(tree):
            read = inputs_of(plan, tree, seed, by_key)
            inputs = named_inputs(plan, {unit: versions[unit] for unit in read})
            folder = plan.folder(store, seed)
            with folder.family(plan.family, made_from=MadeFrom(plan.code_version, inputs)) as out:
                out.json("facts.json", {"asset": plan.name, "seed": seed})
                out.bytes("values.bin", plan.name.encode() * 20)
            versions[plan.name, seed] = folder.manifest(plan.family).data_version
    register(instance, recipe_status(tree, instance, store))
    return len(versions)


def _hurry() -> None:
    """Wait for no disk, and make one engine a database: what is written here need not survive a power cut."""
    os.fsync = lambda fd: None
    made = sqlite_event_log.create_engine
    engines: dict[str, sql.Engine] = {}

    def engine(url: str, **options: Any) -> sql.Engine:
        if url not in engines:
            engines[url] = made(url, **options)
        return engines[url]

    sqlite_event_log.create_engine = engine  # type: ignore[assignment]

    @sql.event.listens_for(sql.Engine, "connect")
    def on_connect(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")


if __name__ == "__main__":
    _hurry()
    (large,) = find_recipes().trees.values()
    place = Store()
    with open_instance(place) as opened:
        print(fill(large, place, opened))
