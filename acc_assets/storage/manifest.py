"""What a family of artifacts holds: path, size and sha256 of every file, and one digest over all of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

from acc_assets.storage.errors import DamagedArtifact
from acc_assets.storage.names import check_relative

MANIFEST = "manifest.json"


class FileRecord(NamedTuple):
    """One file of a family: name relative to the family, bytes, sha256 in hex.

    A volatile file (a log, a timing) is checked for damage but stays out of the family's digest.
    """

    name: str
    size: int
    sha256: str
    volatile: bool = False


@dataclass(frozen=True, slots=True)
class MadeFrom:
    """What a family was made from: the version of the code (with its spec), and data versions by input's name."""

    code_version: str
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class Manifest:
    """The files of one family, written after all of them.

    `digest` is a sha256 over schema, names and contents of the files that are not volatile: two builds with
    the same digest hold the same artifacts. `owner` says whose they are ({"recipe", "node", "seed"} of a run
    directory), so that artifacts in another's place are told; it is no part of the digest.
    """

    family: str
    schema: int
    files: tuple[FileRecord, ...]
    owner: Mapping[str, Any]
    made_from: MadeFrom | None = None

    @cached_property
    def digest(self) -> str:
        """sha256 in hex over the schema and the name and content of every file that is not volatile."""
        total = hashlib.sha256(f"{self.family}\n{self.schema}\n".encode())
        for record in sorted(self.files, key=lambda record: record.name):
            if not record.volatile:
                total.update(f"{record.name}\n{record.sha256}\n".encode())
        return total.hexdigest()

    @property
    def data_version(self) -> str:
        """The family's version as Dagster knows it: 16 digits of the digest."""
        return self.digest[:16]

    def record(self, name: str) -> FileRecord | None:
        """The record of one file, None when the family does not hold it."""
        return next((record for record in self.files if record.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """The manifest as it is written to `<family>/manifest.json`; `seal` is a sha256 over all the rest."""
        value: dict[str, Any] = {
            "family": self.family,
            "owner": dict(self.owner),
            "schema": self.schema,
            "digest": self.digest,
            "files": {
                record.name: {"size": record.size, "sha256": record.sha256}
                | ({"volatile": True} if record.volatile else {})
                for record in sorted(self.files, key=lambda record: record.name)
            },
        }
        if self.made_from is not None:
            inputs = dict(sorted(self.made_from.inputs.items()))
            value["made_from"] = {"code_version": self.made_from.code_version, "inputs": inputs}
        return value | {"seal": sha256(json.dumps(value, sort_keys=True).encode())}


Kind: TypeAlias = Literal["missing", "truncated", "altered", "no manifest", "unreadable", "misplaced"]


@dataclass(frozen=True)
class Damage:
    """One file that is not as its manifest recorded it."""

    file: str
    kind: Kind
    detail: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file} is damaged ({self.kind}): {self.detail}. {self.remedy}"


def parse_manifest(value: Any, where: str) -> Manifest:
    """Read a manifest's JSON; `DamagedArtifact` says (without a remedy) that it is none or was altered."""
    if isinstance(value, dict) and "digest" in value and "owner" not in value:
        raise DamagedArtifact(f"{where} does not say whose artifacts these are: an older version wrote it")
    try:
        files = tuple(
            FileRecord(check_relative(name), int(file["size"]), str(file["sha256"]), "volatile" in file)
            for name, file in value["files"].items()
        )
        made_from = None
        if "made_from" in value:
            inputs = {str(name): str(version) for name, version in value["made_from"]["inputs"].items()}
            made_from = MadeFrom(str(value["made_from"]["code_version"]), inputs)
        owner, schema = dict(value["owner"]), int(value["schema"])
        manifest = Manifest(str(value["family"]), schema, files, owner, made_from)
        whole = manifest.to_json() == value
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise DamagedArtifact(f"{where} is no manifest ({error!r})") from error
    if not whole:
        raise DamagedArtifact(f"{where} disagrees with its own digests: it was altered")
    return manifest


def sha256(data: bytes) -> str:
    """sha256 in hex."""
    return hashlib.sha256(data).hexdigest()


def compare(record: FileRecord, data: bytes | None, file: str, remedy: str) -> Damage | None:
    """What is wrong with `data`, read from `file`, against its record; None when nothing is."""
    if data is None:
        return Damage(file, "missing", f"{record.size} bytes were recorded, no file is there", remedy)
    if len(data) != record.size:
        kind: Kind = "truncated" if len(data) < record.size else "altered"
        return Damage(file, kind, f"{record.size} bytes were recorded, {len(data)} are there", remedy)
    if sha256(data) != record.sha256:
        return Damage(file, "altered", "its sha256 differs from the recorded one", remedy)
    return None
