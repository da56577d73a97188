"""What moving one factor does to the decoded image."""

from __future__ import annotations

from acc_assets.assets.kinds import AnalysisKind, NodeWork, Outcome, digest_of, picture
from acc_assets.models.abilities import DECODE

FAMILY = "traversals"
ROWS = 5
STEPS = 9
SPAN = 3.0
SCALE = 2


def run(work: NodeWork) -> Outcome:
    """Traverse every factor along the direction in which the whole test set varies most in its slice."""
    from acc_assets.analysis.figures import tile, to_png
    from acc_assets.analysis.traversals import traverse

    mu = work.run.read_npz("latents/latents_latest.npz")["mu"]
    indices = work.example_indices(per_class=1)[:ROWS]
    found = traverse(work.decoder(), mu, work.groups, indices.tolist(), steps=STEPS, span=SPAN)
    pictures = {}
    captions = {}
    with work.run.family(FAMILY) as out:
        for one in found:
            columns = [f"{offset:+.2g}" for offset in one.offsets]
            grid = to_png(tile(one.images, scale=SCALE, column_labels=columns))
            dims = [f"z{one.start + dim}" for dim in range(len(one.dim_images))]
            out.png(f"traversal_{one.name}.png", grid)
            out.png(
                f"traversal_{one.name}_dims.png",
                to_png(tile(one.dim_images, scale=SCALE, row_labels=dims, column_labels=columns)),
            )
            pictures[f"traversal {one.name}"] = picture(
                grid, str(work.run.local_path(f"{FAMILY}/traversal_{one.name}.png"))
            )
            captions[f"traversal_{one.name}.png"] = (
                f"Five test images, one a row. Columns: the {one.name} slice moved along its first principal direction "
                f"over the whole test split ({one.explained:.0%} of its variance), from {-SPAN:g} to {SPAN:+g} "
                "standard deviations; all other dimensions held."
            )
            captions[f"traversal_{one.name}_dims.png"] = (
                f"The first of these images with each dimension of {one.name} moved alone over the same range."
            )
        out.json(
            "traversals.json",
            {
                "indices": indices.tolist(),
                "offsets": found[0].offsets.tolist(),
                "unit": "standard deviations along the direction, from the mean of the test split",
                "factors": {
                    one.name: {
                        "start": one.start,
                        "stop": one.stop,
                        "direction": one.direction.tolist(),
                        "std": one.std,
                        "explained": one.explained,
                        "effect": one.effect,
                    }
                    for one in found
                },
                "captions": captions,
            },
        )
    return Outcome(
        data_version=digest_of(work.run.manifest(FAMILY)),
        metadata={**{f"effect {one.name} (mean pixel change)": one.effect for one in found}, **pictures},
    )


KIND = AnalysisKind(
    suffix="traversals",
    family=FAMILY,
    version=1,
    description=f"Each factor moved from {-SPAN:g} to {SPAN:+g} standard deviations in {STEPS} steps, all others held.",
    kinds=frozenset({"pytorch", "image"}),
    analyse=run,
    needs=(DECODE,),
    after=("latents",),
)
