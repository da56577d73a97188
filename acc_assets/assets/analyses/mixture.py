"""How the test images use the components of a mixture, from what the latents asset saw."""

from __future__ import annotations

import numpy as np

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork, left_out
from acc_assets.families import latents, mixture
from acc_assets.models import ModelOutput

UNEVEN = 1e-3  # how far the responsibilities of a point may sum from 1


def run(work: NodeWork) -> Outcome:
    """Measure every snapshot, whose test images are all there are."""
    from acc_assets.tasks.mixture_terms import component_usage

    facts = latents.facts(work.run)
    by_step = {}
    for step in facts["steps"]:
        arrays = latents.SERIES.read(work.run, step)
        if ModelOutput.COMPONENT not in arrays:
            return left_out(work, mixture.NO_RESPONSIBILITIES)
        responsibilities = checked(arrays[ModelOutput.COMPONENT])  # (N, K)
        by_step[step] = {
            "components": responsibilities.shape[1],
            "subset_n": len(responsibilities),
            "sample_key": f"{facts['dataset']}/{facts['split']}",
            "sample_indices_ref": latents.SERIES.path(step),
            **component_usage(responsibilities),
        }
    mixture.write(work.folder, by_step)
    last = by_step[max(by_step)]
    return Outcome(
        metadata={
            "components": last["components"],
            "effective components": last["neff"],
            "largest": last["pmax"],
        }
    )


def checked(shares: np.ndarray) -> np.ndarray:
    """Responsibilities (N, K) as they are; raises ValueError where they are no shares of 1."""
    if shares.ndim != 2 or 0 in shares.shape:
        raise ValueError(f"expected responsibilities (N, K), got shape {shares.shape}")
    if not (shares >= 0).all() or (np.abs(shares.sum(axis=1, dtype=np.float64) - 1) > UNEVEN).any():
        raise ValueError("responsibilities must be at least 0 and sum to 1 for every point")
    return shares
