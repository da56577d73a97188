"""`docs/artifacts.md` and what a real run wrote are the same: every file, array and field, with its type."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "artifacts.md"
OWN = ("manifest.json", "left_out.json", "events.jsonl")  # told of in the page's words
RUN = "The run itself"
TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "list": (list,),
    "flag": (bool,),
    "null": (type(None),),
}


class Field(NamedTuple):
    """One field as the page has it."""

    pattern: re.Pattern[str]
    is_optional: bool
    types: tuple[str, ...]
    shape: tuple[str, ...] | None


class File(NamedTuple):
    """One kind of file as the page has it, with its fields."""

    pattern: re.Pattern[str]
    fields: tuple[Field, ...]


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"<\w+>", text)
    return re.compile(".+".join(re.escape(part) for part in parts))


def _fields(names: str, told: str) -> Iterator[Field]:
    found = re.fullmatch(r"([^(]+?)(?: \(([^)]*)\))?", told)
    assert found, told
    types = tuple(found[1].split(" or "))
    shape = tuple(found[2].split(", ")) if found[2] else None
    for name in re.findall(r"`([^`]+)`", names):
        yield Field(_pattern(name.removesuffix("?")), name.endswith("?"), types, shape)


def contract() -> dict[str, list[File]]:
    """The files of every section of the page."""
    sections: dict[str, list[File]] = {}
    for section in PAGE.read_text().split("\n## ")[1:]:
        title = section.partition("\n")[0]
        name = found[1] if (found := re.search(r"`([^`]+)`", title)) else title
        files: list[tuple[list[str], list[Field]]] = []
        for row in re.findall(r"^\| (?!file|---)(.*) \|$", section, re.M):
            file, names, told, _ = re.split(r" ?\| ", f" {row}", maxsplit=3)
            if file.strip():
                files.append((re.findall(r"`([^`]+)`", file), []))
            files[-1][1].extend(_fields(names, told))
        sections[name] = [File(_pattern(name), tuple(own)) for names, own in files for name in names]
    return sections


def faults(folder: Path, files: list[File]) -> list[str]:
    """What is wrong with the files of a folder beside what the page says."""
    found = []
    for path in sorted(one for one in folder.iterdir() if one.is_file() and one.name not in OWN):
        known = [file for file in files if file.pattern.fullmatch(path.name)]
        if not known:
            found.append(f"{path.name} is not on the page")
        for file in known[:1]:
            found += [f"{path.name}: {fault}" for fault in _wrong_fields(path, file.fields)]
    return found


def _wrong_fields(path: Path, fields: tuple[Field, ...]) -> Iterator[str]:
    if not fields:  # a picture or another file that is no table of fields
        return
    values: dict[str, Any]
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            values = dict(arrays)
    else:
        values = json.loads(path.read_text())
    sizes: dict[str, int] = {}
    for name, value in values.items():
        known = [one for one in fields if one.pattern.fullmatch(name)]
        field = max(known, key=lambda one: len(one.pattern.pattern), default=None)  # the one that says most
        if field is None:
            yield f"'{name}' is not on the page"
        elif isinstance(value, np.ndarray):
            if "any" not in field.types and value.dtype.name not in field.types:
                yield f"'{name}' is {value.dtype.name} and said to be {' or '.join(field.types)}"
            if field.shape is None and "any" in field.types:
                continue
            if field.shape is None or value.ndim != len(field.shape):
                yield f"'{name}' has the shape {value.shape} and is said to be {field.shape}"
            else:
                for letter, size in zip(field.shape, value.shape, strict=True):
                    if sizes.setdefault(letter, size) != size:
                        yield f"'{name}' has {size} {letter}, beside {sizes[letter]} before"
        elif "any" not in field.types and not _is(value, field.types):
            yield f"'{name}' is {type(value).__name__} and said to be {' or '.join(field.types)}"
    for field in fields:
        if not field.is_optional and not any(field.pattern.fullmatch(name) for name in values):
            yield f"no '{field.pattern.pattern}'"


def _is(value: Any, types: tuple[str, ...]) -> bool:
    if isinstance(value, bool):
        return "flag" in types
    return any(isinstance(value, TYPES[name]) for name in types)


def _folders(root: Path) -> Iterator[tuple[str, Path]]:
    """Every folder of artifacts of a recipe, with the section of the page that tells of it."""
    for run in sorted(root.glob("*/seed-*")):
        yield RUN, run
        yield from ((family.name, family) for family in _visible(run))
    for family in _visible(root / "_recipe"):
        if family.name != "site":  # its document is about pages, for the site's own use
            yield ("data-<name>" if family.name.startswith("data-") else family.name), family


def _visible(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))


@pytest.mark.parametrize("fixture", ["built_storage", "foreign_storage"])
def test_the_page_says_what_real_runs_wrote(fixture: str, request: pytest.FixtureRequest) -> None:
    sections = contract()
    storage: Path = request.getfixturevalue(fixture)
    seen = set()
    for recipe in (storage / "runs").iterdir():
        for name, folder in _folders(recipe):
            assert name in sections, f"{folder} is not on the page"
            assert not faults(folder, sections[name]), folder
            seen.add(name)
    assert {"latents", "projections", "neighbors", "onnx", "data-<name>", RUN} <= seen


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"distances": None}, "no 'distances'"),
        ({"more": np.zeros(3)}, "'more' is not on the page"),
        ({"indices": np.zeros((4, 3), np.int64)}, "'indices' is int64"),
        ({"indices": np.zeros(4, np.int32)}, "'indices' has the shape"),
        ({"indices": np.zeros((5, 3), np.int32)}, "'distances' has 4 N, beside 5"),
    ],
)
def test_a_run_that_departs_from_the_page_is_seen(tmp_path: Path, change: Any, fault: str) -> None:
    arrays = {"indices": np.zeros((4, 3), np.int32), "distances": np.zeros((4, 3), np.float32)}
    kept = {name: value for name, value in (arrays | change).items() if value is not None}
    np.savez(tmp_path / "knn_step_3.npz", **kept)
    (found,) = faults(tmp_path, contract()["neighbors"])
    assert fault in found
