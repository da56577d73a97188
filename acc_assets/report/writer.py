"""Writing a site folder: unchanged files stay untouched, and files that nothing writes any more go away."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from acc_assets.storage.errors import StorageError, explained

MANIFEST = "site.json"
SCHEMA = 1


def digest_of(*parts: Any) -> str:
    """Return the SHA-256 (hex) of JSON values and bytes, each with its length."""
    sha = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, default=str).encode()
        sha.update(f"{len(data)}:".encode())
        sha.update(data)
    return sha.hexdigest()


class SiteWriter:
    """One build of a site folder; `finish` writes the manifest and removes what the last build left over.

    Raises `StorageError` when a file or the folder cannot be written.
    """

    def __init__(self, out: Path) -> None:
        if os.path.lexists(out) and not out.is_dir():
            raise StorageError(
                f"the site is written to the folder {out}, and that is no folder. Move it away, then run this again."
            )
        self.out = out
        self.written = 0  # files whose bytes changed in this build
        self.files: dict[str, dict[str, Any]] = {}
        try:
            known = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
            before = dict(known["files"]) if known["schema"] == SCHEMA else {}
            self._before = {path: entry for path, entry in before.items() if type(entry["size"]) is int}
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            self._before = {}  # no site yet, or not one of ours: write everything

    def write(self, path: str, data: bytes | str, source: str | None = None) -> str:
        """Write one file (relative to the site) unless it has these bytes already; return its path."""
        raw = data.encode() if isinstance(data, str) else data
        sha = hashlib.sha256(raw).hexdigest()
        entry: dict[str, Any] = {"size": len(raw), "sha256": sha}
        if source is not None:
            entry["source"] = source
        if not self._same(path, "sha256", sha):
            self._replace(path, raw)
            self.written += 1
        self.files[path] = entry
        return path

    def derive(self, path: str, source: str | None, produce: Callable[[], bytes]) -> str:
        """Write what `produce` returns; skip even that when `source` (a digest of its inputs) is unchanged."""
        if source is not None and self._same(path, "source", source):
            self.files.setdefault(path, self._before.get(path, {}))
            return path
        return self.write(path, produce(), source)

    def keep(self, wanted: Callable[[str], bool]) -> set[str]:
        """Leave files of the last build as they are; return the paths of those that are still there."""
        kept = {
            path: entry
            for path, entry in self._before.items()
            if wanted(path) and os.path.isfile(self.out / path)
        }
        self.files |= kept
        return set(kept)

    def finish(self) -> int:
        """Write the manifest, remove files of the last build that this one lacks; return the bytes of the site."""
        total = sum(int(entry["size"]) for entry in self.files.values())
        manifest = {"schema": SCHEMA, "bytes": total, "files": dict(sorted(self.files.items()))}
        self._replace(MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
        for path in self._before:
            target = self.out / path
            if path in self.files or not os.path.isfile(target) or not inside(target, self.out):
                continue
            with explained("remove", target):
                target.unlink(missing_ok=True)
                folder = target.parent
                while folder != self.out and folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
                    folder = folder.parent
        return total

    def _same(self, path: str, field: str, value: str) -> bool:
        known = self.files.get(path) or self._before.get(path)
        target = self.out / path
        return (
            isinstance(known, dict)
            and known.get(field) == value
            and os.path.isfile(target)
            and target.stat().st_size == known.get("size")
        )

    def _replace(self, path: str, raw: bytes) -> None:
        target = self.out / path
        if not inside(target, self.out):
            raise ValueError(f"'{path}' would be written outside the site at {self.out}")
        replace_file(target, raw)


def replace_file(target: Path, raw: bytes) -> None:
    """Write a file so that a reader sees the old bytes or the new; `StorageError` says why it cannot be."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    with explained("write", target):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(raw)
            temporary.replace(target)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise


def inside(target: Path, folder: Path) -> bool:
    """Whether a path, its links followed, lies in a folder."""
    return real(target).is_relative_to(real(folder))


def real(path: Path) -> Path:
    """A path with its links followed; other than `Path.resolve`, it takes a loop of links as it is."""
    return Path(os.path.realpath(path))
