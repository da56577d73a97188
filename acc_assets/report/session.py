"""What every page of one build shares: the store's readers, opened once, and the files written so far."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from acc_assets.families import RunArtifacts
from acc_assets.families.base import Page
from acc_assets.families.dataset import PREFIX
from acc_assets.report.brought import Brought
from acc_assets.report.comparison import Comparison, compare
from acc_assets.report.figures import Figure
from acc_assets.report.payloads import Payloads
from acc_assets.report.recipe import RecipeView
from acc_assets.report.table import all_runs
from acc_assets.report.trees import branch_colors
from acc_assets.report.writer import SiteWriter, digest_of
from acc_assets.tree import TreeNode

HOME = "index.html"
DATASETS = "datasets.html"
REPRODUCE = "reproduce.html"


def recipe_page(recipe: str) -> str:
    """Return the path of a recipe's page."""
    return f"recipes/{recipe}/index.html"


def node_page(recipe: str, node: str) -> str:
    """Return the path of a node's page."""
    return f"recipes/{recipe}/nodes/{node}.html"


def viewer_page(recipe: str, node: str) -> str:
    """Return the path of a node's latent viewer."""
    return f"recipes/{recipe}/latent/{node}.html"


def explore_page(recipe: str, page: Page) -> str:
    """Return the path of a recipe's playground, playground on the manifold or network inspector."""
    return f"recipes/{recipe}/{page}.html"


def root_of(page: str) -> str:
    """Return the way from a page to the site's root: '' or '../../'."""
    return "../" * page.count("/")


def relative(page: str, target: str) -> str:
    """Return the link from one page to a file of the site (both relative to its root)."""
    path, _, anchor = target.partition("#")
    link = posixpath.relpath(path, posixpath.dirname(page) or ".") if path else ""
    return f"{link}#{anchor}" if anchor else link


class Session:
    """One build of a recipe's pages: what was read of it, and what is written so far."""

    def __init__(self, recipe: RecipeView, writer: SiteWriter, version: str) -> None:
        self.recipe = recipe
        self.writer = writer
        self.version = version  # of what renders
        self.colors = branch_colors(recipe)
        self.payloads = Payloads(writer)
        self.offered: defaultdict[Page, list[RunArtifacts]] = defaultdict(list)  # by page
        self._explored = {node.tag for node in recipe.shown()}
        self._lone: dict[str, RecipeView] = {}
        self._brought: dict[tuple[str, int], Brought] = {}
        self._units: dict[str, Sequence[RunArtifacts]] = {}
        self._states = self._looked_at()  # before anything is read, so that what is read is this or newer

    def lone(self, node: TreeNode) -> RecipeView:
        """The recipe as the pages of one node see it."""
        if node.tag not in self._lone:
            self._lone[node.tag] = self.recipe.lone(node, self.colors)
        return self._lone[node.tag]

    def unit(
        self, name: str, runs: Sequence[RunArtifacts], told: Sequence[Any], make: Callable[[], Any]
    ) -> Any:
        """Return what `make` does, a JSON value, and have it write its files; or leave both as the last build did.

        name: path of a page or a folder of the site. runs: all that it reads artifacts of. told: all that it is made
        from besides, as JSON. A run that has something unreadable is read in every build, which tells of it.
        """
        self._units[name] = runs
        states = [self._states[run.node, run.seed] for run in runs]
        return self.writer.unit(
            name, None if self._troubled(runs) else digest_of(self.version, *told, states), make
        )

    def settle(self) -> None:
        """Have the next build make again what has met something unreadable in this one."""
        for name, runs in self._units.items():
            if self._troubled(runs):
                self.writer.units[name] = {**self.writer.units[name], "source": None}

    def brought(self, run: RunArtifacts) -> Brought:
        """Return a run's pictures and scripts, brought into the site at the first call."""
        key = (run.node, run.seed)
        if key not in self._brought:
            recipe, explored = self.lone(self.recipe[run.node]), run.node in self._explored
            told = self.unit(
                f"data/runs/{run.recipe}/{run.node}/seed-{run.seed}/",
                [run],
                [explored],
                lambda: Brought.of(self.payloads, recipe, run, explored).to_json(),
            )
            self._brought[key] = Brought.from_json(told)
        return self._brought[key]

    def figures(self, run: RunArtifacts) -> Sequence[Figure]:
        """Return a run's pictures."""
        return self.brought(run).figures

    @cached_property
    def comparison(self) -> Comparison:
        """The recipe's comparison."""
        return compare(self.recipe)

    def _troubled(self, runs: Sequence[RunArtifacts]) -> bool:
        return any(run.problems or self.recipe.shared(run.seed).problems for run in runs)

    def _looked_at(self) -> dict[tuple[str, int], str]:
        """By node and seed the digest of all that decides what pages of the node can show of a run."""
        recipe, runs = self.recipe, all_runs(self.recipe)
        states = recipe.store.side_by_side(RunArtifacts.run_state, runs)
        shared = {
            seed: digest_of(recipe.shared(seed).state(lambda family: family.startswith(PREFIX)))
            for seed in recipe.seeds
        }
        found = {}
        for run, state in zip(runs, states, strict=True):
            lone, seed = self.lone(recipe[run.node]), run.seed
            assets = [
                [family, one.key, one.code_version, one.data_versions.get(seed)]
                for family, one in lone.assets[run.node].items()
            ]
            about = [lone.hash, lone.source, lone.colors, assets]
            found[run.node, seed] = digest_of(run.node, seed, about, state, shared[seed])
        return found
