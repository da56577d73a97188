"""Reading runs for the server: one implementation for lists, details and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from acc_assets.families import Artifacts, Family, Picture, RunArtifacts, families_of, previews
from acc_assets.families.artifacts import health_of
from acc_assets.report import node_page
from acc_assets.report.scripts import packed
from acc_assets.server import answers
from acc_assets.storage import DamagedArtifact, MissingArtifact, RunDirectory, StorageError, Store
from acc_assets.tree import Tree

DOCUMENTS = ("config.json", "summary.json", "events.jsonl")  # beside the families


def all_runs(store: Store, recipe: str | None, node: str | None, seed: int | None) -> Iterator[answers.Run]:
    """The runs of a store; None: any."""
    for one in [recipe] if recipe is not None else store.recipes():
        for tag in [node] if node is not None else store.nodes(one):
            for number in store.seeds(one, tag) if seed is None else [seed]:
                found = run_of(store.run(one, tag, number))
                if found is not None:
                    yield found


def run_of(run: RunDirectory) -> answers.Run | None:
    """What a list says of a run, be it that it cannot be read; None where nothing was begun."""
    if not any(run.exists(name) for name in ("config.json", "summary.json")):
        return None
    try:
        return _run(run, run.read_json("config.json"), run.read_json("summary.json"))
    except StorageError as error:
        if isinstance(error, MissingArtifact) and run.at_work:  # its builder has not written both yet
            return None
        unknown = dict.fromkeys(answers.Run.model_fields)
        return answers.Run(**{**unknown, **_name(run), "status": "unreadable", "error": str(error)})


def detail_of(run: RunDirectory) -> answers.RunDetail:
    """Everything about a run; raises `StorageError` where nothing was begun, or what was begun cannot be read."""
    config, summary = run.read_json("config.json"), run.read_json("summary.json")
    return answers.RunDetail(**_run(run, config, summary).model_dump(), config=config, summary=summary)


def order(run: answers.Run) -> tuple[bool, str]:
    """What lists are sorted by, from the end: those at work first, then the newest."""
    return run.status == "running", run.ended or run.started or ""


def _run(run: RunDirectory, config: Mapping[str, Any], summary: Mapping[str, Any]) -> answers.Run:
    try:
        return _read(run, config, summary)
    except (LookupError, TypeError, ValueError) as error:
        raise DamagedArtifact(
            f"config.json or summary.json of {run.path} is of another version. {run.remedy}"
        ) from error


def _read(run: RunDirectory, config: Mapping[str, Any], summary: Mapping[str, Any]) -> answers.Run:
    status, step = summary["status"], summary["step"]
    ended, at_work = status != "running", status == "running" and run.at_work
    trains = config["kind"] == "trained"
    progress = (run.last_event("train.progress") or {}) if trains else {}
    steps = sum(phase["steps"] for phase in config["phases"])
    step = step if ended else max(step, progress.get("step", 0))
    done = (
        step - (progress["step"] - progress["done"]) if progress else steps if status == "completed" else None
    )
    return answers.Run(
        **_name(run),
        kind=config["kind"],
        branch=config["branch"],
        status=status if ended or at_work else "interrupted",
        step=step,
        done=done if trains else None,
        of=progress.get("of", steps) if trains else None,
        started=summary["started"],
        ended=summary["ended"],
        steps_per_s=summary["steps_per_s"] if ended else progress.get("steps_per_s"),
        remaining_s=progress.get("remaining_s") if at_work else None,
        health=health_of(summary.get("health")) or None,
        error=summary["error"],
        last_event=(run.last_event() or {}).get("id"),
    )


def _name(run: RunDirectory) -> dict[str, Any]:
    """Which run, and where its page is."""
    node = str(run.node)
    page = node_page(run.recipe, node)
    return {"recipe": run.recipe, "node": node, "seed": int(run.seed or 0), "page": page}


def artifacts_of(run: RunDirectory) -> answers.Artifacts:
    """The families of a run; one whose manifest is damaged raises `DamagedArtifact`."""
    families = []
    for name in run.families():
        manifest = run.manifest(name)
        files = [
            answers.ArtifactFile(path=f"{name}/{record.name}", size=record.size, sha256=record.sha256)
            for record in manifest.files
        ]
        families.append(
            answers.ArtifactFamily(
                name=name, version=manifest.data_version, layout=manifest.schema, files=files
            )
        )
    return answers.Artifacts(families=families)


def file_of(run: RunDirectory, path: str) -> bytes:
    """A file of a family, or one of the run's documents; raises `StorageError` for everything else."""
    place, folder = run.local_path(path).resolve(), run.local_path().resolve()
    family, _, name = path.partition("/")
    known = run.manifest(family).record(name) is not None if name else path in DOCUMENTS
    if not known or not place.is_relative_to(folder):
        raise MissingArtifact(f"{run.path} has no artifact '{path}'.")
    return run.read_bytes(path)


def previews_of(run: RunDirectory, after: int) -> answers.Previews:
    """What is drawn of the snapshots behind a step, as far as the present build has written them."""
    artifacts = RunArtifacts(run, run.recipe, str(run.node), int(run.seed or 0))
    return answers.Previews(**packed("previews", *previews.script_of(artifacts, after), rounded=True))


class RunPictures:
    """The pictures of a run whose families the present build has written."""

    def __init__(self, store: Store, tree: Tree | None, run: RunDirectory) -> None:
        self._run = run
        node = str(run.node)
        families = families_of(tree[node]) if tree is not None and node in tree.nodes else ()
        self._written = {
            event["family"]: event["version"]
            for event in run.events()
            if event.get("event") == "artifact.created" and event.keys() >= {"family", "version"}
        }
        self._families = {family.name: family for family in families if family.name in self._written}
        seed = int(run.seed or 0)
        self._artifacts = RunArtifacts(run, run.recipe, node, seed, families=families)
        self._shared = Artifacts(store.recipe(run.recipe), own=store.seed(run.recipe, seed))

    def listed(self) -> answers.Pictures:
        """What is there."""
        return answers.Pictures(
            pictures=[
                answers.Picture(
                    family=family.name,
                    name=picture.name,
                    title=picture.title,
                    caption=picture.caption or picture.general,
                    alt=picture.alt,
                    themed=picture.draw is not None,
                    pixelated=picture.draw is None,
                    version=self._written[family.name],
                )
                for family in self._families.values()
                for picture in self._of(family)
            ]
        )

    def png(self, family: str, name: str, theme: str) -> bytes:
        """One of them; raises `StorageError` where it is not there or cannot be read."""
        known = self._families.get(family)
        picture = (
            next((one for one in self._of(known) if one.name == name), None) if known is not None else None
        )
        if known is None or picture is None:
            raise MissingArtifact(f"{self._run.path} has no picture '{name}' of '{family}' yet.")
        return picture.draw(theme) if picture.draw is not None else self._run.read_bytes(known.path(name))

    def _of(self, family: Family) -> list[Picture]:
        return list(family.pictures(self._artifacts, self._shared))
