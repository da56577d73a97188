"""The store: one root, and in it a run directory for every recipe, node and seed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from acc_assets.places import CHECKOUT
from acc_assets.storage.errors import StorageError
from acc_assets.storage.files import Files
from acc_assets.storage.folder import ArtifactFolder
from acc_assets.storage.known import keep, recall
from acc_assets.storage.local_files import LocalFiles
from acc_assets.storage.names import check_name, check_seed, is_name
from acc_assets.storage.object_files import ObjectFiles

ENVIRONMENT = "ACC_STORAGE"
LOCAL = "ACC_LOCAL"
KNOWN = "manifests.sqlite"  # of this machine
LOOKS = 32  # requests at once
T = TypeVar("T")
R = TypeVar("R")


class RunDirectory(ArtifactFolder):
    """The artifacts of one node and one seed, or of all nodes, all seeds or both (None)."""

    def __init__(self, files: Files, path: str, recipe: str, node: str | None, seed: int | None) -> None:
        super().__init__(files, path)
        self.recipe = recipe
        self.node = node
        self.seed = seed

    @property
    def owner(self) -> dict[str, Any]:
        """Recipe, node and seed; None for what belongs to all nodes, or to all seeds."""
        return {"recipe": self.recipe, "node": self.node, "seed": self.seed}

    @property
    def remedy(self) -> str:
        """The command that builds this folder again."""
        select = f" --select {self.node}" if self.node is not None else ""
        seeds = f" --seeds {self.seed}" if self.seed is not None else ""
        return f"Rebuild it: acc build {self.recipe}{select}{seeds}"


class Store:
    """Everything that runs write, under one root.

    Args:
        root: a local folder, or the URL of an object store such as `s3://bucket/prefix`; default `ACC_STORAGE`, else
            `storage` in the checkout (or, when the package is installed without one, in the working directory).
    """

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        place = str(
            root if root is not None else os.environ.get(ENVIRONMENT) or (CHECKOUT or Path.cwd()) / "storage"
        )
        self._files: Files = ObjectFiles(place) if "://" in place else LocalFiles(place)

    def __repr__(self) -> str:
        return f"Store({self.place!r})"

    @property
    def place(self) -> str:
        """Its absolute path or its URL: what `ACC_STORAGE` takes."""
        return self._files.shown("").rstrip("/") or "/"

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine."""
        return isinstance(self._files, LocalFiles)

    @property
    def root(self) -> Path:
        """Its folder on this machine: the store itself, or where an object store has what must be local.

        That is `ACC_LOCAL`, else a folder in the user's cache that is called by the URL: Dagster's home, unless
        DAGSTER_HOME says another, and copies of data sets and of the site, which may be deleted.
        """
        if isinstance(self._files, LocalFiles):
            return self._files.root
        cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        named = os.environ.get(LOCAL) or f"{cache}/acc-assets/{self.place.replace('://', '/')}"
        return Path(named).expanduser().absolute()

    def run(self, recipe: str, node: str, seed: int) -> RunDirectory:
        """The run directory of one node and seed; nothing is created before something is written."""
        check_name(recipe, "recipe")
        check_name(node, "node")
        path = f"runs/{recipe}/{node}/seed-{check_seed(seed)}"
        return RunDirectory(self._files, path, recipe, node, seed)

    def recipe(self, recipe: str) -> RunDirectory:
        """The folder of a recipe's own artifacts, those that belong to no single node and seed."""
        return RunDirectory(self._files, f"runs/{check_name(recipe, 'recipe')}/_recipe", recipe, None, None)

    def node(self, recipe: str, node: str) -> RunDirectory:
        """The folder of what one node's seeds have in common."""
        path = f"runs/{check_name(recipe, 'recipe')}/{check_name(node, 'node')}/_all_seeds"
        return RunDirectory(self._files, path, recipe, node, None)

    def seed(self, recipe: str, seed: int) -> RunDirectory:
        """The folder of what one seed's nodes have in common: data sets that see the seed, joint analyses."""
        path = f"runs/{check_name(recipe, 'recipe')}/_seeds/seed-{check_seed(seed)}"
        return RunDirectory(self._files, path, recipe, None, seed)

    def folder(self, name: str) -> ArtifactFolder:
        """A folder beside the runs, such as `bench`."""
        if check_name(name, "folder") == "runs":
            raise StorageError("the folder 'runs' is reached by run() and recipe().")
        return ArtifactFolder(self._files, name)

    def side_by_side(self, look: Callable[[T], R], things: Iterable[T]) -> list[R]:
        """What `look` finds of each thing: at once where each look is a request, else one after another."""
        if self.is_local:
            return [look(one) for one in things]
        with ThreadPoolExecutor(LOOKS) as pool:
            return list(pool.map(look, things))

    @contextlib.contextmanager
    def known_manifests(self, recipe: str) -> Iterator[None]:
        """Look at many manifests of a recipe without parsing those again that this or another process found whole."""
        database, below = self.root / KNOWN, self._files.shown(f"runs/{check_name(recipe, 'recipe')}/")
        recall(database, below)
        try:
            yield
        finally:
            keep(database, below)

    def recipes(self) -> list[str]:
        """Recipes that have a folder, sorted."""
        return self._named("runs")

    def nodes(self, recipe: str) -> list[str]:
        """Nodes of a recipe that have a folder, sorted."""
        return self._named(f"runs/{check_name(recipe, 'recipe')}")

    def seeds(self, recipe: str, node: str) -> list[int]:
        """Seeds of a node that have a folder, in order."""
        names = self._files.folders(f"runs/{check_name(recipe, 'recipe')}/{check_name(node, 'node')}")
        return sorted(int(name[5:]) for name in names if name.startswith("seed-") and name[5:].isdecimal())

    def _named(self, folder: str) -> list[str]:
        """The folders in one that the store itself may have made."""
        return [name for name in self._files.folders(folder) if is_name(name)]
