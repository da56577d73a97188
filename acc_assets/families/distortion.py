"""How much the maps of the latents stretch and shrink the neighbourhood of every point, at every snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from acc_assets.families.base import Chart, Coloring, Download, Family, Number, Payload, Script, Table
from acc_assets.families.neighbors import SHARED_NEIGHBORS
from acc_assets.families.projections import METHODS, Map
from acc_assets.families.scatter import Bounds
from acc_assets.families.series import Series
from acc_assets.families.words import MetricWords, is_number, number
from acc_assets.tree import LATENT, Analysis, config

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import ArtifactFolder

METRIC = "knn_mean_ratio"
OCTAVES, NOTHING = 3, -128  # of the viewer's bytes: what 127 stands for, and a cell without points


def series(method: str, dim: int) -> Series:
    """What was measured of one map."""
    return Series("distortion", f"metric_ratio_{dim}d", f"_{method}")


class MapDistortion(NamedTuple):
    """Of one map: ratio (N,) as measured, relative (N,) to the map's scale; of 2-D maps a grid of means and its square.

    stretch: what half of the points are stretched or shrunk by at least, None where nothing is known.
    """

    ratio: np.ndarray
    relative: np.ndarray
    scale: float
    stretch: float | None
    counts: np.ndarray  # (B,) points by log2 of `relative`, those beyond the histogram in its outermost bins
    grid: np.ndarray | None = (
        None  # (cells, cells) means of log2 of `relative`, y growing, NaN where nothing lies
    )
    bounds: Bounds | None = None


class DistortionFamily(Family):
    """An npz a snapshot and map: `ratio` and `relative` (N,), a histogram, of a 2-D map a `grid` and its `bounds` (4,).

    ratio is `knn_mean_ratio`: the mean distance on the map over that in latent space to the k nearest neighbours in
    latent space. relative is the same over the map's scale, which is the median ratio of that map and snapshot alone.
    counts (B,) and edges (B + 1,) are of log2 of relative, whose mean by cell is the grid (cells, cells), y growing.
    """

    name = "distortion"
    title = "Distortion of the latent maps"
    document = "distortion.json"
    metrics = {  # noqa: RUF012
        METRIC: MetricWords("typical stretch of neighbourhoods", "×", "lower", "number", 2, 44)
    }
    downloads = tuple(
        Download(
            series(method, 2).name(),
            f"Distortion of every point on the {words.title} map (npz)",
        )
        for method, words in METHODS.items()
    )

    def numbers(self, run: RunArtifacts) -> Iterator[Number]:
        """Yield what half of the neighbourhoods on each 2-D map are stretched or shrunk by at least."""
        for (method, dim), found in _latest_stats(run):
            if dim == 2 and is_number(found.get("stretch")):
                yield Number(task=f"{METHODS[method].title} {dim}-D", metric=METRIC, value=found["stretch"])

    def charts(self, run: RunArtifacts) -> Iterator[Chart]:
        """Yield how many points of each 2-D map are stretched how much."""
        for (method, dim), found in _latest_stats(run):
            counted = run.npz(series(method, dim).path())
            if dim == 2 and "counts" in counted and is_number(found.get("stretch")):
                edges, counts = counted["edges"].tolist(), counted["counts"].tolist()
                bars = [
                    {"x0": low, "x1": high, "count": count}
                    for low, high, count in zip(edges, edges[1:], counts, strict=False)
                ]
                title = METHODS[method].title
                yield Chart(
                    title=f"Distortion on the {title} map",
                    spec={
                        "kind": "histogram",
                        "label": "size of the neighbourhood, log2 of the usual",
                        "bars": bars,
                    },
                    caption=f"Test images by how large the {title} map draws their neighbourhood: 0 as large as the "
                    "usual one, 1 twice and −1 half as large. A map that keeps all distances has one bar; the "
                    "outermost bars hold everything beyond.",
                )

    def tables(self, run: RunArtifacts) -> Iterator[Table]:
        """Yield the measured ratios of every map."""
        rows = [
            [
                f"{METHODS[method].title} {dim}-D",
                *(number(found.get(name), 3) for name in ("min", "median", "max", "stretch")),
            ]
            for (method, dim), found in _latest_stats(run)
        ]
        if rows:
            head = ["map", "least ratio", "median", "largest", "typical stretch"]
            yield Table(title=self.title, head=head, rows=rows, numbers=(1, 2, 3, 4))

    def colorings(self, run: RunArtifacts) -> Iterator[Coloring]:
        """Yield the stretch of every point on every map, as log2."""
        for (method, dim), _ in _latest_stats(run):

            def make(steps: Sequence[int], one: Series = series(method, dim)) -> np.ndarray:  # noqa: B008
                found = [run.arrays(one.path(step))["relative"] for step in steps]
                with np.errstate(divide="ignore"):
                    return np.log2(np.stack(found))

            yield Coloring(
                id=f"distortion:{method}_{dim}d",
                label=f"Distortion, {METHODS[method].title} {dim}-D (log2)",
                source=run.digest(self.name),
                make=make,
            )

    def payloads(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Payload]:
        """Yield the grids of all snapshots, a script a 2-D map, in bytes."""
        for (method, dim), _ in _latest_stats(run):

            def make(one: Series = series(method, dim)) -> Script:  # noqa: B008
                steps = one.steps(run)
                found = [run.arrays(one.path(step)) for step in steps]
                values = np.stack([arrays["grid"] for arrays in found]).astype(np.float64)
                scaled = np.rint(np.clip(values / OCTAVES, -1, 1) * 127)
                grids = np.where(np.isnan(values), NOTHING, scaled).astype(np.int8)
                bounds = np.stack([arrays["bounds"] for arrays in found]).astype(np.float32)
                return {"steps": steps, "octaves": OCTAVES}, {"values": grids, "bounds": bounds}

            if dim == 2:
                yield Payload(
                    what=f"distortion-{method}", page="viewer", source=[run.digest(self.name)], make=make
                )


FAMILY = DistortionFamily()


@config
class Distortion(Analysis):
    """How much every map stretches or shrinks each neighbourhood, at every snapshot.

    k: nearest neighbours in latent space; cells: of a 2-D map's grid, across and down.
    """

    k: Annotated[int, Field(ge=1, le=SHARED_NEIGHBORS)] = 15
    cells: Annotated[int, Field(ge=8, le=512)] = 48

    name = "distortion"
    family = FAMILY
    description = "How much the latent maps stretch or shrink the neighbourhood of every test point."
    kinds = frozenset({"numpy"})
    needs = (LATENT,)
    after = ("neighbors", "projection")
    reads_model = False


def write(
    folder: ArtifactFolder,
    found: Mapping[Map, Mapping[int, MapDistortion]],
    *,
    k: int,
    cells: int,
    edges: Sequence[float],
    times: Mapping[str, float],
) -> None:
    """Write what was measured by map and step; edges (B + 1,) of the histograms, milliseconds by map and step."""
    steps = sorted(next(iter(found.values())))
    points = len(next(iter(found.values()))[steps[0]].ratio)
    with folder.family(FAMILY.name) as out:
        for (method, dim), by_step in found.items():
            arrays = {step: _arrays(one, edges) for step, one in by_step.items()}
            series(method, dim).write(out, arrays, compress=True)
        out.json(
            FAMILY.document,
            {
                "metric": METRIC,
                "k": k,
                "cells": cells,
                "order": "row-major: rows grow with y, columns with x",
                "scale": "the median ratio of each map and snapshot",
                "subset_n": points,
                "steps": steps,
                "maps": {
                    f"{method}_{dim}d": {str(step): _stats(one) for step, one in sorted(by_step.items())}
                    for (method, dim), by_step in found.items()
                },
            },
        )
        out.json("compute_ms.json", dict(times), volatile=True)


def _arrays(one: MapDistortion, edges: Sequence[float]) -> dict[str, np.ndarray]:
    arrays = {
        "ratio": one.ratio.astype(np.float32),
        "relative": one.relative.astype(np.float32),
        "counts": one.counts,
        "edges": np.array(edges),
    }
    return arrays if one.grid is None else arrays | {"grid": one.grid, "bounds": np.array(one.bounds)}


def _stats(one: MapDistortion) -> dict[str, Any]:
    known = one.ratio[np.isfinite(one.ratio)]
    low, middle, high = np.quantile(known, (0, 0.5, 1)).tolist() if len(known) else (None, None, None)
    return {
        "min": low,
        "median": middle,
        "max": high,
        "scale": one.scale if np.isfinite(one.scale) else None,
        "stretch": one.stretch,
        "unknown": len(one.ratio) - len(known),
    }


def _latest_stats(run: RunArtifacts) -> Iterator[tuple[Map, Mapping[str, Any]]]:
    """What the document says of each map at the last snapshot, in the order of methods."""
    facts = run.document(FAMILY)
    maps, steps = facts.get("maps") or {}, facts.get("steps") or []
    for method in METHODS:
        for dim in (2, 3):
            found = (maps.get(f"{method}_{dim}d") or {}).get(str(steps[-1])) if steps else None
            if isinstance(found, Mapping):
                yield (method, dim), found
