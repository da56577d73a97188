"""Writing a site folder: unchanged files stay untouched, and files that nothing writes any more go away.

A unit is something that writes files and returns a value, such as a page. The manifest keeps a digest of what it was
made from, so that the next build leaves it as it is where that is the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping
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
        self.units: dict[str, dict[str, Any]] = {}  # by name: source, files and value
        self.made: set[str] = set()  # units that were made in this build; the others were kept
        self.links: dict[str, Any] = {}  # what the check of the links knows of each page
        self._paths: list[str] = []  # of the unit that is being made
        known = _manifest(out)
        files = known.get("files", {})
        self._before = {path: entry for path, entry in files.items() if type(entry["size"]) is int}
        self._units = known.get("units", {})
        self.links_before: Mapping[str, Any] = known.get("links", {})

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
        self._paths.append(path)
        return path

    def derive(self, path: str, source: str | None, produce: Callable[[], bytes]) -> str:
        """Write what `produce` returns; skip even that when `source` (a digest of its inputs) is unchanged."""
        if source is not None and self._same(path, "source", source):
            self.files.setdefault(path, self._before.get(path, {}))
            self._paths.append(path)
            return path
        return self.write(path, produce(), source)

    def unit(self, name: str, source: str | None, make: Callable[[], Any]) -> Any:
        """Return the JSON value of a unit, which `make` returns and writes files for.

        Where `source`, a digest of all that it is made from, is that of the last build and its files are still there,
        they stay as they are and its value is that of then. None: it is made in every build.
        """
        known = self._units.get(name)
        same = source is not None and known is not None and known["source"] == source
        if known is not None and same and all(map(self._there, known["files"])):
            self.files |= {path: self._before[path] for path in known["files"] if path not in self.files}
            self.units[name] = known
            return known["value"]
        outer, self._paths = self._paths, []
        value = json.loads(json.dumps(make()))  # the same as the next build reads it
        self.units[name] = {"source": source, "files": sorted({*self._paths}), "value": value}
        self.made.add(name)
        self._paths = [*outer, *self._paths]
        return value

    def same(self, path: str) -> bool:
        """Whether a file has the bytes of the last build."""
        return path in self._before and self._before[path].get("sha256") == self.files[path].get("sha256")

    def keep(self, wanted: Callable[[str], bool]) -> None:
        """Leave files, units and links of the last build as they are, where they are still there."""
        self.files |= {
            path: entry
            for path, entry in self._before.items()
            if wanted(path) and os.path.isfile(self.out / path)
        }
        self.units |= {name: unit for name, unit in self._units.items() if wanted(name)}
        self.links |= {page: known for page, known in self.links_before.items() if wanted(page)}

    def clear(self) -> bool:
        """Remove files of the last build that this one lacks; whether there are any."""
        gone = [path for path in self._before if path not in self.files]
        for path in gone:
            target = self.out / path
            if not os.path.isfile(target) or not inside(target, self.out):
                continue
            with explained("remove", target):
                target.unlink(missing_ok=True)
                folder = target.parent
                while folder != self.out and folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
                    folder = folder.parent
        return bool(gone)

    def finish(self) -> int:
        """Write the manifest; return the bytes of the site."""
        total = sum(int(entry["size"]) for entry in self.files.values())
        told = {"files": self.files, "units": self.units, "links": self.links}
        manifest = {
            "schema": SCHEMA,
            "bytes": total,
            **{key: dict(sorted(told[key].items())) for key in told},
        }
        self._replace(MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
        return total

    def _there(self, path: str) -> bool:
        """Whether a file of this build or the last one is still there, by its size."""
        known, target = self.files.get(path) or self._before.get(path), self.out / path
        return known is not None and os.path.isfile(target) and target.stat().st_size == known["size"]

    def _same(self, path: str, field: str, value: str) -> bool:
        known = self.files.get(path) or self._before.get(path)
        return known is not None and known.get(field) == value and self._there(path)

    def _replace(self, path: str, raw: bytes) -> None:
        target = self.out / path
        if not inside(target, self.out):
            raise ValueError(f"'{path}' would be written outside the site at {self.out}")
        replace_file(target, raw)


def _manifest(out: Path) -> dict[str, Any]:
    """What the last build of a site left; {} where there was none, or it is not one of ours."""
    try:
        known = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        units = known.get("units", {})
        whole = (
            known["schema"] == SCHEMA
            and all(isinstance(entry, dict) and "size" in entry for entry in known["files"].values())
            and all(unit.keys() == {"source", "files", "value"} for unit in units.values())
            and all(isinstance(path, str) for unit in units.values() for path in unit["files"])
            and all(_is_links(links) for links in known.get("links", {}).values())
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}
    return known if whole else {}


def _is_links(known: Any) -> bool:
    """Whether this is what a check leaves of a page."""
    return known.keys() == {"count", "anchors"} and all(
        [type(part) for part in anchor] == [str, str] for anchor in known["anchors"]
    )


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
