"""`acc`: list, build, look at and publish recipes. Every command calls what the UI's assets call."""

from __future__ import annotations

import gc
import json
import sys
from typing import Any

import click

from acc_assets.cli_errors import Friendly, end_on_signals


@click.group(cls=Friendly, context_settings={"help_option_names": ["-h", "--help"]})
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
def schema() -> None:
    """Print the JSON schema of YAML recipes, for an editor that completes and checks them."""
    from acc_assets.recipes import vocabulary
    from acc_assets.tree import recipe_schema

    click.echo(json.dumps(recipe_schema(vocabulary()), indent=2))


@main.command()
@click.argument("recipe", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--steps", type=click.IntRange(1), help="As in `acc build`.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="As in `acc build`.")
@click.option("--verify", is_flag=True, help="Read every byte, not only of files that changed since.")
def status(
    recipe: str | None, as_json: bool, steps: int | None, settings: tuple[str, ...], verify: bool
) -> None:
    """Tell what is fresh, what is stale and why, and what is missing."""
    gc.disable()  # nothing becomes garbage before the end; to look for it takes a quarter of the time
    from acc_assets.assets.instance import open_instance
    from acc_assets.assets.status import recipe_status
    from acc_assets.storage import Store
    from acc_assets.terminal import print_status

    store = Store()
    parameters = _parameters(steps, settings)
    rows: dict[str, list[dict[str, Any]]] = {}
    with open_instance(store) as instance:
        for tree in _chosen(recipe, parameters):
            states = recipe_status(tree, instance, store, depth="bytes" if verify else "files")
            if as_json:
                rows[tree.name] = [
                    {"asset": s.plan.name, "seed": s.seed, "state": s.state, "why": s.why} for s in states
                ]
            else:
                print_status(tree, states)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    gc.freeze()  # Python looks for it at its end too


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
@click.option(
    "--force", is_flag=True, help="Build the selection although it is fresh; whole checkpoints are kept."
)
def build(
    recipe: str,
    select: str | None,
    seeds: str | None,
    steps: int | None,
    settings: tuple[str, ...],
    force: bool,
) -> None:
    """Build what is missing or stale of a recipe, then its comparison and the site."""
    from acc_assets.storage import Store
    from acc_assets.terminal import BuildDisplay, print_build

    project = _project(recipe, _parameters(steps, settings))
    store = Store()
    end_on_signals()
    with BuildDisplay(recipe) as display:
        display.say("reading what is built")
        from acc_assets.assets.build import build as build_recipe

        try:
            report = build_recipe(
                project,
                recipe,
                store,
                select=select,
                seeds=_seed_list(seeds),
                force=force,
                listener=display.on_event,
            )
        except (KeyboardInterrupt, SystemExit):
            click.echo("stopped; what was trained is saved, and the next build goes on from there", err=True)
            raise
    print_build(project.trees[recipe], report, store)
    if report.failed:
        sys.exit(1)


@main.command()
@click.argument("recipe", required=False)
@click.argument("node", required=False)
@click.argument("name", required=False)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="task.<task>.<field>, train.<option> or grow.<field>; what is not set is as in the branch of NODE.",
)
@click.option("--steps", type=click.IntRange(1), help="Of training.")
@click.option("--list", "listed", is_flag=True, help="List what is recorded.")
@click.option("--remove", metavar="NAME", help="Take a recorded fork away; what it has stored is kept.")
def fork(
    recipe: str | None,
    node: str | None,
    name: str | None,
    settings: tuple[str, ...],
    steps: int | None,
    listed: bool,
    remove: str | None,
) -> None:
    """Record the branch NAME off the checkpoint NODE, beside the recipe, and train it as `<NAME>_trained`."""
    from acc_assets.assets.forks import record_fork, remove_fork
    from acc_assets.storage import Store
    from acc_assets.tree import RecipeError, RecordedFork

    if listed:
        for tree in _chosen(recipe, {}):
            for one in tree.forks:
                words = [f"{key}={json.dumps(value)}" for key, value in one.settings.items()]
                words += [f"labels of {ref} behind line {line}" for ref, line in one.labels.items()]
                click.echo(" ".join([tree.name, one.checkpoint, "->", one.name, *words]))
    elif recipe is not None and remove is not None and node is None:
        removed = remove_fork(Store(), recipe, remove)
        kept = ", ".join(removed.kept)
        click.echo(f"removed {remove}" + (f"; its results stay in the store: {kept}" if kept else ""))
    elif recipe is not None and node is not None and name is not None and remove is None:
        try:
            wanted = RecordedFork(name=name, checkpoint=node, settings=_settings(settings), steps=steps)
        except ValueError as error:
            raise RecipeError(str(error), remedy="", recipe=recipe) from None
        record_fork(Store(), recipe, wanted)
        click.echo(f"recorded {name} off {node}. Build it: acc build {recipe} --select {name}")
    else:
        raise click.UsageError("Give RECIPE NODE NAME, RECIPE --remove NAME, or --list.")


