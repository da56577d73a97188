"""What every page of one build shares: the store's readers, opened once, and the files written so far."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from functools import cached_property

from acc_assets.families import RunArtifacts
from acc_assets.families.base import Page
from acc_assets.report.comparison import Comparison, compare
from acc_assets.report.figures import Figure, figures_of
from acc_assets.report.payloads import Payloads
from acc_assets.report.recipe import RecipeView
from acc_assets.report.writer import SiteWriter

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

    def __init__(self, recipe: RecipeView, writer: SiteWriter) -> None:
        self.recipe = recipe
        self.writer = writer
        self.payloads = Payloads(writer)
        self.offered: defaultdict[Page, list[RunArtifacts]] = defaultdict(list)  # by page
        self._figures: dict[tuple[str, int], list[Figure]] = {}

    def figures(self, run: RunArtifacts) -> list[Figure]:
        """Return a run's pictures, brought into the site at the first call."""
        key = (run.node, run.seed)
        if key not in self._figures:
            self._figures[key] = figures_of(self.writer, self.recipe, run)
        return self._figures[key]

    @cached_property
    def comparison(self) -> Comparison:
        """The recipe's comparison."""
        return compare(self.recipe)
