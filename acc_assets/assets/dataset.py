"""Data sets as assets: source, splits and the test images that every figure refers to."""

from __future__ import annotations

import dagster as dg
import numpy as np

from acc_assets.assets.kinds import Outcome, digest_of, picture
from acc_assets.storage import MadeFrom, RunDirectory
from acc_assets.tree import DatasetRef

VERSION = 3
FACTOR = "factor/"  # before the names of a split's own columns in test.npz
GRID_ROWS, GRID_COLUMNS = 6, 16
WAIT_SECONDS = 900.0  # for the run of another seed that writes the same


def describe(ref: DatasetRef) -> str:
    """What the catalog says of a data set."""
    return f"The data set `{ref.name}`: its source, its fixed splits and its test images."


def source_key(ref: DatasetRef, prefix: tuple[str, ...] = ()) -> dg.AssetKey | None:
    """The asset that stands for the files that a data set is read from; None where it needs none."""
    return dg.AssetKey([*prefix, "files", type(ref.config).__name__.lower()]) if ref.config.files() else None


def run(ref: DatasetRef, folder: RunDirectory, made_from: MadeFrom) -> Outcome:
    """Load the data set and write its test split, a picture atlas, a sample grid and its facts.

    The runs of several seeds need the same: the first one writes it, and the others find it done.
    """
    family = f"data-{ref.name}"
    with folder.lock(timeout=WAIT_SECONDS):
        if (
            folder.digest(family) is None
            or folder.manifest(family).made_from != made_from
            or folder.verify(family)
        ):
            _write(ref, folder.stamped(made_from), family)
    data = ref.config.load()
    return Outcome(
        data_version=digest_of(folder.manifest(family)),
        metadata={
            "source": data.source,
            "training images": len(data.train.images),
            "validation images": len(data.validation.images),
            "test images": len(data.test.images),
            "digest": data.digest[:16],
            "samples": picture(
                folder.read_bytes(f"{family}/grid.png"), str(folder.local_path(f"{family}/grid.png"))
            ),
            "path": str(folder.local_path(family)),
        },
    )


def _write(ref: DatasetRef, folder: RunDirectory, family: str) -> None:
    from acc_assets.analysis.figures import atlas, tile, to_png
    from acc_assets.analysis.stroke_properties import slant, stroke_thickness

    data = ref.config.load()
    described = ref.config.describe()
    test = data.test
    count = min(len(data.train.images), GRID_ROWS * GRID_COLUMNS)
    shown = data.train.images[: count - count % GRID_COLUMNS or count]
    grid = to_png(tile(shown.reshape(-1, min(GRID_COLUMNS, len(shown)), *shown.shape[1:]), scale=2))
    pictures, columns = atlas(test.images)
    with folder.family(family) as out:
        columns_of_test = {f"{FACTOR}{name}": values for name, values in (test.factors or {}).items()}
        out.npz("test.npz", {"images": test.images, "targets": test.targets, **columns_of_test})
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
