"""The answer to a recipe's question in a sentence or two, computed from the numbers of all seeds.

A recipe whose slots have a meaning is asked whether they came to mean it; any other one, what each branch's change
did to the first number of its comparison. Branches are compared seed by seed with the one that they change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acc_assets.families.metrics import WHOLE
from acc_assets.report.cells import Cell
from acc_assets.report.columns import Column
from acc_assets.report.comparison import Comparison, Pair, pair_of
from acc_assets.report.vocabulary import show

BETTER, WORSE, UNCLEAR = "Better", "Worse", "No clear difference"
ONE_SEED = "Cannot be said with one seed"
HEADS = (BETTER, WORSE, UNCLEAR, ONE_SEED)
HALF_WAY = 0.5  # a slot that is nearer to chance than to perfect tells its property weakly


@dataclass(frozen=True)
class Answer:
    """One clause: what was asked with the answer, and the numbers behind it."""

    head: str  # "Class: yes"
    text: str


@dataclass(frozen=True)
class Verdict:
    """The answers in the recipe's order, and how they were found."""

    answers: tuple[Answer, ...]
    how: str


def verdict(comparison: Comparison) -> Verdict | None:
    """Answer a recipe's question; None where it has no two branches that were measured by the same number."""
    slots = comparison.named_slots()
    answers, pairs = _slots(comparison, slots) if slots else _changes(comparison)
    if not answers:
        return None
    by = "linear probes on the latents" if slots else comparison.column(pairs[0].column).label
    against = "each branch against the one that it changes least"
    if len({pair.node for pair in pairs}) == 1:
        against = f"{pairs[0].node} against {pairs[0].reference}"
    return Verdict(tuple(answers), f"Measured by {by}: {against}, {_seeds(pairs)}.")


def _seeds(pairs: Sequence[Pair]) -> str:
    counts = sorted({len(pair.differences) for pair in pairs})
    if counts == [1]:
        return "with one seed"
    span = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0])
    return f"seed by seed over {span} seeds" + (", which is weak evidence" if counts[0] < 3 else "")


# -- what a change did -------------------------------------------------------------------------------------------------


def _changes(comparison: Comparison) -> tuple[list[Answer], list[Pair]]:
    by_head: dict[str, list[str]] = {}
    used = []
    for column in [column for column in comparison.headline(1) if column.better]:
        for pair in (pair for pair in comparison.pairs if pair.column == column.key):
            change = comparison.references[pair.node].change or pair.node
            size = show(column.metric, pair.mean, signed=True)
            by_head.setdefault(_direction(column, pair), []).append(f"{change} ({size} with {pair.node})")
            used.append(pair)
    return [Answer(head, "; ".join(by_head[head])) for head in HEADS if head in by_head], used


def _direction(column: Column, pair: Pair) -> str:
    if len(pair.differences) == 1:
        return ONE_SEED
    if not pair.sign:
        return UNCLEAR
    return BETTER if (pair.sign > 0) == (column.better == "higher") else WORSE


# -- whether slots mean what they are called ---------------------------------------------------------------------------


def _slots(comparison: Comparison, columns: Sequence[Column]) -> tuple[list[Answer], list[Pair]]:
    answers, used = [], []
    several = len(comparison.references) > 1
    for node, reference in comparison.references.items():
        for column in columns:
            cells = [comparison.cells[tag].get(column.key) for tag in (node, reference.tag)]
            gain = pair_of(column, (node, reference.tag), *cells)
            if gain is None:
                continue
            used.append(gain)
            head, text = _slot(comparison, column, gain)
            what = column.target.replace("_", " ")
            where = f" with {node}" if several else ""
            answers.append(Answer(f"{what[0].upper()}{what[1:]}{where}: {head}", text))
    return answers, used


def _slot(comparison: Comparison, column: Column, gain: Pair) -> tuple[str, str]:
    """The answer for one slot and what it is to mean, and its numbers."""
    own = _told(comparison, column, gain)
    if len(gain.differences) == 1:
        return ONE_SEED.lower(), own
    others = [
        other
        for other in comparison.columns
        if other.target == column.target and other.slot not in (column.slot, WHOLE)
    ]
    holder = _holder(comparison, gain.node, [column, *others])
    if holder is not None and holder.key != column.key:
        before = _holder(comparison, gain.reference, [column, *others])
        moved = before is not None and before.key != holder.key
        head = f"no, it {'moved to' if moved else 'is in'} the {holder.slot} slot"
        if _progress(holder, comparison.cells[gain.node][holder.key]) <= HALF_WAY:
            head = f"no, the {holder.slot} slot predicts it better"
        return head, f"{_told(comparison, holder, gain)}; {own}"
    if holder is None and others:
        return "no slot clearly holds it", "; ".join([own, *(_told(comparison, c, gain) for c in others)])
    if not gain.sign:
        return UNCLEAR.lower(), own
    if gain.sign < 0:
        return "less than before", own
    lost = [
        (pair.mean, other) for other in others if (pair := _pair(comparison, other, gain)) and pair.sign < 0
    ]
    worst = f"; {_told(comparison, min(lost, key=lambda one: one[0])[1], gain)}" if lost else ""
    return (
        "yes" if _progress(column, comparison.cells[gain.node][column.key]) > HALF_WAY else "weakly"
    ), own + worst


def _told(comparison: Comparison, column: Column, gain: Pair) -> str:
    """What a slot tells in both branches: "the digit slot tells it for 98.8 % of the images instead of 63.1 %"."""
    cells = [comparison.cells[tag].get(column.key) for tag in (gain.node, gain.reference)]
    ours, theirs = (show(column.metric, cell.mean) if cell else "—" for cell in cells)
    if column.metric == "probe_accuracy":
        return f"the {column.slot} slot tells it for {ours} of the images instead of {theirs}"
    return f"the {column.slot} slot predicts it with R² {ours} instead of {theirs}"


def _pair(comparison: Comparison, column: Column, gain: Pair) -> Pair | None:
    cells = [comparison.cells[tag].get(column.key) for tag in (gain.node, gain.reference)]
    return pair_of(column, (gain.node, gain.reference), *cells)


def _holder(comparison: Comparison, node: str, columns: Sequence[Column]) -> Column | None:
    """The slot that tells a property better than every other one in every seed; None where there is none."""
    cells = {column.key: cell for column in columns if (cell := comparison.cells[node].get(column.key))}
    for column in columns:
        rivals = [cell for key, cell in cells.items() if key != column.key]
        if column.key not in cells:
            continue
        pairs = [pair_of(column, (node, node), cells[column.key], rival) for rival in rivals]
        if all(pair is not None and pair.sign > 0 for pair in pairs):
            return column
    return None


def _progress(column: Column, cell: Cell) -> float:
    """How far a value is from chance (0) to perfect (1)."""
    chance = column.baseline or 0.0
    return (cell.mean - chance) / (1 - chance) if chance < 1 else 0.0
