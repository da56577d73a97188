"""What can go wrong with stored files, said in words that a user can act on."""

from __future__ import annotations


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