@main.command()
@click.argument("recipe")
@click.argument("node")
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    default=20,
    show_default=True,
    help="What training all of them may take, by what those before took.",
)
@click.option("--count", type=click.IntRange(1, 20), default=3, show_default=True, help="At most so many.")
@click.option("--accept", is_flag=True, help="Record them.")
def propose(recipe: str, node: str, minutes: float, count: int, accept: bool) -> None:
    """Propose what to fork from the checkpoint NODE next, by what the forks of it came to."""
    from acc_assets.assets.forks import record_forks
    from acc_assets.assets.proposals import propose as proposals
    from acc_assets.report.vocabulary import build_command, fork_command
    from acc_assets.storage import Store

    store = Store()
    (tree,) = _chosen(recipe, {})
    found = proposals(store, tree, node, minutes, count)
    click.echo(found.why)
    if accept:
        record_forks(store, recipe, lambda _: found.forks)
    for one in found.forks:
        click.echo(
            f"recorded {one.name}" if accept else fork_command(recipe, node, one.name, one.settings, None)
        )
    for one in found.forks if accept else ():
        click.echo(build_command(recipe, one.name))


@main.command()
@click.argument("recipe")
@click.argument("node", required=False)
@click.option("--add", "file", metavar="FILE", help="Add the labels of a CSV file, such as the page exports.")
@click.option(
    "--retrain", is_flag=True, help="Train the branches that read labels (of NODE) on, as a new round."
)
@click.pass_context
def label(ctx: click.Context, recipe: str, node: str | None, file: str | None, retrain: bool) -> None:
    """Tell what people labelled for a recipe and which lines give no label; add labels; train on with them."""
    from pathlib import Path

    from acc_assets.assets.rounds import record_round
    from acc_assets.storage import LabelFile, Store

    (tree,) = _chosen(recipe, {})
    labels, (classes, images) = LabelFile(Store(), recipe), tree.label_pool()
    if file is not None:
        click.echo(f"{labels.add_file(Path(file), classes, images)} labels added")
    found = labels.read(classes, images)
    for problem in found.problems:
        click.echo(f"{labels.name}:{problem.line}: {problem.why}", err=True)
    click.echo(
        f"{len(found.given)} of {images} images have a label, in {found.lines} lines of {labels.shown}"
    )
    if retrain:
        _, forks = record_round(Store(), recipe, node)
        for one in forks:
            click.echo(f"recorded {one.name} off {one.checkpoint}")
            ctx.invoke(build, recipe=recipe, select=one.name, settings=())


@main.command()
@click.argument("recipe", required=False)
def site(recipe: str | None) -> None:
    """Render the site again from what is stored."""
    from acc_assets.assets.build import build as build_recipe
    from acc_assets.assets.site import site_folder
    from acc_assets.storage import Store

    store = Store()
    project = _project(recipe, {})
    stored = [
        name for name in project.trees if recipe == name or (recipe is None and name in store.recipes())
    ]
    if not stored:
        raise click.ClickException("nothing is built yet. Run: acc build quickstart")
    for name in stored:
        report = build_recipe(project, name, store, select="site", force=True, upstream=False)
        for one in report.failed:
            raise click.ClickException(one.error)
    click.echo(site_folder(store) / "index.html")


@main.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one."
)
def serve(port: int) -> None:
    """Serve the site, the runs and their events on the loopback address."""
    from acc_assets.assets.live import sources
    from acc_assets.server import serve as serve_store
    from acc_assets.storage import Store

    serve_store(sources(Store()), port, announce=click.echo)


