"""The analyses that come along, one a file: each reads artifacts, calls pure functions and writes its family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from acc_assets import families
from acc_assets.assets.analyses import (
    acquisition,
    attention,
    density,
    distortion,
    interactive,
    latents,
    likelihood,
    manifold,
    metrics,
    mixture,
    neighbors,
    network,
    onnx,
    oracle,
    outliers,
    projection,
    provided,
    reconstructions,
    report,
    samples,
    sorted_images,
    traversals,
)
from acc_assets.assets.kinds import AssetKind, Outcome
from acc_assets.assets.work import NodeWork, Work, left_out
from acc_assets.tree import Analysis

RUN: Mapping[type[Analysis], Callable[[NodeWork], Outcome]] = {
    families.Latents: latents.run,
    families.Metrics: metrics.run,
    families.Reconstructions: reconstructions.run,
    families.Traversals: traversals.run,
    families.SortedImages: sorted_images.run,
    families.Attention: attention.run,
    families.Neighbors: neighbors.run,
    families.Network: network.run,
    families.Projection: projection.run,
    families.Onnx: onnx.run,
    families.Manifold: manifold.run,
    families.Interactive: interactive.run,
    families.Density: density.run,
    families.Distortion: distortion.run,
    families.Mixture: mixture.run,
    families.Samples: samples.run,
    families.Acquisition: acquisition.run,
    families.Likelihood: likelihood.run,
    families.Report: report.run,
    families.Provided: provided.run,
    families.Oracle: oracle.run,
    families.Outliers: outliers.run,
}


def kind_of(request: Analysis) -> AssetKind:
    """The kind of asset that a request asks for; one of a user's own brings its function `analyse(work)`."""
    own = getattr(request, "analyse", None)
    analyse: Callable[[Any], Outcome] = own or next(RUN[one] for one in type(request).__mro__ if one in RUN)
    return AssetKind(
        scope=request.scope,
        family=request.family,
        run=partial(_carried_out, request, analyse),
        description=request.description or (type(request).__doc__ or "").strip(),
        kinds=request.kinds,
        checks=request.checks,
    )


def _carried_out(request: Analysis, analyse: Callable[[Any], Outcome], work: Work) -> Outcome:
    """Carry an analysis out, or say in its place what the model lacks for it."""
    if isinstance(work, NodeWork) and request.needs:
        lacks = work.abilities.lacks
        why = next((lacks[need] for need in request.needs if need in lacks), None)
        if why is not None:
            return left_out(work, why, request.checks)
    return analyse(work)
