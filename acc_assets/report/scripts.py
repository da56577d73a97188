"""Data for pages opened from disk: each key is one classic script that registers typed arrays.

A page at file:// may not fetch, but it may load a script. `encode` writes `accData("<key>", {...});` with arrays as
base64 of gzip of little-endian bytes; `decode` reads such a script back. Numbers that a page only draws may be sent
`rounded`, in half the bytes: as 16-bit levels between an array's extremes, off by half a level at most, 1/131,068 of
the array's range. Level 0 is NaN; an array with infinite values is sent as it is.
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
LEVELS = np.iinfo(np.uint16).max - 1  # steps between the extremes of a rounded array


def encode(
    key: str, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray], rounded: bool = False
) -> bytes:
    """Return the script of one key; equal inputs give equal bytes. Raises ValueError as `packed` does."""
    return f"{PREFIX}{script_json(key)},{script_json(packed(key, meta, arrays, rounded))}{SUFFIX}".encode()


def packed(
    key: str, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray], rounded: bool = False
) -> dict[str, Any]:
    """Return the value that a key's script registers, as JSON. rounded: whether its float32 arrays may be.

    Raises:
        ValueError: an array has a type that the browser has no typed array for.
    """
    encoded = {}
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise ValueError(f"array '{name}' of '{key}' is {array.dtype}; allowed: {', '.join(DTYPES)}")
        extremes: dict[str, float] = {}
        if rounded and array.dtype == np.float32 and not np.isinf(array).any():
            array, extremes = _levels(array)
        raw = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
        data = base64.b64encode(gzip.compress(raw, compresslevel=4, mtime=0)).decode("ascii")
        encoded[name] = {"dtype": array.dtype.name, "shape": list(array.shape), "data": data, **extremes}
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
    return key, payload["meta"], {name: _decoded(entry) for name, entry in payload["arrays"].items()}


def _levels(array: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    known = array[~np.isnan(array)].astype(np.float64)
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    shares = (array.astype(np.float64) - low) / (high - low or 1.0)
    levels = np.where(np.isnan(array), 0, 1 + np.rint(shares * LEVELS)).astype(np.uint16)
    return levels, {"low": low, "high": high}


def _decoded(entry: Mapping[str, Any]) -> np.ndarray:
    raw = gzip.decompress(base64.b64decode(entry["data"]))
    array = np.frombuffer(raw, dtype=np.dtype(entry["dtype"]).newbyteorder("<")).reshape(entry["shape"])
    if "low" not in entry:
        return array
    values = entry["low"] + (array - 1.0) * ((entry["high"] - entry["low"]) / LEVELS)
    return np.where(array == 0, np.nan, values).astype(np.float32)


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
