"""Writing one family of artifacts: everything is staged aside, then put in place, the manifest last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from acc_assets.storage.arrays import to_json, to_npz
from acc_assets.storage.errors import StorageError
from acc_assets.storage.local_files import LocalFiles
from acc_assets.storage.manifest import MANIFEST, FileRecord, Manifest, sha256
from acc_assets.storage.names import check_relative

Bytes: TypeAlias = bytes  # inside the class, `bytes` is a method


class FamilyWriter:
    """Collects the files of one family; `ArtifactFolder.family` opens and commits it.

    Until the block ends nothing that was there is touched: a failed or killed writer leaves the old family
    whole. Files of an older manifest that the new one does not name are removed afterwards.
    """

    def __init__(
        self, files: LocalFiles, folder: str, staging: str, kept: Manifest | None, schema: int
    ) -> None:
        self._files = files
        self._folder = folder
        self._staging = staging
        self._family = folder.rsplit("/", 1)[-1]
        self._schema = schema
        self._old = {record.name: record for record in kept.files} if kept else {}
        self._new: dict[str, FileRecord] = {}

    def bytes(self, name: str, data: Bytes, *, volatile: bool = False) -> None:
        """Stage raw bytes under `name`, relative to the family."""
        if check_relative(name) == MANIFEST:
            raise StorageError(f"{MANIFEST} is written by the store itself; give the file another name.")
        self._files.write(f"{self._staging}/{name}", data)
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

    def commit(self) -> Manifest:
        """Put every staged file in place, then the manifest, then remove what it does not name."""
        records = tuple({**self._old, **self._new}.values())
        manifest = Manifest(self._family, self._schema, records)
        for name in self._new:
            self._files.move(f"{self._staging}/{name}", f"{self._folder}/{name}")
        self._files.write(f"{self._folder}/{MANIFEST}", to_json(manifest.to_json()))
        named = {record.name for record in records} | {MANIFEST}
        for name in self._files.names(self._folder):
            if name not in named:
                self._files.remove(f"{self._folder}/{name}")
        return manifest
