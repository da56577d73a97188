"""A recipe's branches side by side: every metric's mean, spread and single seeds, and what is missing."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from acc_assets.report.artifacts import RunArtifacts, is_number
from acc_assets.report.cells import Cell
from acc_assets.report.differences import Reference, nearest
from acc_assets.report.manifold import OWN_LABELS, RAW_PIXELS, controls, manifold_numbers
from acc_assets.report.views import RecipeView
from acc_assets.report.vocabulary import build_command, words

if TYPE_CHECKING:
    from acc_assets.storage import Store


CLASS, WHOLE = "class", "latent"  # a probe's target, and the slice that is no slot
ENOUGH = 3  # headlines
SECONDARY = 6  # metrics from this rank on (KL, losses, ...) are no headlines


@dataclass(frozen=True)
class Column:
    """One metric of one task (or of the latent), the same for every node."""

    key: str  # "digit_classify.accuracy"
    task: str
    metric: str
    label: str
    unit: str
    better: str | None
    dataset: str
    rank: int
    baseline: float | None = None
    count: int | None = None  # test images behind one value, where it is a share or an R² of them
    slot: str = ""  # of a probe: what it reads, and what it predicts from it
    target: str = ""

    @property
    def named(self) -> bool:
        """Whether this probe asks a slot for what the recipe says it means: only then is more better."""
        return bool(self.slot) and self.better is not None

    def error(self, value: float) -> float | None:
        """Standard error of one value from the finite number of test images; None where it is not known.

        A share p of n images: sqrt(p (1 - p) / n), with p moved towards 1/2 by one image of each kind, so that no
        share is free of error. R²: sqrt(4 R² (1 - R²)² / n) (Olkin and Finn 1995), taken as 0 below 0.
        """
        if not self.count or not math.isfinite(value):
            return None
        if words(self.metric).style == "percent":
            share = (min(max(value, 0.0), 1.0) * self.count + 1) / (self.count + 2)
            return math.sqrt(share * (1 - share) / self.count)
        if self.metric in ("r2", "probe_r2"):
            return math.sqrt(4 * min(max(value, 0.0), 1.0) / self.count) * (1 - min(max(value, 0.0), 1.0))
        return None


@dataclass(frozen=True)
class Missing:
    """Something that has not been built, and the command that builds it."""

    node: str
    seed: int
    what: str
    command: str


@dataclass(frozen=True)
class Pair:
    """Seed by seed, how much `node` differs from `reference`."""

    column: str
    node: str
    reference: str
    differences: Mapping[int, float]  # node - reference, by seed
    error: float | None = None  # of one value, from the number of test images

    @property
    def sign(self) -> int:
        """1 or -1 where two seeds or more agree on a direction and the mean is more than noise, else 0.

        Noise is twice the error of one value: all seeds see the same test images, so more seeds do not lessen it.
        """
        agreed = len(self.differences) > 1 and len(self.differences) in (self.up, self.down)
        return (1 if self.up else -1) if agreed and not self.within_noise else 0

    @property
    def within_noise(self) -> bool:
        """Whether so few test images cannot tell the values apart."""
        return self.error is not None and abs(self.mean) <= 2 * self.error

    @property
    def mean(self) -> float:
        return Cell.of(self.differences).mean

    @property
    def up(self) -> int:
        """In how many seeds the node's value is the larger one."""
        return sum(value > 0 for value in self.differences.values())

    @property
    def down(self) -> int:
        """In how many seeds the node's value is the smaller one."""
        return sum(value < 0 for value in self.differences.values())


