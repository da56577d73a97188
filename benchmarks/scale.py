"""What a tree of many nodes and seeds costs before any work is done."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from acc_assets.storage.store import KNOWN
from benchmarks.orchestration import LOAD, acc, child, told_by
from benchmarks.records import Record, record, spread

NODES, SEEDS = 100, 2  # of the site
RECIPES = Path(__file__).parent / "large"


def large_tree(rounds: int, threads: int) -> Iterator[Record]:
    """The code location and `acc status` over 500 nodes and twenty seeds, everything built."""
    with TemporaryDirectory() as folder:
        places = {"ACC_STORAGE": folder, "ACC_RECIPES": str(RECIPES)}
        written = child([sys.executable, "-m", "benchmarks.large_store"], places)
        loads = [child([sys.executable, "-c", LOAD], places) for _ in range(rounds)]
        told = [acc(places, "status", "large") for _ in range(rounds)]
        every_byte = acc(places, "status", "large", "--verify")
        (Path(folder) / KNOWN).unlink()
        first = acc(places, "status", "large")
    yield record(
        "code location, 500 nodes",
        median(loads),
        "s",
        "<=",
        5.0,
        f"whole process: import and repository of 500 nodes x 20 seeds; {spread(loads)}",
    )
    yield record(
        "acc status, 500 nodes",
        median(told),
        "s",
        "<=",
        5.0,
        f"whole process over 500 nodes x 20 seeds, all built (a store made for it in {written:.0f} s, with files of a "
        f"few bytes); {spread(told)}; {first:.1f} s where no process has looked before, {every_byte:.1f} s with "
        "--verify",
    )


def large_site(rounds: int, threads: int) -> Iterator[Record]:
    """A recipe's site after one node was measured again, against all of it from its artifacts."""
    command = [sys.executable, "-m", "benchmarks.large_site", str(NODES), str(SEEDS)]
    with TemporaryDirectory() as folder:
        _, said = told_by(command, {"ACC_STORAGE": folder, "ACC_RECIPES": str(RECIPES)})
    told = json.loads(said.splitlines()[-1])
    yield record(
        f"site, one node of {NODES} changed",
        told["one"] / told["full"],
        "ratio",
        "<=",
        0.25,
        f"processor seconds against a full build, {SEEDS} seeds, real artifacts: {told['one']:.1f} s against "
        f"{told['full']:.1f} s for {told['pages']} pages and {told['mb']:.0f} MB; {told['rendered']} pages rendered; "
        f"{told['same']:.1f} s where nothing changed",
    )
