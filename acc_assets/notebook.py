"""A store in a notebook: tables, latents and models of every recipe, from artifacts alone.

`import acc_assets; results = acc_assets.open("storage")["quickstart"]`, see docs/notebook.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from acc_assets.families import CHECKPOINTS, Latents, Metrics, families_of, latents, neighbors, projections
from acc_assets.families.dataset import TEST, DatasetFamily
from acc_assets.report.recipe import RecipeView
from acc_assets.report.table import (
    HISTORY_FILE,
    METRICS_FILE,
    all_runs,
    history_table,
    metrics_table,
    stored_table,
)
from acc_assets.storage import LEFT_OUT, RunDirectory, Store

if TYPE_CHECKING:
    from pandas import DataFrame
    from torch import nn

    from acc_assets.families import RunArtifacts
    from acc_assets.tree import Tree, TreeNode


class NotStored(KeyError):  # noqa: N818
    """A name that a store does not hold; the message lists those that it holds."""

    def __str__(self) -> str:
        return str(self.args[0])


def open_store(store: str | os.PathLike[str] | Store | None = None) -> StoredResults:
    """Open a store to read the results of its recipes; nothing is built and no Dagster instance is needed.

    Args:
        store: the store or its folder or URL; default `ACC_STORAGE`, else `storage` in the checkout.

    Raises:
        NotStored: the folder holds no results.
    """
    opened = store if isinstance(store, Store) else Store(store)
    if not opened.recipes():
        raise NotStored(f"{opened.place} holds no results of a recipe. Build one: acc build quickstart")
    return StoredResults(opened)


class StoredResults(Mapping[str, "RecipeResults"]):
    """The results of every recipe that a store holds, by name."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __getitem__(self, recipe: str) -> RecipeResults:
        return RecipeResults(self.store, _known(recipe, self.store.recipes(), "recipe", self.store.place))

    def __iter__(self) -> Iterator[str]:
        return iter(self.store.recipes())

    def __len__(self) -> int:
        return len(self.store.recipes())

    def __repr__(self) -> str:
        rows = [(one.name, str(len(one.nodes)), _listed(one.seeds)) for one in self.values()]
        return f"results in {self.store.place}\n{_columns(('recipe', 'nodes', 'seeds'), rows)}"


@dataclass(frozen=True)
class StoredLatents:
    """What the model makes of the test split at one step, by name: `latents["mu"]` is (N, D).

    Row i of every array is test image `indices[i]`, with its `targets` (N,) or (N, K) and `images` (N, C, H, W) uint8.
    """

    outputs: Mapping[str, np.ndarray]
    targets: np.ndarray
    images: np.ndarray
    indices: np.ndarray
    step: int
    dataset: str

    def __getitem__(self, name: str) -> np.ndarray:
        return self.outputs[_known(name, list(self.outputs), "output", f"the latents of step {self.step}")]

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {values.shape}" for name, values in self.outputs.items())
        return f"latents of {len(self.indices)} test images of {self.dataset} at step {self.step}: {shapes}"


