"""What every page of one build shares: the store's readers, opened once, and the files written so far."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from acc_assets.report.artifacts import Artifacts, RunArtifacts
from acc_assets.report.comparison import Comparison, Missing, comparison_of
from acc_assets.report.figures import Figure, figures_of
from acc_assets.report.payloads import Payloads
from acc_assets.report.views import RecipeView
from acc_assets.report.writer import SiteWriter

if TYPE_CHECKING:
    from acc_assets.storage import Store

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


def playground_page(recipe: str) -> str:
    """Return the path of a recipe's playground."""
    return f"recipes/{recipe}/playground.html"


def grounding_page(recipe: str) -> str:
    """Return the path of a recipe's playground on the manifold."""
    return f"recipes/{recipe}/grounding.html"


def root_of(page: str) -> str:
    """Return the way from a page to the site's root: '' or '../../'."""
    return "../" * page.count("/")


def relative(page: str, target: str) -> str:
    """Return the link from one page to a file of the site (both relative to its root)."""
    path, _, anchor = target.partition("#")
    link = posixpath.relpath(path, posixpath.dirname(page) or ".") if path else ""
    return f"{link}#{anchor}" if anchor else link


@dataclass
class Session:
    """One build: recipes, artifacts (each run opened once), and the writer."""

    store: Store
    recipes: Sequence[RecipeView]
    writer: SiteWriter
    missing: list[Missing] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.payloads = Payloads(self.writer)
        self.viewers: dict[str, list[str]] = {}  # recipe -> nodes whose viewer page exists
        self.playgrounds: set[str] = set()  # recipes whose playground page exists
        self.groundings: set[str] = set()  # recipes whose playground on the manifold exists
        self._runs: dict[tuple[str, str, int], RunArtifacts] = {}
        self._shared: dict[str, Artifacts] = {}
        self._figures: dict[tuple[str, str, int], list[Figure]] = {}
        self._comparisons: dict[str, Comparison] = {}

    @property
    def standing(self) -> list[RecipeView]:
        """The recipes that could be read."""
        return [recipe for recipe in self.recipes if recipe.error is None]

    def run(self, recipe: RecipeView, node: str, seed: int) -> RunArtifacts:
        """Return the artifacts of one node and seed."""
        key = (recipe.name, node, seed)
        if key not in self._runs:
            self._runs[key] = RunArtifacts(self.store, recipe, node, seed)
        return self._runs[key]

    def runs(self, recipe: RecipeView, node: str) -> list[RunArtifacts]:
        """Return a node's runs for every seed of its recipe, built or not."""
        return [self.run(recipe, node, seed) for seed in recipe.seeds]

    def shared(self, recipe: RecipeView) -> Artifacts:
        """Return a recipe's own artifacts: its data sets."""
        if recipe.name not in self._shared:
            self._shared[recipe.name] = Artifacts(self.store.recipe(recipe.name))
        return self._shared[recipe.name]

    def figures(self, recipe: RecipeView, run: RunArtifacts) -> list[Figure]:
        """Return a run's pictures, copied into the site at the first call."""
        key = (recipe.name, run.node, run.seed)
        if key not in self._figures:
            self._figures[key] = figures_of(self.writer, recipe, run, self.shared(recipe))
        return self._figures[key]

    def comparison(self, recipe: RecipeView) -> Comparison:
        """Return a recipe's comparison."""
        if recipe.name not in self._comparisons:
            self._comparisons[recipe.name] = comparison_of(recipe, partial(self.run, recipe))
        return self._comparisons[recipe.name]

    def problems(self) -> list[str]:
        """Return what could not be read, each with the run it belongs to."""
        found = [
            f"{run.recipe}/{run.node} seed {run.seed}: {problem}"
            for run in self._runs.values()
            for problem in run.problems
        ]
        return found + [f"{name}: {p}" for name, shared in self._shared.items() for p in shared.problems]
