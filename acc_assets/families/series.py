"""Files of a family that exist for every snapshot of a training."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from acc_assets.families.artifacts import RunArtifacts
    from acc_assets.storage import ArtifactFolder, FamilyWriter


@dataclass(frozen=True)
class Series:
    """The files `<stem>_step_<n><tail><ending>` of a family, the last one also as `<stem>_latest<tail><ending>`."""

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

    def write(
        self, out: FamilyWriter, arrays: Mapping[int, Mapping[str, Any]], *, compress: bool = False
    ) -> None:
        """Stage named arrays by step."""
        for step, named in arrays.items():
            out.npz(self.name(step), named, compress=compress)
        out.latest(self.name(max(arrays)), self.name())

    def read(self, folder: ArtifactFolder, step: int | None = None) -> dict[str, np.ndarray]:
        """The arrays of a snapshot, by default the last; raises `StorageError` where they are not whole."""
        return folder.read_npz(self.path(step))

    def steps(self, run: RunArtifacts) -> list[int]:
        """The snapshots whose files are there, in order."""
        pattern = re.compile(rf"{re.escape(self.stem)}_step_(\d+){re.escape(self.tail + self.ending)}")
        found = (pattern.fullmatch(name) for name in run.names(self.family, suffix=self.ending))
        return sorted(int(match[1]) for match in found if match)
