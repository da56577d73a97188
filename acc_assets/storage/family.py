"""Writing one family of artifacts: its files are put as objects, and the manifest that names them is put last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from acc_assets.storage.arrays import to_json, to_npz
from acc_assets.storage.errors import StorageError
from acc_assets.storage.files import Files, Stamp
from acc_assets.storage.manifest import MANIFEST, FileRecord, MadeFrom, Manifest, sha256
from acc_assets.storage.names import check_relative

Bytes: TypeAlias = bytes  # inside the class, `bytes` is a method


class FamilyWriter:
    """Collects the files of one family; `ArtifactFolder.family` opens and commits it.

    Until `commit` nothing that was there is touched: a failed or killed writer leaves the old family whole.
    """

    def __init__(
        self,
        files: Files,
        folder: str,
        present: Manifest | None,
        before: Stamp | None,
        *,
        keep: bool,
        schema: int,
        owner: Mapping[str, Any],
        made_from: MadeFrom | None,
    ) -> None:
        self._files = files
        self._folder = folder
        self._family = folder.rsplit("/", 1)[-1]
        self._schema = schema
        self._owner = owner
        self._made_from = made_from
        self._before = before  # the stamp of the manifest
        self._present = {record.name: record for record in present.files} if present is not None else {}
        self._old = dict(self._present) if keep else {}
        self._new: dict[str, FileRecord] = {}

    def bytes(self, name: str, data: Bytes, *, volatile: bool = False) -> None:
        """Put raw bytes under `name`, relative to the family."""
        if check_relative(name) == MANIFEST:
            raise StorageError(f"{MANIFEST} is written by the store itself; give the file another name.")
        record = FileRecord(name, len(data), sha256(data), volatile)
        self._files.put(self._folder, record.sha256, data)
        self._new[name] = record

    def png(self, name: str, data: Bytes, *, volatile: bool = False) -> None:
        """Put an encoded PNG picture."""
        if not data.startswith(b"\x89PNG\r\n\x1a\n"):
            raise StorageError(f"{self._folder}/{name}: the bytes are no PNG picture; encode it first.")
        self.bytes(name, data, volatile=volatile)

    def json(self, name: str, value: Any, *, volatile: bool = False) -> None:
        """Put a value as indented JSON."""
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
        """Put named arrays as npz, given as a mapping or by keyword."""
        self.bytes(name, to_npz({**(arrays or {}), **named}, compress), volatile=volatile)

    def latest(self, name: str, latest: str) -> None:
        """Name `latest` as a mirror of `name`, a file put before or kept from the old family."""
        check_relative(latest)
        record = self._new.get(name) or self._old.get(name)
        if record is None:
            raise StorageError(f"{self._folder}/{latest} cannot mirror {name!r}: it was not written before.")
        if name not in self._new:
            self._files.mirror(self._folder, name, record.sha256)
        self._new[latest] = FileRecord(latest, record.size, record.sha256, record.volatile)

    def drop(self, name: str) -> None:
        """Leave a kept file out of the new manifest; it is removed after the commit."""
        self._old.pop(name, None)

    @property
    def names(self) -> list[str]:
        """Names that the family will hold, sorted."""
        return sorted({*self._old, *self._new})

    def commit(self) -> None:
        """Make the new family the one that counts."""
        files = self._records()
        manifest = Manifest(self._family, self._schema, files, self._owner, self._made_from)
        self._files.commit(self._folder, to_json(manifest.to_json()), self._before)

    def settle(self) -> None:
        """Tidy up behind a commit: what the family before it held and it does not is gone."""
        named = {record.name: record.sha256 for record in self._records()}
        self._files.settle(self._folder, named, {record.sha256 for record in self._present.values()})

    def forget(self) -> None:
        """Remove what was put for a family that is not to be."""
        held = {record.sha256 for record in self._present.values()}
        self._files.discard(self._folder, {record.sha256 for record in self._new.values()} - held)

    def _records(self) -> tuple[FileRecord, ...]:
        return tuple({**self._old, **self._new}.values())
