"""Files of a family that exist for every snapshot of a training."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from acc_assets.families.artifacts import RunArtifacts
    from acc_assets.storage import ArtifactFolder, FamilyWriter


@dataclass(frozen=True)
class Series:
    """The files `<stem>_step_<n><tail><ending>` of a family, the last one also as `<stem>_latest<tail><ending>`.

    ending: `.npz` of named arrays, `.json` of plain values, `.png` of an encoded picture.
    """

    family: str
    stem: str
    tail: str = ""
    ending: str = ".npz"

    def name(self, step: int | None = None) -> str:
        """The file of a snapshot, by default that of the last one."""
        return f"{self.stem}_{'latest' if step is None else f'step_{step}'}{self.tail}{self.ending}"

    def path(self, step: int | None = None) -> str:
        """The same, as run directories name it."""
        return f"{self.family}/{self.name(step)}"

    def write(self, out: FamilyWriter, by_step: Mapping[int, Any], **options: bool) -> None:
        """Stage what each step has, by the writer of the ending with its options."""
        stage = getattr(out, self.ending.removeprefix("."))
        for step, value in by_step.items():
            stage(self.name(step), value, **options)
        out.latest(self.name(max(by_step)), self.name())

    def read(self, folder: ArtifactFolder, step: int | None = None) -> dict[str, np.ndarray]:
        """The arrays of a snapshot, by default the last; raises `StorageError` where they are not whole."""
        return folder.read_npz(self.path(step))

    def steps(self, run: RunArtifacts) -> list[int]:
        """The snapshots whose files are there, in order."""
        pattern = re.compile(rf"{re.escape(self.stem)}_step_(\d+){re.escape(self.tail + self.ending)}")
        found = (pattern.fullmatch(name) for name in run.names(self.family, suffix=self.ending))
        return sorted(int(match[1]) for match in found if match)


def snapshot_panel(
    group: str, title: str, unit: str, seed: int, steps: Sequence[int], lines: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    """A panel of a `curves` chart: what each snapshot has, a line each by name; shares where the unit is %."""
    series = [
        {"node": name, "seed": seed, "color": color, "x": list(steps), "y": list(values)}
        for color, (name, values) in enumerate(lines.items())
    ]
    told = {"id": title, "group": group, "title": title, "unit": unit, "better": None}
    return {**told, "percent": unit == "%", "series": series}
