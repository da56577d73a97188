"""Bytes on a local disk under one root: atomic writes, appends, locks.

`LocalFiles` is the whole surface that a store needs. An object store takes its place by offering the same
methods over fsspec (put for `write` and `move`, a lease for `lock`).
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
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from filelock import FileLock, Timeout

from acc_assets.storage.errors import DamagedArtifact, MissingArtifact, StorageBusy, StorageError, explained

Stamp: TypeAlias = tuple[int, int, int]  # inode, bytes and time in ns of the last change


class LocalFiles:
    """Files below `root`, addressed by '/'-separated paths relative to it."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root).expanduser().resolve()
        self._base = str(self.root)

    def local_path(self, path: str) -> Path:
        """The file's place on this machine."""
        return self.root / path

    def shown(self, path: str) -> str:
        """The same as text, for what is asked by the ten thousand."""
        return f"{self._base}/{path}"

    def stamp(self, path: str) -> Stamp | None:
        """What differs as soon as a file was written again; None where there is no file."""
        try:
            found = os.stat(self.shown(path))
        except OSError:
            return None
        return (found.st_ino, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None

    def read(self, path: str, start: int = 0) -> bytes:
        """All bytes of a file, from `start` on.

        Raises:
            MissingArtifact: nothing is there.
            DamagedArtifact: what is there is no file; a pipe or a device would never end.
            StorageError: the system refuses.
        """
        target = self.shown(path)
        try:
            if not stat.S_ISREG(os.stat(target).st_mode):
                raise DamagedArtifact(f"{target} is no file")
            with open(target, "rb", buffering=0) as file:
                file.seek(start)
                return file.readall()
        except (FileNotFoundError, NotADirectoryError) as error:
            if os.path.islink(target):
                raise DamagedArtifact(f"{target} is a link that leads nowhere") from error
            raise MissingArtifact(f"{target} does not exist") from error
        except OSError as error:
            raise StorageError(f"{target} cannot be read: {error.strerror}") from error

    def write(self, path: str, data: bytes) -> None:
        """Replace a file so that a reader sees the old bytes or the new, never a mixture; it survives a power cut."""
        self.stage(path, data)
        self.sync(path.rpartition("/")[0])

    def stage(self, path: str, data: bytes) -> None:
        """Replace a file likewise; a power cut may undo it until its folder is synced, as that of many files once."""
        target = self.local_path(path)
        temporary = target.parent / f".tmp-{uuid.uuid4().hex}"
        with explained("write", target):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with open(temporary, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, target)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise

    def append(self, path: str, line: bytes, sync: bool = False) -> None:
        """Add one line by a single O_APPEND write, on a line of its own even after a torn one."""
        target = self.local_path(path)
        with explained("append to", target):
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(target, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                size = os.fstat(descriptor).st_size
                torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
                rest = (b"\n" if torn else b"") + line + b"\n"
                while rest:  # a disk that has just become full takes a part, and refuses the next write
                    rest = rest[os.write(descriptor, rest) :]
                if sync:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def move(self, source: str, target: str) -> None:
        """Put `source`, a file or a folder, in the place of `target` in one step; a folder replaces nothing."""
        with explained("write", self.local_path(target)):
            self.local_path(target).parent.mkdir(parents=True, exist_ok=True)
            os.replace(self.local_path(source), self.local_path(target))

    def copy(self, source: str, target: str) -> None:
        """Give a file a second name; it shares the disk space where the file system can (hard link)."""
        with explained("write", self.local_path(target)):
            self.local_path(target).parent.mkdir(parents=True, exist_ok=True)
            self.local_path(target).unlink(missing_ok=True)
            try:
                os.link(self.local_path(source), self.local_path(target))
            except OSError:
                shutil.copyfile(self.local_path(source), self.local_path(target))

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all it holds; nothing happens when it is not there."""
        target = self.local_path(path)
        with explained("remove", target):
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)

    def sync(self, folder: str) -> None:
        """Make the names inside a folder survive a power cut."""
        if os.name != "posix":
            return
        with explained("write", self.local_path(folder)):
            descriptor = os.open(self.local_path(folder), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def tail(self, path: str, count: int) -> bytes:
        """The last `count` bytes of a file; nothing where there is none."""
        try:
            with self.local_path(path).open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - count))
                return file.read(count)
        except OSError:
            return b""

    def size(self, path: str) -> int | None:
        """Bytes of a file, None when there is none."""
        stamp = self.stamp(path)
        return stamp[1] if stamp is not None else None

    def occupied(self, path: str) -> bool:
        """Whether anything has this name, a file or not."""
        return os.path.lexists(self.shown(path))

    def clear_way(self, folder: str, path: str) -> None:
        """Remove what bars the way to a file `path` below `folder`: no folder above it, or a folder in its place."""
        above = [folder]
        for part in path.removeprefix(f"{folder}/").split("/")[:-1]:
            above.append(f"{above[-1]}/{part}")
        for place in above:
            if self.occupied(place) and not self.is_folder(place):
                self.remove(place)
        if self.is_folder(path):
            self.remove(path)

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder of this name."""
        return os.path.isdir(self.shown(path))

    def names(self, folder: str) -> list[str]:
        """Names of all files below a folder, relative to it, sorted, without hidden ones."""
        base = self.local_path(folder)
        found = []
        for here, folders, files in os.walk(base):
            folders[:] = [name for name in folders if not name.startswith(".")]
            relative = Path(here).relative_to(base)
            found += [(relative / name).as_posix() for name in files if not name.startswith(".")]
        return sorted(found)

    def folders(self, folder: str) -> list[str]:
        """Names of the folders directly inside a folder, sorted, without hidden ones."""
        base = self.local_path(folder)
        names = (name for name in self._entries(folder) if not name.startswith("."))
        return sorted(name for name in names if os.path.isdir(base / name))

    def hidden(self, folder: str, prefix: str) -> list[str]:
        """Names of hidden files and folders in a folder that start with `prefix` (left by a killed writer)."""
        return sorted(name for name in self._entries(folder) if name.startswith(prefix))

    def _entries(self, folder: str) -> list[str]:
        try:
            return os.listdir(self.local_path(folder))
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                return []
            raise StorageError(f"{self.local_path(folder)} cannot be read: {error.strerror}") from error

    @contextlib.contextmanager
    def lock(self, path: str, timeout: float, what: str, named: bool = True) -> Iterator[None]:
        """Hold an exclusive lock, reentrant in one thread; the system frees it when the process dies.

        Args:
            path: lock file, relative to the root.
            timeout: seconds to wait for another holder; negative waits for ever.
            what: words for the error, such as "the folder runs/quickstart".
            named: write down who holds it, for that error; what is held for a moment need not.

        Raises:
            StorageBusy: another process or thread still holds it; names the holder.
        """
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
            if named:
                with contextlib.suppress(OSError):
                    _holder_file(target).write_text(
                        json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
                    )
            yield
        finally:
            lock.release()

    def held(self, path: str) -> bool:
        """Whether some process holds a lock now."""
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
