"""`acc`: list, build, look at and publish recipes. Every command calls what the UI's assets call."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click


class _Friendly(click.Group):
    """Shows the errors that this package raises as one line; anything else is a bug and keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            ours = type(error).__module__.startswith("acc_assets.")
            if ours or isinstance(error, OSError):
                raise click.ClickException(str(error)) from error
            raise
        except BaseException as error:
            if type(error).__name__ == "DagsterExecutionInterruptedError":
                click.echo(
                    "stopped; what was trained is saved, and the next build goes on from there", err=True
                )
                sys.exit(130)
            raise


@click.group(cls=_Friendly, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """An experiment on autoencoders as a graph of data assets that ends in a static report."""


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def recipes(as_json: bool) -> None:
    """List the recipes, their branches and parameters, and the files that have errors."""
    from acc_assets.recipes import find_recipes

    found = find_recipes()
    if as_json:
        listed = {
            "recipes": [
                {
                    "name": tree.name,
                    "title": tree.title,
                    "description": tree.description,
                    "question": tree.question,
                    "hypothesis": tree.hypothesis,
                    "seeds": list(tree.seeds),
                    "parameters": dict(tree.parameters),
                    "source": tree.source,
                    "nodes": [
                        {
                            "tag": n.tag,
                            "kind": n.kind,
                            "parent": n.parent,
                            "branch": n.branch,
                            "spec_hash": n.spec_hash,
                        }
                        for n in tree
                    ],
                }
                for tree in found.trees.values()
            ],
            "broken": [
                {"name": one.name, "path": str(one.path), "line": one.line, "error": one.error}
                for one in found.broken
            ],
        }
        click.echo(json.dumps(listed, indent=2))
    else:
        from acc_assets.terminal import print_recipes

        print_recipes(found)
    if found.broken:
        sys.exit(1)


@main.command()
@click.argument("recipe", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--steps", type=click.IntRange(1), help="As in `acc build`.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="As in `acc build`.")
def status(recipe: str | None, as_json: bool, steps: int | None, settings: tuple[str, ...]) -> None:
    """Tell what is fresh, what is stale and why, and what is missing: Dagster's own answer."""
    from acc_assets.assets.instance import open_instance
    from acc_assets.assets.location import build_definitions
    from acc_assets.assets.status import recipe_status
    from acc_assets.storage import Store
    from acc_assets.terminal import print_status

    store = Store()
    parameters = _parameters(steps, settings)
    rows: dict[str, list[dict[str, Any]]] = {}
    with open_instance(store) as instance:
        for tree in _trees(recipe, parameters):
            states = recipe_status(tree, build_definitions([tree]), instance, store)
            if as_json:
                rows[tree.name] = [
                    {"asset": s.plan.name, "seed": s.seed, "state": s.state, "why": s.why} for s in states
                ]
            else:
                print_status(tree, states)
    if as_json:
        click.echo(json.dumps(rows, indent=2))


@main.command()
@click.argument("recipe")
@click.option(
    "--select", metavar="BRANCH_OR_NODE", help="Only this branch, node or asset, and what it is made from."
)
@click.option("--seeds", metavar="0,1,2", help="Only these seeds.")
@click.option("--steps", type=click.IntRange(1), help="Override the recipe's parameter `steps`.")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Override any parameter of the recipe."
)
@click.option("--workers", type=click.IntRange(1), help="Processes side by side; default: one a core.")
@click.option(
    "--force", is_flag=True, help="Build the selection although it is fresh; whole checkpoints are kept."
)
def build(
    recipe: str,
    select: str | None,
    seeds: str | None,
    steps: int | None,
    settings: tuple[str, ...],
    workers: int | None,
    force: bool,
) -> None:
    """Build what is missing or stale of a recipe, then its comparison and the site."""
    from acc_assets.storage import Store
    from acc_assets.terminal import BuildDisplay, print_build

    parameters = _parameters(steps, settings)
    (tree,) = _trees(recipe, parameters)
    store = Store()
    # Terminate means what Ctrl-C means: trainings save what they have.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with BuildDisplay(tree.name) as display:
        display.say("reading what is built")
        from acc_assets.assets.build import build as build_recipe

        report = build_recipe(
            tree,
            store,
            select=select,
            seeds=_seed_list(seeds),
            workers=workers or _default_workers(),
            force=force,
            listener=display.on_event,
        )
    print_build(tree, report, store)
    if report.failed:
        sys.exit(1)


