"""Typed arrays and JSON as bytes: the same values always give the same bytes."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from acc_assets.storage.errors import DamagedArtifact, StorageError


def to_npz(arrays: Mapping[str, Any], compress: bool = False) -> bytes:
    """Pack named arrays as an npz file; names may hold '/', objects are refused.

    Unlike `numpy.savez`, no time stamp is written, so equal arrays give equal bytes.
    """
    buffer = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", kind, compresslevel=6 if compress else None) as archive:
        for name, value in arrays.items():
            array = np.asarray(value)
            if array.dtype.hasobject:
                raise StorageError(
                    f"array {name!r} holds Python objects; write numbers, booleans or text arrays."
                )
            member = zipfile.ZipInfo(f"{name}.npy")
            member.compress_type = kind
            with archive.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return buffer.getvalue()


class Arrays(dict[str, np.ndarray]):
    """The arrays of one npz file by name; asking for one that it lacks names the file and what to do."""

    def __init__(self, arrays: Mapping[str, np.ndarray], where: str, remedy: str) -> None:
        super().__init__(arrays)
        self._where, self._remedy = where, remedy

    def __missing__(self, name: str) -> np.ndarray:
        there = ", ".join(sorted(self)) or "none"
        raise DamagedArtifact(f"{self._where} holds no array {name!r}, but {there}. {self._remedy}")


def from_npz(data: bytes, where: str, remedy: str = "Build it again.") -> Arrays:
    """Unpack an npz file; `DamagedArtifact` names the file when it is none, and when it lacks what is asked for."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return Arrays({name: archive[name] for name in archive.files}, where, remedy)
    except Exception as error:  # zipfile, zlib and numpy raise a dozen kinds over bytes that are not theirs
        raise DamagedArtifact(f"{where} is no readable npz file ({error}). {remedy}") from error


def to_json(value: Any) -> bytes:
    """Indented UTF-8 JSON with numpy values as plain ones; NaN and infinities become null, as JSON has none."""
    return (json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def to_json_line(value: Any) -> bytes:
    """One line of UTF-8 JSON, without the line end."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False).encode()


def from_json(data: bytes, where: str) -> Any:
    """Parse JSON; `DamagedArtifact` names the file (and no remedy) when it is none, not finite, or nests too deep."""
    try:
        value = json.loads(data, parse_constant=_refuse, parse_float=_finite)
        if b"\\u" in data:  # half of a character, which no file and no answer takes
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except (ValueError, RecursionError) as error:
        raise DamagedArtifact(f"{where} is no readable JSON ({error})") from error


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def _finite(text: str) -> float:
    return value if math.isfinite(value := float(text)) else _refuse(text)


def plain(value: Any) -> Any:
    """The value in JSON's types: mappings, lists, text, numbers, booleans, None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)
    raise StorageError(f"a value of type {type(value).__name__} cannot be written as JSON: {value!r}")
