"""A store and Dagster's records as a finished build of a large recipe would leave them, with files of a few bytes."""

from __future__ import annotations

import dagster as dg

from acc_assets.assets.build import register
from acc_assets.assets.kinds import digest_of
from acc_assets.assets.plans import Unit, inputs_of, plans, read_by
from acc_assets.assets.status import named_inputs, recipe_status
from acc_assets.storage import MadeFrom, Store
from acc_assets.tree import Tree


def fill(tree: Tree, store: Store, instance: dg.DagsterInstance) -> int:
    """Write every artifact family of a tree, tell Dagster of all of them, and return how many there are."""
    every = plans(tree)
    by_key = {plan.key: plan for plan in every}
    versions: dict[Unit, str | None] = {}
    for plan in every:
        for seed in plan.seeds(tree):
            read = read_by(plan, tree, every) if plan.scope == "recipe" else inputs_of(plan, seed, by_key)
            inputs = named_inputs(plan, {unit: versions[unit] for unit in read})
            folder = plan.folder(store, seed)
            with folder.family(plan.family, made_from=MadeFrom(plan.code_version, inputs)) as out:
                out.json("facts.json", {"asset": plan.name, "seed": seed})
                out.bytes("values.bin", plan.name.encode() * 20)
            versions[plan.name, seed] = digest_of(folder.manifest(plan.family))
    register(instance, recipe_status(tree, instance, store))
    return len(versions)