@dataclass(frozen=True)
class Comparison:
    """What a recipe's page and the `comparison` asset show."""

    recipe: str
    seeds: tuple[int, ...]
    nodes: tuple[str, ...]
    columns: tuple[Column, ...]
    cells: Mapping[str, Mapping[str, Cell]]  # node -> column key -> cell
    pairs: tuple[Pair, ...]
    missing: tuple[Missing, ...]
    health: Mapping[str, Mapping[int, str]] = field(default_factory=dict)  # node -> seed -> level
    collapsed: tuple[tuple[str, int, str], ...] = ()  # (node, seed, factor): slots that carry nothing
    controls: Mapping[str, Mapping[str, Cell]] = field(
        default_factory=dict
    )  # untrained networks and raw pixels
    references: Mapping[str, Reference] = field(default_factory=dict)  # node -> the branch that it changes
    images: Mapping[str, int] = field(default_factory=dict)  # data set -> training images

    def column(self, key: str) -> Column:
        """Return the column with this key."""
        return next(column for column in self.columns if column.key == key)

    def headline(self, count: int = 4) -> list[Column]:
        """Return the most telling columns, those that every node has before others.

        Of every task its first metric, accuracy and PSNR before others; and whether a slot means what it is called,
        for the class only where no classifier of the branches' own tells it for all of them.
        """
        best: dict[str, Column] = {}
        for column in self.columns:  # in the order of their ranks
            if column.better and column.rank < SECONDARY:
                best.setdefault(column.task, column)
        classified = any(
            column.metric == "accuracy" and all(column.key in self.cells[node] for node in self.nodes)
            for column in best.values()
        )
        telling = [c for c in best.values() if not (classified and c.metric == "probe_accuracy")]
        having = {
            column.key: sum(column.key in self.cells[node] for node in self.nodes) for column in telling
        }
        telling.sort(key=lambda column: -having[column.key])
        whole = [column for column in telling if having[column.key] == len(self.nodes)]
        if len(whole) >= ENOUGH:  # a number that some branches lack compares nothing
            telling = whole
        return telling[:count] or list(self.columns)[:count]

    def named_slots(self) -> list[Column]:
        """Return the probes that ask whether a slot means what it is called: `thickness` to `stroke_thickness`."""
        return [column for column in self.columns if column.named]

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values (non-finite numbers become None)."""
        return {
            "recipe": self.recipe,
            "seeds": list(self.seeds),
            "columns": [asdict(column) for column in self.columns],
            "nodes": {
                node: {
                    key: {
                        "mean": finite(cell.mean),
                        "sd": finite(cell.sd),
                        "values": {str(seed): finite(value) for seed, value in cell.values.items()},
                    }
                    for key, cell in self.cells[node].items()
                }
                for node in self.nodes
            },
            "pairs": [
                {
                    "column": pair.column,
                    "node": pair.node,
                    "reference": pair.reference,
                    "mean": finite(pair.mean),
                    "differences": {str(seed): finite(value) for seed, value in pair.differences.items()},
                }
                for pair in self.pairs
            ],
            "health": {
                node: {str(seed): level for seed, level in levels.items()}
                for node, levels in self.health.items()
            },
            "controls": {
                name: {
                    key: {str(seed): finite(v) for seed, v in cell.values.items()}
                    for key, cell in by_key.items()
                }
                for name, by_key in self.controls.items()
            },
            "collapsed": [list(item) for item in self.collapsed],
            "missing": [asdict(item) for item in self.missing],
        }

    def to_csv(self) -> str:
        """Return one row for each node, metric and seed, then its mean and sd over seeds."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(
            ["recipe", "node", "task", "metric", "unit", "dataset", "seed", "value", "mean", "sd"]
        )
        for node in self.nodes:
            for column in self.columns:
                cell = self.cells[node].get(column.key)
                if cell is None:
                    continue
                spread = "" if cell.sd is None else repr(cell.sd)
                for seed, value in cell.values.items():
                    named = [self.recipe, node, column.task, column.metric, column.unit, column.dataset]
                    writer.writerow([*named, seed, repr(value), repr(cell.mean), spread])
        return out.getvalue()


