"""`python -m benchmarks [NAME ...]`: measure, print a table, write `storage/bench/latest.json`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import click
from rich.console import Console

from acc_assets.storage import Store
from benchmarks import device, loop, object_store, orchestration, projections, proposals, scale, seeds, viewer
from benchmarks.records import Record, show, write

Benchmark = Callable[[int, int], Iterator[Record]]
BENCHMARKS: dict[str, Benchmark] = {
    "loop": loop.loop_efficiency,
    "tasks": loop.many_tasks,
    "augmentation": loop.augmentation,
    "dataloader": loop.against_the_plain_way,
    "orchestration": orchestration.orchestration,
    "large": scale.large_tree,
    "site": scale.large_site,
    "seeds": seeds.parallel_seeds,
    "store": object_store.object_store,
    "umap": projections.shared_graph,
    "proposals": proposals.proposals,
    "viewer": viewer.viewer,
}
# Only where they are named: one compiles for minutes, the other was tried, lost and is not in the product.
BY_NAME: dict[str, Benchmark] = {"device": device.device, "stacked": seeds.stacked_seeds}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([*BENCHMARKS, *BY_NAME]))
@click.option(
    "--rounds", type=click.IntRange(1), default=3, show_default=True, help="Repetitions; the median counts."
)
@click.option(
    "--threads", type=click.IntRange(1), default=1, show_default=True, help="CPU threads of one training."
)
@click.option(
    "--recipe", "recipes", multiple=True, help="What `device` measures all models of; may be repeated."
)
def main(names: tuple[str, ...], rounds: int, threads: int, recipes: tuple[str, ...]) -> None:
    """Measure every line of speed that the project promises, or only those named."""
    console = Console()
    path = Store().root / "bench" / "latest.json"
    benchmarks = {**BENCHMARKS, **BY_NAME, "device": partial(device.device, recipes=recipes)}
    found: list[Record] = []
    for name in names or BENCHMARKS:
        start = time.perf_counter()
        with console.status(f"measuring {name}"):
            try:
                for one in benchmarks[name](rounds, threads):
                    found.append(one)
                    write([one], path)
            except RuntimeError as error:
                console.print(f"[yellow]skipped {name}:[/] {error}")
        console.print(f"[dim]{name}: {time.perf_counter() - start:.0f} s")
    show(found, console)
    console.print(path)
    if not all(one.holds for one in found):
        sys.exit(1)


if __name__ == "__main__":
    main()
