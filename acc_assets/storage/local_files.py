"""`Files` on a local disk: atomic writes, appends, locks, and families under their plain names.

People and other programs read a family's files by their names. So after the commit its objects are renamed to them, and
a reader looks for a file at its name and then among the objects, whichever a writer that died has left it at.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import socket
import stat
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from acc_assets.storage.errors import DamagedArtifact, MissingArtifact, StorageBusy, StorageError, explained
from acc_assets.storage.files import OBJECTS, Remainder, Stamp, object_path
from acc_assets.storage.manifest import MANIFEST

_LOG_WAIT = 60.0  # seconds for another writer of a log
_TAIL_BYTES = 16_384  # longer than nearly any line


class LocalFiles:
    """Files below `root`, addressed by '/'-separated paths relative to it."""

    pause = 0.1

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root).expanduser().resolve()
        self._base = str(self.root)

    def local_path(self, path: str) -> Path:
        """The file's place on this machine."""
        return self.root / path

    def shown(self, path: str) -> str:
        return f"{self._base}/{path}"

    def stamp(self, path: str) -> Stamp | None:
        try:
            found = os.stat(self.shown(path))
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return Stamp(str(found.st_ino), found.st_size, found.st_mtime_ns)

    def read(self, path: str) -> bytes:
        return self.log(path)

    def log(self, path: str, start: int = 0) -> bytes:
        target = self.shown(path)
        try:
            if not stat.S_ISREG(os.stat(target).st_mode):
                raise DamagedArtifact(f"{target} is no file")  # a pipe or a device would never end
            with open(target, "rb", buffering=0) as file:
                file.seek(start)
                return file.readall()
        except (FileNotFoundError, NotADirectoryError) as error:
            if os.path.islink(target):
                raise DamagedArtifact(f"{target} is a link that leads nowhere") from error
            raise MissingArtifact(f"{target} does not exist") from error
        except OSError as error:
            raise StorageError(f"{target} cannot be read: {error.strerror}") from error

    def log_stamp(self, path: str) -> Stamp | None:
        return self.stamp(path)

    def write(self, path: str, data: bytes) -> None:
        self._replace(path, data)

    def append(self, path: str, remainder: Remainder, *, sync: bool = False) -> None:
        """By a single O_APPEND write, on a line of its own even after a torn one."""
        folder, _, name = path.rpartition("/")
        target = self.local_path(path)
        with (
            self._lock(f"{folder}/.locks/{name}", _LOG_WAIT, f"the log {path}"),
            explained("append to", target),
        ):
            descriptor = os.open(target, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                size = os.fstat(descriptor).st_size
                tail = os.pread(descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
                torn = tail and not tail.endswith(b"\n")
                rest = (b"\n" if torn else b"") + remainder(tail)
                while rest:  # a disk that has just become full takes a part, and refuses the next write
                    rest = rest[os.write(descriptor, rest) :]
                if sync:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def remove(self, path: str) -> None:
        target = self.local_path(path)
        with explained("remove", target):
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)

    def exists(self, path: str) -> bool:
        return os.path.lexists(self.shown(path))

    def names(self, folder: str) -> list[str]:
        base = self.local_path(folder)
        found = []
        for here, folders, files in os.walk(base):
            folders[:] = [name for name in folders if not name.startswith(".")]
            relative = Path(here).relative_to(base)
            found += [(relative / name).as_posix() for name in files if not name.startswith(".")]
        return sorted(found)

    def folders(self, folder: str) -> list[str]:
        base = self.local_path(folder)
        try:
            found = os.listdir(base)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                return []
            raise StorageError(f"{base} cannot be read: {error.strerror}") from error
        return sorted(name for name in found if not name.startswith(".") and os.path.isdir(base / name))

    # families

    def places(self, folder: str, name: str, sha256: str) -> tuple[str, ...]:
        """At its name, among the objects, and at its name again, where it may have been moved to meanwhile."""
        return f"{folder}/{name}", object_path(folder, sha256), f"{folder}/{name}"

    def stamps(self, folder: str, named: Mapping[str, str]) -> dict[str, Stamp]:
        found: dict[str, Stamp] = {}
        for name in named:
            stamp = self.stamp(f"{folder}/{name}")
            if stamp is not None:
                found[name] = stamp
        return found

    def put(self, folder: str, sha256: str, data: bytes) -> None:
        path = object_path(folder, sha256)
        self._clear_way(folder, path)
        self._replace(path, data, sync=False)

    def mirror(self, folder: str, name: str, sha256: str) -> None:
        if not self.exists(object_path(folder, sha256)):
            self._second_name(f"{folder}/{OBJECTS}", f"{folder}/{name}", object_path(folder, sha256))

    def discard(self, folder: str, sha256s: Iterable[str]) -> None:
        for sha256 in sha256s:
            self.remove(object_path(folder, sha256))

    def commit(self, folder: str, manifest: bytes, before: Stamp | None) -> None:
        """A writer holds the lock of its family, so that nobody else has written it since."""
        self._clear_way(folder, f"{folder}/{MANIFEST}")
        self._clear_way(folder, object_path(folder, MANIFEST))
        if self.exists(f"{folder}/{OBJECTS}"):
            self._sync(f"{folder}/{OBJECTS}")
        self._replace(f"{folder}/{MANIFEST}", manifest, f"{folder}/{OBJECTS}")

    def settle(self, folder: str, named: Mapping[str, str], before: Collection[str]) -> None:
        """Put the objects under their names."""
        objects = f"{folder}/{OBJECTS}"
        waiting = set(os.listdir(self.shown(objects))) if os.path.isdir(self.shown(objects)) else set()
        for name, sha256 in named.items():
            if sha256 in waiting:
                self._clear_way(folder, f"{folder}/{name}")
                self._second_name(objects, object_path(folder, sha256), f"{folder}/{name}")
        for name in self.names(folder):
            if name not in named and name != MANIFEST:
                self.remove(f"{folder}/{name}")
        self._sync(folder)
        self.remove(objects)

    # inside

    def _replace(self, path: str, data: bytes, aside: str | None = None, *, sync: bool = True) -> None:
        """As `write`; without `sync` a power cut may undo it until its folder is synced, as that of many files once.

        aside: the folder of what is half done, which outlives a writer that is killed.
        """
        target = self.local_path(path)
        folder = target.parent if aside is None else self.local_path(aside)
        temporary = folder / f".tmp-{uuid.uuid4().hex}"
        with explained("write", target):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                with open(temporary, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, target)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        if sync:
            self._sync(path.rpartition("/")[0])

    def _second_name(self, aside: str, source: str, target: str) -> None:
        """Give a file a second name in one step; it shares the disk space where the file system can (hard link).

        aside: the folder of what is half done.
        """
        temporary = self.local_path(aside) / f".tmp-{uuid.uuid4().hex}"
        with explained("write", self.local_path(target)):
            for folder in (temporary.parent, self.local_path(target).parent):
                folder.mkdir(parents=True, exist_ok=True)
            try:
                os.link(self.local_path(source), temporary)
            except OSError:
                shutil.copy2(self.local_path(source), temporary)
            os.replace(temporary, self.local_path(target))

    def _sync(self, folder: str) -> None:
        """Make the names inside a folder survive a power cut."""
        if os.name != "posix":
            return
        with explained("write", self.local_path(folder)):
            descriptor = os.open(self.local_path(folder), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _clear_way(self, folder: str, path: str) -> None:
        """Remove what bars the way to a file `path` below `folder`: no folder above it, or a folder in its place."""
        above = [folder]
        for part in path.removeprefix(f"{folder}/").split("/")[:-1]:
            above.append(f"{above[-1]}/{part}")
        for place in above:
            if self.exists(place) and not os.path.isdir(self.shown(place)):
                self.remove(place)
        if os.path.isdir(self.shown(path)):
            self.remove(path)

    # turns

    @contextlib.contextmanager
    def lease(self, path: str, timeout: float, what: str) -> Iterator[LocalFiles]:
        """A lock of the system, which frees it when the process dies; it is never lost."""
        with self._lock(path, timeout, what):
            with contextlib.suppress(OSError):
                holder = {"pid": os.getpid(), "host": socket.gethostname()}
                _holder_file(self.local_path(path)).write_text(json.dumps(holder))
            yield self

    def check(self) -> None:
        """Nobody takes a lock of the system away."""

    @contextlib.contextmanager
    def _lock(self, path: str, timeout: float, what: str) -> Iterator[None]:
        target = self.local_path(path)
        with explained("lock", target):
            target.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(target, is_singleton=True)
        try:
            with explained("lock", target):
                lock.acquire(timeout=timeout)
        except Timeout as error:
            holder = _read_holder(target)
            raise StorageBusy(
                f"{what} is in use by {holder}; waited {max(timeout, 0):g} s. Let it finish, stop it, "
                "or run this again later: it continues from what was saved."
            ) from error
        try:
            yield
        finally:
            lock.release()

    def held(self, path: str) -> bool:
        target = self.local_path(path)
        if not target.is_file():
            return False
        lock = FileLock(target)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except OSError:
            return False  # the store is another user's, and nobody can tell
        lock.release()
        return False


def _holder_file(lock: Path) -> Path:
    return lock.with_name(lock.name + ".holder")


def _read_holder(lock: Path) -> str:
    try:
        holder = json.loads(_holder_file(lock).read_text())
        return f"process {holder['pid']} on {holder['host']}"
    except (OSError, ValueError, KeyError):
        return "another process"
