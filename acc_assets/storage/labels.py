"""Labels that people gave: one CSV file a recipe, only ever appended to, of which every line counts or is named."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from acc_assets.storage.errors import MissingArtifact, StorageError
from acc_assets.storage.store import Store

FOLDER = "labels"
COLUMNS = ("person", "time", "index", "label")
TITLE = ",".join(COLUMNS).encode()
WAIT_SECONDS = 30.0  # for another writer


def _shown(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("must be printable and neither begin nor end with a space")
    return text


Words = Annotated[str, Field(max_length=80), AfterValidator(_shown)]


class Label(BaseModel):
    """What one person says of one training image."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    person: Annotated[Words, Field(min_length=1)]
    time: AwareDatetime = Field(default_factory=lambda: datetime.now(timezone.utc), description="ISO 8601")
    index: int = Field(ge=0, description="of the image in the training split")
    label: Words = Field(description="name of the class; empty takes back what this person said of the image")


class Problem(BaseModel):
    """A line that gives no label, and why; or the last one of a conflict."""

    line: int = Field(description="from 1")
    why: str
    conflict: bool = Field(default=False, description="persons disagree, so that the image has no label")


@dataclass(frozen=True)
class Labels:
    """What a label file says, up to some line.

    given: class by image, of images that have one label. said: who says what of an image, where somebody says anything.
    problems: of lines that give none. lines: how many were read, the title's among them. digest: sha256 of their bytes.
    """

    given: dict[int, int]
    said: dict[int, dict[str, str]]
    problems: tuple[Problem, ...]
    lines: int
    digest: str


class LabelError(StorageError):
    """A label that cannot be given: no such image, or no such class."""


class LabelFile:
    """The labels of one recipe: `labels/<recipe>.csv` of a store."""

    def __init__(self, store: Store, recipe: str) -> None:
        self._folder = store.folder(FOLDER)
        self._name = f"{recipe}.csv"

    @property
    def path(self) -> Path:
        """Its place on this machine, whether it is there or not."""
        return self._folder.local_path(self._name)

    def lines(self, until: int | None = None) -> list[bytes]:
        """Its lines up to number `until`, without their ends; none where nobody has given a label."""
        try:
            return _split(self._folder.read_bytes(self._name))[:until]
        except MissingArtifact:
            return []

    def read(self, classes: Sequence[str], images: int, until: int | None = None) -> Labels:
        """Judge every line by the names of the classes and the number of training images.

        Of one person the later line counts. An image on which two persons disagree has no label, until they agree.
        """
        return _judged(self.lines(until), classes, images)

    def add_file(self, file: Path, classes: Sequence[str], images: int) -> int:
        """Add the labels of another CSV file and return how many; all or, where a line gives none, no label at all."""
        try:
            lines = _split(file.read_bytes())
        except OSError as error:
            raise LabelError(f"{file} cannot be read: {error.strerror}") from error
        bad = [one for one in _judged(lines, classes, images).problems if not one.conflict]
        if bad:
            more = f", and {len(bad) - 1} lines more" if len(bad) > 1 else ""
            raise LabelError(f"{file}:{bad[0].line}: {bad[0].why}{more}. Nothing was added.")
        labels = [_parsed(line) for number, line in enumerate(lines) if number or line != TITLE]
        self.append(labels, classes, images)
        return len(labels)

    def append(self, labels: Sequence[Label], classes: Sequence[str], images: int) -> int:
        """Add labels, all or none, and return the number of lines that there are now.

        Raises `LabelError` for the first of which there is no such image or class.
        """
        for label in labels:
            try:
                _check(label, classes, images)
            except ValueError as error:
                raise LabelError(f"{error}.") from None
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows((one.person, one.time.isoformat(), one.index, one.label) for one in labels)
        with self._folder.lock(WAIT_SECONDS):
            title = [] if self._folder.exists(self._name) else [TITLE.decode()]
            added = "\n".join([*title, *text.getvalue().splitlines()])
            if added:
                self._folder.append(self._name, added.encode())
            return len(self.lines())


def digest_of(lines: Sequence[bytes]) -> str:
    """sha256 (hex) of lines: the version of a label file, and of its beginning."""
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def _judged(lines: Sequence[bytes], classes: Sequence[str], images: int) -> Labels:
    said: dict[int, dict[str, str]] = {}
    last: dict[int, int] = {}
    problems = []
    for number, line in enumerate(lines, 1):
        if number == 1 and line == TITLE:
            continue
        try:
            label = _parsed(line)
            _check(label, classes, images)
        except ValueError as error:
            problems.append(Problem(line=number, why=str(error)))
            continue
        last[label.index] = number
        said.setdefault(label.index, {}).pop(label.person, None)
        if label.label:
            said[label.index][label.person] = label.label
    said = {index: words for index, words in said.items() if words}
    given = {}
    for index, words in said.items():
        if len(set(words.values())) == 1:
            given[index] = classes.index(next(iter(words.values())))
        else:
            told = ", ".join(f"{person} says {word}" for person, word in words.items())
            why = f"conflict on image {index}: {told}"
            problems.append(Problem(line=last[index], why=why, conflict=True))
    problems.sort(key=lambda problem: problem.line)
    return Labels(given, said, tuple(problems), len(lines), digest_of(lines))


def _split(text: bytes) -> list[bytes]:
    """Lines without their ends; the last one may lack its, and what spreadsheets put first says nothing."""
    text = text.removeprefix(codecs.BOM_UTF8)
    found = text.removesuffix(b"\n").split(b"\n") if text else []
    return [line.removesuffix(b"\r") for line in found]


def _parsed(line: bytes) -> Label:
    """One line; raises ValueError in words."""
    try:
        (cells,) = csv.reader([line.decode()], strict=True)
        if len(cells) != len(COLUMNS):
            raise ValueError(f"{len(cells)} values; a line holds {', '.join(COLUMNS)}")
        return Label.model_validate(dict(zip(COLUMNS, cells, strict=True)))
    except ValidationError as error:
        raise ValueError("; ".join(_words(error))) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"no line of a CSV file in UTF-8 ({error})") from None


def _words(error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False, include_input=False):
        yield f"{'.'.join(map(str, one['loc']))}: {one['msg']}"


def _check(label: Label, classes: Sequence[str], images: int) -> None:
    if label.index >= images:
        raise ValueError(f"there is no image {label.index}; indices are 0 to {images - 1}")
    if label.label and label.label not in classes:
        raise ValueError(f"{label.label!r} is no class; classes are {', '.join(classes)}")
