"""Data for pages opened from disk: each key is one classic script that registers typed arrays.

A page at file:// may not fetch, but it may load a script. `encode` writes `accData("<key>", {...});` with arrays as
base64 of gzip of little-endian bytes; `decode` reads such a script back.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

DTYPES = ("float32", "float64", "int8", "uint8", "bool", "int16", "uint16", "int32", "uint32")
PREFIX = "accData("
SUFFIX = ");\n"


def encode(key: str, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return the script of one key; equal inputs give equal bytes. Raises ValueError as `packed` does."""
    return f"{PREFIX}{script_json(key)},{script_json(packed(key, meta, arrays))}{SUFFIX}".encode()


def packed(key: str, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the value that a key's script registers, as JSON.

    Raises:
        ValueError: an array has a type that the browser has no typed array for.
    """
    encoded = {}
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise ValueError(f"array '{name}' of '{key}' is {array.dtype}; allowed: {', '.join(DTYPES)}")
        raw = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
        data = base64.b64encode(gzip.compress(raw, compresslevel=4, mtime=0)).decode("ascii")
        encoded[name] = {"dtype": array.dtype.name, "shape": list(array.shape), "data": data}
    return {"meta": dict(meta), "arrays": encoded}


def decode(script: bytes) -> tuple[str, dict[str, Any], dict[str, np.ndarray]]:
    """Return (key, meta, arrays) of a script that `encode` wrote.

    Raises:
        ValueError: the text is no such script.
    """
    text = script.decode()
    if not text.startswith(PREFIX) or not text.endswith(SUFFIX):
        raise ValueError(f"not a data script: it must start with {PREFIX!r} and end with {SUFFIX!r}")
    key, payload = json.loads(f"[{text[len(PREFIX) : -len(SUFFIX)]}]")
    arrays = {
        name: np.frombuffer(
            gzip.decompress(base64.b64decode(entry["data"])), dtype=np.dtype(entry["dtype"]).newbyteorder("<")
        ).reshape(entry["shape"])
        for name, entry in payload["arrays"].items()
    }
    return key, payload["meta"], arrays


def script_json(value: Any) -> str:
    """Return JSON that can stand inside a <script>: no tag, comment or line separator can end or break it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, escape in (
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u2028", "\\u2028"),
        ("\u2029", "\\u2029"),
    ):
        text = text.replace(character, escape)
    return text
