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
_TABLE = """CREATE TABLE IF NOT EXISTS manifests (
    file TEXT PRIMARY KEY, identity TEXT, size INTEGER, changed INTEGER, manifest TEXT, crc INTEGER
) WITHOUT ROWID"""
_BELOW = "WHERE file >= ? AND file < ?"
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
                f"SELECT file, identity, size, changed, manifest, crc FROM manifests {_BELOW}", _range(below)
            ).fetchall()
        if any(_sum(row[:-1]) != row[-1] for row in rows):
            raise ValueError("it was altered")
        values = json.loads(f"[{','.join(row[4] for row in rows)}]")
    except (sqlite3.Error, ValueError):
        with contextlib.suppress(OSError):
            database.unlink(missing_ok=True)
        return
    for (file, *stamp, _, _), value in zip(rows, values, strict=True):
        if file not in _known:
            _known[file] = (Stamp(*stamp), _read(value))


def keep(database: Path, below: str) -> None:
    """Tell the database what was learned of the files whose names begin with `below`; nothing where it cannot be."""
    told = [file for file in _new.copy() if file.startswith(below)]
    if not told:
        return
    rows = []
    for file in told:
        stamp, manifest = _known[file]
        row = (file, *stamp, _written(manifest))
        rows.append((*row, _sum(row)))
    with contextlib.suppress(OSError, sqlite3.Error):
        database.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(database, timeout=_WAIT)) as connection, connection:
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.executemany("INSERT OR REPLACE INTO manifests VALUES (?, ?, ?, ?, ?, ?)", rows)
        _new.difference_update(told)


def _range(below: str) -> tuple[str, str]:
    return below, below[:-1] + chr(ord(below[-1]) + 1)


def _sum(row: tuple[Any, ...]) -> int:
    return zlib.crc32("\n".join(map(str, row)).encode())


def _written(manifest: Manifest) -> str:
    source = manifest.made_from
    made_from = None if source is None else [source.code_version, dict(source.inputs)]
    facts = [manifest.family, manifest.schema, manifest.files, dict(manifest.owner), made_from]
    return json.dumps([*facts, manifest.digest], separators=(",", ":"))


def _read(value: list[Any]) -> Manifest:
    family, schema, files, owner, source, digest = value
    made_from = None if source is None else MadeFrom(*source)
    manifest = Manifest(family, schema, tuple(starmap(FileRecord, files)), owner, made_from)
    vars(manifest)["digest"] = digest  # which it would compute when it is asked for
    return manifest