@main.command()
@click.option("--to", help="Folder that any static host takes.")
@click.option("--git", "repository", help="Repository to commit to.")
@click.option("--branch", default="gh-pages", show_default=True, help="Branch of that repository.")
@click.option("--message", "-m", default="Publish the report", show_default=True, help="Commit message.")
def publish(to: str | None, repository: str | None, branch: str, message: str) -> None:
    """Write the site to a folder, or commit it to a branch of a repository."""
    from acc_assets.assets.site import publish_site
    from acc_assets.storage import Store

    if (to is None) == (repository is None):
        raise click.UsageError("Give --to FOLDER or --git REPOSITORY.")
    click.echo(publish_site(Store(), to=to, git=repository, branch=branch, message=message))


@main.command()
@click.argument("recipe")
@click.option("--format", "kind", type=click.Choice(["pdf", "svg", "png"]), default="pdf", show_default=True)
@click.option("--to", default="figures", show_default=True, help="Folder to draw into.")
def figures(recipe: str, kind: str, to: str) -> None:
    """Draw a recipe's figures for a publication from what is stored."""
    from pathlib import Path

    from acc_assets.assets.instance import open_instance
    from acc_assets.assets.results import recipe_view
    from acc_assets.assets.status import recipe_status
    from acc_assets.report.publication import write_figures
    from acc_assets.storage import Store

    store = Store()
    (tree,) = _chosen(recipe, {})
    with open_instance(store) as instance:
        view = recipe_view(tree, store, recipe_status(tree, instance, store))
    drawn = write_figures(view, Path(to), kind)
    if not drawn:
        raise click.ClickException(f"nothing of {recipe} is built yet. Run: acc build {recipe}")
    for path in drawn:
        click.echo(path)


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.option("-p", "--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def ui(port: int, arguments: tuple[str, ...]) -> None:
    """Start the Dagster UI and its daemon, and reload when a recipe changes; ARGUMENTS go to `dagster dev`."""
    from acc_assets.assets.ui import run_ui
    from acc_assets.storage import Store

    sys.exit(run_ui(Store(), port, arguments))


def _project(recipe: str | None, parameters: dict[str, Any]) -> Any:
    """All recipes, one of them with other parameters; files with errors are named where they matter."""
    from acc_assets.assets.launched import Project
    from acc_assets.recipes import find_recipes
    from acc_assets.tree import RecipeError

    found = find_recipes()
    if recipe is None:
        if parameters:
            raise click.UsageError("--steps and --set need a RECIPE.")
        for one in found.broken:
            click.echo(f"skipped {one}", err=True)
        return Project(found.trees, found.broken)
    if recipe in found.trees:
        if not parameters:
            return Project(found.trees, found.broken)
        tree = found.trees[recipe]
        again = find_recipes({recipe: {**tree.parameters, **parameters}})
        if recipe in again.trees:
            return Project({**found.trees, recipe: again.trees[recipe]}, found.broken)
        causes = [one for one in again.broken if str(one.path) == tree.source]
        cause = next((one for one in causes if one.name == recipe), causes[0])
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


def _chosen(recipe: str | None, parameters: dict[str, Any]) -> list[Any]:
    trees = _project(recipe, parameters).trees
    return [trees[recipe]] if recipe is not None else list(trees.values())


def _parameters(steps: int | None, settings: tuple[str, ...]) -> dict[str, Any]:
    return ({} if steps is None else {"steps": steps}) | _settings(settings)


def _settings(settings: tuple[str, ...]) -> dict[str, Any]:
    from acc_assets.tree import RecipeError, parse_value

    parsed: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not (name and equals):
            raise click.UsageError(f"--set {setting}: write NAME=VALUE.")
        try:
            parsed[name] = parse_value(value)
        except RecipeError as error:
            raise click.UsageError(f"--set {setting}: {error}") from error
    return parsed


def _seed_list(seeds: str | None) -> list[int] | None:
    if seeds is None:
        return None
    try:
        return [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise click.UsageError(f"--seeds {seeds}: write whole numbers with commas, such as 0,1,2.") from None


if __name__ == "__main__":
    main()
