"""What a family of artifacts holds: path, size and sha256 of every file, and one digest over all of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

from acc_assets.storage.errors import DamagedArtifact

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class FileRecord:
    """One file of a family: name relative to the family, bytes, sha256 in hex.

    A volatile file (a log, a timing) is checked for damage but stays out of the family's digest.
    """

    name: str
    size: int
    sha256: str
    volatile: bool = False


@dataclass(frozen=True)
class Manifest:
    """The files of one family, written after all of them.

    `digest` is a sha256 over schema, names and contents of the files that are not volatile: two builds with
    the same digest hold the same artifacts.
    """

    family: str
    schema: int
    files: tuple[FileRecord, ...]

    @property
    def digest(self) -> str:
        """sha256 in hex over the schema and the name and content of every file that is not volatile."""
        total = hashlib.sha256(f"{self.family}\n{self.schema}\n".encode())
        for record in sorted(self.files, key=lambda record: record.name):
            if not record.volatile:
                total.update(f"{record.name}\n{record.sha256}\n".encode())
        return total.hexdigest()

    def record(self, name: str) -> FileRecord | None:
        """The record of one file, None when the family does not hold it."""
        return next((record for record in self.files if record.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """The manifest as it is written to `<family>/manifest.json`."""
        return {
            "family": self.family,
            "schema": self.schema,
            "digest": self.digest,
            "files": {
                record.name: {"size": record.size, "sha256": record.sha256}
                | ({"volatile": True} if record.volatile else {})
                for record in sorted(self.files, key=lambda record: record.name)
            },
        }


@dataclass(frozen=True)
class Damage:
    """One file that is not as its manifest recorded it."""

    file: str
    kind: Literal["missing", "truncated", "altered", "no manifest", "unreadable"]
    detail: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file} is damaged ({self.kind}): {self.detail}. {self.remedy}"


def parse_manifest(value: Any, where: str) -> Manifest:
    """Read a manifest's JSON; `DamagedArtifact` when it is incomplete or disagrees with its own digest."""
    try:
        files = tuple(
            FileRecord(name, int(file["size"]), str(file["sha256"]), bool(file.get("volatile", False)))
            for name, file in value["files"].items()
        )
        manifest = Manifest(str(value["family"]), int(value["schema"]), files)
        recorded = value["digest"]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DamagedArtifact(f"{where} is no manifest ({error!r}). Rebuild it.") from error
    if recorded != manifest.digest:
        raise DamagedArtifact(f"{where} disagrees with its own digest: it was altered. Rebuild it.")
    return manifest


def sha256(data: bytes) -> str:
    """sha256 in hex."""
    return hashlib.sha256(data).hexdigest()


def compare(record: FileRecord, data: bytes | None, file: str, remedy: str) -> Damage | None:
    """What is wrong with `data`, read from `file`, against its record; None when nothing is."""
    if data is None:
        return Damage(file, "missing", f"{record.size} bytes were recorded, no file is there", remedy)
    if len(data) != record.size:
        kind: Literal["truncated", "altered"] = "truncated" if len(data) < record.size else "altered"
        return Damage(file, kind, f"{record.size} bytes were recorded, {len(data)} are there", remedy)
    if sha256(data) != record.sha256:
        return Damage(file, "altered", "its sha256 differs from the recorded one", remedy)
    return None
