"""Writing one family of artifacts: staged aside, committed by one rename, then put in place.

The rename of the staging folder to the pending folder is the commit (a redo log): a process killed before it
has changed nothing, one killed after it has left work that `put_in_place` ends, as often as it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from acc_assets.storage.arrays import from_json, to_json, to_npz
from acc_assets.storage.errors import DamagedArtifact, MissingArtifact, StorageError
from acc_assets.storage.local_files import LocalFiles
from acc_assets.storage.manifest import MANIFEST, FileRecord, MadeFrom, Manifest, parse_manifest, sha256
from acc_assets.storage.names import check_relative

Bytes: TypeAlias = bytes  # inside the class, `bytes` is a method


class FamilyWriter:
    """Collects the files of one family; `ArtifactFolder.family` opens and commits it.

    Until `commit` nothing that was there is touched: a failed or killed writer leaves the old family whole.
    """

    def __init__(
        self,
        files: LocalFiles,
        folder: str,
        staging: str,
        kept: Manifest | None,
        *,
        schema: int,
        owner: Mapping[str, Any],
        made_from: MadeFrom | None,
    ) -> None:
        self._files = files
        self._folder = folder
        self._staging = staging
        self._family = folder.rsplit("/", 1)[-1]
        self._schema = schema
        self._owner = owner
        self._made_from = made_from
        self._old = {record.name: record for record in kept.files} if kept else {}
        self._new: dict[str, FileRecord] = {}

    def bytes(self, name: str, data: Bytes, *, volatile: bool = False) -> None:
        """Stage raw bytes under `name`, relative to the family."""
        if check_relative(name) == MANIFEST:
            raise StorageError(f"{MANIFEST} is written by the store itself; give the file another name.")
        self._files.stage(f"{self._staging}/{name}", data)
        self._new[name] = FileRecord(name, len(data), sha256(data), volatile)

    def png(self, name: str, data: Bytes, *, volatile: bool = False) -> None:
        """Stage an encoded PNG picture."""
        if not data.startswith(b"\x89PNG\r\n\x1a\n"):
            raise StorageError(f"{self._folder}/{name}: the bytes are no PNG picture; encode it first.")
        self.bytes(name, data, volatile=volatile)

    def json(self, name: str, value: Any, *, volatile: bool = False) -> None:
        """Stage a value as indented JSON."""
        self.bytes(name, to_json(value), volatile=volatile)

    def npz(
        self,
        name: str,
        arrays: Mapping[str, Any] | None = None,
        *,
        volatile: bool = False,
        compress: bool = False,
        **named: Any,
    ) -> None:
        """Stage named arrays as npz, given as a mapping or by keyword."""
        self.bytes(name, to_npz({**(arrays or {}), **named}, compress), volatile=volatile)

    def latest(self, name: str, latest: str) -> None:
        """Stage `latest` as a mirror of `name`, a file staged before or kept from the old family."""
        check_relative(latest)
        record = self._new.get(name) or self._old.get(name)
        if record is None:
            raise StorageError(f"{self._folder}/{latest} cannot mirror {name!r}: it was not written before.")
        source = f"{self._staging}/{name}" if name in self._new else f"{self._folder}/{name}"
        self._files.copy(source, f"{self._staging}/{latest}")
        self._new[latest] = FileRecord(latest, record.size, record.sha256, record.volatile)

    def drop(self, name: str) -> None:
        """Leave a kept file out of the new manifest; it is removed after the commit."""
        self._old.pop(name, None)

    @property
    def names(self) -> list[str]:
        """Names that the family will hold, sorted."""
        return sorted({*self._old, *self._new})

    def commit(self, pending: str) -> None:
        """Make the new family the one that counts, by renaming the staging folder to `pending`."""
        records = tuple({**self._old, **self._new}.values())
        manifest = Manifest(self._family, self._schema, records, self._owner, self._made_from)
        for folder in {name.rpartition("/")[0] for name in self._new} - {""}:
            self._files.sync(f"{self._staging}/{folder}")
        self._files.write(f"{self._staging}/{MANIFEST}", to_json(manifest.to_json()))
        self._files.remove(pending)  # something else of that name; a commit was put in place before
        self._files.move(self._staging, pending)


def put_in_place(files: LocalFiles, pending: str, folder: str) -> None:
    """End a commit: move its files into the family, the manifest last, and remove what it does not name.

    A commit that was damaged before it was in place is dropped, and the family stays what it was.
    """
    waits = files.occupied(f"{pending}/{MANIFEST}")  # else it has been moved, and everything else before it
    place = f"{pending if waits else folder}/{MANIFEST}"
    try:
        manifest = parse_manifest(from_json(files.read(place), place), place)
    except (DamagedArtifact, MissingArtifact):
        files.remove(pending)
        return
    for name in sorted(files.names(pending), key=lambda name: name == MANIFEST) if waits else ():
        files.clear_way(folder, f"{folder}/{name}")
        files.move(f"{pending}/{name}", f"{folder}/{name}")
    named = {record.name for record in manifest.files} | {MANIFEST}
    for name in files.names(folder):
        if name not in named:
            files.remove(f"{folder}/{name}")
    files.sync(folder)
    files.remove(pending)
