"""One run in words and numbers, as Markdown that reads well on its own: every number is one of its artifacts."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acc_assets.families import Chart, RunArtifacts, metrics, mixture, reconstructions
from acc_assets.families.artifacts import health_of
from acc_assets.families.metrics import BY_CLASS
from acc_assets.families.report import FAMILY, Status
from acc_assets.families.words import is_number, number, words
from acc_assets.report.columns import column_of
from acc_assets.report.figures import site_path
from acc_assets.report.session import relative
from acc_assets.report.specs import epochs_of, flat, model_of, phase_row, phases_of, task_row, tasks_of
from acc_assets.report.vocabulary import duration, show, threads
from acc_assets.storage import MadeFrom
from acc_assets.tree import Tree, TreeNode

_PICTURE = re.compile(r"\]\(([\w./-]+\.png)\)")


@dataclass(frozen=True)
class Told:
    """What the text tells beside the artifacts: the recipe and node, the asset's key, and what it is made from."""

    tree: Tree
    node: TreeNode
    asset: str
    made_from: MadeFrom


def run_text(told: Told, run: RunArtifacts, charts: Sequence[Chart], statuses: Sequence[Status]) -> str:
    """The run in Markdown; pictures are linked by their path from the folder of the text."""
    tree, node = told.tree, told.node
    parts = [
        f"# {node.tag}, seed {run.seed}",
        f"{_kind(node)} of the experiment **{tree.title or tree.name}** (`{tree.name}`).",
        *([f"> {' '.join(tree.question.split())}"] if tree.question else []),
        *([" ".join(note.split()) for note in node.notes]),
        "## Warnings",
        _list(_warnings(run)) or "None of the rules of this report found anything to warn of.",
        "## Metrics on the test split",
        _metrics(run),
        *_classes(run),
        *_charts(run, charts),
        "## Model",
        _table(("Setting", "Value"), flat(model_of(node)).items()),
        *_config(run),
        "## Tasks",
        _tasks(node, run),
        "## Data",
        _data(run),
        "## Training",
        *_training(node, run),
        "## What does not apply",
        _list(f"{one.title}: {one.why_not}." for one in statuses if one.why_not) or "Everything applies.",
        "## Where this comes from",
        _provenance(told, run),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def on_site(text: str, run: RunArtifacts, place: str) -> str:
    """The text as it lies at a place of the site, with its pictures where the site has them."""

    def linked(match: re.Match[str]) -> str:
        picture = site_path(run, posixpath.basename(match[1]))
        return f"]({relative(place, picture)})"

    return _PICTURE.sub(linked, text)


def _kind(node: TreeNode) -> str:
    if node.kind == "trained":
        return f"A trained checkpoint of the branch `{node.branch}`"
    return f"A {node.kind}" + (f" of `{node.parent}`" if node.parent else "")


def _warnings(run: RunArtifacts) -> Iterator[str]:
    """What a reader should know before the numbers."""
    status = str(run.summary.get("status") or "")
    if status not in ("", "completed"):
        yield f"The training ended as {status}."
    for name, task in (run.summary.get("tasks") or {}).items():
        if health_of(task.get("health")) not in ("", "healthy"):
            yield f"The loss of `{name}` is {task['health']}: {task.get('reason')}."
    for name, task in run.task_metrics().items():
        gap = task.get("generalisation") or {}
        if health_of(gap.get("level")) not in ("", "healthy"):
            yield f"`{name}` is {gap['level']} on test images: {gap.get('reason')}."
        found = task.get("metrics") or {}
        if found.get("tau_free"):
            yield f"{number(found['tau_free'], 0)} components stand for no class (`{name}`)."
        covered, active = found.get("tau_coverage"), found.get("qc_active")
        if covered is not None and covered < 1:
            yield f"Components stand for {show('tau_coverage', covered)} of the classes alone (`{name}`)."
        if active is not None and active < (count := _components(run)):
            yield f"{number(count - active, 0)} of {count} components are dead: each has at most 1 % of q(c|x)."
    yield from run.problems


def _components(run: RunArtifacts) -> int:
    shape = (run.latents.get("outputs") or {}).get(mixture.COMPONENT) or [0]
    return int(shape[0])


def _metrics(run: RunArtifacts) -> str:
    rows = []
    for one in metrics.FAMILY.numbers(run):
        column = column_of(one)
        style = words(column.metric).style
        unit = "" if style == "percent" else column.unit
        value, baseline = (show(column.metric, number) for number in (one.value, one.baseline))
        own = words(column.metric).unit
        named = f"{value} {unit}" if unit and not own else value
        way = column.better or ""
        rows.append((column.label, named, "" if one.baseline is None else baseline, way))
    return _table(("Metric", "Value", "Baseline", "Better"), rows) if rows else "Nothing was measured."


def _classes(run: RunArtifacts) -> Iterator[str]:
    """Calibration and accuracy by class of every task that measured them."""
    for name, task in run.task_metrics().items():
        found = task.get("metrics") or {}
        by_class = {
            key.removeprefix(BY_CLASS): value for key, value in found.items() if key.startswith(BY_CLASS)
        }
        if is_number(found.get("ece")):
            yield f"## Calibration of {name}"
            yield (
                f"It is right about {show('accuracy', found.get('accuracy'))} of the test images, with an expected "
                f"calibration error of {show('ece', found['ece'])} over 15 bins of the largest class probability."
            )
        if by_class:
            yield f"## Accuracy of {name} by class"
            rows = [(label, show("accuracy", value)) for label, value in by_class.items()]
            yield _table(("Class", "Accuracy"), rows)


def _charts(run: RunArtifacts, charts: Sequence[Chart]) -> Iterator[str]:
    yield "## What the plots show"
    yield _list(f"**{one.title}.** {one.told}" for one in charts if one.told) or "No plot applies."
    pictures = [(f"{one.title}: {one.caption}", one.sheet) for one in charts if one.sheet]
    if run.exists(reconstructions.FAMILY.path(reconstructions.PICTURE)):
        rel = posixpath.relpath(reconstructions.FAMILY.path(reconstructions.PICTURE), FAMILY.name)
        pictures.append(("Test images and what the model makes of them", rel))
    for alt, rel in pictures:
        yield f"![{alt}]({rel})"


def _config(run: RunArtifacts) -> Iterator[str]:
    if is_number(run.config.get("parameters")):
        yield f"It has {int(run.config['parameters']):,} parameters."


def _tasks(node: TreeNode, run: RunArtifacts) -> str:
    units = {str(one.get("name")): str(one.get("unit") or "") for one in run.config.get("tasks") or []}
    rows = [
        (row["name"], row["type"], row["dataset"], row["weight"], units.get(row["name"], ""))
        for row in map(task_row, tasks_of(node))
    ]
    return _table(("Task", "Kind", "Data", "Weight", "Loss in"), rows) if rows else "None."


def _data(run: RunArtifacts) -> str:
    rows = []
    for name, facts in (run.config.get("datasets") or {}).items():
        sizes = [
            f"{int(facts[split]):,} {split}"
            for split in ("train", "validation", "test", "labelled")
            if is_number(facts.get(split))
        ]
        rows.append(
            (name, str(facts.get("source") or ""), ", ".join(sizes), f"`{facts.get('digest') or ''}`")
        )
    return _table(("Data set", "Source", "Images", "Digest"), rows) if rows else "None."


def _training(node: TreeNode, run: RunArtifacts) -> Iterator[str]:
    if not node.phases:
        yield "Not trained."
        return
    rows = [
        (row["name"] or str(at), row["steps"], epochs_of(phase) or "—", row["batch_size"], row["optimizer"])
        for at, (row, phase) in enumerate(zip(map(phase_row, phases_of(node)), node.phases, strict=True), 1)
    ]
    yield _table(("Phase", "Steps", "Epochs", "Batch", "Optimizer"), rows)
    summary = run.summary
    told = [f"It took {duration(summary.get('wall_s'))} on {run.config.get('device')}"]
    if is_number(run.config.get("threads")):
        told.append(f"with {threads(int(run.config['threads']))}")
    if is_number(summary.get("images_per_s")):
        told.append(f"at {number(summary['images_per_s'], 0)} images per second")
    yield f"{' '.join(told)}, and ended at step {number(summary.get('step'), 0)}."


def _provenance(told: Told, run: RunArtifacts) -> str:
    versions: Mapping[str, Any] = run.config.get("versions") or {}
    rows = [
        ("Asset", f"`{told.asset}`"),
        ("Seed", str(run.seed)),
        ("Configuration", f"`{run.config.get('spec_hash')}`"),
        ("Code", f"`{told.made_from.code_version}`"),
        *((f"Made from {name}", f"`{version}`") for name, version in told.made_from.inputs.items()),
        ("Versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("Build it again", f"`{run.config.get('command')}`"),
    ]
    return _table(("", ""), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(one) for one in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
