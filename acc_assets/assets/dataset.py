"""Data sets as assets: source, splits and the test images that every figure refers to."""

from __future__ import annotations

import numpy as np

from acc_assets.assets.kinds import Outcome, digest_of, picture
from acc_assets.storage import Store
from acc_assets.tree import DatasetRef

VERSION = 2
GRID_ROWS, GRID_COLUMNS = 6, 16


def describe(ref: DatasetRef) -> str:
    """What the catalog says of a data set."""
    return f"The data set `{ref.name}`: its source, its fixed splits and its test images."


def run(recipe: str, ref: DatasetRef, store: Store) -> Outcome:
    """Load the data set and write its test split, a picture atlas, a sample grid and its facts."""
    from acc_assets.analysis.figures import atlas, tile, to_png
    from acc_assets.analysis.stroke_properties import slant, stroke_thickness

    data = ref.config.load()
    described = ref.config.describe()
    family = f"data-{ref.name}"
    test = data.test
    count = min(len(data.train.images), GRID_ROWS * GRID_COLUMNS)
    shown = data.train.images[: count - count % GRID_COLUMNS or count]
    grid = to_png(tile(shown.reshape(-1, min(GRID_COLUMNS, len(shown)), *shown.shape[1:]), scale=2))
    pictures, columns = atlas(test.images)
    folder = store.recipe(recipe)
    with folder.family(family) as out:
        out.npz("test.npz", images=test.images, targets=test.targets)
        if getattr(ref.config, "handwritten", False):
            out.npz(
                "properties.npz", stroke_thickness=stroke_thickness(test.images), slant=slant(test.images)
            )
        out.png("atlas.png", pictures)
        out.png("grid.png", grid)
        out.json("targets.json", _targets(data.train.targets, described))
        out.json(
            "dataset.json",
            {
                **described,
                "name": ref.name,
                "source": data.source,
                "digest": data.digest,
                "atlas_columns": columns,
                "class_names": described["target_names"] if described["kind_of_target"] == "class" else None,
            },
        )
    return Outcome(
        data_version=digest_of(folder.manifest(family)),
        metadata={
            "source": data.source,
            "training images": len(data.train.images),
            "validation images": len(data.validation.images),
            "test images": len(test.images),
            "digest": data.digest[:16],
            "samples": picture(grid, str(folder.local_path(f"{family}/grid.png"))),
            "path": str(folder.local_path(family)),
        },
    )


def _targets(targets: np.ndarray, described: dict[str, object]) -> dict[str, object]:
    """Counts by class, or a histogram of each column of a real target, of the training split."""
    if described["kind_of_target"] == "class":
        counts = np.bincount(targets, minlength=int(described["num_classes"]))  # type: ignore[call-overload]
        return {"kind": "class", "names": described["target_names"], "counts": counts.tolist()}
    edges = np.linspace(0, 1, 21)
    return {
        "kind": "real",
        "names": described["target_names"],
        "edges": edges.tolist(),
        "counts": [np.histogram(column, edges)[0].tolist() for column in targets.reshape(len(targets), -1).T],
    }
