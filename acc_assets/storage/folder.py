"""A folder of artifacts: single files, families with a manifest, an event log and a lock."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from acc_assets.storage import events
from acc_assets.storage.arrays import from_json, from_npz, to_json
from acc_assets.storage.errors import (
    DamagedArtifact,
    MissingArtifact,
    StorageBusy,
    StorageError,
    StoreUnreachable,
)
from acc_assets.storage.events import LogReader
from acc_assets.storage.family import FamilyWriter
from acc_assets.storage.files import Files, Lease, Remainder, Stamp
from acc_assets.storage.known import known, learn
from acc_assets.storage.local_files import LocalFiles
from acc_assets.storage.manifest import (
    MANIFEST,
    Damage,
    FileRecord,
    MadeFrom,
    Manifest,
    compare,
    parse_manifest,
)
from acc_assets.storage.names import check_name, check_relative, is_name

if TYPE_CHECKING:
    from typing import Self

_LOCK = ".locks/run.lock"
_RECHECKS = 20  # of what another writer replaces while it is read

Names: TypeAlias = list[str]  # inside the class, `list` is a method
Damages: TypeAlias = list[Damage]
Events: TypeAlias = list[dict[str, Any]]


class ArtifactFolder:
    """One folder of the store; all paths given to it are relative to it and checked.

    Reads of a file that belongs to a family are checked against the family's manifest, so that a truncated or
    altered artifact is named when it is read and never used.
    """

    def __init__(self, files: Files, path: str) -> None:
        self._files = files
        self._made_from: MadeFrom | None = None
        self._lease: Lease | None = None  # of the builder that holds this folder
        self._known: dict[str, Manifest | Damage | None] | None = None  # of `still`
        self.path = path

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"

    @property
    def remedy(self) -> str:
        """What a user does about a missing or damaged file here."""
        return "Build it again."

    @property
    def owner(self) -> dict[str, Any]:
        """Whose artifacts lie here, as their manifests say it."""
        return {"folder": self.path}

    def stamped(self, made_from: MadeFrom) -> Self:
        """The same folder; families written through it say what they were made from."""
        stamped = copy.copy(self)
        stamped._made_from = made_from
        return stamped

    def shown(self, rel: str | None = None) -> str:
        """Where a file, or the folder, lies: its path on this machine, or its URL."""
        return self._files.shown(self._place(rel) if rel else self.path)

    def local_path(self, rel: str | None = None) -> Path:
        """The same for programs that need a path; raises `StorageError` where the store is not on this machine."""
        if not isinstance(self._files, LocalFiles):
            raise StorageError(f"{self.shown(rel)} is no file of this machine; read it through the store.")
        return Path(self.shown(rel))

    def still(self) -> Self:
        """The same folder as it is now: each manifest is looked at once, for what reads much of it at a time."""
        still = copy.copy(self)
        still._known = {}
        return still

    # single files

    def write_bytes(self, rel: str, data: bytes) -> None:
        """Replace one file atomically."""
        self._files.write(self._place(rel), data)

    def write_json(self, rel: str, value: Any) -> None:
        """Replace one file atomically by a value as indented JSON."""
        self.write_bytes(rel, to_json(value))

    def read_bytes(self, rel: str) -> bytes:
        """The bytes of one file.

        Raises:
            MissingArtifact: it has not been written.
            DamagedArtifact: it differs from the manifest of its family.
        """
        record = self._record(rel)
        for _ in range(_RECHECKS):
            data, damage = self._checked(rel, record)
            if damage is not None:
                self._forget()
            if damage is None or record == (record := self._record(rel)):
                break
        if damage is not None:
            raise DamagedArtifact(str(damage))
        if data is None:
            raise MissingArtifact(f"{self.shown(rel)} has not been written. {self.remedy}")
        return data

    def read_json(self, rel: str) -> Any:
        """The value in one JSON file; raises as `read_bytes`."""
        data = self.read_bytes(rel)
        try:
            return from_json(data, self.shown(rel))
        except DamagedArtifact as error:
            raise DamagedArtifact(f"{error}. {self.remedy}") from error

    def read_npz(self, rel: str) -> dict[str, np.ndarray]:
        """The arrays in one npz file by name; raises as `read_bytes`, and `DamagedArtifact` for a name it lacks."""
        return from_npz(self.read_bytes(rel), self.shown(rel), self.remedy)

    def exists(self, rel: str) -> bool:
        """Whether a file is there; also where what is there cannot be read, which reading it tells."""
        family, _, name = check_relative(rel).partition("/")
        manifest = self._manifest(family) if name and name != MANIFEST else None
        if isinstance(manifest, Manifest):
            return manifest.record(name) is not None
        return self._files.exists(self._place(rel))

    def list(self, prefix: str = "") -> Names:
        """Names of all artifacts that start with `prefix`, relative to this folder, sorted; no manifests."""
        one, within, _ = prefix.partition("/")
        manifests = (
            {one: self._manifest(one)} if within else {name: self._manifest(name) for name in self.families()}
        )
        whole = {name: manifest for name, manifest in manifests.items() if isinstance(manifest, Manifest)}
        found = {f"{name}/{record.name}" for name, manifest in whole.items() for record in manifest.files}
        if one not in whole:
            found |= {
                name
                for name in self._files.names(self.path)
                if name.partition("/")[0] not in whole and name.rsplit("/", 1)[-1] != MANIFEST
            }
        return sorted(name for name in found if name.startswith(prefix))

    def stamps(self) -> dict[str, Stamp]:
        """Of every file that belongs to no family, by name."""
        found = {name: self._files.stamp(self._place(name)) for name in self._files.names(self.path)}
        return {name: stamp for name, stamp in found.items() if stamp is not None}

    def remove(self, rel: str) -> None:
        """Remove a single file, or a family with all its files."""
        self._files.remove(self._place(rel))

    # logs

    def append(self, rel: str, remainder: Remainder) -> None:
        """Add whole lines to the end of a log, which survive a power cut; `remainder` gets its last kilobytes."""
        self._files.append(self._place(rel), remainder, sync=True)

    def read_log(self, rel: str) -> bytes:
        """All of a log; raises `MissingArtifact` where nothing has begun one."""
        return self._files.log(self._place(rel))

    def log_stamp(self, rel: str) -> Stamp | None:
        """None where nothing has begun the log."""
        return self._files.log_stamp(self._place(rel))

    # families

    @contextlib.contextmanager
    def family(
        self,
        name: str,
        schema: int = 1,
        *,
        keep: bool = False,
        made_from: MadeFrom | None = None,
        timeout: float = 60.0,
        told: Mapping[str, Any] | None = None,
    ) -> Iterator[FamilyWriter]:
        """Write a family of artifacts: all of it, or on any failure nothing; the log of a run says so (`announce`).

        Args:
            name: folder of the family.
            schema: version of the files' layout, kept in the manifest.
            keep: files of the present family stay unless they are replaced or dropped, and so does `made_from`.
            made_from: what it is made from, kept in the manifest; default that of `stamped`.
            timeout: seconds to wait for another writer of the same family, then `StorageBusy`.
            told: what its event says beside what it always says, such as the step.
        """
        check_name(name, "family")
        folder = f"{self.path}/{name}"
        with self._files.lease(f"{self.path}/.locks/{name}", timeout, f"the family {folder}") as lease:
            before = self._files.stamp(f"{folder}/{MANIFEST}")
            found = self._look(name)
            if keep and isinstance(found, Damage):
                raise DamagedArtifact(str(found))
            present = found if isinstance(found, Manifest) else None
            made_from = made_from or self._made_from or (present.made_from if present and keep else None)
            writer = FamilyWriter(
                self._files,
                folder,
                present,
                before,
                keep=keep,
                schema=schema,
                owner=self.owner,
                made_from=made_from,
            )
            try:
                yield writer
                for one in filter(None, (self._lease, lease)):
                    one.check()
            except BaseException:
                with contextlib.suppress(StorageError, StoreUnreachable):
                    lease.check()  # else another writer may have put the same by now
                    writer.forget()
                raise
            writer.commit()
            with contextlib.suppress(StorageBusy):  # the next writer does it
                lease.check()
                writer.settle()
            self.announce(name, **(told or {}))

    def has_family(self, name: str) -> bool:
        """Whether a family was written to its end."""
        return self._manifest(name) is not None

    def families(self) -> Names:
        """Names of all families here, sorted."""
        names = filter(is_name, self._files.folders(self.path))
        return [name for name in names if self.has_family(name)]

    def manifest(self, name: str) -> Manifest:
        """The manifest of a family.

        Raises:
            MissingArtifact: the family has not been written.
            DamagedArtifact: the manifest is unreadable, was altered, or is that of another family or folder.
        """
        found = self._manifest(name)
        if found is None:
            raise MissingArtifact(f"{self.shown(name)} has not been written. {self.remedy}")
        if isinstance(found, Damage):
            raise DamagedArtifact(str(found))
        return found

    def digest(self, name: str) -> str | None:
        """A family's digest by its manifest alone, no file is hashed; None when that is missing or damaged."""
        found = self._manifest(name)
        return found.digest if isinstance(found, Manifest) else None

    def verify(self, name: str | None = None, *, every_byte: bool = True) -> Damages:
        """Every file of one family, or of all, that is missing, altered or unreadable.

        Reads all of them; without `every_byte` only those that changed after the manifest, which was written last, and
        of the others the size is looked at.
        """
        if name is None:
            return [
                damage for family in self.families() for damage in self.verify(family, every_byte=every_byte)
            ]
        manifest = self._manifest(name)
        if manifest is None:
            file = self.shown(f"{name}/{MANIFEST}")
            return [Damage(file, "no manifest", "the family was not written to its end", self.remedy)]
        if isinstance(manifest, Damage):
            return [manifest]
        suspects = manifest.files if every_byte else self._suspects(name, manifest)
        checked = (self._checked(f"{name}/{record.name}", record) for record in suspects)
        damages = [damage for _, damage in checked if damage is not None]
        if damages and self._look(name) not in (manifest, None):  # it was written again meanwhile
            self._forget()
            return self.verify(name, every_byte=every_byte)
        return damages

    # events and the lock

    def append_event(self, event: Mapping[str, Any], *, sync: bool = False) -> None:
        """Add one event to `events.jsonl` with its number and time; `sync` makes it survive a power cut."""
        events.append(self._files, self._place(events.EVENTS), event, sync)

    def announce(self, name: str, **facts: Any) -> None:
        """Tell in the log that a family was written, unless it says just that already, or nothing has begun one."""
        log = self._place(events.EVENTS)
        if self._files.log_stamp(log) is None:
            return
        manifest = self.manifest(name)
        newest = events.newest_artifact(self._files, log, name)
        event = {"event": events.ARTIFACT, "family": name, "version": manifest.data_version}
        if newest is None or not {**event, **facts}.items() <= newest.items():
            size = sum(record.size for record in manifest.files)
            self.append_event({**event, "files": len(manifest.files), "bytes": size, **facts}, sync=True)

    def events(self) -> Events:
        """The events that stand: of the present build, without what it went back on; a torn line is left out."""
        return events.standing(self.event_log())

    def event_log(self) -> Events:
        """All events as they were written."""
        return events.read(self._files, self._place(events.EVENTS))

    def follow_events(self, after: int | None = None) -> LogReader:
        """A reader of the log from behind event `after` on; None begins with the present build."""
        return LogReader(self._files, self._place(events.EVENTS), after)

    def last_event(self, kind: str | None = None) -> dict[str, Any] | None:
        """The newest whole event, read from the end of the log; None where none (of that kind that stands) is there."""
        return events.last(self._files, self._place(events.EVENTS), kind)

    @contextlib.contextmanager
    def lock(self, timeout: float = 60.0) -> Iterator[None]:
        """Hold this folder for one builder; `StorageBusy` names the holder after `timeout` seconds."""
        with self._files.lease(f"{self.path}/{_LOCK}", timeout, f"the folder {self.path}") as lease:
            before, self._lease = self._lease, lease
            try:
                yield
            finally:
                self._lease = before

    @property
    def at_work(self) -> bool:
        """Whether a builder holds this folder now."""
        return self._files.held(f"{self.path}/{_LOCK}")

    # inside

    def _place(self, rel: str) -> str:
        return f"{self.path}/{check_relative(rel)}"

    def _manifest(self, name: str) -> Manifest | Damage | None:
        """What is known of a family where it is to be looked at once, else what is found."""
        if self._known is None:
            return self._look(name)
        if name not in self._known:
            self._known[name] = self._look(name)
        return self._known[name]

    def _forget(self) -> None:
        if self._known is not None:
            self._known.clear()

    def _look(self, name: str) -> Manifest | Damage | None:
        """A family's manifest where it is whole and in its place, else what is wrong; None where there is none.

        It is parsed and checked once for each time that it was written.
        """
        place = f"{self.path}/{check_name(name, 'family')}/{MANIFEST}"
        stamp, file = self._files.stamp(place), self._files.shown(place)
        before = known(file)
        if before is not None and before[0] == stamp:
            return before[1]
        try:
            data = self._files.read(place)
            manifest = parse_manifest(from_json(data, file), file)
        except MissingArtifact:
            return None
        except StorageError as error:
            return self._unreadable(file, error)
        if (manifest.owner, manifest.family) != (self.owner, name):
            whose = ", ".join(f"{key} {value}" for key, value in manifest.owner.items() if value is not None)
            detail = f"these are the artifacts '{manifest.family}' of {whose}"
            return Damage(file, "misplaced", detail, self.remedy)
        if stamp is not None:
            learn(file, stamp, manifest)
        return manifest

    def _suspects(self, name: str, manifest: Manifest) -> Iterator[FileRecord]:
        """Files of another size than recorded, or written after the manifest."""
        folder = f"{self.path}/{name}"
        found = known(self._files.shown(f"{folder}/{MANIFEST}"))
        written = found[0] if found is not None and found[1] is manifest else None
        since = -1 if written is None else written.changed
        stamps = self._files.stamps(folder, {record.name: record.sha256 for record in manifest.files})
        for record in manifest.files:
            stamp = stamps.get(record.name)
            if stamp is None or stamp.size != record.size or stamp.changed > since:
                yield record

    def _checked(self, rel: str, record: FileRecord | None) -> tuple[bytes | None, Damage | None]:
        """The bytes of a file, None where there is none, and what is wrong with them by its record."""
        place = self._place(rel)
        if record is not None:
            folder = place.removesuffix(f"/{record.name}")
            places = self._files.places(folder, record.name, record.sha256)
        else:
            places = (place,)
        found: list[tuple[bytes | None, Damage | None]] = []
        for one in places:
            try:
                data: bytes | None = self._files.read(one)
            except MissingArtifact:
                data = None
            except StorageError as error:
                found.append((None, self._unreadable(self.shown(rel), error)))
                continue
            damage = compare(record, data, self.shown(rel), self.remedy) if record else None
            if damage is None:
                return data, None
            found.append((None, damage))
        return found[0]

    def _unreadable(self, file: str, error: StorageError) -> Damage:
        return Damage(file, "unreadable", str(error).replace(file, "it", 1), self.remedy)

    def _record(self, rel: str) -> FileRecord | None:
        family, _, name = check_relative(rel).partition("/")
        found = self._manifest(family) if name else None
        if isinstance(found, Damage):
            raise DamagedArtifact(str(found))
        return found.record(name) if found is not None else None
