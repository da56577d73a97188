"""Data sets as assets: source, splits and the test images that every figure refers to."""

from __future__ import annotations

from typing import Any

import dagster as dg
import numpy as np

from acc_assets.assets.kinds import AssetKind, Outcome, data_scope
from acc_assets.assets.work import Work, picture
from acc_assets.families import dataset
from acc_assets.families.dataset import DatasetFamily
from acc_assets.tree import DatasetRef

VERSION = 3
GRID_ROWS, GRID_COLUMNS = 6, 16
WAIT_SECONDS = 900.0  # for the run of another seed that writes the same


def kind_of(ref: DatasetRef) -> AssetKind:
    """The kind of a data set's asset: one for all seeds, or one a seed where its `load` takes the seed."""
    return AssetKind(
        scope=data_scope(ref),
        family=DatasetFamily(ref.name),
        run=run,
        description=f"The data set `{ref.name}`: its source, its fixed splits and its test images.",
        kinds=frozenset({"numpy"}),
    )


def sources_of(ref: DatasetRef, prefix: tuple[str, ...] = ()) -> dict[dg.AssetKey, Any]:
    """What a data set is read from outside the store's artifacts, each with the asset that stands for its files."""
    found = {}
    for part in getattr(ref.config, "parts", (ref.config,)):
        if part.files():
            kind = getattr(part, "source_name", "files")
            name = type(part).__name__.lower() if kind == "files" else part.name
            found[dg.AssetKey([*prefix, kind, name])] = part
    return found


def run(work: Work) -> Outcome:
    """Load the data set and write its test split, a picture atlas, a sample grid and its facts.

    The runs of several seeds need the same: the first one writes it, and the others find it done.
    """
    ref = work.plan.dataset
    assert ref is not None  # the kind is that of data sets
    family, folder = work.plan.kind.family, work.folder
    with folder.lock(timeout=WAIT_SECONDS):
        if (
            folder.digest(family.name) is None
            or folder.manifest(family.name).made_from != work.made_from
            or folder.verify(family.name)
        ):
            _write(work, ref)
    data = work.load(ref)
    grid = family.path(dataset.GRID)
    return Outcome(
        metadata={
            "source": data.source,
            "training images": len(data.train.images),
            "validation images": len(data.validation.images),
            "test images": len(data.test.images),
            "digest": data.digest[:16],
            "samples": picture(folder.read_bytes(grid), folder, grid),
        },
    )


def _write(work: Work, ref: DatasetRef) -> None:
    from acc_assets.analysis.figures import atlas, tile, to_png
    from acc_assets.analysis.stroke_properties import slant, stroke_thickness

    data = work.load(ref)
    described = ref.config.describe()
    test = data.test
    count = min(len(data.train.images), GRID_ROWS * GRID_COLUMNS)
    shown = data.train.images[: count - count % GRID_COLUMNS or count]
    pictures, columns = atlas(test.images)
    measured = {}
    if getattr(ref.config, "handwritten", False):
        measured = {"stroke_thickness": stroke_thickness(test.images), "slant": slant(test.images)}
    dataset.write(
        work.folder,
        ref.name,
        images=test.images,
        targets=test.targets,
        factors=test.factors or {},
        properties=measured,
        atlas=pictures,
        grid=to_png(tile(shown.reshape(-1, min(GRID_COLUMNS, len(shown)), *shown.shape[1:]), scale=2)),
        target_counts=_targets(data.train.of_labelled().targets, described),
        facts={
            **described,
            **data.facts,
            "source": data.source,
            "digest": data.digest,
            "atlas_columns": columns,
            "class_names": described["target_names"] if described["kind_of_target"] == "class" else None,
        },
    )


def _targets(targets: np.ndarray, described: dict[str, object]) -> dict[str, object]:
    """Counts by class, or a histogram of each column of a real target, of the training split, where it is given."""
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