class RecipeResults:
    """What is stored of one recipe."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = name

    @property
    def nodes(self) -> list[str]:
        """Nodes that something is stored of."""
        return self.store.nodes(self.name)

    @property
    def seeds(self) -> list[int]:
        """Seeds that something is stored of."""
        return sorted({seed for node in self.nodes for seed in self.store.seeds(self.name, node)})

    @cached_property
    def metrics(self) -> DataFrame:
        """Every measured number, a row each: see `acc_assets.report.table.metrics_table`.

        As the comparison of the recipe took them, which leaves out what does not match the recipe; before there is
        one, of all runs that are stored.
        """
        return self._table(METRICS_FILE, metrics_table)

    @cached_property
    def history(self) -> DataFrame:
        """Every point of the learning curves, a row each: see `acc_assets.report.table.history_table`."""
        return self._table(HISTORY_FILE, history_table)

    def latents(self, node: str, seed: int, step: int | None = None) -> StoredLatents:
        """Return the latents of the test split, with predictions and errors, at a snapshot or (default) the last one.

        Raises:
            NotStored: there is no such node, seed or snapshot, or the model has no latents.
            StorageError: they have not been built, or a file is damaged.
        """
        run = self._run(node, seed)
        where = f"{self.name}/{node} seed {seed}"
        facts = latents.facts(run)
        if run.exists(latents.FAMILY.path(LEFT_OUT)):
            raise NotStored(
                f"{where} has no latents: {run.read_json(latents.FAMILY.path(LEFT_OUT))['reason']}"
            )
        chosen = _known(
            facts["steps"][-1] if step is None else step, facts["steps"], "snapshot of step", where
        )
        outputs = latents.SERIES.read(run, chosen)
        data = DatasetFamily(facts["dataset"])
        own = self.store.seed(self.name, seed)  # where the data set sees the seed
        test = (own if own.has_family(data.name) else self.store.recipe(self.name)).read_npz(data.path(TEST))
        targets, images = np.asarray(test["targets"]), np.asarray(test["images"])
        return StoredLatents(
            {name: np.asarray(outputs[name]) for name in outputs},
            targets, images, np.arange(len(targets)), chosen, facts["dataset"],
        )  # fmt: skip

    def model(self, node: str, seed: int, step: int | None = None) -> nn.Module:
        """Return the trained model in evaluation mode, at a snapshot or (default) at the end of its training.

        Its configuration comes from the recipe as it was launched, which the store keeps with the files beside it; else
        from the recipe's file.

        Raises:
            NotStored: there is no such node or seed, or no recipe that it was built from.
            TrainingError, StorageError: training has not come to its end, or a file is missing or damaged.
        """
        from acc_assets.training import load_model

        run = self._run(node, seed)
        return load_model(run, self._node(node, run), step=step).model

    def map(self, node: str, seed: int, method: str = "umap", dimensions: int = 2) -> np.ndarray:
        """Return the map (N, dimensions) of the test split's latents at the last step, by umap, densmap or pca.

        Raises:
            NotStored: there is no such node or seed, or no map by this method.
            StorageError: it has not been built, or a file is damaged.
        """
        run = self._run(node, seed)
        _known((method, dimensions), list(projections.maps(run)), "map", f"{self.name}/{node} seed {seed}")
        return projections.series(method, dimensions).read(run)["coords"]

    def place(
        self, node: str, seed: int, images: np.ndarray, method: str = "umap", dimensions: int = 2
    ) -> np.ndarray:
        """Place images (M, C, H, W) uint8 on a stored map, which stays as it is: (M, dimensions).

        The model encodes them, and umap-learn's `transform` lays them out among the latents of the map; a map by pca
        is linear and takes no such placing. Raises as `map` and `model` do.
        """
        from acc_assets.analysis.neighbors import KnnGraph
        from acc_assets.analysis.umap_learn import place
        from acc_assets.training import encode_split

        if method == "pca":
            raise NotStored("new images are placed on maps by umap or densmap; a map by pca is linear")
        coords = self.map(node, seed, method, dimensions)
        run = self._run(node, seed)
        params = run.read_json(projections.FAMILY.path())["params"]
        encoded = encode_split(self.model(node, seed), {}, [], images, decode=False)["mu"]
        return place(
            encoded,
            latents.SERIES.read(run)["mu"],
            KnnGraph.of(neighbors.SERIES.read(run)),
            coords,
            seed=seed,
            n_neighbors=params["n_neighbors"],
            min_dist=params["min_dist"],
        )

    def __repr__(self) -> str:
        families = {"trained": CHECKPOINTS, "metrics": Metrics.family, "latents": Latents.family}
        rows = []
        for node in self.nodes:
            runs = {seed: self.store.run(self.name, node, seed) for seed in self.store.seeds(self.name, node)}
            about = [run.read_json("config.json") for run in runs.values() if run.exists("config.json")]
            told = [str(about[0][key] or "") if about else "" for key in ("kind", "branch")]
            built = [
                _listed([s for s, run in runs.items() if run.has_family(family.name)])
                for family in families.values()
            ]
            rows.append((node, *told, *built))
        heads = ("node", "kind", "branch", *(f"{name}, seeds" for name in families))
        return f"results of {self.name} in {self.store.place}\n{_columns(heads, rows)}"

    def _run(self, node: str, seed: int) -> RunDirectory:
        _known(node, self.nodes, "node", self.name)
        _known(seed, self.store.seeds(self.name, node), "seed", f"{self.name}/{node}")
        return self.store.run(self.name, node, seed)

    def _table(
        self, file: str, build: Callable[[RecipeView, Iterable[RunArtifacts]], DataFrame]
    ) -> DataFrame:
        stored = stored_table(self.store.recipe(self.name), file)
        return build(self._view, all_runs(self._view)) if stored is None else stored

    @cached_property
    def _view(self) -> RecipeView:
        """The version of the recipe that most runs were built from, without the runs of another one."""
        built = {
            (node, seed): run.read_json("config.json")["spec_hash"]
            for node in self.nodes
            for seed in self.store.seeds(self.name, node)
            if (run := self.store.run(self.name, node, seed)).exists("config.json")
        }

        def matching(tree: Tree) -> set[tuple[str, int]]:
            return {
                (node, seed)
                for (node, seed), built_from in built.items()
                if node in tree.nodes and tree[node].spec_hash == built_from
            }

        tree = max(self._trees(), key=lambda tree: len(matching(tree)), default=None)
        if tree is None:
            raise NotStored(f"neither the store nor a recipe's file has the recipe {self.name}.")
        other = dict.fromkeys(
            [CHECKPOINTS.name, *(one.name for node in tree for one in families_of(node))],
            "of another version",
        )
        withheld = dict.fromkeys(built.keys() - matching(tree), other)
        return RecipeView.of(replace(tree, seeds=tuple(self.seeds)), self.store, {}, withheld)

    def _node(self, tag: str, run: RunDirectory) -> TreeNode:
        """The node as it was when its run was built."""
        built = run.read_json("config.json")["spec_hash"]
        for tree in self._trees():
            if tag in tree.nodes and tree[tag].spec_hash == built:
                return tree[tag]
        raise NotStored(
            f"neither the store nor a recipe's file has {self.name}/{tag} as the run of seed {run.seed} was built. "
            f"{run.remedy}"
        )

    def _trees(self) -> Iterator[Tree]:
        """Every version of the recipe that the store keeps, and that of the recipe's file."""
        from acc_assets.assets.launched import kept_trees
        from acc_assets.recipes import find_recipes

        yield from kept_trees(self.store, self.name)
        found = find_recipes().trees
        if self.name in found:
            yield found[self.name]


def _known(name: Any, known: Sequence[Any], what: str, where: str) -> Any:
    """The name, where it is one of those that are known."""
    if name not in known:
        raise NotStored(f"there is no {what} {name!r} in {where}; there is: {_listed(known) or 'none'}")
    return name


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))


def _columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as text, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in (heads, *rows)
    )
    return "\n".join(f"  {line.rstrip()}" for line in lines)
