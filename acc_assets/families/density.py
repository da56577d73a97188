"""Densities of posterior and prior on the two-dimensional maps of the latents, at every snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from acc_assets.families import projections
from acc_assets.families.base import Download, Family, Payload, Picture, Script
from acc_assets.families.dataset import DatasetFamily
from acc_assets.families.scatter import (
    Bounds,
    heat_image,
    panels_image,
    panels_size,
    reduced_png,
    scatter_image,
)
from acc_assets.families.series import Series
from acc_assets.families.words import number
from acc_assets.tree import LATENT, Analysis, config
from acc_assets.tree.config import Positive

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import ArtifactFolder

SOURCES = {  # in the order in which they are shown
    "posterior": "Posterior",
    "prior": "Prior, uniform",
    "prior_empirical": "Prior, empirical",
}
NOTES = {
    "posterior": "the posterior ({posterior})",
    "prior": "the prior with all {components} components weighed alike",
    "prior_empirical": "the prior with its components weighed as the test images use them",
}
STANDARD_NORMAL = "Prior", "the prior N(0, I)"  # title and note of a prior of one component
TIMES = "compute_ms.json"
PANEL, PICTURE_VERSION = 300, 1  # pixels


def series(source: str, method: str) -> Series:
    """The grids of a source on the map by a method."""
    return Series("density", f"{source}_2d", f"_{method}")


class DensityGrid(NamedTuple):
    """One grid: values (y, x) with y growing, in shares of all samples by square unit of the map; its square."""

    values: np.ndarray
    bounds: Bounds


class DensityFamily(Family):
    """An npz a snapshot, source and map: `values` (cells, cells), rows growing with y, and `bounds` (4,).

    bounds: left, right, bottom and top of the square, in the map's units. The document has the units, what the prior
    is, and of each grid minimum, maximum and the share of the density that lies `inside` of the square.
    """

    name = "density"
    title = "Density on the latent map"
    document = "density.json"
    rank = 6
    downloads = tuple(
        Download(series(source, method).name(), f"Density on the {words.title} map, {what.lower()} (npz)")
        for method, words in projections.METHODS.items()
        for source, what in SOURCES.items()
    )

    def pictures(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Picture]:
        """Yield the latest densities beside the points, a picture a map."""
        facts = run.document(self)
        placing, maps = facts.get("placing") or {}, facts.get("maps") or {}
        told = _told(facts) if facts else {}
        data = DatasetFamily(run.primary_dataset)
        for method, words in projections.METHODS.items():
            sources = [source for source in SOURCES if run.exists(series(source, method).path())]
            if not sources or not run.exists(projections.series(method, 2).path()):
                continue

            def draw(theme: str, method: str = method, sources: list[str] = sources) -> bytes:
                coords = run.arrays(projections.series(method, 2).path())["coords"]
                grids = {one: _density(run.arrays(series(one, method).path())) for one in sources}
                bounds = grids[sources[0]].bounds
                points = scatter_image(coords, data.targets(shared), theme, PANEL, bounds)
                heat = [(told[one][0], heat_image(grid.values, theme, PANEL)) for one, grid in grids.items()]
                return reduced_png(panels_image([("Test images", points), *heat], theme))

            placed = [f"Samples are placed {placing[method]}."] if method in placing else []
            general = (
                f"Where the test images lie on the {words.title} of the latents, and on the same square how dense the "
                f"model is: {'; '.join(told[one][1] for one in sources)}. Each panel goes from nothing to its own "
                "maximum, by the square root of the density."
            )
            yield Picture(
                name=f"density-{method}",
                title=f"{self.title} ({words.title})",
                general=general,
                caption=" ".join((general, *placed, *_inside(maps.get(method), told))),
                alt=f"The {words.title} of the latents as points, and beside it heat maps: "
                f"{'; '.join(told[one][0].lower() for one in sources)}.",
                draw=draw,
                source=(
                    PICTURE_VERSION,
                    run.digest(self.name),
                    run.digest(projections.FAMILY.name),
                    shared.digest(data.name),
                    method,
                ),
                size=panels_size(PANEL, 1 + len(sources)),
            )

    def payloads(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Payload]:
        """Yield the grids of all snapshots, a script a map: square roots of shares of each grid's maximum, in bytes."""
        told = _told(run.document(self)) if run.document(self) else {}
        for method in projections.METHODS:
            sources = [source for source in SOURCES if run.exists(series(source, method).path())]

            def make(method: str = method, sources: list[str] = sources) -> Script:
                steps = series(sources[0], method).steps(run)
                grids = [
                    [_density(run.arrays(series(one, method).path(step))) for one in sources]
                    for step in steps
                ]
                values = np.array([[_bytes(grid.values) for grid in of_step] for of_step in grids])
                named = [{"id": one, "title": told[one][0], "note": told[one][1]} for one in sources]
                bounds = np.array([of_step[0].bounds for of_step in grids], np.float32)
                return {"steps": steps, "sources": named}, {"values": values, "bounds": bounds}

            if sources and told:
                yield Payload(
                    what=f"density-{method}", page="viewer", source=[run.digest(self.name)], make=make
                )


