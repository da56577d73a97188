"""What a store asks of the place that keeps its bytes: a local folder and an object store answer alike.

Artifacts are kept by content. A family's files are put first, each an object named by its sha256 and never changed;
its manifest is put last, by one atomic write. That write is the commit: a reader takes the manifest and then the
objects that it names, so it sees the old family or the new one, whenever a writer dies. What no manifest names any
more is removed by the writer that has committed, and a reader that comes too late for it reads the manifest again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

OBJECTS = ".objects"  # of a family: files by their sha256
Remainder = Callable[[bytes], bytes]  # what to add to a log, given its last kilobytes


class Stamp(NamedTuple):
    """What differs as soon as a file was written again."""

    identity: str  # of what lies there
    size: int  # bytes
    changed: int  # when, in ns


class Lease(Protocol):
    """The right to write, for as long as it is held."""

    def check(self) -> None:
        """Raise `StorageBusy` where it was lost meanwhile."""


class Files(Protocol):
    """Files below one root, addressed by '/'-separated paths relative to it; names that begin with '.' are hidden.

    pause: seconds between two looks of whoever follows a log.
    """

    pause: float

    def shown(self, path: str) -> str:
        """Where a file lies, for messages."""

    def read(self, path: str) -> bytes:
        """All bytes of a file; raises `MissingArtifact`, `DamagedArtifact` for what is no file, or `StorageError`."""

    def write(self, path: str, data: bytes) -> None:
        """Replace a file so that a reader sees the old bytes or the new, never a mixture; it survives a power cut."""

    def stamp(self, path: str) -> Stamp | None:
        """None where there is no file."""

    def exists(self, path: str) -> bool:
        """Whether anything has this name, a file or not."""

    def names(self, folder: str) -> list[str]:
        """Names of all files below a folder, relative to it, sorted, without hidden ones."""

    def folders(self, folder: str) -> list[str]:
        """Names of the folders directly inside a folder, sorted, without hidden ones."""

    def remove(self, path: str) -> None:
        """Remove a file, a log or a folder with all it holds; nothing happens when it is not there."""

    # families

    def places(self, folder: str, name: str, sha256: str) -> tuple[str, ...]:
        """Where a reader looks for a file of a family, in this order."""

    def stamps(self, folder: str, named: Mapping[str, str]) -> dict[str, Stamp]:
        """Those of a family's files (sha256 by name) that are there, by name."""

    def put(self, folder: str, sha256: str, data: bytes) -> None:
        """Keep an object of a family."""

    def mirror(self, folder: str, name: str, sha256: str) -> None:
        """See to it that the file `name` of the present family can have a second name."""

    def discard(self, folder: str, sha256s: Iterable[str]) -> None:
        """Remove objects that no manifest names."""

    def commit(self, folder: str, manifest: bytes, before: Stamp | None) -> None:
        """Put the manifest of a family; raises `StorageBusy` where it is not what it was `before`."""

    def settle(self, folder: str, named: Mapping[str, str], before: Collection[str]) -> None:
        """Remove what a committed manifest (sha256 by name) does not name.

        before: sha256s of the manifest that it replaced; other objects were left by writers that were killed.
        """

    # logs

    def append(self, path: str, remainder: Remainder, *, sync: bool = False) -> None:
        """Add whole lines to a log, one writer after another; `sync` makes them survive a power cut."""

    def log(self, path: str, start: int = 0) -> bytes:
        """The bytes of a log from `start` on; raises `MissingArtifact`."""

    def log_stamp(self, path: str) -> Stamp | None:
        """None where there is no log; while it grows, the identity stays and the size is that of all of it."""

    # turns

    def lease(self, path: str, timeout: float, what: str) -> AbstractContextManager[Lease]:
        """Hold an exclusive lease, reentrant in one thread; it ends when its process dies.

        Args:
            path: of the lease, relative to the root.
            timeout: seconds to wait for another holder; negative waits for ever.
            what: words for the error, such as "the folder runs/quickstart".

        Raises:
            StorageBusy: another process or thread still holds it; names the holder.
        """

    def held(self, path: str) -> bool:
        """Whether some process holds a lease now."""


def object_path(folder: str, sha256: str) -> str:
    """Where the object of a family lies."""
    return f"{folder}/{OBJECTS}/{sha256}"
