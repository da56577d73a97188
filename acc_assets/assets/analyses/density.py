"""Densities of posterior and prior on the 2-D maps, from samples of what the latents asset saw."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork
from acc_assets.families import Density, density, latents, projections
from acc_assets.models import ModelOutput

if TYPE_CHECKING:
    from acc_assets.analysis.density import Mixture


def run(work: NodeWork) -> Outcome:
    """Estimate the densities on each 2-D map of every snapshot."""
    from acc_assets.analysis.density import linear_placing, map_densities, nearest_placing
    from acc_assets.analysis.grids import Square

    request: Density = work.request
    work.runtime.apply()
    methods = [method for method, dim in projections.maps(work.run) if dim == 2]
    steps = projections.steps(work.run)
    grids: dict[tuple[str, str, int], density.DensityGrid] = {}
    usage: dict[str, list[float]] = {}
    times: dict[str, float] = {}
    for step in steps:
        arrays = latents.SERIES.read(work.run, step)
        mu, logvar, prior = arrays["mu"], arrays.get(ModelOutput.LOGVAR), prior_of(arrays)
        if prior is not None and prior.usage is not None:
            usage[str(step)] = prior.usage.tolist()
        for method in methods:
            started = perf_counter()
            coords = projections.series(method, 2).read(work.run, step)["coords"]
            square = Square.around(coords, request.cells)
            place = (
                linear_placing(mu, coords)
                if method == "pca"
                else nearest_placing(mu, coords, request.neighbors)
            )
            bandwidth = request.bandwidth * square.side
            found = map_densities(mu, logvar, prior, coords, place, square, bandwidth, request.samples)
            for source, values in found.items():
                grids[source, method, step] = density.DensityGrid(values, square.bounds)
            times[f"{method}_{step}"] = round(1000 * (perf_counter() - started), 1)
    by_nearest = f"between the {request.neighbors} test images whose latents are nearest"
    variational = logvar is not None
    facts = {
        "cells": request.cells,
        "bandwidth": request.bandwidth,
        "samples": request.samples,
        "subset_n": request.samples if variational else len(mu),
        "posterior": "samples of the test images' posteriors" if variational else "the test images' latents",
        "components": None if prior is None else len(prior.means),
        "prior_weights": usage,
        "placing": {one: "by the linear map itself" if one == "pca" else by_nearest for one in methods}
        if variational or prior is not None
        else {},  # nothing is sampled: the test images lie where the map has them
    }
    density.write(work.folder, grids, facts, times)
    return Outcome(
        metadata={
            "sources": ", ".join(dict.fromkeys(source for source, _, _ in grids)),
            "maps": ", ".join(methods),
            "snapshots": len(steps),
        }
    )


def prior_of(arrays: Mapping[str, np.ndarray]) -> Mixture | None:
    """The prior of the model whose latents these are; None for one without, or with one that it cannot tell.

    A model that returns means of components has a mixture for its prior, of variance 1 where it returns no variances.
    """
    from acc_assets.analysis.density import Mixture, standard_normal

    if ModelOutput.COMPONENT_MEANS not in arrays:
        if (
            ModelOutput.COMPONENT_LOG_WEIGHTS in arrays
        ):  # a prior of its own, which is no Gaussian of this latent
            return None
        return standard_normal(arrays["mu"].shape[1]) if ModelOutput.LOGVAR in arrays else None
    means = arrays[ModelOutput.COMPONENT_MEANS]
    logvars = arrays.get(ModelOutput.COMPONENT_LOGVARS, np.zeros_like(means))
    assigned = arrays.get(ModelOutput.COMPONENT)  # (N, K)
    usage = None if assigned is None else assigned.mean(axis=0, dtype=np.float64)
    return Mixture(means, logvars, usage)
