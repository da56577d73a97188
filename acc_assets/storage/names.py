"""Which names may become folders and files: no traversal, no hidden files, nothing a web server would escape."""

from __future__ import annotations

import re
from functools import lru_cache

from acc_assets.storage.errors import StorageError

LEFT_OUT = "left_out.json"  # in a family that a model cannot have: {"reason": ...} in place of its artifacts
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def is_name(name: str) -> bool:
    """Whether `name` can be one folder or file name of the store."""
    return isinstance(name, str) and _fits(name)


@lru_cache(maxsize=4096)  # the same few hundred names, tens of thousands of times
def _fits(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and ".." not in name


def check_name(name: str, what: str) -> str:
    """Return `name` when it can be one folder or file name, else raise `StorageError` naming `what` it is."""
    if not is_name(name):
        raise StorageError(
            f"{what} {name!r} is no valid name: it must start with a letter or digit and hold only letters, "
            "digits, '.', '_' and '-' (at most 128, no '..'). Choose another name."
        )
    return name


def check_relative(path: str) -> str:
    """Return `path` when it is a relative path of valid names joined by '/', else raise `StorageError`."""
    if not isinstance(path, str) or not path:
        raise StorageError(
            f"artifact path {path!r} is empty or no text; give one like 'metrics/metrics.json'."
        )
    for part in path.split("/"):
        check_name(part, f"part {part!r} of the artifact path {path!r}:")
    return path


def check_seed(seed: int) -> int:
    """Return `seed` when it is a whole number of at least 0, else raise `StorageError`."""
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise StorageError(f"seed {seed!r} is not allowed: seeds are whole numbers from 0 up.")
    return seed
