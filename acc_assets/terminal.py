"""Tables and progress bars of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.control import strip_control_codes
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text
from rich.tree import Tree as Drawn

if TYPE_CHECKING:
    from acc_assets.assets.build import BuildReport
    from acc_assets.assets.follow import ProgressEvent
    from acc_assets.assets.status import AssetStatus
    from acc_assets.storage import Store
    from acc_assets.tree import Discovered, Tree

STATE_STYLES: dict[str, dict[str, Any]] = {
    "fresh": {"fg": "green"},
    "stale": {"fg": "yellow"},
    "missing": {"dim": True},
    "damaged": {"fg": "red"},
    "unregistered": {"fg": "cyan"},
}
console = Console()


class _Rate(ProgressColumn):
    """Steps a second and the remaining time, once they are known."""

    def render(self, task: Any) -> Text:
        if not task.speed:
            return Text("")
        left = f", {task.time_remaining:.0f} s left" if task.time_remaining else ""
        return Text(f"{task.speed:.1f} steps/s{left}", style="cyan")


class BuildDisplay:
    """One bar for each asset at work."""

    def __init__(self, recipe: str) -> None:
        self._recipe = recipe
        self._tasks: dict[tuple[str, int | None], TaskID] = {}
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[steps]}"),
            _Rate(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            speed_estimate_period=15,
        )

    def __enter__(self) -> BuildDisplay:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(f"[dim]{escape(self._recipe)}: {escape(text)}")

    def on_event(self, event: ProgressEvent) -> None:
        """Show what an asset told."""
        key = (event.asset, event.seed)
        if event.kind == "started":
            seed = "" if event.seed is None else f" [dim]seed {event.seed}"
            name = event.asset.replace("__analyses", ": analyses")
            self._tasks[key] = self._progress.add_task(f"{name}{seed}", total=None, steps="")
        elif key not in self._tasks:  # an analysis: its step shows them all
            self._line(event)
        elif event.kind == "training":
            self._progress.update(
                self._tasks[key],
                total=event.total,
                completed=event.done,
                steps=f"{event.done}/{event.total}",
            )
        else:
            self._progress.remove_task(self._tasks.pop(key))
            if not event.asset.endswith("__analyses"):
                self._line(event)

    def _line(self, event: ProgressEvent) -> None:
        mark = "[green]built[/]" if event.kind == "finished" else "[red]failed[/]"
        seed = "" if event.seed is None else f" seed {event.seed}"
        self._progress.console.print(f"  {mark} {event.asset}{seed} [dim]{event.seconds:.1f} s")


def print_recipes(found: Discovered) -> None:
    """Every recipe with its tree, and the errors of files that have one."""
    for tree in found.trees.values():
        parameters = " ".join(f"{name}={value}" for name, value in tree.parameters.items())
        seeds = ",".join(map(str, tree.seeds))
        drawn = Drawn(f"[bold]{tree.name}[/]  {escape(tree.title)}  [dim]seeds {seeds}  {escape(parameters)}")
        branches: dict[str, Drawn] = {}
        for node in tree:
            parent = branches[node.parent] if node.parent else drawn
            steps = f" [dim]{node.steps} steps" if node.steps else ""
            branches[node.tag] = parent.add(f"{node.tag}{steps}")
        console.print(drawn)
    for broken in found.broken:
        console.print(f"[red]error[/] {escape(str(broken))}", soft_wrap=True)


def print_status(tree: Tree, states: Sequence[AssetStatus]) -> None:
    """The state of every asset of a recipe, a column for each seed."""
    rows: dict[str, list[AssetStatus]] = {}
    for one in states:
        rows.setdefault(one.plan.name, []).append(one)
    # By hand: a table measures and renders every cell, which takes seconds for a large tree.
    first = max(len(name) for name in ("asset", *rows)) + 2
    width = (
        max(len(word) for word in (*(f"seed {seed}" for seed in tree.seeds), *(s.state for s in states))) + 2
    )
    heads = "".join(f"seed {seed}".ljust(width) for seed in tree.seeds)
    lines = [click.style(f"{tree.name}\n{'asset'.ljust(first)}{heads}why", bold=True)]
    for name, found in rows.items():
        why = "; ".join(dict.fromkeys(s.why for s in found if s.state not in ("fresh", "missing")))
        cells = (
            click.style("".join(one.ljust(width) for one in alike), **STATE_STYLES[state])
            for state, alike in groupby(one.state for one in found)
        )
        lines.append(f"{name.ljust(first)}{''.join(cells)}{' ' * width * (len(tree.seeds) - len(found))}")
        lines[-1] += strip_control_codes(why)
    click.echo("\n".join(lines), color=False if console.no_color else None)


def print_build(tree: Tree, report: BuildReport, store: Store) -> None:
    """What ran and what was fresh, the headline metrics, and the path of the site."""
    if report.built:
        table = Table(box=None, pad_edge=False)
        for column in ("asset", "seed", "result", "seconds", "why"):
            table.add_column(column, justify="right" if column == "seconds" else "left")
        for one in report.built:
            style = "green" if one.outcome == "built" else "red"
            table.add_row(
                one.asset,
                "" if one.seed is None else str(one.seed),
                f"[{style}]{one.outcome}[/]",
                f"{one.seconds:.1f}" if one.seconds else "",
                escape(one.why),
            )
        console.print(table)
    built = [one for one in report.built if one.outcome == "built"]
    console.print(
        f"{len(built)} built, {len(report.fresh)} fresh, {len(report.failed)} failed or skipped "
        f"[dim]({sum(one.seconds for one in report.built):.0f} s in assets)"
    )
    if report.fresh:
        names = dict.fromkeys(state.plan.name for state in report.fresh)
        console.print(f"[dim]fresh: {', '.join(names)}")
    for one in report.failed:
        if one.error:
            seed = "" if one.seed is None else f" seed {one.seed}"
            console.print(f"[red]{one.asset}{seed} failed:[/] {escape(one.error)}", soft_wrap=True)
    if report.registered:
        console.print(
            f"[cyan]{len(report.registered)} found whole in the store and recorded in Dagster's database"
        )
    from acc_assets.assets.plans import COMPARISON
    from acc_assets.assets.site import site_folder

    if COMPARISON not in {one.asset for one in report.failed}:
        _print_headline(tree, store)
    index = site_folder(store) / "index.html"
    if index.exists():
        console.print(f"[bold]site[/] {index}", soft_wrap=True)


def _print_headline(tree: Tree, store: Store) -> None:
    from acc_assets.assets.comparison import stored

    comparison = stored(tree, store)
    if comparison is None or not comparison.columns:
        return
    heads, *rows = comparison.rows(6)
    table = Table(box=None, pad_edge=False, title="test split, mean ± sd over seeds", title_justify="left")
    for head in heads:
        table.add_column(head, justify="right" if head != heads[0] else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)
