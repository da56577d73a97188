"""What moving one factor does to the decoded image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from acc_assets.assets.kinds import Outcome
from acc_assets.assets.work import NodeWork, picture
from acc_assets.families import latents, traversals

ROWS = 5
STEPS = 9
SPAN = 3.0
SCALE = 2


def run(work: NodeWork) -> Outcome:
    """Traverse every factor along the direction in which the whole test set varies most in its slice."""
    from acc_assets.analysis.traversals import traverse

    mu = latents.SERIES.read(work.run)["mu"]
    indices = work.examples(ROWS)
    originals = work.data.test.images[indices]  # (S, C, H, W) uint8
    found = traverse(work.decoder(), mu, work.groups, indices.tolist(), steps=STEPS, span=SPAN)
    pictures, captions = {}, {}
    factors: dict[str, Any] = {}
    for one in found:
        own, of_dims = one.nearest(one.positions), one.nearest(one.dim_positions)
        columns = [f"{offset:+.3g}" for offset in one.offsets]
        dims = [f"z{one.start + dim}" for dim in range(len(one.dim_images))]
        first = originals[:1].repeat(len(dims), axis=0)
        pictures[one.name] = (
            _grid(originals, one.images, own, columns),
            _grid(first, one.dim_images, of_dims, columns, dims),
        )
        captions[one.name] = (
            f"{len(originals)} test images, one a row, each itself in the first column. Other columns: its "
            f"{one.name} slice put at fixed places along the slot's first principal direction over the whole "
            f"test split ({one.explained:.0%} of its variance), from {-SPAN:g} to {SPAN:+g} standard deviations "
            f"from the mean; all other dimensions held. {_where(own, one.positions)}",
            f"The first of these images with each dimension of {one.name} put at the same places alone. "
            f"{_where(of_dims, one.dim_positions)}",
        )
        factors[one.name] = {
            "start": one.start,
            "stop": one.stop,
            "direction": one.direction.tolist(),
            "std": one.std,
            "explained": one.explained,
            "effect": one.effect,
            "positions": one.positions.tolist(),
            "nearest": own,
            "dim_positions": one.dim_positions.tolist(),
            "dim_nearest": of_dims,
        }
    traversals.write(
        work.folder,
        pictures,
        {one.name: _cells(originals, one.images) for one in found},
        indices=indices.tolist(),
        offsets=found[0].offsets.tolist(),
        factors=factors,
        captions=captions,
    )
    shown = {
        f"traversal {name}": picture(whole, work.folder, traversals.FAMILY.name)
        for name, (whole, _) in pictures.items()
    }
    return Outcome(
        metadata={**{f"effect {one.name} (mean pixel change)": one.effect for one in found}, **shown}
    )


def _grid(
    originals: np.ndarray,
    images: np.ndarray,
    nearest: Sequence[int | None],
    columns: list[str],
    rows: list[str] | None = None,
) -> bytes:
    """A picture of originals (R, C, H, W) and, right of them, images (R, T, C, H, W), the nearest columns outlined."""
    from acc_assets.analysis.figures import tile, to_png

    cells = _cells(originals, images)
    marks = [None if column is None else column + 1 for column in nearest]
    labels = ["image", *columns]
    return to_png(tile(cells, scale=SCALE, row_labels=rows, column_labels=labels, marks=marks))


def _cells(originals: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Originals (R, C, H, W) and, right of them, images (R, T, C, H, W) as uint8 (R, T + 1, C, H, W)."""
    from acc_assets.analysis.figures import to_uint8

    return np.concatenate([originals[:, None], to_uint8(images)], axis=1)


def _where(nearest: Sequence[int | None], positions: np.ndarray) -> str:
    """What the outlines mean, with the places that the images themselves have."""
    places = ", ".join(f"{position:+.1f}" for position in positions)
    outside = sum(column is None for column in nearest)
    beyond = f"; {outside} of them lie beyond the columns and have no outline" if outside else ""
    return (
        f"Outlined: the column nearest to the image itself, which lies at {places} (top to bottom{beyond})."
    )