FAMILY = DensityFamily()


@config
class Density(Analysis):
    """Densities of posterior and prior on every 2-D map, at every snapshot, from samples with fixed noise.

    cells: of a grid, across and down; bandwidth: standard deviation of the Gaussian kernel, a share of the square's
    side; samples: drawn of each source; neighbors: test points between which a sample is placed on a map by UMAP.
    """

    cells: Annotated[int, Field(ge=16, le=512)] = 96
    bandwidth: Annotated[float, Field(gt=0, le=0.25)] = 0.02
    samples: Positive = 4000
    neighbors: Positive = 12

    name = "density"
    family = FAMILY
    description = "Densities of posterior and prior on the 2-D maps of the latents, at every snapshot."
    kinds = frozenset({"numpy"})
    needs = (LATENT,)
    after = ("latents", "projection")
    reads_model = False


def write(
    folder: ArtifactFolder,
    grids: Mapping[tuple[str, str, int], DensityGrid],
    facts: Mapping[str, Any],
    times: Mapping[str, float],
) -> None:
    """Write grids by source, method and step, what they were made with, and milliseconds by map and step."""
    steps = sorted({step for _, _, step in grids})
    maps: dict[str, dict[str, dict[str, Any]]] = {}
    by_map: dict[tuple[str, str], dict[int, dict[str, np.ndarray]]] = {}
    for (source, method, step), grid in grids.items():
        maps.setdefault(method, {}).setdefault(str(step), {})[source] = _stats(grid)
        arrays = {"values": grid.values, "bounds": np.array(grid.bounds)}
        by_map.setdefault((source, method), {})[step] = arrays
    with folder.family(FAMILY.name) as out:
        for (source, method), by_step in by_map.items():
            series(source, method).write(out, by_step, compress=True)
        out.json(
            FAMILY.document,
            {
                "units": "share of all samples by square unit of the map",
                "order": "row-major: rows grow with y, columns with x",
                "steps": steps,
                "methods": sorted(maps),
                "sources": [one for one in SOURCES if one in {source for source, _, _ in grids}],
                **facts,
                "maps": maps,
            },
        )
        out.json(TIMES, dict(times), volatile=True)


def _told(facts: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Title and note of every source."""
    told = {one: (title, NOTES[one].format_map(facts)) for one, title in SOURCES.items()}
    return told | ({"prior": STANDARD_NORMAL} if facts.get("components") == 1 else {})


def _inside(by_step: Any, told: Mapping[str, tuple[str, str]]) -> list[str]:
    """How much of each source the latest square shows."""
    latest_of = by_step[max(by_step, key=int)] if by_step else {}
    parts = [
        f"{number(100 * found['inside'], 0)} % of the {told[one][0].lower()}"
        for one, found in latest_of.items()
    ]
    return [f"The square shows {'; '.join(parts)}."] if parts else []


def _bytes(values: np.ndarray) -> np.ndarray:
    """Square roots of shares of the maximum as uint8."""
    top = float(values.max(initial=0.0))
    shares: np.ndarray = np.rint(255 * np.sqrt(values / top if top > 0 else values)).astype(np.uint8)
    return shares


def _density(arrays: Mapping[str, np.ndarray]) -> DensityGrid:
    left, right, bottom, top = (float(edge) for edge in arrays["bounds"])
    return DensityGrid(arrays["values"], (left, right, bottom, top))


def _stats(grid: DensityGrid) -> dict[str, Any]:
    left, right, bottom, top = grid.bounds
    area = (right - left) * (top - bottom) / grid.values.size
    return {
        "bounds": list(grid.bounds),
        "min": float(grid.values.min()),
        "max": float(grid.values.max()),
        "inside": float(grid.values.sum(dtype=np.float64) * area),
    }
