"""A data set as a recipe uses it: its test split, pictures of it, and its facts."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from acc_assets.families.base import Family, Page, Payload, Script

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts
    from acc_assets.storage import ArtifactFolder

FACTOR = "factor/"  # before the names of a split's own columns in the arrays of the test split
PREFIX = "data-"  # of their folders
FACTS, TEST, ATLAS, GRID = "dataset.json", "test.npz", "atlas.png", "grid.png"
PROPERTIES, TARGETS = "properties.npz", "targets.json"


class DatasetFamily(Family):
    """Every data set has a folder of its own: `data-<name>`."""

    title = "Data set"
    document = FACTS

    def __init__(self, dataset: str) -> None:
        self.dataset = dataset
        self.name = f"{PREFIX}{dataset}"  # type: ignore[misc]

    def facts_of(self, shared: Artifacts) -> dict[str, Any]:
        """What `write` was given as facts; {} where it is not built."""
        return shared.json(self.path())

    def site_name(self, shared: Artifacts) -> str:
        """What the data set is called among a recipe's data scripts: with the seed, where it sees one."""
        seed = shared.seed_of(self.name)
        return self.dataset if seed is None else f"{self.dataset}-seed-{seed}"

    def classes(self, shared: Artifacts) -> list[str]:
        """Names of the classes; [] for a real target."""
        return class_names(self.facts_of(shared)) or []

    def targets(self, shared: Artifacts) -> np.ndarray | None:
        """Targets of the test split, (N,) classes or (N, T) values; None where it is not built."""
        return shared.npz(self.path(TEST)).get("targets")

    def of_test_images(self, shared: Artifacts, page: Page) -> list[Payload]:
        """The targets of the test images, and all of them in one picture; none where they are not built."""
        picture = shared.bytes(self.path(ATLAS))
        if picture is None or not shared.exists(self.path(TEST)):
            return []
        facts = self.facts_of(shared)

        def make() -> Script:
            test = shared.arrays(self.path(TEST))
            count, channels, height, width = test["images"].shape
            with Image.open(io.BytesIO(picture)) as opened:
                columns = opened.width // width
            meta = {
                "name": self.dataset,
                "source": str(facts.get("source", "")),
                "n": count,
                "width": width,
                "height": height,
                "channels": channels,
                "classes": class_names(facts),
                "columns": columns,
            }
            return meta, {"targets": targets_of(test["targets"])}

        def draw() -> Script:
            return {}, {"atlas": np.frombuffer(picture, np.uint8)}

        what, source = self.site_name(shared), [shared.digest(self.name), facts]
        return [
            Payload(what=what, page=page, source=source, make=make),
            Payload(what=f"{what}-pictures", page=page, source=source, make=draw),
        ]


def write(
    folder: ArtifactFolder,
    name: str,
    *,
    images: np.ndarray,
    targets: np.ndarray,
    factors: Mapping[str, np.ndarray],
    properties: Mapping[str, np.ndarray],
    atlas: bytes,
    grid: bytes,
    target_counts: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> None:
    """Write the test split (images (N, C, H, W) uint8, targets, named factors (N,)) and what describes the data set.

    properties: measured of the test images, (N,) each, or none. target_counts: a histogram of the training targets.
    """
    with folder.family(f"data-{name}") as out:
        columns = {f"{FACTOR}{factor}": values for factor, values in factors.items()}
        out.npz(TEST, {"images": images, "targets": targets, **columns})
        if properties:
            out.npz(PROPERTIES, dict(properties))
        out.png(ATLAS, atlas)
        out.png(GRID, grid)
        out.json(TARGETS, target_counts)
        out.json(FACTS, {**facts, "name": name})


def properties(folder: ArtifactFolder, name: str) -> dict[str, np.ndarray]:
    """What was measured of the test images, (N,) each; {} where the data set has nothing of the kind."""
    path = f"data-{name}/{PROPERTIES}"
    return folder.read_npz(path) if folder.exists(path) else {}


def class_names(facts: Mapping[str, Any]) -> list[str] | None:
    """Return the names of a data set's classes, or None for real-valued targets."""
    names = facts.get("class_names") or facts.get("classes")
    if isinstance(names, Sequence) and not isinstance(names, str):
        return [str(name) for name in names]
    count = facts.get("num_classes")
    return [str(value) for value in range(int(count))] if count else None


def label_name(facts: Mapping[str, Any]) -> str:
    """Return the name of what a data set's points are labelled by: the first column of a real target, else ""."""
    names = facts.get("target_names") or []
    return str(names[0]) if facts.get("kind_of_target") == "real" and names else ""


def targets_of(targets: np.ndarray) -> np.ndarray:
    """Return targets as int32 classes or float32 values."""
    return targets.astype(np.int32 if np.issubdtype(targets.dtype, np.integer) else np.float32)


def ground_truth(
    test: Mapping[str, np.ndarray], facts: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
    """Return what the data set knows of its images beside the label: arrays (N,) by colouring id, and the colourings.

    These are the further columns of a real target, and the named factors; a factor that the label shows is left out.
    """
    targets, classes = test["targets"], facts.get("factors") or {}
    real = facts.get("kind_of_target") == "real"
    names = [str(name) for name in facts.get("target_names") or []] if real else []
    columns = targets.reshape(len(targets), -1)
    found = {name: columns[:, at] for at, name in enumerate(names) if at > 0}
    for key, values in test.items():
        name = key.removeprefix(FACTOR)
        if name != key and name not in names and not np.array_equal(values, columns[:, 0]):
            found[name] = values
    colorings = []
    for name in found:
        known = classes.get(name)
        coloring = {"id": f"data:{name}", "label": f"{name.replace('_', ' ')} (ground truth)"}
        colorings.append(coloring | ({"kind": "class", "classes": known} if known else {"kind": "scalar"}))
    return {
        f"data:{name}": targets_of(values) if classes.get(name) else values.astype(np.float32)
        for name, values in found.items()
    }, colorings
