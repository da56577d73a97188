"""What it costs to have Dagster between a person and the work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from acc_assets.assets.instance import configuration
from benchmarks.records import Record, record, spread

ROOT = Path(__file__).parents[1]  # so that children find this package
LOAD = "from acc_assets.definitions import defs; defs().get_repository_def()"


def orchestration(rounds: int, threads: int) -> Iterator[Record]:
    """Quickstart from nothing, a build with nothing to do, the help text, and loading the code location."""
    shares, idle = [], []
    words = ""
    for _ in range(max(1, rounds - 1)):
        with TemporaryDirectory() as folder:
            total, facts = timed_build("quickstart", 1, {}, Path(folder), threads)  # one seed after the other
            shares.append((total - facts["bodies_s"]) / total)
            words = f"last: {total:.1f} s in all, {facts['bodies_s']:.1f} s in {facts['built']} assets"
            idle.append(acc({"ACC_STORAGE": folder}, "build", "quickstart"))
    helps = [acc({}, "--help") for _ in range(rounds * 3)]
    loads = [child([sys.executable, "-c", LOAD], {}) for _ in range(rounds)]
    yield record(
        "orchestration, share of a build",
        median(shares),
        "ratio",
        "<=",
        0.15,
        f"(wall time of `acc build quickstart` from nothing, one seed after the other - time in assets) / wall "
        f"time; {spread(shares)}; {words}",
    )
    yield record(
        "nothing to do", median(idle), "s", "<=", 5.0, f"`acc build quickstart` again; {spread(idle)}"
    )
    yield record("acc --help", median(helps), "s", "<=", 0.5, f"whole process; {spread(helps)}")
    yield record(
        "code location",
        median(loads),
        "s",
        "<=",
        3.0,
        f"whole process: import and repository; {spread(loads)}",
    )


def timed_build(
    recipe: str, side_by_side: int, parameters: Mapping[str, int], root: Path, threads: int
) -> tuple[float, dict[str, Any]]:
    """Wall seconds of a process that builds a recipe, so many seeds at once, and what it said of the assets."""
    command = [sys.executable, "-m", "benchmarks.timed_build", recipe, json.dumps(parameters)]
    home = root / "dagster"
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text(configuration(side_by_side))
    start = perf_counter()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=_environment({"ACC_STORAGE": str(root), "ACC_THREADS": str(threads)}),
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = perf_counter() - start
    facts = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {"failed": 1}
    if facts["failed"]:
        raise RuntimeError(f"{recipe} did not build:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return seconds, facts


def acc(extra: Mapping[str, str], *arguments: str) -> float:
    """Wall seconds of the command line, with more environment variables."""
    return child([str(Path(sys.executable).with_name("acc")), *arguments], extra)


def child(command: list[str], extra: Mapping[str, str]) -> float:
    """Wall seconds of a process."""
    return told_by(command, extra)[0]


def told_by(command: list[str], extra: Mapping[str, str]) -> tuple[float, str]:
    """Wall seconds of a process, and what it printed; raises `RuntimeError` where it failed."""
    start = perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, env=_environment(extra), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return perf_counter() - start, done.stdout


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    return {**inherited, **extra}