def compare(store: Store, recipe: RecipeView) -> Comparison:
    """Read the metrics of every shown node and seed that are there, and say which are not."""
    nodes = tuple(node.tag for node in recipe.shown())
    values: dict[str, dict[str, dict[int, float]]] = {node: {} for node in nodes}
    images: dict[str, int] = {}
    columns: dict[str, Column] = {}
    health: dict[str, dict[int, str]] = {node: {} for node in nodes}
    missing: list[Missing] = []
    collapsed: list[tuple[str, int, str]] = []
    for node in nodes:
        for seed in recipe.seeds:
            run = RunArtifacts(store, recipe, node, seed)
            images |= run.images("train")
            if run.summary:
                health[node][seed] = run.health()
            if not run.metrics:
                what = (
                    "left out: " + why
                    if (why := run.why_withheld("metrics"))
                    else "metrics"
                    if run.built
                    else "not built"
                )
                missing.append(Missing(node, seed, what, build_command(recipe.name, node, seed)))
                continue
            groups = (run.metrics.get("latent") or {}).get("groups") or {}
            collapsed += [(node, seed, str(name)) for name, group in groups.items() if group.get("collapsed")]
            for column, value in measured(run):
                register(columns, column)
                values[node].setdefault(column.key, {})[seed] = value
    control_cells = {
        name: {key: Cell.of(by_seed) for key, by_seed in numbers.items()}
        for name, numbers in controls(store, recipe).items()
    }
    for key, cell in control_cells.get(RAW_PIXELS, {}).items():
        if key in columns:
            columns[key] = replace(columns[key], baseline=cell.mean)
    cells = {node: {key: Cell.of(by_seed) for key, by_seed in values[node].items()} for node in nodes}
    ordered = tuple(sorted(columns.values(), key=lambda c: (c.rank, c.key)))
    references = nearest(recipe, [recipe.node(node) for node in nodes], images)
    earlier = {node: reference.tag for node, reference in references.items()}
    return Comparison(
        recipe=recipe.name,
        seeds=tuple(recipe.seeds),
        nodes=nodes,
        columns=ordered,
        cells=cells,
        pairs=tuple(paired(nodes, ordered, cells, earlier)),
        missing=tuple(missing),
        health=health,
        collapsed=tuple(collapsed),
        controls=control_cells,
        references=references,
        images=images,
    )


def register(columns: dict[str, Column], column: Column) -> None:
    """Keep one column a key: a baseline or a direction that one run knows holds for all of them."""
    known = columns.setdefault(column.key, column)
    if (known.baseline is None and column.baseline is not None) or (
        known.better is None and column.better is not None
    ):
        columns[column.key] = column
    elif known.label != column.label:  # classifiers of one name, fitted on other labels
        columns[column.key] = replace(known, label=f"{known.label.split(', ')[0]}, {OWN_LABELS}")


def measured(run: RunArtifacts) -> Iterable[tuple[Column, float]]:
    """Yield every number that a run's metrics hold, with the column it belongs to."""
    images = run.images("test")
    for task, entry in run.task_metrics().items():
        metrics = entry.get("metrics") or {}
        divergence = (
            entry.get("kind") == "kl"
        )  # neither more nor less is better, and no baseline means anything
        baseline = {} if divergence else entry.get("baseline") or {}
        for metric, value in metrics.items():
            if is_number(value) and not (divergence and metric == "loss" and "kl" in metrics):
                data = str(entry.get("dataset", ""))
                column = column_of(task, metric, data, baseline.get(metric))
                yield replace(column, count=images.get(data)), float(value)
    classified = classified_slots(run)
    for probe in run.metrics.get("probes") or []:
        for metric, key in (("probe_r2", "r2"), ("probe_accuracy", "accuracy")):
            if isinstance(probe, Mapping) and is_number(probe.get(key)):
                yield probe_column(probe, metric, classified), float(probe[key])
    for number in manifold_numbers(run.manifold):
        column = column_of(number.task, number.metric, "", None, rank=number.rank)
        count = images.get(str(run.config.get("primary_dataset")))
        yield replace(column, label=number.label, count=count), number.value
    latent = run.metrics.get("latent") or {}
    if is_number(latent.get("active_dims")):
        yield column_of("latent", "active_dims", "", None, rank=60), float(latent["active_dims"])
    for name, group in (latent.get("groups") or {}).items():
        if is_number(group.get("kl")):
            yield column_of(f"{name} slot", "kl", "", None, rank=61), float(group["kl"])
    factors = run.json("traversals/traversals.json").get("factors")
    for name, factor in factors.items() if isinstance(factors, Mapping) else ():
        if isinstance(factor, Mapping) and is_number(factor.get("effect")):
            yield column_of(f"{name} traversal", "effect", "", None, rank=62), float(factor["effect"])


