"""The files behind a data set: what they hold, told by their bytes."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any


class DatasetError(Exception):
    """Data that cannot be had: says which data set, where it was looked for and what to do."""


def source_digest(config: Any) -> str | None:
    """sha256 (hex) over the names and bytes of `config.files()`; None where the data need no files.

    A configuration that reads a part of its files says which by `content()`. Generated data are determined by their
    configuration, and a loaded `ImageData` by its own digest. Where the files lie does not count. A file is read again
    only when its path, size or time of change has changed.
    Raises `DatasetError` that names the first file which is missing or cannot be read.
    """
    files = config.files()
    if not files:
        return None
    if (content := getattr(config, "content", None)) is not None:
        found: str | None = content()
        return found
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.name}:{file_digest(config, path)}\n".encode())
    return digest.hexdigest()


def file_digest(config: Any, path: Path) -> str:
    """sha256 (hex) of one file of a data set; raises `DatasetError` where it cannot be read."""
    try:
        facts = path.stat()
        return _file_digest(path, facts.st_size, facts.st_mtime_ns)
    except OSError as error:
        raise DatasetError(
            f"The data set '{config.name}' needs the file {path}, which cannot be read "
            f"({error.strerror or type(error).__name__}). {config.if_missing}"
        ) from error


@lru_cache(maxsize=64)
def _file_digest(path: Path, size: int, changed: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
