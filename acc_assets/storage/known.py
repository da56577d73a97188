"""Manifests that were found whole: none is parsed again while its stamp stays, by this process or a later one.

What the database says is told from the manifests alone, so it may be removed at any time.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import zlib
from itertools import starmap
from pathlib import Path
from typing import Any

from acc_assets.storage.files import Stamp
from acc_assets.storage.manifest import FileRecord, MadeFrom, Manifest

VERSION = 1  # of the table
# A row holds the manifests of all seeds of a node: by thousands, rows cost more than what is in them.
_TABLE = "CREATE TABLE IF NOT EXISTS manifests (part TEXT PRIMARY KEY, manifests TEXT, crc INTEGER)"
_WAIT = 5.0  # seconds for another process that writes to the database

_known: dict[str, tuple[Stamp, Manifest]] = {}  # by file
_new: set[str] = set()  # files whose manifests no database has been told
_recalled: set[tuple[Path, str]] = set()


def known(file: str) -> tuple[Stamp, Manifest] | None:
    """A file's whole manifest, and the stamp that it had then."""
    return _known.get(file)


def learn(file: str, stamp: Stamp, manifest: Manifest) -> None:
    """Remember a manifest that was found whole."""
    _known[file] = (stamp, manifest)
    _new.add(file)


def recall(database: Path, below: str) -> None:
    """Learn what earlier processes knew of the files whose names begin with `below`; nothing where it is unreadable."""
    if (database, below) in _recalled:
        return
    _recalled.add((database, below))
    if not database.is_file():
        return
    try:
        with contextlib.closing(sqlite3.connect(database, timeout=_WAIT)) as connection:
            if connection.execute("PRAGMA user_version").fetchone() != (VERSION,):
                raise ValueError("another version wrote it")
            rows = connection.execute(
                "SELECT manifests, crc FROM manifests WHERE part >= ? AND part < ?", _range(below)
            ).fetchall()
        if any(zlib.crc32(text.encode()) != crc for text, crc in rows):
            raise ValueError("it was altered")
        values = [value for text, _ in rows for value in json.loads(text)]
    except (sqlite3.Error, ValueError):
        with contextlib.suppress(OSError):
            database.unlink(missing_ok=True)
        return
    for file, stamp, value in values:
        if file not in _known:
            _known[file] = (Stamp(*stamp), _read(value))


def keep(database: Path, below: str) -> None:
    """Tell the database what was learned of the files whose names begin with `below`; nothing where it cannot be."""
    told = {file for file in _new.copy() if file.startswith(below)}
    if not told:
        return
    parts: dict[str, list[Any]] = {_part(file): [] for file in told}
    for file, (stamp, manifest) in _known.copy().items():
        if (part := _part(file)) in parts:
            parts[part].append([file, stamp, _written(manifest)])
    texts = {part: json.dumps(values, separators=(",", ":")) for part, values in parts.items()}
    rows = [(part, text, zlib.crc32(text.encode())) for part, text in texts.items()]
    with contextlib.suppress(OSError, sqlite3.Error):
        database.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(database, timeout=_WAIT)) as connection, connection:
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.executemany("INSERT OR REPLACE INTO manifests VALUES (?, ?, ?)", rows)
        _new.difference_update(told)


def _range(below: str) -> tuple[str, str]:
    return below, below[:-1] + chr(ord(below[-1]) + 1)


def _part(file: str) -> str:
    return file.rsplit("/", 3)[0] + "/"


def _written(manifest: Manifest) -> list[Any]:
    source = manifest.made_from
    made_from = None if source is None else [source.code_version, dict(source.inputs)]
    facts = [manifest.family, manifest.schema, manifest.files, dict(manifest.owner), made_from]
    return [*facts, manifest.digest]


def _read(value: list[Any]) -> Manifest:
    family, schema, files, owner, source, digest = value
    made_from = None if source is None else MadeFrom(*source)
    manifest = Manifest(family, schema, tuple(starmap(FileRecord, files)), owner, made_from)
    vars(manifest)["digest"] = digest  # which it would compute when it is asked for
    return manifest