@main.command()
@click.argument("recipe", required=False)
def site(recipe: str | None) -> None:
    """Render the site again from what is stored."""
    from acc_assets.assets.build import build as build_recipe
    from acc_assets.assets.site import site_folder
    from acc_assets.storage import Store

    store = Store()
    stored = set(store.recipes())
    trees = [tree for tree in _trees(recipe, {}) if recipe or tree.name in stored]
    if not trees:
        raise click.ClickException("nothing is built yet. Run: acc build quickstart")
    # One rendering shows every recipe, so any recipe's asset serves where none is named.
    report = build_recipe(trees[0], store, select="site", force=True, upstream=False)
    for one in report.failed:
        raise click.ClickException(one.error)
    click.echo(site_folder(store) / "index.html")


@main.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one."
)
def serve(port: int) -> None:
    """Serve the site on the loopback address."""
    from acc_assets.report.server import serve as serve_folder

    serve_folder(_built_site(), port, announce=click.echo)


@main.command()
@click.option("--to", "to", type=click.Path(path_type=Path), help="Folder that any static host takes.")
@click.option(
    "--git", "repository", type=click.Path(path_type=Path, exists=True), help="Repository to commit to."
)
@click.option("--branch", default="gh-pages", show_default=True, help="Branch of that repository.")
@click.option("--message", "-m", default="Publish the report", show_default=True, help="Commit message.")
def publish(to: Path | None, repository: Path | None, branch: str, message: str) -> None:
    """Write the site to a folder, or commit it to a branch of a repository."""
    from acc_assets.report import publish as publish_folder
    from acc_assets.report import publish_git

    if (to is None) == (repository is None):
        raise click.UsageError("Give --to FOLDER or --git REPOSITORY.")
    folder = _built_site()
    if to is not None:
        publish_folder(folder, to)
        click.echo(to / "index.html")
    elif repository is not None:
        commit = publish_git(folder, repository, branch=branch, message=message)
        click.echo(
            f"{commit} on {branch} of {repository}; push it to publish: git -C {repository} push origin {branch}"
        )


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def ui(arguments: tuple[str, ...]) -> None:
    """Start the Dagster UI over workspace.yaml; ARGUMENTS go to `dagster dev`, such as -p 3001."""
    from acc_assets.assets.instance import open_instance
    from acc_assets.storage import Store

    open_instance(Store()).dispose()  # its databases are there before Dagster's processes all ask for them
    dagster = Path(sys.executable).with_name("dagster")
    workspace = Path(__file__).resolve().parents[1] / "workspace.yaml"
    os.execv(dagster, [str(dagster), "dev", "--workspace", str(workspace), *arguments])


def _trees(recipe: str | None, parameters: dict[str, Any]) -> list[Any]:
    from acc_assets.recipes import find_recipes
    from acc_assets.tree import RecipeError

    found = find_recipes()
    if recipe is None:
        if parameters:
            raise click.UsageError("--steps and --set need a RECIPE.")
        for one in found.broken:
            click.echo(f"skipped {one}", err=True)
        return list(found.trees.values())
    if recipe in found.trees:
        if not parameters:
            return [found.trees[recipe]]
        tree = found.trees[recipe]
        again = find_recipes({recipe: {**tree.parameters, **parameters}})
        if recipe in again.trees:
            return [again.trees[recipe]]
        (cause,) = [one for one in again.broken if str(one.path) == tree.source]
        raise RecipeError(cause.error, remedy="")
    for one in found.broken:
        if one.name == recipe:
            raise RecipeError(str(one), remedy="Mend the file.", recipe=recipe)
    broken = (
        f" Files with errors: {', '.join(one.path.name for one in found.broken)}." if found.broken else ""
    )
    raise RecipeError(
        f"there is no recipe '{recipe}'.", remedy=f"Recipes are: {', '.join(found.trees)}.{broken}"
    )


def _parameters(steps: int | None, settings: tuple[str, ...]) -> dict[str, Any]:
    from acc_assets.tree import parse_value

    parameters: dict[str, Any] = {} if steps is None else {"steps": steps}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise click.UsageError(f"--set {setting}: write NAME=VALUE.")
        parameters[name] = parse_value(value)
    return parameters


def _seed_list(seeds: str | None) -> list[int] | None:
    if seeds is None:
        return None
    try:
        return [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise click.UsageError(f"--seeds {seeds}: write whole numbers with commas, such as 0,1,2.") from None


def _default_workers() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _built_site() -> Path:
    from acc_assets.assets.site import site_folder
    from acc_assets.storage import Store

    folder = site_folder(Store())
    if not (folder / "index.html").exists():
        raise click.ClickException(f"there is no site in {folder}. Run: acc build quickstart")
    return folder


if __name__ == "__main__":
    main()
