"""Child process of the benchmark of large trees: how soon the site of a recipe is made of real artifacts.

The artifacts of the first branch are made by the functions of their assets, those of the others are its bytes under
their names: a page costs the same with them.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from time import process_time

from acc_assets.assets.launched import Project
from acc_assets.assets.plans import plans
from acc_assets.assets.results import recipe_view
from acc_assets.assets.site import frame
from acc_assets.assets.work import NodeWork, Work
from acc_assets.families import metrics
from acc_assets.recipes import find_recipes
from acc_assets.report import build_recipe
from acc_assets.storage import MadeFrom, RunDirectory, Store
from acc_assets.training.progress import NoProgress
from acc_assets.tree import Tree


def fill(tree: Tree, store: Store) -> None:
    """Write all artifacts of every node and seed."""
    models: dict[tuple[str, int], str] = {}  # by kind and steps, the node whose bytes all of them get
    for node in tree:
        models.setdefault((node.kind, tree.start_step(node.tag) + node.steps), node.tag)
    for plan in plans(tree):
        if plan.dataset is not None or (plan.node is not None and plan.node.tag in models.values()):
            made_from, seed = MadeFrom(plan.code_version, {}), plan.seeds(tree)[0]
            work = Work(Project({}), tree, plan, seed, store, "cpu", 1, NoProgress(), made_from)
            plan.kind.run(work if plan.node is None else NodeWork(**vars(work) | {"node": plan.node}))
    first = tree.seeds[0]
    for node in tree:
        model = models[node.kind, tree.start_step(node.tag) + node.steps]
        for seed in tree.seeds:
            if (node.tag, seed) != (model, first):
                copy(store.run(tree.name, model, first), store.run(tree.name, node.tag, seed))


def copy(source: RunDirectory, target: RunDirectory) -> None:
    """Write everything of one run directory into another."""
    families = source.families()
    for name in families:
        manifest = source.manifest(name)
        with target.family(name, manifest.schema, made_from=manifest.made_from) as out:
            for record in manifest.files:
                out.bytes(record.name, source.read_bytes(f"{name}/{record.name}"), volatile=record.volatile)
    for name in source.stamps():
        if name.endswith(".jsonl"):
            log = source.read_log(name)
            target.append(name, lambda tail, log=log: log)
        elif name.partition("/")[0] not in families:
            target.write_bytes(name, source.read_bytes(name))


def change(run: RunDirectory) -> None:
    """Measure a node again, with another outcome."""
    document, manifest = metrics.FAMILY.path(), run.manifest(metrics.FAMILY.name)
    told = run.read_json(document)
    told["tasks"]["recon"]["metrics"]["psnr"] += 1.0
    with run.family(metrics.FAMILY.name, manifest.schema, keep=True, made_from=manifest.made_from) as out:
        out.json(metrics.FAMILY.document, told)


def main(nodes: int, seeds: int) -> None:
    """Print {"full", "same", "one", "mb", "pages", "rendered"}: processor seconds, and what the last build did."""
    os.fsync = lambda fd: None  # what is written here need not survive a power cut
    (whole,) = find_recipes({"large": {"nodes": nodes}}).trees.values()
    tree, store = replace(whole, seeds=whole.seeds[:seeds]), Store()
    fill(tree, store)
    site, told = frame(store), {}
    for name in ("full", "same", "one"):
        if name == "one":
            change(store.run(tree.name, tree.shown()[-1].tag, tree.seeds[0]))
        start = process_time()
        result, _ = build_recipe(recipe_view(tree, store), site)
        told[name] = process_time() - start
    print(
        json.dumps(
            {**told, "mb": result.bytes / 1e6, "pages": len(result.pages), "rendered": len(result.rendered)}
        )
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
