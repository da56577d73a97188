"""What is fresh, stale, damaged or missing: one answer, for the command line, the site and the checks of the UI.

Dagster calls a partitioned asset that is asked without a partition fresh (its issue 22553), and compares an asset
without partitions with one partition of what it reads at most. So the answer is computed here, from the data versions
that Dagster recorded and from what the manifests say the artifacts were made from.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import dagster as dg

from acc_assets.assets.home import home_inputs, home_plan
from acc_assets.assets.kinds import NOT_READ
from acc_assets.assets.launched import Project
from acc_assets.assets.no_garbage import nothing_is_garbage
from acc_assets.assets.plans import AssetPlan, Prefix, Unit, inputs_of, plans
from acc_assets.assets.recorded import recorded_versions
from acc_assets.datasets import DatasetError, source_digest
from acc_assets.storage import ArtifactFolder, MadeFrom, MissingArtifact, StorageError, Store
from acc_assets.tree import Tree

State = Literal["fresh", "stale", "missing", "damaged", "unregistered"]
Depth = Literal["files", "bytes"]
FILES = "files"  # in `made_from`: the digest of the files that a data set was read from


@dataclass(frozen=True, slots=True)
class AssetStatus:
    """One asset, for one seed or (seed None) for what has no seed.

    * fresh: made from the recipe and the inputs as they are now.
    * stale: the recipe, the code or an input changed since.
    * missing: never built.
    * damaged: a file is not as it was written, or not what Dagster recorded.
    * unregistered: whole artifacts lie in the store that Dagster's database does not know.
    """

    plan: AssetPlan
    seed: int | None
    state: State
    why: str = ""
    version: str | None = None  # the data version that Dagster recorded

    @property
    def unit(self) -> Unit:
        """Name and seed."""
        return self.plan.name, self.seed

    @property
    def matches(self) -> bool:
        """Whether it was made from the recipe and the inputs as they are now, though a file of it may be damaged."""
        return self.state in ("fresh", "damaged", "unregistered")

    @property
    def to_build(self) -> bool:
        """Whether a build carries it out."""
        return self.state != "fresh"


def recipe_status(
    tree: Tree,
    instance: dg.DagsterInstance,
    store: Store,
    seeds: Sequence[int] | None = None,
    *,
    prefix: Prefix = (),
    depth: Depth | None = None,
) -> list[AssetStatus]:
    """The state of every asset of a recipe, upstream first.

    `depth`: compare the files with their manifests too, all by their bytes (`bytes`), or by their size, and by their
    bytes where they were written later (`files`).
    `seeds` limits what is told, not what it is judged by: the comparison and the site read all seeds.
    """
    every = plans(tree, prefix)
    by_key = {plan.key: plan for plan in every}
    recorded = recorded_versions(instance, by_key)
    units = [(plan, seed) for plan in every for seed in plan.seeds(tree)]
    found: dict[Unit, AssetStatus] = {}
    # To verify is to read the manifests too.
    remembering = contextlib.nullcontext() if depth == "bytes" else store.known_manifests(tree.name)
    with nothing_is_garbage(), remembering:
        folders = _folders(units, store)
        store.side_by_side(lambda unit: folders[unit[0].name, unit[1]].digest(unit[0].family), units)
        for plan, seed in units:
            inputs = [found[unit] for unit in inputs_of(plan, tree, seed, by_key)]
            wanted, upstream = wanted_inputs(plan, inputs), _upstream(plan, inputs)
            known, folder = recorded.get((plan.key, seed)), folders[plan.name, seed]
            found[plan.name, seed] = _status(plan, seed, known, wanted, upstream, folder)
        told = {None, *(tree.seeds if seeds is None else seeds)}
        states = [status for status in found.values() if status.seed in told]
        return _verified(states, folders, store, depth)


def _folders(units: Iterable[tuple[AssetPlan, int | None]], store: Store) -> dict[Unit, ArtifactFolder]:
    """Where the artifacts of units lie, as they are now; all of a node and seed lie in one folder."""
    by_place: dict[tuple[str | None, int | None], ArtifactFolder] = {}
    found: dict[Unit, ArtifactFolder] = {}
    for plan, seed in units:
        place = plan.node.tag if plan.node is not None else None, seed
        if place not in by_place:
            by_place[place] = plan.folder(store, seed).still()
        found[plan.name, seed] = by_place[place]
    return found


def home_status(
    project: Project, instance: dg.DagsterInstance, store: Store, *, depth: Depth | None = None
) -> AssetStatus:
    """The state of the pages that all recipes share."""
    plan = home_plan(project)
    recorded = recorded_versions(instance, [plan.key]).get((plan.key, None))
    folder = plan.folder(store, None)
    state = _status(plan, None, recorded, home_inputs(project, store), [], folder)
    return _verified([state], {state.unit: folder}, store, depth)[0]


def _verified(
    states: list[AssetStatus], folders: Mapping[Unit, ArtifactFolder], store: Store, depth: Depth | None
) -> list[AssetStatus]:
    """The same, with what is fresh by its manifest looked at more closely."""

    def looked_at(state: AssetStatus) -> AssetStatus:
        if depth is None or state.state != "fresh":
            return state
        damages = folders[state.unit].verify(state.plan.family, every_byte=depth == "bytes")
        return replace(state, state="damaged", why=str(damages[0])) if damages else state

    return store.side_by_side(looked_at, states)


def wanted_inputs(plan: AssetPlan, inputs: Iterable[AssetStatus]) -> dict[str, str]:
    """What a unit is made from if it is made now: the data versions of its inputs, by name.

    The comparison and the site take only what matches the recipe, so that seeds made from different recipes never mix.
    """
    taken = (one for one in inputs if not plan.kind.reads_all or one.matches)
    return named_inputs(plan, {one.unit: one.version for one in taken})


def named_inputs(plan: AssetPlan, versions: Mapping[Unit, str | None]) -> dict[str, str]:
    """Data versions as manifests keep them; for a data set, the digest of the files that it is read from."""
    named = {shown(unit): version for unit, version in versions.items() if version is not None}
    if plan.dataset is not None and plan.dataset.config.files():
        with contextlib.suppress(DatasetError):  # a store may be looked at where the files are not
            named[FILES] = str(source_digest(plan.dataset.config))
    return named


def shown(unit: Unit) -> str:
    """A unit as `made_from` and messages name it."""
    name, seed = unit
    return name if seed is None else f"{name} seed {seed}"


def _status(
    plan: AssetPlan,
    seed: int | None,
    recorded: str | None,
    wanted: Mapping[str, str],
    upstream: Sequence[str],
    folder: ArtifactFolder,
) -> AssetStatus:
    def told(state: State, why: str = "", version: str | None = recorded) -> AssetStatus:
        return AssetStatus(plan, seed, state, why, version)

    try:
        manifest = folder.manifest(plan.family)
    except MissingArtifact:
        manifest = None
    except (StorageError, OSError) as error:
        return told("damaged", str(error))
    if manifest is None:
        if recorded is None:
            return told("missing", "never built")
        return told("damaged", f"its artifacts are gone from {folder.shown(plan.family)}")
    made_from = manifest.made_from
    why = _changed(plan, made_from, wanted, upstream)
    if why:
        return told("stale" if recorded is not None else "missing", why)
    if recorded is None:
        why = "its artifacts are here and Dagster's database does not know them: acc build records them"
        return told("unregistered", why, manifest.data_version)
    if manifest.data_version != recorded:
        return told("damaged", f"{folder.shown(plan.family)} is not what Dagster recorded")
    return told("fresh")


def _upstream(plan: AssetPlan, inputs: Iterable[AssetStatus]) -> list[str]:
    """What a unit is made from and is itself to be made first; what reads whatever is there waits for nothing."""
    bad = ("stale", "missing")
    return (
        []
        if plan.kind.reads_all
        else [f"{shown(one.unit)} is {one.state}" for one in inputs if one.state in bad]
    )


def _changed(
    plan: AssetPlan, made_from: MadeFrom | None, wanted: Mapping[str, str], upstream: Sequence[str]
) -> str:
    """Why artifacts are not what a build would make now; "" where they are."""
    if made_from is None:
        return "it was written by an older version of acc"
    if made_from.code_version != plan.code_version:
        return "its recipe or code changed"
    if not upstream and wanted == made_from.inputs:
        return ""
    reasons = list(upstream)
    for name in {**wanted, **made_from.inputs}:
        now, then = wanted.get(name), made_from.inputs.get(name)
        if now == then or (name == FILES and now is None):
            continue
        if name == NOT_READ:
            reasons.append(f"it was rendered without {then}")
        else:
            reasons.append(
                f"{name} {'changed' if now and then else 'is read now' if now else 'is read no more'}"
            )
    more = f" and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return "; ".join(reasons[:3]) + more
