"""The jobs of a recipe: all of it, a branch, the report, and the one that brings it up to date."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import dagster as dg

from acc_assets.assets.home import home_plan
from acc_assets.assets.launched import RECIPE_TAG, Project, tree_tag
from acc_assets.assets.plans import AssetPlan, branch_plans, plans
from acc_assets.assets.site import publish_site
from acc_assets.storage import Store
from acc_assets.tree import BrokenRecipe, Tree


def recipe_jobs(project: Project, tree: Tree) -> list[Any]:
    """The jobs of one recipe. Jobs by seed leave the comparison and the site, which have no seed, to `_report`."""
    every = plans(tree, project.prefix)
    name = "__".join([*project.prefix, tree.name])
    tags = {RECIPE_TAG: tree.name, tree_tag(tree.name): tree.hash}

    def job(suffix: str, chosen: Sequence[AssetPlan], description: str, **more: str) -> Any:
        return dg.define_asset_job(
            f"{name}{suffix}",
            selection=dg.AssetSelection.assets(*(plan.key for plan in chosen)),
            description=description,
            tags={**tags, **more},
        )

    by_seed = [plan for plan in every if not plan.kind.reads_all]
    report = [*(plan for plan in every if plan.kind.reads_all), home_plan(project)]
    jobs = [
        job("", by_seed, f"Build every branch of {tree.title}, one seed a run."),
        job("__report", report, f"Compare the branches of {tree.title} and render the site."),
    ]
    for node in tree:
        if node.kind != "fork" or node.parent is None or tree[node.parent].kind != "root":
            continue
        chosen = branch_plans(tree, every, node.tag)
        told = f"Build the branch {node.tag} of {tree.title}."
        # `<recipe>__<tag>` is the op of the asset
        jobs.append(job(f"__branch__{node.tag}", chosen, told, **{"acc/branch": node.tag}))
    return [*jobs, _bring_up_to_date(project, tree, name, tags)]


def project_jobs(project: Project) -> list[Any]:
    """The jobs of a whole code location, and a schedule for one of them that is off until somebody wants it."""
    name = "_".join(["acc", *project.prefix])
    where = {
        "to": dg.Field(str, is_required=False, description="Folder that any static host takes."),
        "git": dg.Field(str, is_required=False, description="Repository to commit to."),
        "branch": dg.Field(str, default_value="gh-pages", description="Branch of that repository."),
    }

    @dg.op(
        name=f"{name}_publish_op",
        config_schema=where,
        required_resource_keys={project.keys.store},
        ins={"after": dg.In(dg.Nothing)},
    )
    def publish(context: dg.OpExecutionContext) -> None:
        """Write the site to a folder, or commit it to a branch of a repository."""
        told = publish_site(getattr(context.resources, project.keys.store).open(), **context.op_config)
        context.log.info(told)

    @dg.op(name=f"{name}_rebuild_op", required_resource_keys={project.keys.store})
    def rebuild(context: dg.OpExecutionContext) -> None:
        """Bring every recipe that is stored up to date."""
        store = getattr(context.resources, project.keys.store).open()
        for recipe in project.trees:
            if recipe in store.recipes():
                build_in_run(project, recipe, context, store)

    @dg.job(name=f"{name}_publish", description="Publish the site.", executor_def=dg.in_process_executor)
    def publish_job() -> None:
        publish()

    @dg.job(
        name=f"{name}_nightly",
        description="Bring every stored recipe up to date, then publish the site.",
        executor_def=dg.in_process_executor,
    )
    def nightly() -> None:
        publish(after=rebuild())

    schedule = dg.ScheduleDefinition(
        name=f"{name}_every_night",
        job=nightly,
        cron_schedule="0 3 * * *",
        run_config={"ops": {f"{name}_publish_op": {"config": {"to": "published"}}}},
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    return [publish_job, nightly, schedule]


def _bring_up_to_date(project: Project, tree: Tree, name: str, tags: dict[str, str]) -> Any:
    """The one button: what `acc build` does, as a run that starts the runs it needs and waits for them."""
    choice = {
        "seeds": dg.Field([int], default_value=list(tree.seeds), description="Only these seeds."),
        "select": dg.Field(str, is_required=False, description="Only this branch, node or asset."),
        "force": dg.Field(bool, default_value=False, description="Although it is fresh."),
    }

    @dg.op(
        name=f"{name}__bring_up_to_date_op",
        config_schema=choice,
        required_resource_keys=set(project.keys.of(tree.name)),
    )
    def bring_up_to_date(context: dg.OpExecutionContext) -> None:
        now = project.in_run(tree.name, context)
        changed = replace(project, trees={**project.trees, tree.name: now}, hashes={})
        build_in_run(
            changed,
            tree.name,
            context,
            getattr(context.resources, project.keys.store).open(),
            **context.op_config,
        )

    @dg.job(
        name=f"{name}__bring_up_to_date",
        description=f"Rebuild exactly what is missing or stale of {tree.title}, one run a seed; then its report.",
        executor_def=dg.in_process_executor,
        tags=tags,
    )
    def job() -> None:
        bring_up_to_date()

    return job


def build_in_run(
    project: Project, recipe: str, context: dg.OpExecutionContext, store: Store, **choice: Any
) -> None:
    """What `acc build` does, as part of a run; raises `Failure` with what could not be made."""
    from acc_assets.assets.build import build  # which knows the definitions that these jobs belong to

    def tell(event: Any) -> None:
        if event.kind in ("finished", "failed"):
            seed = "" if event.seed is None else f" seed {event.seed}"
            context.log.info(f"{event.kind} {event.asset}{seed} after {event.seconds:.1f} s")

    report = build(project, recipe, store, listener=tell, instance=context.instance, **choice)
    context.log.info(f"{recipe}: {len(report.built)} built, {len(report.fresh)} were fresh")
    if report.failed:
        told = "\n".join(f"{one.asset} seed {one.seed}: {one.error or one.outcome}" for one in report.failed)
        raise dg.Failure(told, allow_retries=False)


def broken_recipe_asset(broken: BrokenRecipe) -> dg.AssetSpec:
    """A recipe that could not be read, or a fork that it has no place for, as something one sees in the catalog."""
    return dg.AssetSpec(
        # The whole file name: x.py and x.yaml may both be broken.
        key=["broken_recipes", broken.path.parent.name, broken.path.name, *filter(None, [broken.fork])],
        group_name="broken_recipes",
        description=f"This file has an error, so what it says gives no assets.\n\n```\n{broken}\n```",
        kinds={"error"},
        metadata={"file": dg.MetadataValue.path(str(broken.path)), "error": str(broken)},
        tags={"acc/broken": "true"},
    )
