"""What the server answers with: the models of `/openapi.json`."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, Field

from acc_assets.storage import Label, Problem
from acc_assets.storage.event_kinds import Event
from acc_assets.tree import RecordedFork

Status: TypeAlias = Literal["running", "interrupted", "cancelled", "failed", "completed", "unreadable"]


class Run(BaseModel):
    """One node and seed that was built, or is being built; of an unreadable one what it would tell is null."""

    recipe: str
    node: str
    seed: int
    kind: str | None = Field(description="root, fork or trained")
    branch: str | None
    status: Status = Field(
        description="interrupted: it says that it runs, and no process holds it; unreadable: `error` says why"
    )
    step: int | None = Field(description="along the lineage")
    done: int | None = Field(description="steps of this node; null where it trains none, or has told none")
    of: int | None
    started: str | None = Field(description="ISO 8601 in UTC")
    ended: str | None
    steps_per_s: float | None
    remaining_s: float | None = Field(description="null where it is not at work")
    health: str | None = Field(description="of the training losses: healthy, warning, critical or untrained")
    error: str | None
    last_event: int | None = Field(description="id of the newest event")
    page: str = Field(description="the node's page, from the site's root")


class Runs(BaseModel):
    """Runs, those at work first and then the newest."""

    runs: list[Run]


class RunDetail(Run):
    """A run with its documents."""

    config: dict[str, Any] = Field(description="config.json")
    summary: dict[str, Any] = Field(description="summary.json")


class ArtifactFile(BaseModel):
    """One file of a family."""

    path: str = Field(description="below the run directory")
    size: int
    sha256: str


class ArtifactFamily(BaseModel):
    """One family of artifacts that was written to its end."""

    name: str
    version: str = Field(description="data version")
    layout: int = Field(description="version of the files' layout")
    files: list[ArtifactFile]


class Artifacts(BaseModel):
    """All families of a run."""

    families: list[ArtifactFamily]


class Picture(BaseModel):
    """A picture that a family offers of the present build."""

    family: str
    name: str
    title: str
    caption: str
    alt: str
    themed: bool = Field(description="drawn for light and for dark pages")
    pixelated: bool = Field(description="shown enlarged, unsmoothed")
    version: str = Field(description="data version of the family, which changes as soon as the picture may")


class Pictures(BaseModel):
    """The pictures of a run whose families the present build has written, in the order in which pages show them."""

    pictures: list[Picture]


class PackedArray(BaseModel):
    """A typed array as data scripts hold it."""

    dtype: str
    shape: list[int]
    data: str = Field(description="base64 of gzip of its little-endian bytes")
    low: float | None = Field(
        default=None, description="of a rounded one, whose levels go from 1 to 65,535: the lowest"
    )
    high: float | None = Field(default=None, description="and the highest value; level 0 is none")


class Previews(BaseModel):
    """What is drawn of a run's snapshots, as the data script of a page from disk holds it."""

    meta: dict[str, Any] = Field(
        description="`snapshots` with their steps, and the words around the pictures"
    )
    arrays: dict[str, PackedArray]


class EventPage(BaseModel):
    """Events behind `after`, in order."""

    events: list[Event]
    more: bool = Field(description="whether there are events behind the last of these")


class Cancelled(BaseModel):
    """What was asked to end."""

    runs: list[str] = Field(description="Dagster's runs")


class NewLabels(BaseModel):
    """Labels to be added."""

    labels: list[Label] = Field(min_length=1, max_length=1000)


class GivenLabels(BaseModel):
    """The label file of a recipe."""

    classes: list[str]
    images: int = Field(description="of the training split, of which labels name the places")
    given: dict[int, str] = Field(description="class by image, of images on which all agree")
    said: dict[int, dict[str, str]] = Field(description="who says what of an image")
    problems: list[Problem]
    lines: int
    sha256: str = Field(description="of the lines: the version of the file")


class Forks(BaseModel):
    """The forks recorded beside a recipe."""

    forks: list[RecordedFork]


class Proposals(Forks):
    """Forks that could be recorded."""

    minutes: float | None = Field(description="that training one takes over all seeds; null: not known")
    why: str = Field(description="what they go by, and how long one takes")


class Round(BaseModel):
    """Which labels a round takes in."""

    node: str | None = Field(default=None, description="those that it reads; null: all of the recipe's")


class Begun(BaseModel):
    """A build that began; its runs are among the others."""

    command: str = Field(description="what does the same")


class RemovedFork(BaseModel):
    """A fork that is recorded no more."""

    name: str
    kept: list[str] = Field(description="its nodes of which results stay in the store")
