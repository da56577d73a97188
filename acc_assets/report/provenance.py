"""Where a figure comes from: asset, seed, versions, data source and the command that rebuilds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from acc_assets.families import CHECKPOINTS, Artifacts, RunArtifacts
from acc_assets.families.dataset import DatasetFamily
from acc_assets.report.recipe import AssetView, RecipeView
from acc_assets.report.vocabulary import build_command


@dataclass(frozen=True)
class Provenance:
    """One provenance line; versions are short, and empty when nobody knows them."""

    asset: str
    seeds: str
    code: str
    data: str
    source: str
    command: str

    def to_json(self) -> dict[str, str]:
        """Return the line as JSON."""
        return asdict(self)


def asset_of(recipe: RecipeView, node: str, family: str) -> AssetView:
    """Return the asset that writes a family of a node: its checkpoint's, unless an analysis does."""
    assets = recipe.assets[node]
    return assets.get(family, assets[CHECKPOINTS.name])


def of_run(recipe: RecipeView, run: RunArtifacts, family: str) -> Provenance:
    """Return the provenance of a figure of one node and seed."""
    asset = asset_of(recipe, run.node, family)
    return Provenance(
        asset=asset.key,
        seeds=str(run.seed),
        code=short(asset.code_version),
        data=short(asset.data_versions.get(run.seed) or run.digest(family)),
        source=sources_of(run.config),
        command=build_command(recipe.name, run.node, run.seed),
    )


def of_runs(
    recipe: RecipeView, runs: Sequence[RunArtifacts], family: str = "metrics", node: str | None = None
) -> Provenance:
    """Return the provenance of a figure that joins runs of one node, or of all: the recipe's comparison."""
    built = [run for run in runs if run.built]
    seeds = sorted({run.seed for run in built})
    codes = sorted({of_run(recipe, run, family).code for run in built} - {""})
    datas = sorted({of_run(recipe, run, family).data for run in built} - {""})
    return Provenance(
        asset=asset_of(recipe, node, family).key if node is not None else f"{recipe.name}/comparison",
        seeds=", ".join(map(str, seeds)) or "none",
        code=listed(codes),
        data=listed(datas),
        source=sources_of(built[0].config) if built else "",
        command=build_command(recipe.name, node),
    )


def of_dataset(recipe: RecipeView, name: str, shared: Artifacts, source: str) -> Provenance:
    """Return the provenance of a data set's figures."""
    return Provenance(
        asset=f"{recipe.name}/data_{name}",
        seeds="",
        code="",
        data=short(shared.digest(DatasetFamily(name).name)),
        source=source,
        command=build_command(recipe.name, f"data_{name}"),
    )


def sources_of(config: Mapping[str, Any]) -> str:
    """Return the source of the primary data set in human words ("" when no run says)."""
    datasets = config.get("datasets") or {}
    primary = config.get("primary_dataset") or next(iter(datasets), None)
    entry = datasets.get(primary) if isinstance(datasets, Mapping) else None
    return str(entry.get("source", "")) if isinstance(entry, Mapping) else ""


def short(version: Any) -> str:
    """Return the first eight characters of a version."""
    return str(version or "")[:8]


def listed(versions: Sequence[str], count: int = 3) -> str:
    """Return up to `count` versions and how many more there are."""
    more = f" and {len(versions) - count} more" if len(versions) > count else ""
    return ", ".join(versions[:count]) + more
