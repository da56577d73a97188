"""A recipe's branches side by side: every metric's mean, spread and single seeds, and what is missing."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from acc_assets.report.artifacts import RunArtifacts
from acc_assets.report.manifold import OWN_LABELS, RAW_PIXELS, controls, manifold_numbers
from acc_assets.report.views import RecipeView
from acc_assets.report.vocabulary import build_command, words

if TYPE_CHECKING:
    from acc_assets.storage import Store


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


@dataclass(frozen=True)
class Cell:
    """One node's value of a column over seeds; `sd` (n - 1 in the denominator) needs two seeds."""

    values: Mapping[int, float]
    mean: float
    sd: float | None

    @staticmethod
    def of(values: Mapping[int, float]) -> Cell:
        """Summarise values by seed (at least one)."""
        numbers = list(values.values())
        mean = math.fsum(numbers) / len(numbers)
        if len(numbers) < 2 or not all(map(math.isfinite, numbers)):
            return Cell(dict(values), mean, None)
        variance = math.fsum((value - mean) ** 2 for value in numbers) / (len(numbers) - 1)
        return Cell(dict(values), mean, math.sqrt(variance))


@dataclass(frozen=True)
class Missing:
    """Something that has not been built, and the command that builds it."""

    node: str
    seed: int
    what: str
    command: str


@dataclass(frozen=True)
class Pair:
    """Seed by seed, how much `node` differs from `reference`: same seed, same start, same batches."""

    column: str
    node: str
    reference: str
    differences: Mapping[int, float]  # node - reference, by seed

    @property
    def mean(self) -> float:
        return math.fsum(self.differences.values()) / len(self.differences)

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

    def column(self, key: str) -> Column:
        """Return the column with this key."""
        return next(column for column in self.columns if column.key == key)

    def headline(self, count: int = 4) -> list[Column]:
        """Return the most telling columns, those that every node has before others.

        Of every task its first metric, accuracy and PSNR before others; then whether a slot means what it is called.
        """
        best: dict[str, Column] = {}
        for column in self.columns:  # in the order of their ranks
            if column.better and column.rank < SECONDARY:
                best.setdefault(column.task, column)
        telling = [*best.values(), *self.named_slots()]
        telling.sort(key=lambda column: -sum(column.key in self.cells[node] for node in self.nodes))
        return telling[:count] or list(self.columns)[:count]

    def named_slots(self) -> list[Column]:
        """Return the probes that ask whether a slot means what it is called: `thickness` to `stroke_thickness`."""
        found = []
        for column in self.columns:
            if column.metric == "probe_r2":
                slot, target = column.task.split(" → ")
                if slot in target:
                    found.append(column)
        return found

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
    columns: dict[str, Column] = {}
    health: dict[str, dict[int, str]] = {node: {} for node in nodes}
    missing: list[Missing] = []
    collapsed: list[tuple[str, int, str]] = []
    for node in nodes:
        for seed in recipe.seeds:
            run = RunArtifacts(store, recipe, node, seed)
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
                known = columns.setdefault(column.key, column)
                if known.baseline is None and column.baseline is not None:
                    columns[column.key] = column
                elif known.label != column.label:  # classifiers of one name, fitted on other labels
                    columns[column.key] = replace(known, label=f"{known.label.split(', ')[0]}, {OWN_LABELS}")
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
    return Comparison(
        recipe=recipe.name,
        seeds=tuple(recipe.seeds),
        nodes=nodes,
        columns=ordered,
        cells=cells,
        pairs=tuple(paired(nodes, ordered, cells)),
        missing=tuple(missing),
        health=health,
        collapsed=tuple(collapsed),
        controls=control_cells,
    )


def measured(run: RunArtifacts) -> Iterable[tuple[Column, float]]:
    """Yield every number that a run's metrics hold, with the column it belongs to."""
    for task, entry in run.task_metrics().items():
        metrics = entry.get("metrics") or {}
        divergence = (
            entry.get("kind") == "kl"
        )  # neither more nor less is better, and no baseline means anything
        baseline = {} if divergence else entry.get("baseline") or {}
        for metric, value in metrics.items():
            if is_number(value) and not (divergence and metric == "loss" and "kl" in metrics):
                yield (
                    column_of(task, metric, str(entry.get("dataset", "")), baseline.get(metric)),
                    float(value),
                )
    for probe in run.metrics.get("probes") or []:
        if isinstance(probe, Mapping) and is_number(probe.get("r2")):
            yield probe_column(str(probe.get("slice")), str(probe.get("property"))), float(probe["r2"])
    for number in manifold_numbers(run.manifold):
        column = column_of(number.task, number.metric, "", None, rank=number.rank)
        yield replace(column, label=number.label), number.value
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


def probe_column(slot: str, target: str) -> Column:
    """Build the column of a linear probe from a slot of the latent to a measured property of the images."""
    word = words("probe_r2")
    return Column(
        key=f"probe.{slot}.{target}",
        task=f"{slot} → {target}",
        metric="probe_r2",
        label=f"R² of {target.replace('_', ' ')} from the {slot} slot",
        unit="",
        better=word.better,
        dataset="",
        rank=word.rank,
    )


def column_of(task: str, metric: str, dataset: str, baseline: Any, rank: int | None = None) -> Column:
    """Build the column of one task's metric."""
    word = words(metric)
    known = float(baseline) if is_number(baseline) else None
    label = word.label if task.lower() == metric else f"{task} {word.label}"
    rank = word.rank if rank is None else rank
    return Column(f"{task}.{metric}", task, metric, label, word.unit, word.better, dataset, rank, known)


def paired(
    nodes: tuple[str, ...], columns: tuple[Column, ...], cells: Mapping[str, Mapping[str, Cell]]
) -> Iterable[Pair]:
    """Yield each later node against the first, for every metric and the seeds that both have."""
    if not nodes:
        return
    reference = nodes[0]
    for node in nodes[1:]:
        for column in columns:
            ours, theirs = cells[node].get(column.key), cells[reference].get(column.key)
            if ours is None or theirs is None:
                continue
            shared = [seed for seed in ours.values if seed in theirs.values]
            differences = {seed: ours.values[seed] - theirs.values[seed] for seed in shared}
            if differences and all(map(math.isfinite, differences.values())):
                yield Pair(column.key, node, reference, differences)


def is_number(value: Any) -> bool:
    """Say whether a JSON value is a number (a bool is not)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def finite(value: float | None) -> float | None:
    """Return the value, or None where JSON has no word for it."""
    return value if value is not None and math.isfinite(value) else None
