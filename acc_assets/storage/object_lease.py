"""A lease in an object store: an object that says who holds what until when, and that its holder renews."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from acc_assets.storage.errors import MissingArtifact, StorageBusy, StorageError, StoreUnreachable

LEASE_SECONDS = 30.0  # after which one that was not renewed is another's to take
_PAUSE = 0.2  # seconds between two looks at another's lease
_LEASES: dict[tuple[str, int], ObjectLease] = {}  # that this process holds, by place and thread


class Changed(StorageError):  # noqa: N818
    """What lies there is not what a request depended on."""


class Conditional(Protocol):
    """What a lease asks of the store."""

    def shown(self, path: str) -> str:
        """Where an object lies."""

    def get(self, path: str) -> tuple[bytes, str]:
        """The bytes of an object and its etag; raises `MissingArtifact`."""

    def put_if(self, path: str, data: bytes, etag: str | None) -> str:
        """Put where the object has this etag, or (None) where there is none; raises `Changed`, returns the new etag."""

    def delete(self, path: str, paths: list[str]) -> None:
        """Remove objects; `path` is for the error."""


@contextlib.contextmanager
def holding(files: Conditional, path: str, timeout: float, what: str) -> Iterator[ObjectLease]:
    """Hold a lease, as `Files.lease` says it."""
    key = (files.shown(path), threading.get_ident())
    if key in _LEASES:
        yield _LEASES[key]
        return
    held = ObjectLease(files, path, what)
    held.take(timeout)
    _LEASES[key] = held
    try:
        yield held
    finally:
        del _LEASES[key]
        held.give_back()


def is_held(files: Conditional, path: str) -> bool:
    """Whether some process holds a lease now."""
    return _until(_holder(files, path)[0]) > time.time()


class ObjectLease:
    """An object that says who holds what until when, and that its holder renews.

    Clocks of machines that differ by seconds let a lease be taken too early at worst; then its holder finds it changed,
    and `commit` finds a manifest that it has not seen, so that nothing is mixed.
    """

    def __init__(self, files: Conditional, path: str, what: str) -> None:
        self._files, self._path, self._what = files, path, what
        self._etag: str | None = None
        self._until = 0.0
        self._over = threading.Event()
        self._renewing = threading.Thread(target=self._renew, daemon=True)
        self._token = uuid.uuid4().hex

    def take(self, timeout: float) -> None:
        """Wait for the lease; raises `StorageBusy` that names its holder."""
        end = time.monotonic() + timeout
        holder: dict[str, Any] = {}
        etag = None  # most times nobody has it
        while True:
            if _until(holder) < time.time():
                with contextlib.suppress(Changed):
                    self._write(etag)
                    break
            elif timeout >= 0 and time.monotonic() >= end:
                raise StorageBusy(
                    f"{self._what} is in use by {holder.get('holder', 'another process')}; waited {max(timeout, 0):g} "
                    "s. Let it finish, stop it, or run this again later: it continues from what was saved."
                )
            else:
                time.sleep(_PAUSE)
            holder, etag = _holder(self._files, self._path)
        self._renewing.start()

    def check(self) -> None:
        if self._until < time.time():
            raise StorageBusy(
                f"{self._what} was taken over by another process, since this one could not renew its lease on it. "
                "Nothing was written; run this again later: it continues from what was saved."
            )

    def give_back(self) -> None:
        """Let the next one have it; one that may be another's by now is left alone."""
        self._over.set()
        self._renewing.join()
        if self._until > time.time() + LEASE_SECONDS / 10:
            with contextlib.suppress(StoreUnreachable):  # it runs out
                self._files.delete(self._path, [self._path])

    def _write(self, etag: str | None) -> None:
        until = time.time() + LEASE_SECONDS
        holder = f"process {os.getpid()} on {socket.gethostname()}"
        told = {"holder": holder, "token": self._token, "until": until}
        self._etag = self._files.put_if(self._path, json.dumps(told).encode(), etag)
        self._until = until

    def _renew(self) -> None:
        while not self._over.wait(LEASE_SECONDS / 3):
            try:
                self._write(self._etag)
            except Changed:
                self._until = 0.0
                return
            except StoreUnreachable:  # it holds until it runs out
                continue


def _holder(files: Conditional, path: str) -> tuple[dict[str, Any], str | None]:
    """What a lease says, and its etag; nothing and None where nobody has it."""
    try:
        data, etag = files.get(path)
        told = json.loads(data)
        return (told if isinstance(told, dict) else {}), etag
    except MissingArtifact:
        return {}, None
    except ValueError:
        return {}, etag  # not written by us, and nobody's


def _until(holder: Mapping[str, Any]) -> float:
    until = holder.get("until")
    return float(until) if isinstance(until, int | float) else 0.0
