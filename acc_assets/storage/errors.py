"""What can go wrong with stored files, said in words that a user can act on."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import Timeout

_ELSEWHERE = "or choose another place (for artifacts: ACC_STORAGE)"
_REMEDIES = {
    errno.ENOSPC: f"free some space there {_ELSEWHERE}",
    errno.EDQUOT: f"free some of the quota {_ELSEWHERE}",
    errno.EFBIG: f"raise the file size limit (ulimit -f) {_ELSEWHERE}",
    errno.EACCES: f"make the folder writable {_ELSEWHERE}",
    errno.EPERM: f"make the folder writable {_ELSEWHERE}",
    errno.EROFS: "the disk is read-only, so choose another place (for artifacts: ACC_STORAGE)",
} | dict.fromkeys(
    (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ELOOP),
    "files and folders stand in each other's place: move away or remove what lies there",
)


class StorageError(RuntimeError):
    """A file or folder of the store cannot be written, read or named as asked."""


class MissingArtifact(StorageError, FileNotFoundError):  # noqa: N818
    """An artifact that a reader asked for has not been written."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class DamagedArtifact(StorageError):  # noqa: N818
    """A file differs from what its manifest recorded: truncated, altered or unreadable."""


class StorageBusy(StorageError):  # noqa: N818
    """Another process holds the lock of this folder."""


class StoreUnreachable(RuntimeError):  # noqa: N818
    """An object store gives no answer, or refuses: nothing is known of its artifacts, so none is missing or damaged."""


@contextlib.contextmanager
def explained(verb: str, target: Path) -> Iterator[None]:
    """Turn the system's refusal to write or remove `target` into one sentence, as `StorageError`.

    It hides its cause, since what shows a run's errors shows the deepest one, and it repeats all that the system said.
    """
    try:
        yield
    except Timeout:
        raise
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "check the disk and its permissions")
        raise StorageError(
            f"cannot {verb} {target}: {error.strerror or error}{_room(error, target)}. What was stored before is "
            f"unchanged; {remedy}, then run the same command again."
        ) from None


def _room(error: OSError, target: Path) -> str:
    """How much of the disk is left, where that is what is wrong."""
    there = next((folder for folder in target.parents if folder.is_dir()), None)
    if error.errno != errno.ENOSPC or there is None:
        return ""
    usage = shutil.disk_usage(there)
    return f" ({usage.free / 1e6:.1f} of {usage.total / 1e6:.1f} MB are free)"
