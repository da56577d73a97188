"""`Files` in an object store (S3, Google Cloud Storage, Azure) through obstore, by conditional requests alone.

There are no renames, appends or locks there, but a put may be made to depend on what lies there (its etag). So a
manifest replaces the very one that its writer has seen, a log is a row of segments of which the last one is replaced by
itself and one line more, and a lease is an object that its holder renews; all three tell a writer that came too late.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, NamedTuple, TypeVar

from acc_assets.storage.errors import MissingArtifact, StorageBusy, StorageError, StoreUnreachable
from acc_assets.storage.files import OBJECTS, Remainder, Stamp, object_path
from acc_assets.storage.manifest import MANIFEST
from acc_assets.storage.object_lease import Changed, ObjectLease, holding, is_held

RETRIES = 10  # of a request that gets no answer, within a minute
SIDE_BY_SIDE = 8  # puts of one family, each of which waits for the network
GRACE_SECONDS = 3600.0  # for objects that no manifest has named yet
SEGMENT_BYTES = 32_768  # of a log, from which on the next line begins another one
_DIGITS = 12  # a segment is called by the place in the log at which it begins
_ATTEMPTS = 50  # to be the next to write to a log

_T = TypeVar("_T")


class ObjectFiles:
    """Files below a URL such as `s3://bucket/prefix`; credentials and endpoint are those of obstore's environment."""

    pause = 1.0  # a look is a request
    _used_by: ClassVar[int | None] = None  # the process whose threads obstore's client has

    def __init__(self, url: str) -> None:
        try:
            import obstore
            from obstore.store import from_url
        except ModuleNotFoundError as error:
            raise StorageError(
                f"the store {url} is an object store, which needs the package obstore: pip install 'acc-assets[s3]'"
            ) from error
        self.url = url.rstrip("/")
        self._obstore = obstore
        self._ends: dict[str, _End] = {}
        self._puts: dict[str, list[Future[None]]] = {}  # under way, by the folder of their family
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE, "put")
        self._turn = threading.Lock()
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
        try:
            self._bucket: Any = from_url(
                self.url,
                client_options={"allow_http": endpoint.startswith("http://"), "timeout": "60s"},
                retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=60)},
            )
        except Exception as error:  # a scheme or an option that obstore does not know
            raise StorageError(f"the store {url} cannot be opened: {_said(error)}") from error

    def shown(self, path: str) -> str:
        return f"{self.url}/{path}"

    def read(self, path: str) -> bytes:
        return self.get(path)[0]

    def write(self, path: str, data: bytes) -> None:
        self._ask("write", path, lambda: self._obstore.put(self._bucket, path, data))

    def stamp(self, path: str) -> Stamp | None:
        try:
            return _stamp(self._ask("read", path, lambda: self._obstore.head(self._bucket, path)))
        except MissingArtifact:
            return None

    def exists(self, path: str) -> bool:
        return self.stamp(path) is not None

    def names(self, folder: str) -> list[str]:
        found = set()
        for one in self._listed(folder):
            parts = one["path"].removeprefix(f"{folder}/").split("/")
            if len(parts[-1]) == _DIGITS and parts[-1].isdecimal() and len(parts) > 1:
                parts.pop()  # a segment of a log
            if not any(part.startswith(".") for part in parts):
                found.add("/".join(parts))
        return sorted(found)

    def folders(self, folder: str) -> list[str]:
        found = self._ask("read", folder, lambda: self._obstore.list_with_delimiter(self._bucket, folder))
        names = (prefix.rsplit("/", 1)[-1] for prefix in found["common_prefixes"])
        return sorted(name for name in names if not name.startswith("."))

    def remove(self, path: str) -> None:
        self._ends.pop(path, None)
        self.delete(path, [path, *(one["path"] for one in self._listed(path))])

    # families

    def places(self, folder: str, name: str, sha256: str) -> tuple[str, ...]:
        """Among the objects alone."""
        return (object_path(folder, sha256),)

    def stamps(self, folder: str, named: Mapping[str, str]) -> dict[str, Stamp]:
        """By one list, however many there are."""
        found = {one["path"].rsplit("/", 1)[-1]: _stamp(one) for one in self._listed(f"{folder}/{OBJECTS}")}
        return {name: found[sha256] for name, sha256 in named.items() if sha256 in found}

    def put(self, folder: str, sha256: str, data: bytes) -> None:
        """Side by side with others; `commit` waits for it, and raises what became of it."""
        under_way = self._puts.setdefault(folder, [])
        if len(under_way) >= SIDE_BY_SIDE:  # no more than that is kept in memory
            wait(under_way[: -SIDE_BY_SIDE + 1])
        under_way.append(self._pool.submit(self.write, object_path(folder, sha256), data))

    def mirror(self, folder: str, name: str, sha256: str) -> None:
        """A manifest may name an object twice."""

    def discard(self, folder: str, sha256s: Iterable[str]) -> None:
        wait(self._puts.pop(folder, []))
        self.delete(folder, [object_path(folder, sha256) for sha256 in sha256s])

    def commit(self, folder: str, manifest: bytes, before: Stamp | None) -> None:
        for put in self._puts.pop(folder, []):
            put.result()
        path = f"{folder}/{MANIFEST}"
        try:
            self.put_if(path, manifest, before.identity if before is not None else None)
        except Changed:
            raise StorageBusy(
                f"{self.shown(path)} was written by another process meanwhile, and stays what that one made it. "
                "Run this again: it continues from what was saved."
            ) from None

    def settle(self, folder: str, named: Mapping[str, str], before: Collection[str]) -> None:
        """What nobody has named is left alone for a while: it may be of a writer that begins just now."""
        kept, old = set(named.values()), time.time() - GRACE_SECONDS
        there = {one["path"].rsplit("/", 1)[-1]: _stamp(one) for one in self._listed(f"{folder}/{OBJECTS}")}
        gone = (sha for sha, stamp in there.items() if sha in before or stamp.changed <= old * 1e9)
        self.discard(folder, [sha256 for sha256 in gone if sha256 not in kept])

    # logs

    def append(self, path: str, remainder: Remainder, *, sync: bool = False) -> None:
        """Every line is one put, which survives a power cut whether it is asked to or not."""
        with self._turn:
            for attempt in range(_ATTEMPTS):
                end = self._ends.pop(path, None) or self._end(path)
                lines = remainder(end.data)
                if end.etag is not None and len(end.data) < SEGMENT_BYTES:
                    place, data, etag = end.place, end.data + lines, end.etag
                else:
                    place, data, etag = end.place + len(end.data), lines, None
                try:
                    etag = self.put_if(_segment(path, place), data, etag)
                except Changed:
                    time.sleep(random.random() * min(0.02 * 2**attempt, 1.0))
                    continue
                self._ends[path] = _End(place, etag, data)
                return
        raise StorageBusy(f"{self.shown(path)} is written by too many at once. Run this again.")

    def log(self, path: str, start: int = 0) -> bytes:
        segments = self._segments(path)
        if not segments:
            raise MissingArtifact(f"{self.shown(path)} does not exist")
        behind = [one.place for one in segments if one.place + one.size > start]
        data = b"".join(self.read(_segment(path, place)) for place in behind)
        return data[max(0, start - behind[0]) :] if behind else b""

    def log_stamp(self, path: str) -> Stamp | None:
        segments = self._segments(path)
        return (
            Stamp("log", segments[-1].place + segments[-1].size, segments[-1].changed) if segments else None
        )

    # turns

    @contextlib.contextmanager
    def lease(self, path: str, timeout: float, what: str) -> Iterator[ObjectLease]:
        with holding(self, path, timeout, what) as held:
            yield held

    def held(self, path: str) -> bool:
        return is_held(self, path)

    # requests

    def _ask(self, verb: str, path: str, request: Callable[[], _T]) -> _T:
        """One request, with its failure in words."""
        ObjectFiles._used_by = ObjectFiles._used_by or os.getpid()
        if (
            ObjectFiles._used_by != os.getpid()
        ):  # the client's threads did not come along: it would wait for ever
            raise StoreUnreachable(
                f"{self.url} cannot be asked by a process that was forked from one which has used a bucket. Start it "
                "by spawn or forkserver."
            )
        errors = self._obstore.exceptions
        try:
            return request()
        except (errors.AlreadyExistsError, errors.PreconditionError):
            raise Changed(f"{self.shown(path)} is not what it was") from None
        except (errors.BaseError, OSError) as error:
            if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error):
                raise MissingArtifact(f"{self.shown(path)} does not exist") from None
            raise StoreUnreachable(
                f"cannot {verb} {self.shown(path)}: {_said(error)}. What was stored before is unchanged; check the "
                "bucket, the credentials and the endpoint (AWS_ENDPOINT_URL), then run the same command again."
            ) from None

    def get(self, path: str) -> tuple[bytes, str]:
        def request() -> tuple[bytes, str]:
            found = self._obstore.get(self._bucket, path)
            return bytes(found.bytes()), found.meta["e_tag"]

        return self._ask("read", path, request)

    def put_if(self, path: str, data: bytes, etag: str | None) -> str:
        """Put where the object has this etag, or (None) where there is none, and return the new one.

        A request that is repeated after its answer was lost finds its own bytes there: that is no conflict.
        """
        mode: Any = "create" if etag is None else {"e_tag": etag}
        try:
            put = self._obstore.put
            done = self._ask(
                "write", path, lambda: put(self._bucket, path, data, mode=mode, use_multipart=False)
            )
            return str(done["e_tag"])
        except (Changed, MissingArtifact):
            with contextlib.suppress(MissingArtifact):
                there, new = self.get(path)
                if there == data:
                    return new
            raise Changed(f"{self.shown(path)} is not what it was") from None

    def delete(self, path: str, paths: list[str]) -> None:
        if paths:
            self._ask("remove", path, lambda: self._obstore.delete(self._bucket, paths))

    def _listed(self, folder: str) -> list[dict[str, Any]]:
        def request() -> list[dict[str, Any]]:
            return [one for some in self._obstore.list(self._bucket, folder) for one in some]

        return self._ask("read", folder, request)

    def _segments(self, path: str) -> list[_Segment]:
        """The segments of a log, in order."""
        found = self._listed(path)
        return sorted(
            _Segment(int(one["path"].rsplit("/", 1)[-1]), one["size"], _changed(one)) for one in found
        )

    def _end(self, path: str) -> _End:
        segments = self._segments(path)
        if not segments:
            return _End(0, None, b"")
        data, etag = self.get(_segment(path, segments[-1].place))
        return _End(segments[-1].place, etag, data)


class _Segment(NamedTuple):
    """Where a segment of a log begins, its bytes, and when it was written (ns)."""

    place: int
    size: int
    changed: int


@dataclass(frozen=True)
class _End:
    """The last segment of a log: where it begins, its etag (None: there is none), its bytes."""

    place: int
    etag: str | None
    data: bytes


def _stamp(meta: Mapping[str, Any]) -> Stamp:
    return Stamp(str(meta["e_tag"]), meta["size"], _changed(meta))


def _changed(meta: Mapping[str, Any]) -> int:
    return int(meta["last_modified"].timestamp()) * 1_000_000_000


def _segment(path: str, place: int) -> str:
    return f"{path}/{place:0{_DIGITS}d}"


def _said(error: Exception) -> str:
    """What the server says where it says something, else the first line."""
    text = str(error).strip() or type(error).__name__
    message = re.search("<Message>(.*?)</Message>", text)
    return (message[1] if message else text.splitlines()[0])[:300].rstrip(".")
