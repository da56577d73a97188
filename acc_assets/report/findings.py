"""Short, computed sentences about a recipe: what was measured, how sure it is, and what is missing."""

from __future__ import annotations

from collections import Counter

from acc_assets.report.comparison import Column, Comparison, Pair
from acc_assets.report.vocabulary import show, show_spread

FEW_BRANCHES = 3


def findings(comparison: Comparison) -> list[str]:
    """Return the sentences that stand on a recipe's page; nothing in them is written by hand.

    A difference between two branches is judged seed by seed: only one of the same sign in every seed, of two or more,
    and larger than so many test images can tell, is called one.
    """
    measured = [node for node in comparison.nodes if comparison.cells[node]]
    if not measured:
        return ["Nothing has been measured yet."]
    slots = comparison.named_slots()
    told = [column for column in comparison.headline(2) if column not in slots]
    sentences = [levels(comparison, column) for column in told]
    # With many branches one metric is enough: each more would add a sentence for every branch.
    for column in comparison.headline(4 if len(measured) <= FEW_BRANCHES else 1):
        if column not in slots:  # those are told below, with their levels
            sentences += [difference(column, pair) for pair in comparison.pairs if pair.column == column.key]
    for column in slots:
        sentences.append(levels(comparison, column))
        sentences += [difference(column, pair) for pair in comparison.pairs if pair.column == column.key]
    sentences += [health(comparison), collapse(comparison)]
    if comparison.missing:
        count = len(comparison.missing)
        total = len(comparison.nodes) * len(comparison.seeds)
        sentences.append(f"{count} of {total} runs {'is' if count == 1 else 'are'} not measured yet.")
    return [sentence for sentence in sentences if sentence]


def levels(comparison: Comparison, column: Column) -> str:
    """Say what every node reached in one metric, and what the baseline scores."""
    parts = []
    for node in comparison.nodes:
        cell = comparison.cells[node].get(column.key)
        if cell is not None:
            parts.append(f"{show_spread(column.metric, cell.mean, cell.sd)} for {node}")
    baseline = ""
    if column.baseline is not None:
        baseline = f" (baseline {show(column.metric, column.baseline)})"
    listed = " and ".join([*([", ".join(parts[:-1])] if len(parts) > 1 else []), parts[-1]])
    return f"On the test split, {column.label} is {listed}{baseline}."


def collapse(comparison: Comparison) -> str:
    """Name the slots that carry nothing in some run."""
    if not comparison.collapsed:
        return ""
    named = ", ".join(f"{factor} in {node} seed {seed}" for node, seed, factor in comparison.collapsed)
    return f"Collapsed slots, none of whose dimensions varies with the image: {named}."


def difference(column: Column, pair: Pair) -> str:
    """Say whether one node is better than the reference, and in how many seeds."""
    count = len(pair.differences)
    mean = show(column.metric, pair.mean, signed=True)
    what = f"{pair.node} differs from {pair.reference} by {mean} in {column.label}"
    if count == 1:
        return f"{what}, measured with one seed: whether that is more than chance cannot be said."
    low, high = min(pair.differences.values()), max(pair.differences.values())
    span = f"seeds from {show(column.metric, low, signed=True)} to {show(column.metric, high, signed=True)}"
    if count not in (pair.up, pair.down):
        return (
            f"{what} on average, but the seeds do not agree on the direction ({span}): no clear difference."
        )
    if pair.within_noise:
        return f"{what} ({span}), no more than {column.count:,} test images can tell: no clear difference."
    verb = {None: ("higher", "lower"), "higher": ("better", "worse"), "lower": ("worse", "better")}
    weak = " Two seeds are weak evidence." if count == 2 else ""
    every = "both seeds" if count == 2 else f"all {count} seeds"
    return f"{what}: {verb[column.better][pair.sign < 0]} in {every} ({span}).{weak}"


def health(comparison: Comparison) -> str:
    """Say how many trained runs are healthy, and name those that are not; what was not trained does not count."""
    levels = Counter(level for by_seed in comparison.health.values() for level in by_seed.values() if level)
    total = sum(levels.values())
    if not total:
        return ""
    if levels["healthy"] == total:
        return (
            f"Health: all {total} trained runs are healthy."
            if total > 1
            else "Health: the one trained run is healthy."
        )
    named = [
        f"{node} seed {seed} ({level})"
        for node, by_seed in comparison.health.items()
        for seed, level in by_seed.items()
        if level in ("warning", "critical")
    ]
    return (
        f"Health: {levels['healthy']} of {total} trained runs "
        f"{'is' if levels['healthy'] == 1 else 'are'} healthy; look at {', '.join(named)}."
    )
