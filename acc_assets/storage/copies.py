"""A family of the store as plain files of this machine, for what insists on a path, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from acc_assets.storage.arrays import to_json
from acc_assets.storage.folder import ArtifactFolder
from acc_assets.storage.local_files import LocalFiles
from acc_assets.storage.manifest import sha256


def fetch(folder: ArtifactFolder, family: str, out: Path) -> bool:
    """Bring the files of a family to `out`, and take those away that an earlier version had; False where there is none.

    Files that are there already are left alone, and nothing is read where `out` has this very version.
    """
    if not folder.has_family(family):
        return False
    manifest, here, note = folder.manifest(family), LocalFiles(out), _note(family)
    try:
        known = json.loads(here.read(note))
        before, names = str(known["version"]), [str(name) for name in known["files"]]
    except (OSError, ValueError, LookupError, TypeError, RuntimeError):
        before, names = "", []
    if before == manifest.digest:
        return True
    for record in manifest.files:
        if not _same(out / record.name, record.size, record.sha256):
            here.write(record.name, folder.read_bytes(f"{family}/{record.name}"))
    for name in set(names) - {record.name for record in manifest.files}:
        here.remove(name)
    here.write(note, to_json({"version": manifest.digest, "files": [one.name for one in manifest.files]}))
    return True


def forget(family: str, out: Path) -> None:
    """Let the next `fetch` look at every file: they are about to change here."""
    (out / _note(family)).unlink(missing_ok=True)


def put(folder: ArtifactFolder, family: str, out: Path, names: Iterable[str]) -> None:
    """Write files of `out` as a family; only what has changed is sent."""
    present = folder.manifest(family) if folder.digest(family) is not None else None
    wanted = set(names)
    with folder.family(family, keep=present is not None) as writer:
        for name in sorted(wanted):
            record = present.record(name) if present is not None else None
            if record is None or not _same(out / name, record.size, record.sha256):
                writer.bytes(name, (out / name).read_bytes())
        for name in set(writer.names) - wanted:
            writer.drop(name)


def _note(family: str) -> str:
    return f".{family}.json"


def _same(file: Path, size: int, digest: str) -> bool:
    return file.is_file() and file.stat().st_size == size and sha256(file.read_bytes()) == digest
