"""Maps of the latents in two and three dimensions, aligned over the snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from acc_assets.families.base import Family, Payload, Picture, Script
from acc_assets.families.dataset import DatasetFamily
from acc_assets.families.neighbors import SHARED_NEIGHBORS
from acc_assets.families.scatter import scatter_png
from acc_assets.families.series import Series
from acc_assets.families.words import is_number, number
from acc_assets.tree import LATENT, Analysis, Check, config

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import ArtifactFolder

Map = tuple[str, int]  # method and number of dimensions


class MapWords(NamedTuple):
    """What a method is called, and what a reader may take from the distances on its maps."""

    title: str
    note: str


METHODS = {  # the first that is there is the one shown
    "umap": MapWords(
        "UMAP",
        "UMAP keeps near neighbours together; how far groups lie apart, how large and how dense they are says little "
        "about the latents.",
    ),
    "densmap": MapWords(
        "densMAP",
        "densMAP keeps near neighbours together, crowded where the latents are dense; how far groups lie apart says "
        "little about the latents.",
    ),
    "pca": MapWords(
        "PCA",
        "PCA shows the directions in which the latents vary most; what differs only along others falls together.",
    ),
}
CAPTION = "Every test image at its place in the two-dimensional {method} of the latents, coloured by {label}."
RADII = "log_radii.npz"
MAP_SIZE, MAP_VERSION = 480, 1  # pixels


def _coords(run: RunArtifacts, one: Series, steps: list[int], some: list[int]) -> Script:
    stack = [run.arrays(one.path(step))["coords"] for step in some]
    return {"steps": steps}, {"coords": np.stack(stack).astype(np.float32)}


class ProjectionsFamily(Family):
    """An npz a snapshot, method and dimension: `coords` (N, d), and `neighbor_distances` (N, k) on the map.

    With densMAP, `log_radii.npz` holds logarithms (N,) of local radii, of the latents and of each map of the last step.
    """

    name = "projections"
    title = "Latent map"
    document = "projections.json"
    rank = 4

    def facts(self, run: RunArtifacts) -> Iterator[tuple[str, str]]:
        """Yield how far the map can be trusted."""
        trust = (run.document(self).get("trustworthiness") or {}).get("umap_2d")
        if is_number(trust):
            yield "Trustworthiness, UMAP 2-D", number(trust, 3)
        kept = (run.document(self).get("density") or {}).get("densmap_2d")
        if is_number(kept):
            yield "Crowding kept, densMAP 2-D", f"{number(kept, 2)} (correlation of local radii)"

    def pictures(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Picture]:
        """Yield the latest 2-D map, coloured by the true label."""
        method = next((one for one in METHODS if run.exists(series(one, 2).path())), None)
        if method is None:
            return
        data = DatasetFamily(run.primary_dataset)
        name = series(method, 2).path()

        def draw(theme: str) -> bytes:
            return scatter_png(run.arrays(name)["coords"], data.targets(shared), theme, MAP_SIZE)

        classes = data.classes(shared)
        title, note = METHODS[method]
        caption = CAPTION.format(method=title, label="class" if classes else "target")
        yield Picture(
            name="latent-map",
            title=f"{self.title} ({title})",
            general=f"{caption} {note}",
            alt=self._alternative(run, method, len(classes)),
            draw=draw,
            source=(MAP_VERSION, run.digest(self.name), shared.digest(data.name), name, MAP_SIZE),
            size=(MAP_SIZE, MAP_SIZE),
        )

    def payloads(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Payload]:
        """Yield coordinates, a script a method and dimension of the last snapshot, and one of those before it."""
        facts = run.document(self)
        for method in facts.get("methods") or []:
            for dim in facts.get("dimensions") or []:
                one = series(method, dim)
                steps = one.steps(run)
                for what, some in {"": steps[-1:], "-earlier": steps[:-1]}.items():
                    if some:
                        yield Payload(
                            what=f"projection-{method}-{dim}d{what}",
                            page="viewer",
                            source=[run.digest(self.name), steps],
                            make=partial(_coords, run, one, steps, some),
                            rounded=True,
                        )

    def _alternative(self, run: RunArtifacts, method: str, classes: int) -> str:
        count = run.images("test").get(run.primary_dataset)
        points = f"{count:,} test images" if count else "The test images"
        colors = f"in {classes} colours, one a class" if classes else "coloured by their target"
        trust = (run.document(self).get("trustworthiness") or {}).get(f"{method}_2d")
        kept = (
            f" Trustworthiness of their neighbourhoods: {number(trust, 2)} of 1." if is_number(trust) else ""
        )
        return f"{points} as points at their places in the {METHODS[method].title} of the latents, {colors}.{kept}"


FAMILY = ProjectionsFamily()


@config
class Projection(Analysis):
    """Maps of the latents at every snapshot, by PCA and UMAP.

    engine: what lays UMAP out; umap-learn compiles for some five seconds in every process.
    density: add densMAP, a map whose crowding follows that of the latents (by umap-learn, whatever `engine` is).
    n_neighbors: the point itself counted; min_dist: how close points may lie on the map.
    """

    engine: Literal["own", "umap-learn"] = "own"
    density: bool = False
    n_neighbors: Annotated[int, Field(ge=2, le=SHARED_NEIGHBORS + 1)] = 15
    min_dist: Annotated[float, Field(ge=0, le=1)] = 0.1

    name = "projection"
    family = FAMILY
    version = 2
    description = (
        "PCA and UMAP of the test split in 2-D and 3-D at every snapshot, aligned from one to the next."
    )
    kinds = frozenset({"numpy", "umap"})
    needs = (LATENT,)
    after = ("latents", "neighbors")
    reads_model = False
    checks = (Check("projection_finite", "Every projected coordinate is a finite number."),)


def write(
    folder: ArtifactFolder,
    coords: Mapping[Map, Mapping[int, np.ndarray]],
    neighbor_distances: Mapping[Map, Mapping[int, np.ndarray]],
    *,
    trustworthiness: Mapping[str, float],
    trust_neighbors: int,
    explained_variance: Mapping[int, Any],
    density: Mapping[str, float | None] | None,
    radii: Mapping[str, np.ndarray],
    params: Mapping[str, Any],
) -> None:
    """Write coordinates (N, d) by method and dimension, then by step, with the lengths (N, k) of the graph's edges.

    trustworthiness: of the last snapshot, by `<method>_<d>d`, over `trust_neighbors` neighbours; explained_variance:
    shares of PCA's components by step. Where densMAP was asked for, density: how well crowding on each map of the last
    snapshot is crowding of the latents, and radii: logarithms (N,) of local radii, of `latents` and by map.
    """
    with folder.family(FAMILY.name) as out:
        for (method, dim), by_step in coords.items():
            edges = neighbor_distances[method, dim]
            arrays = {
                step: {"coords": values, "neighbor_distances": edges[step]}
                for step, values in by_step.items()
            }
            series(method, dim).write(out, arrays)
        if radii:
            out.npz(RADII, dict(radii))
        out.json(
            FAMILY.document,
            {
                "steps": sorted(next(iter(coords.values()))),
                "methods": sorted({method for method, _ in coords}),
                "dimensions": sorted({dim for _, dim in coords}),
                "trustworthiness": {"k": trust_neighbors, **trustworthiness},
                "explained_variance": {str(step): shares for step, shares in explained_variance.items()},
                **({"density": density} if density is not None else {}),
                "params": params,
            },
        )


def map_words() -> list[dict[str, str]]:
    """Return the words for all methods, as pages hand them to the browser."""
    return [{"method": method, **words._asdict()} for method, words in METHODS.items()]


def series(method: str, dim: int) -> Series:
    """The maps by one method: `coords` (N, dim), and `neighbor_distances` (N, k) on the map."""
    return Series(FAMILY.name, f"latent_{dim}d", f"_{method}")


def maps(folder: ArtifactFolder) -> Iterable[Map]:
    """Methods and dimensions that are stored."""
    facts = folder.read_json(FAMILY.path())
    return [(method, dim) for method in facts["methods"] for dim in facts["dimensions"]]


def steps(folder: ArtifactFolder) -> list[int]:
    """The snapshots that there are maps of, in order."""
    return [int(step) for step in folder.read_json(FAMILY.path())["steps"]]
