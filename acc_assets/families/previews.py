"""Previews of a training: what the model makes of a few test images at each snapshot, and a 2-D map of their latents.

A preview lies among the checkpoints. It is written in one commit with the snapshot that it shows, so that a training
that goes on from a snapshot neither lacks its preview nor has it twice, and it stays out of the family's digest: it
follows from the weights, and says nothing more about them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from acc_assets.families.base import Script
from acc_assets.families.dataset import class_names, label_name
from acc_assets.families.series import Series
from acc_assets.storage import DamagedArtifact, MissingArtifact
from acc_assets.tree import LATENT, RECONSTRUCTION

if TYPE_CHECKING:
    from acc_assets.families.artifacts import RunArtifacts
    from acc_assets.storage import ArtifactFolder, FamilyWriter

VERSION = 1  # raise it when an array changes its meaning
SERIES = Series("checkpoints", "preview")
TOLD = "preview"  # the field of `artifact.created` that names the file
POINTS = 500  # test images on the map
EXAMPLES = range(4, 31)  # how many images are reconstructed at least, and at most
PIXELS = 65_536  # of them together; larger images are fewer
MOST = 40  # snapshots that a page gets; of more it gets some, evenly chosen


def examples_of(shape: Sequence[int]) -> int:
    """How many images (C, H, W) are reconstructed."""
    return int(np.clip(PIXELS // int(np.prod(shape)), EXAMPLES.start, EXAMPLES.stop - 1))


def stage(out: FamilyWriter, step: int, preview: Mapping[str, np.ndarray]) -> None:
    """Stage the preview of a snapshot, and its mirror, with the snapshot itself.

    preview: `examples` (I,) and `indices` (N,), test images; `images` (I, C, H, W) uint8; `labels` (N,), classes or
    real targets; where the model has them `reconstructions` (I, C, H, W) uint8, `coords` (N, 2), and `explained` (2,):
    the shares of the latents' variance that the map's two components hold.
    """
    arrays = {"version": np.int32(VERSION), **preview}
    out.npz(SERIES.name(step), arrays, volatile=True, compress=True)
    out.latest(SERIES.name(step), SERIES.name())


def drop(out: FamilyWriter, unwanted: Iterable[str]) -> None:
    """Leave out files that are previews; the mirror is that of the last one that stays."""
    gone = {name for name in unwanted if name == SERIES.name() or step_of(name) is not None}
    for name in gone:
        out.drop(name)
    steps = [step for name in out.names if (step := step_of(name)) is not None]
    if gone and steps:
        out.latest(SERIES.name(max(steps)), SERIES.name())
    elif gone:
        out.drop(SERIES.name())


def step_of(file: str) -> int | None:
    """The step in a preview's name; None for another file, and for the mirror."""
    number = file.removeprefix(f"{SERIES.stem}_step_").removesuffix(SERIES.ending)
    return int(number) if number.isdecimal() and file == SERIES.name(int(number)) else None


def read(folder: ArtifactFolder, step: int) -> dict[str, np.ndarray]:
    """The arrays of a preview as `stage` got them; raises `StorageError` where it is torn, or not of VERSION."""
    arrays = SERIES.read(folder, step)
    if int(arrays.pop("version")) != VERSION:
        raise DamagedArtifact(f"{folder.path}/{SERIES.path(step)} is of another version. {folder.remedy}")
    return arrays


def told(events: Iterable[Mapping[str, Any]]) -> list[int]:
    """The steps of the previews that the events which stand tell of, in order."""
    return sorted({event["step"] for event in events if TOLD in event and "step" in event})


def script_of(run: RunArtifacts, after: int = -1) -> Script:
    """What pages draw of the previews that stand, those behind a step.

    meta: `snapshots` [{step, mse, explained}], all but the step null where they are not known, and what `words_of`
    says. arrays: `images` (I, C, H, W) uint8 and `labels` (N,), and by snapshot `reconstructions/<step>` (I, C, H, W)
    uint8 and `coords/<step>` (N, 2) float32. A preview that is gone meanwhile is left out, and one that cannot be read
    is noted.
    """
    steps = [step for step in told(run.events) if step > after and run.exists(SERIES.path(step))]
    if len(steps) > MOST:
        steps = [steps[round(place)] for place in np.linspace(0, len(steps) - 1, MOST)]
    snapshots: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for step in steps:
        try:
            found = read(run.run, step)
        except MissingArtifact:
            continue
        except DamagedArtifact as error:
            run.note(error)
            continue
        arrays |= {"images": found["images"], "labels": found["labels"]}
        snapshot: dict[str, Any] = {"step": step, "mse": None, "explained": None}
        if (made := found.get("reconstructions")) is not None:
            difference = (made.astype(np.float64) - found["images"]) / 255
            snapshot["mse"] = float(np.square(difference).mean())
            arrays[f"reconstructions/{step}"] = made
        if "coords" in found:
            arrays[f"coords/{step}"] = found["coords"]
        if "explained" in found:
            snapshot["explained"] = float(found["explained"].sum())
        snapshots.append(snapshot)
    return {"snapshots": snapshots, **words_of(run.config)}, arrays


def words_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Names of the classes (null for a real target, which has one), what pictures show, and what the model lacks."""
    facts = (config.get("datasets") or {}).get(config.get("primary_dataset")) or {}
    real = facts.get("kind_of_target") == "real"
    width, lacks = config.get("latent_dim"), config.get("lacks") or {}
    others = [part for part in config.get("code") or {} if part != LATENT]
    drawn = (
        "The two latent dimensions"
        if width == 2
        else f"Principal components of the {width} latent dimensions"
    )
    turned = "" if width == 2 else ", turned onto those of the snapshot before"
    apart = f" The rest of the code, {', '.join(others)}, is not on it." if others else ""
    return {
        "classes": None if real else class_names({**facts, "class_names": facts.get("target_names")}),
        "target": label_name(facts) or "target",
        "map": f"{drawn}{turned}; the bar is in their units.{apart}",
        "reconstructions": "Of each pair, above a test image, below what the model makes of it.",
        "lacks": list(dict.fromkeys(lacks[name] for name in (LATENT, RECONSTRUCTION) if name in lacks)),
    }
