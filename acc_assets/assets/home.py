"""The pages that all recipes share: the first one, the data, how to rebuild. One small asset owns them."""

from __future__ import annotations

import dagster as dg

from acc_assets.assets.kinds import AssetKind, Outcome
from acc_assets.assets.launched import Project
from acc_assets.assets.plans import SITE, AssetPlan
from acc_assets.assets.site import CHECKS, SiteFamily, frame, part_of, rendering, told_of, version
from acc_assets.assets.work import Work
from acc_assets.report import build_home
from acc_assets.storage import Store
from acc_assets.tree import spec_hash

HOME = "home"
VERSION = 1


def home_plan(project: Project) -> AssetPlan:
    """The asset of a project's shared pages; it is made from the parts that the recipes' own site assets left."""
    words = [[tree.name, tree.title, tree.question, tree.description] for tree in project.trees.values()]
    told = spec_hash({"recipes": words, "broken": [str(one) for one in project.broken]})
    return AssetPlan(
        dg.AssetKey([*project.prefix, SITE, HOME]),
        SITE,
        KIND,
        f"{VERSION}-{version()}-{told}",
        tuple(dg.AssetKey([*project.prefix, recipe, SITE]) for recipe in project.trees),
    )


def home_inputs(project: Project, store: Store) -> dict[str, str]:
    """The data version of every recipe's site that is stored: what the shared pages are made from."""
    return {
        f"{recipe}/{SITE}": folder.manifest(SiteFamily.name).data_version
        for recipe, folder in ((name, store.recipe(name)) for name in project.trees)
        if folder.digest(SiteFamily.name) is not None
    }


def run(work: Work) -> Outcome:
    """Render the first page, the data and how to rebuild, from what every recipe left of them."""
    parts, unbuilt = [], []
    for tree in work.project.trees.values():
        folder = work.store.recipe(tree.name)
        if folder.digest(SiteFamily.name) is not None:
            parts.append(part_of(folder))
        else:
            unbuilt.append(tree)
    with rendering(work.store):
        result = build_home(parts, unbuilt, work.project.broken, frame(work.store))
    with work.folder.family(SiteFamily.name) as out:
        out.json(SiteFamily.document, {"digest": result.digest, "recipes": [part.recipe for part in parts]})
    return told_of(result, work.store, "index.html")


KIND = AssetKind(
    scope="project",
    family=SiteFamily(),
    run=run,
    description="The pages of the report site that all recipes share: the first one, the data, how to rebuild.",
    kinds=frozenset({"html"}),
    checks=CHECKS,
)
