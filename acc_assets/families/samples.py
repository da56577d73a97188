"""Images that a model draws: around test images from q(z|x), and from each component of its prior."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from acc_assets.families.base import Family, Payload, Picture, Script
from acc_assets.families.pictures import Classes
from acc_assets.families.series import Series
from acc_assets.tree import DECODE, Analysis, config
from acc_assets.tree.config import Natural

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import ArtifactFolder

POSTERIOR, PRIOR = "posterior_local", "prior_component"
KEYS = {POSTERIOR: "idx", PRIOR: "component"}  # what each row of a kind is chosen by


def series(kind: str, draws: int, ending: str = ".npz") -> Series:
    """The files of a kind: arrays, a picture (`.png`), and what it was made with (`.json`)."""
    return Series("samples", kind, f"_m_{draws}", ending)


class Drawn(NamedTuple):
    """One kind at one snapshot: `images` (I, m, C, H, W) uint8 of `latents` (I, m, D), a row for each `chosen` (I,)."""

    chosen: np.ndarray
    latents: np.ndarray
    images: np.ndarray
    png: bytes
    compute_ms: float


class SamplesFamily(Family):
    """Of each kind and snapshot an npz (`images` (I, m, C, H, W) uint8, `latents` (I, m, D), and the key of each row),
    a PNG of the same, and a JSON with kind, step, key, m, seed and compute_ms.

    The key is `idx` (test images) of `posterior_local`, `component` of `prior_component`. The document has `kinds`,
    `m`, `seed`, `steps`, what the prior is, and under `left_out` why a kind is missing.
    """

    name = "samples"
    title = "Samples"
    document = "samples.json"
    rank = 3

    def pictures(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Picture]:
        """Yield the last samples of both kinds."""
        facts = run.document(self)
        kinds, classes = facts.get("kinds") or {}, Classes(run, shared)
        told = _told(facts)
        missing = [
            f"{told[kind][0]} are left out: {why}." for kind, why in (facts.get("left_out") or {}).items()
        ]
        for kind, found in kinds.items():
            title, general = told[kind]
            rows = (
                classes.images({"indices": found["idx"]})
                if kind == POSTERIOR
                else f"{len(found['component'])} rows"
            )
            yield Picture(
                name=series(kind, facts["m"], ".png").name(),
                title=title,
                general=general,
                caption=" ".join((general, f"Drawn with seed {facts['seed']}.", *missing)),
                alt=f"{rows}, each with {facts['m']} decoded samples.",
            )

    def payloads(self, run: RunArtifacts, shared: Artifacts) -> Iterator[Payload]:
        """Yield the images of both kinds, a script a snapshot."""
        facts = run.document(self)
        told = _told(facts)
        for step in facts.get("steps") or []:

            def make(step: int = step) -> Script:
                meta: dict[str, Any] = {"m": facts["m"], "seed": facts["seed"], "step": step, "titles": {}}
                arrays = {}
                for kind in facts["kinds"]:
                    found = run.arrays(series(kind, facts["m"]).path(step))
                    arrays[kind], arrays[KEYS[kind]] = found["images"], found[KEYS[kind]].astype(np.int32)
                    meta["titles"][kind] = told[kind][0]
                return meta, arrays

            yield Payload(
                what=f"samples-{step}", page="viewer", source=[run.digest(self.name), step], make=make
            )


FAMILY = SamplesFamily()


@config
class Samples(Analysis):
    """Draw from q(z|x) around test images and from each component of the prior, and decode, at every snapshot.

    examples: test images drawn around, the first of those that every figure shows; draws: of each image and component;
    seed: of the noise, by default that of the run.
    """

    examples: Annotated[int, Field(ge=1, le=40)] = 10
    draws: Annotated[int, Field(ge=1, le=64)] = 8
    seed: Natural | None = None

    name = "samples"
    family = FAMILY
    version = 2
    description = "Decoded draws from q(z|x) and from each component of the prior, at every snapshot."
    kinds = frozenset({"pytorch", "image"})
    needs = (DECODE,)
    after = ("latents",)


def write(
    folder: ArtifactFolder,
    drawn: Mapping[str, Mapping[int, Drawn]],
    *,
    draws: int,
    seed: int,
    prior: str,
    why_not: Mapping[str, str],
) -> None:
    """Write draws by kind and step; prior: what it is, in words; why_not: the reason for each kind that is missing."""
    with folder.family(FAMILY.name) as out:
        for kind, by_step in drawn.items():
            key = KEYS[kind]
            arrays, pictures, told = {}, {}, {}
            for step, one in by_step.items():
                arrays[step] = {"images": one.images, "latents": one.latents, key: one.chosen}
                pictures[step] = one.png
                facts = {"kind": kind, "step": step, key: one.chosen.tolist(), "m": draws, "seed": seed}
                told[step] = {**facts, "compute_ms": one.compute_ms}
            series(kind, draws).write(out, arrays, compress=True)
            series(kind, draws, ".png").write(out, pictures)
            series(kind, draws, ".json").write(out, told, volatile=True)
        out.json(
            FAMILY.document,
            {
                "steps": sorted(next(iter(drawn.values()))),
                "m": draws,
                "seed": seed,
                "prior": prior,
                "kinds": {
                    kind: {KEYS[kind]: by_step[max(by_step)].chosen.tolist()}
                    for kind, by_step in drawn.items()
                },
                "left_out": dict(why_not),
            },
        )


def _told(facts: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Title and caption of each kind."""
    several = len(((facts.get("kinds") or {}).get(PRIOR) or {}).get("component") or []) > 1
    rows = "each row is one component" if several else "there is one component, the whole prior"
    return {
        POSTERIOR: (
            "Samples of q(z|x)",
            "Each row is one test image: latents drawn from its posterior q(z|x), decoded. Rows that vary little have "
            "a posterior whose spread the decoder does not show.",
        ),
        PRIOR: (
            "Samples of each component" if several else "Samples of the prior",
            f"Latents drawn from the prior ({facts.get('prior')}), decoded; {rows}.",
        ),
    }
