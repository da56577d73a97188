"""How the test images use the components of a mixture, from what the latents asset saw."""

from __future__ import annotations

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork, left_out
from acc_assets.families import latents, mixture
from acc_assets.models import ModelOutput


def run(work: NodeWork) -> Outcome:
    """Measure every snapshot, whose test images are all there are."""
    from acc_assets.analysis.mixture import mixture_health

    facts = latents.facts(work.run)
    by_step = {}
    for step in facts["steps"]:
        arrays = latents.SERIES.read(work.run, step)
        if ModelOutput.COMPONENT not in arrays:
            return left_out(work, "the model returns no responsibilities under ModelOutput.COMPONENT")
        responsibilities = arrays[ModelOutput.COMPONENT]  # (N, K)
        by_step[step] = {
            "components": responsibilities.shape[1],
            "subset_n": len(responsibilities),
            "sample_key": f"{facts['dataset']}/{facts['split']}",
            "sample_indices_ref": latents.SERIES.path(step),
            **mixture_health(responsibilities).to_json(),
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
