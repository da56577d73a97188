"""Reading run directories: what is there comes back, what is missing or damaged is said and never raised."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from acc_assets.families import latents, metrics
from acc_assets.families.base import Family
from acc_assets.families.checkpoints import CHECKPOINTS
from acc_assets.families.words import is_number
from acc_assets.storage import LEFT_OUT, MissingArtifact
from acc_assets.storage.errors import StorageError
from acc_assets.storage.events import EVENTS
from acc_assets.storage.manifest import sha256

if TYPE_CHECKING:
    from acc_assets.storage import ArtifactFolder

LOOSE = ("config.json", "summary.json")  # what is read of a run and belongs to no family, beside its log
UNREADABLE = (StorageError, OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


class Artifacts:
    """The artifacts under one directory of the store (a run, or a recipe's shared files).

    `own` is a folder whose families go first: the data sets that see the seed.
    """

    def __init__(
        self,
        run: ArtifactFolder,
        withheld: Mapping[str, str] | None = None,
        own: ArtifactFolder | None = None,
    ) -> None:
        self.run = run.still()
        self._own = own.still() if own is not None else None
        self.withheld = withheld or {}  # families that are not the recipe's as it is now, and why
        self.problems: list[str] = []  # files that exist and cannot be read

    def _read(self, method: str, rel: str) -> Any:
        if not self.exists(rel):
            return None
        try:
            return getattr(self._holder(self._family(rel)), method)(rel)
        except UNREADABLE as error:
            self.note(f"{rel} cannot be read: {error}")
            return None

    def json(self, rel: str) -> dict[str, Any]:
        """Return a JSON object, or {} when the file is missing or damaged; a number that is not finite is None."""
        value = _finite(self._read("read_json", rel))
        return value if isinstance(value, dict) else {}

    def npz(self, rel: str) -> dict[str, np.ndarray]:
        """Return the arrays of an npz, or {} when the file is missing or damaged."""
        value = self._read("read_npz", rel)
        return {name: np.asarray(value[name]) for name in value} if value is not None else {}

    def arrays(self, rel: str) -> Mapping[str, np.ndarray]:
        """Return the arrays of an npz that must be there; raises `StorageError` for a missing or damaged one.

        Asking it for an array that it lacks raises as well. `note` keeps the reason for the page.
        """
        found: Mapping[str, np.ndarray] = self._holder(self._family(rel)).read_npz(rel)
        return found

    def note(self, problem: object) -> None:
        """Keep what is wrong with a file, once, for the page and the result."""
        if str(problem) not in self.problems:
            self.problems.append(str(problem))

    def bytes(self, rel: str) -> bytes | None:
        """Return a file's bytes, or None when it is missing."""
        value = self._read("read_bytes", rel)
        return None if value is None else bytes(value)

    def exists(self, rel: str) -> bool:
        """Say whether a file is there, and is what the recipe says."""
        if self._family(rel) in self.withheld:
            return False
        try:
            return bool(self._holder(self._family(rel)).exists(rel))
        except UNREADABLE:
            return False

    def names(self, family: str, prefix: str = "", suffix: str = "") -> list[str]:
        """Return the file names in a family's folder, sorted."""
        if family in self.withheld:
            return []
        try:
            paths = [str(path) for path in self._holder(family).list(f"{family}/")]
        except UNREADABLE:
            return []
        names = {path.rsplit("/", 1)[-1] for path in paths}
        return sorted(name for name in names if name.startswith(prefix) and name.endswith(suffix))

    def digest(self, family: str) -> str | None:
        """Return the content digest from a family's manifest, or None when there is none."""
        if family in self.withheld:
            return None
        try:
            return str(self._holder(family).manifest(family).digest)
        except UNREADABLE:
            return None

    def state(self, wanted: Callable[[str], bool] = lambda family: True) -> list[Any]:
        """What decides what can be read of the families here, without reading them.

        Damage is part of it as far as it shows without their bytes: in sizes, and in times of writing.
        """
        return [
            [family, *self._state_of(holder, family)]
            for holder in (self.run, *filter(None, [self._own]))
            for family in holder.families()
            if wanted(family)
        ]

    def _state_of(self, holder: ArtifactFolder, family: str) -> list[Any]:
        try:
            manifest = holder.manifest(family)
            damages = [str(damage) for damage in holder.verify(family, every_byte=False)]
        except UNREADABLE as error:
            return [str(error)]
        volatile = [[record.name, record.sha256] for record in manifest.files if record.volatile]
        return [manifest.schema, manifest.digest, volatile, damages]

    def seed_of(self, family: str) -> int | None:
        """The seed that a data set is of; None where it is one for all seeds."""
        holder = self._holder(family)
        return None if holder is self.run else holder.owner["seed"]

    def _holder(self, family: str) -> ArtifactFolder:
        return self._own if self._own is not None and self._own.has_family(family) else self.run

    @staticmethod
    def _family(rel: str) -> str:
        folder, _, name = rel.partition("/")
        return (
            folder if name and folder not in CHECKPOINTS.parts else CHECKPOINTS.name
        )  # the files beside them tell of the training


class RunArtifacts(Artifacts):
    """The artifacts of one node and one seed, by the names of the artifact contract."""

    def __init__(
        self,
        run: ArtifactFolder,
        recipe: str,
        node: str,
        seed: int,
        withheld: Mapping[str, str] | None = None,
        families: Sequence[Family] = (),
    ) -> None:
        super().__init__(run, withheld)
        self.families = families  # those that the node has, for pages that join what several offer
        self.recipe, self.node, self.seed = recipe, node, seed
        self._documents: dict[str, dict[str, Any]] = {}

    def run_state(self) -> list[Any]:
        """The same of a run, with why some of it is withheld, its log and its files of no family."""
        loose: list[Any] = []
        for read, name in ((self.run.read_log, EVENTS), *((self.run.read_bytes, name) for name in LOOSE)):
            try:
                loose.append(sha256(read(name)))
            except MissingArtifact:
                loose.append(None)
            except UNREADABLE as error:
                loose.append(str(error))
        return [self.state(), dict(self.withheld), loose]

    def document(self, family: Family) -> dict[str, Any]:
        """What a family's document says, read once; {} where it is missing or damaged."""
        if family.name not in self._documents:
            self._documents[family.name] = self.json(family.path())
        return self._documents[family.name]

    @cached_property
    def config(self) -> dict[str, Any]:
        return self.json("config.json")

    @cached_property
    def summary(self) -> dict[str, Any]:
        return self.json("summary.json")

    @cached_property
    def latents(self) -> dict[str, Any]:
        """What the latents asset saw of the model: width, groups and what it cannot do; {} where it has not run."""
        facts = self.document(latents.FAMILY)
        return facts if "lacks" in facts else {}

    @property
    def metrics(self) -> dict[str, Any]:
        return self.document(metrics.FAMILY)

    @cached_property
    def history(self) -> dict[str, np.ndarray]:
        return self.npz("history/history.npz")

    @property
    def primary_dataset(self) -> str:
        """Name of the data set that the latents are of; "" where nothing says it."""
        return str(self.config.get("primary_dataset") or "")

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """What happened to this node and seed, in order; nothing where the log cannot be read."""
        try:
            return list(self.run.events())
        except UNREADABLE as error:
            self.note(error)
            return []

    def why_withheld(self, family: str) -> str:
        """Say why what is stored of a family is not shown; "" where it is shown or was never built."""
        return self.withheld.get(CHECKPOINTS.name) or self.withheld.get(family) or ""

    @property
    def built(self) -> bool:
        """Whether anything of this node and seed has been built."""
        return bool(self.config or self.summary or self.metrics)

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The latent's factor groups [{name, start, stop}]; without any, one group a dimension."""
        return self.named_groups or [
            {"name": f"z{i}", "start": i, "stop": i + 1} for i in range(self.latent_dim or 0)
        ]

    @property
    def named_groups(self) -> list[dict[str, Any]]:
        """The factor groups that the model itself names."""
        return [dict(group) for group in (self.latents or self.config).get("factor_groups") or []]

    @property
    def latent_dim(self) -> int | None:
        """Width of the latent, as it was encoded; before that, as the configuration knows it."""
        width = (self.latents or self.config).get("latent_dim")
        return None if width is None else int(width)

    def left_out(self, family: str) -> str | None:
        """Return why the model cannot have a family, or None where it can (or nobody has tried yet)."""
        reason = self.json(f"{family}/{LEFT_OUT}").get("reason")
        return None if reason is None else str(reason)

    def task_metrics(self) -> Mapping[str, Mapping[str, Any]]:
        """Return {task: {kind, dataset, metrics, baseline, factor}}."""
        tasks = self.metrics.get("tasks")
        return tasks if isinstance(tasks, dict) else {}

    def images(self, split: str) -> dict[str, int]:
        """Return {data set: images of a split}, where the run recorded them."""
        sets = self.config.get("datasets")
        return {
            str(name): int(facts[split])
            for name, facts in (sets.items() if isinstance(sets, Mapping) else ())
            if isinstance(facts, Mapping) and is_number(facts.get(split))
        }

    def health(self) -> str:
        """Return the worse of loss health and generalisation; "" when neither is known or nothing was trained."""
        return worst_health([self.loss_health(), self.generalisation()])

    def loss_health(self) -> str:
        """Return how the training losses ended: "healthy", "warning", "critical", or "" (untrained, or no summary)."""
        return health_of(self.summary.get("health"))

    def generalisation(self) -> str:
        """Return whether what was learned holds on test images, in the same words; "" when not known or untrained."""
        return health_of(self.metrics.get("generalisation"))


def _finite(value: Any) -> Any:
    """The same document, with None for NaN and infinity, which JSON has no words for."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def health_of(value: Any) -> str:
    """Return the word of a health level; "" for what is none."""
    word = str(value or "").lower()
    return word if word in ("healthy", "warning", "critical") else ""


def worst_health(levels: list[str]) -> str:
    """Return the worst of several levels, ignoring unknown ones ("" when all are unknown)."""
    for level in ("critical", "warning", "healthy"):
        if level in levels:
            return level
    return ""
