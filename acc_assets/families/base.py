"""What a family of artifacts is: the files in one folder, and what pages can show of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from acc_assets.families.words import METRICS, MetricWords

if TYPE_CHECKING:
    from acc_assets.families.artifacts import Artifacts, RunArtifacts
    from acc_assets.storage import FamilyWriter

# The pages that load data scripts.
Page = Literal["node", "viewer", "playground", "grounding", "network", "labels"]
Script = tuple[Mapping[str, Any], Mapping[str, np.ndarray]]  # meta and arrays of a data script


@dataclass(frozen=True, kw_only=True)
class Number:
    """One measured number of a run and what tables call it; what is None follows from the metric's words."""

    task: str
    metric: str
    value: float
    dataset: str = ""
    baseline: float | None = None
    count: int | None = None  # test images behind the value, where it is a share or an R² of them
    unit: str | None = None
    key: str | None = None  # default: task.metric
    label: str | None = None
    rank: int | None = None
    better: str | None = "as the metric"  # "higher", "lower", or None: neither
    slot: str = ""  # of a probe: what it reads, and what it predicts from it
    target: str = ""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture of a run: a PNG of the family, or (`draw`) one made from its arrays for light and for dark pages.

    general: the caption that holds for every run; caption: that of this one. pixelated: shown enlarged, unsmoothed.
    """

    name: str  # of the file; of a drawn one what it is called in the site, without ending
    title: str
    general: str
    alt: str
    caption: str = ""
    factor: str = ""  # "" where it shows all factors
    draw: Callable[[str], bytes] | None = None  # from "light" or "dark"
    source: Sequence[Any] = ()  # what a drawn one is made from; None in it: not known
    size: tuple[int, int] | None = None  # pixels of a drawn one, width and height


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart that the browser draws: a JSON value that names its `kind` (see the client's charts) and a caption.

    told: what it shows of this run, in numbers. sheet: a PNG of the family that the chart cuts its pictures from; its
    `spec` gets the address as `sheet`. png: what is in it, of a chart that is not written yet.
    """

    title: str
    spec: Mapping[str, Any]
    caption: str
    told: str = ""
    sheet: str = ""
    png: bytes = b""

    def stored(self, out: FamilyWriter) -> dict[str, Any]:
        """Write the sheet, where there is one, and return the rest as a JSON value."""
        told = asdict(self)
        if (png := told.pop("png")) or self.sheet:
            out.png(self.sheet, png)
        return told


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of texts; `numbers` are the columns that hold numbers, from 0."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int] = ()


@dataclass(frozen=True, kw_only=True)
class Payload:
    """A data script that pages load: `source` decides when it is made anew; None in it: always."""

    what: str  # the last part of its key
    page: Page
    source: Sequence[Any]
    make: Callable[[], Script]
    provenance: str = ""  # another family, whose provenance the page shows
    rounded: bool = False  # whether the page only draws its float32 numbers: they are sent in 16 bits


@dataclass(frozen=True, kw_only=True)
class Coloring:
    """What the viewer may colour the N test points by: a number each.

    id: `<family>:<what>`; make: the values (S, N) of S snapshots by their steps, raising `StorageError` where one is
    not there. source: decides when they are made anew; None: always. classes: names, where the numbers are of classes;
    group: a heading under which the choice stands with others.
    """

    id: str
    label: str
    source: Any
    make: Callable[[Sequence[int]], np.ndarray]
    classes: Sequence[str] | None = None
    group: str = ""

    def described(self) -> dict[str, Any]:
        """What the viewer is told of it beside the values."""
        named = (
            {"kind": "scalar"} if self.classes is None else {"kind": "class", "classes": list(self.classes)}
        )
        grouped = {"group": self.group} if self.group else {}
        return {"id": self.id, "label": self.label, **named, **grouped}


@dataclass(frozen=True)
class Download:
    """A file that a reader may take away."""

    file: str
    label: str


class Family:
    """A kind of artifacts: one folder with a manifest. Subclass it in a module of its own; a family has no state.

    `name` is the folder, `document` the JSON file in it that says what the other files hold, `title` what pages call
    it. The methods say what pages can show of a run (`run`, see `RunArtifacts`) and its recipe's data sets (`shared`);
    what is missing or damaged reads as empty there. Writing and reading by name are the module's own functions.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    document: ClassVar[str] = ""
    downloads: ClassVar[tuple[Download, ...]] = ()
    metrics: ClassVar[Mapping[str, MetricWords]] = {}  # words for the metrics that it brings
    rank: ClassVar[int] = 50  # pictures of lower ranks stand first where branches are shown side by side
    parts: ClassVar[tuple[str, ...]] = ()  # folders and files beside it that belong to it

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        METRICS.update(cls.metrics)

    @property
    def measures(self) -> bool:
        """Whether it has numbers, which tables and comparisons read."""
        return type(self).numbers is not Family.numbers

    def numbers(self, run: RunArtifacts) -> Iterable[Number]:
        """Yield the numbers that tables, comparisons and charts are made of."""
        return ()

    def pictures(self, run: RunArtifacts, shared: Artifacts) -> Iterable[Picture]:
        """Yield the pictures that pages show."""
        return ()

    def charts(self, run: RunArtifacts) -> Iterable[Chart]:
        """Yield the charts that the node's page shows."""
        return ()

    def tables(self, run: RunArtifacts) -> Iterable[Table]:
        """Yield the tables that the node's page shows."""
        return ()

    def payloads(self, run: RunArtifacts, shared: Artifacts) -> Iterable[Payload]:
        """Yield the data scripts of the pages that a reader explores."""
        return ()

    def colorings(self, run: RunArtifacts) -> Iterable[Coloring]:
        """Yield what the viewer may colour the points by, beside what the latents bring."""
        return ()

    def facts(self, run: RunArtifacts) -> Iterable[tuple[str, str]]:
        """Yield what the head of a node's page says, as label and text."""
        return ()

    def path(self, name: str = "") -> str:
        """A file of the family (default its document), as run directories name it."""
        return f"{self.name}/{name or self.document}"