def classified_slots(run: RunArtifacts) -> set[str]:
    """Return the slots that a classification of this run reads, and nothing beside them."""
    found = set()
    for task in run.config.get("tasks") or []:
        kind = (run.task_metrics().get(str(task.get("name"))) or {}).get("kind")
        for group in run.groups if kind == "classification" else ():
            bounds = [group["start"], group["stop"]]
            if task.get("factor_name") == group["name"] or task.get("latent_slice") == bounds:
                found.add(str(group["name"]))
    return found


def probe_column(probe: Mapping[str, Any], metric: str, classified: Collection[str]) -> Column:
    """Build the column of a linear probe from a slot of the latent to the class or a measured property.

    A slot that is called after the property, or that a classification reads, is to tell it: more is better there. In
    any other slot neither more nor less is.
    """
    word = words(metric)
    slot, target = str(probe.get("slice")), str(probe.get("property"))
    means = slot == target or slot in target.split("_") or (target == CLASS and slot in classified)
    of = "the whole latent" if slot == WHOLE else f"the {slot} slot"
    return Column(
        key=f"probe.{slot}.{target}",
        task=f"{slot} → {target}",
        metric=metric,
        label=f"{word.label} {target.replace('_', ' ')} from {of}",
        unit="",
        better=word.better if means else None,
        dataset="",
        rank=0 if means else word.rank,
        baseline=float(probe["chance"]) if is_number(probe.get("chance")) else None,
        count=int(probe["n"]) if is_number(probe.get("n")) else None,
        slot=slot,
        target=target,
    )


def column_of(task: str, metric: str, dataset: str, baseline: Any, rank: int | None = None) -> Column:
    """Build the column of one task's metric."""
    word = words(metric)
    known = float(baseline) if is_number(baseline) else None
    label = word.label if task.lower() == metric else f"{task} {word.label}"
    rank = word.rank if rank is None else rank
    return Column(f"{task}.{metric}", task, metric, label, word.unit, word.better, dataset, rank, known)


def paired(
    nodes: Sequence[str],
    columns: Sequence[Column],
    cells: Mapping[str, Mapping[str, Cell]],
    references: Mapping[str, str],
) -> Iterable[Pair]:
    """Yield each node against its reference, for every metric and the seeds that both have."""
    for node in nodes:
        for column in columns if node in references else ():
            reference = references[node]
            pair = pair_of(
                column, (node, reference), cells[node].get(column.key), cells[reference].get(column.key)
            )
            if pair is not None:
                yield pair


def pair_of(column: Column, names: tuple[str, str], ours: Cell | None, theirs: Cell | None) -> Pair | None:
    """Compare two cells seed by seed; None where they share no seed or a value is not finite."""
    if ours is None or theirs is None:
        return None
    shared = [seed for seed in ours.values if seed in theirs.values]
    differences = {seed: ours.values[seed] - theirs.values[seed] for seed in shared}
    if not differences or not all(map(math.isfinite, differences.values())):
        return None
    errors = [column.error(cell.values[seed]) for cell in (ours, theirs) for seed in shared]
    known = [error for error in errors if error is not None]
    return Pair(column.key, *names, differences, max(known) if known else None)


def finite(value: float | None) -> float | None:
    """Return the value, or None where JSON has no word for it."""
    return value if value is not None and math.isfinite(value) else None
