"""What was launched: the recipes of a code location, and the copies of their files that the runs are carried out from.

A recipe's file may be edited while a run of it is under way. So every traced tree is kept in the store once, under its
hash, with the files that it was traced from; a run traces those again and never the file as it is meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import dagster as dg

from acc_assets.assets.plans import AssetPlan, Prefix
from acc_assets.assets.resources import Keys
from acc_assets.recipes import vocabulary
from acc_assets.storage import Store
from acc_assets.tree import (
    BrokenRecipe,
    RecipeError,
    Recorded,
    RecordedFork,
    Tree,
    discover_file,
    source_files,
)

FOLDER = "launched"
TREE_FILE = "tree.json"
RECIPE_TAG = "acc/recipe"  # of assets and runs
SEED_TAG, VERSION_TAG = "dagster/partition", "dagster/data_version"  # of runs, and of what they make


class RecipeChanged(RecipeError):  # noqa: N818
    """A step found another recipe than the one that was launched."""


@dataclass(frozen=True)
class Project:
    """The recipes of one code location: their trees, the files with errors, and where their assets stand."""

    trees: Mapping[str, Tree]
    broken: Sequence[BrokenRecipe] = ()
    prefix: Prefix = ()
    hashes: Mapping[str, str] = field(
        default_factory=dict
    )  # as launched, where they may differ from the trees'

    @property
    def keys(self) -> Keys:
        """Names of the resources that the steps ask for."""
        return Keys(self.prefix)

    def group(self, plan: AssetPlan) -> str:
        """The group that shows an asset: one a branch, so that the collapsed graph is the experiment's tree.

        The graph cuts long names, so a branch is called by its name alone where no other recipe has one of that name.
        """
        if plan.scope == "project":
            return plan.recipe
        part = plan.node.branch if plan.node is not None else "data" if plan.dataset is not None else "report"
        alone = plan.node is not None and self._recipes_of_branches[part] == {plan.recipe}
        return part if alone else f"{plan.recipe}__{part}"

    @cached_property
    def _recipes_of_branches(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = {}
        for name, tree in self.trees.items():
            for node in tree:
                found.setdefault(node.branch, set()).add(name)
        return found

    def in_run(self, name: str, context: dg.AssetExecutionContext | dg.OpExecutionContext) -> Tree:
        """The tree that a step carries out: as launched, with the parameters that the launchpad sets.

        Raises:
            RecipeChanged: what is traced now is not what was launched.
        """
        tree = self.trees[name]
        launched = context.run.tags.get(tree_tag(name)) or self.hashes.get(name, tree.hash)
        if tree.hash != launched:
            raise RecipeChanged(
                f"the recipe '{name}' was launched as {launched}, and its code gives {tree.hash} now: code outside its "
                "own folder changed.",
                remedy="Launch it again.",
                recipe=name,
            )
        if tree_tag(name) not in context.run.tags:
            context.instance.add_run_tags(context.run.run_id, {tree_tag(name): tree.hash})
        chosen: Mapping[str, Any] = getattr(context.resources, self.keys.parameters(name)).model_dump()
        if all(tree.parameters[key] == value for key, value in chosen.items()):
            return tree
        store = getattr(context.resources, self.keys.store).open()
        changed = _traced(store, name, tree.hash, {**tree.parameters, **chosen})
        keep(store, changed)
        told = {key: value for key, value in chosen.items() if tree.parameters[key] != value}
        context.log.info(f"carried out with other parameters than the recipe's: {told}")
        return changed

    def to_json(self) -> str:
        """The trees' hashes, by recipe: enough to find them in the store."""
        return json.dumps({name: tree.hash for name, tree in self.trees.items()})


def seed_tags(seed: int | None) -> dict[str, str]:
    """The tags of a run of one seed; none of a run without."""
    return {} if seed is None else {SEED_TAG: str(seed)}


def tree_tag(recipe: str) -> str:
    """The run tag that holds the hash of a recipe's tree."""
    return f"acc.tree/{recipe}"


def keep(store: Store, tree: Tree) -> None:
    """Keep a tree and the files that it was traced from, once."""
    folder, family = store.folder(FOLDER), _family(tree.hash)
    if folder.has_family(family):
        return
    files = source_files(Path(tree.source))
    with folder.family(family) as out:
        out.json("nodes.json", {node.tag: node.spec for node in tree})
        out.json(
            TREE_FILE,
            {
                "recipe": tree.name,
                "source": tree.source,
                "parameters": dict(tree.parameters),
                "forks": [fork.model_dump() for fork in tree.forks],
                "files": {
                    name: path.read_text(encoding="utf-8") for name, path in files.items()
                },  # its own first
            },
        )


def launched_project(store: Store, hashes: str, prefix: Prefix = ()) -> Project:
    """The recipes of a code location as they were when it was loaded; `hashes` as `Project.to_json` gives them."""
    trees: dict[str, Tree] = {}
    broken = []
    for name, tree_hash in json.loads(hashes).items():
        try:
            trees[name] = _traced(store, name, tree_hash, None)
        except RecipeError as error:  # of code outside the kept files
            broken.append(BrokenRecipe(name, Path(store.folder(FOLDER).shown()), None, str(error)))
    return Project(trees, broken, prefix, json.loads(hashes))


def kept_trees(store: Store, recipe: str) -> Iterator[Tree]:
    """Every kept version of a recipe that can still be traced."""
    folder = store.folder(FOLDER)
    for family in folder.families():
        if folder.read_json(f"{family}/{TREE_FILE}")["recipe"] == recipe:
            with contextlib.suppress(RecipeError):  # of code outside the kept files
                yield _traced(store, recipe, family.removeprefix(_family("")), None)


def _family(tree_hash: str) -> str:
    return f"tree-{tree_hash}"


def _traced(store: Store, name: str, tree_hash: str, parameters: Mapping[str, Any] | None) -> Tree:
    facts = store.folder(FOLDER).read_json(f"{_family(tree_hash)}/{TREE_FILE}")
    path = _written(tree_hash, facts["files"])
    forks = tuple(RecordedFork(**fork) for fork in facts.get("forks", ()))
    found = discover_file(
        path,
        vocabulary(),
        {name: facts["parameters"] if parameters is None else parameters},
        recorded=lambda recipe: Recorded(path, forks) if recipe == name else None,
    )
    for one in found.broken:
        if one.fork:
            raise RecipeError(str(one), remedy="", recipe=name)
    if name not in found.trees:
        raise RecipeError(
            found.broken[0].error if found.broken else f"{path} has no recipe '{name}'.", remedy=""
        )
    return replace(found.trees[name], source=facts["source"])


@cache
def _copies() -> tempfile.TemporaryDirectory[str]:
    """Where kept files are written to be imported; it goes with the process."""
    return tempfile.TemporaryDirectory(prefix="acc-launched-")


def _written(tree_hash: str, files: Mapping[str, str]) -> Path:
    """The recipe's file among the written copies."""
    folder = Path(_copies().name) / tree_hash
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / next(iter(files))
