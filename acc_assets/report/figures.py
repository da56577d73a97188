"""The pictures of a run: copied from its artifacts into the site, each with caption and provenance."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from acc_assets.report.alternatives import Classes, alternative, latent_map_alternative
from acc_assets.report.artifacts import Artifacts, RunArtifacts
from acc_assets.report.provenance import Provenance, of_run
from acc_assets.report.scatter import scatter_png
from acc_assets.report.views import RecipeView
from acc_assets.report.vocabulary import CAPTIONS, FIGURES, MAPS
from acc_assets.report.writer import SiteWriter, digest_of
from acc_assets.storage import StorageError

SCATTER_VERSION = 1


@dataclass(frozen=True)
class Figure:
    """One picture on a page; `path` is relative to the site root."""

    family: str
    factor: str  # "" where a picture shows all factors
    title: str
    caption: str
    alt: str
    path: str
    dark_path: str | None  # the same for dark pages, where the picture is not the same
    width: int  # pixels of the file
    height: int
    pixelated: bool
    general: str  # the caption that holds for every run
    provenance: Provenance

    @property
    def shown_width(self) -> int:
        """Widest that a page shows the picture, in CSS pixels: small ones three times as large, others twice."""
        return self.width * (3 if self.width < 240 else 2) if self.pixelated else self.width


def figures_of(writer: SiteWriter, recipe: RecipeView, run: RunArtifacts, shared: Artifacts) -> list[Figure]:
    """Copy every picture of a run that exists, in the order in which pages show them."""
    copy = _Copier(writer, recipe, run, shared)
    found = [copy.of("reconstructions", "reconstructions.png"), latent_map(writer, recipe, run, shared)]
    found.append(copy.of("attention", "attention.png"))
    for family, stem in (("traversals", "traversal"), ("sorted", "sorted")):
        for factor in factors_with(run, family, stem):
            found.append(copy.of(family, f"{stem}_{factor}.png", factor))
            if family == "traversals":
                found.append(copy.of(family, f"{stem}_{factor}_dims.png", factor, dims=True))
    return [figure for figure in found if figure is not None]


def stands(recipe: RecipeView, run: RunArtifacts, family: str) -> bool:
    """Say whether the recipe still makes this family; files of an asset that is gone are no figures."""
    assets = recipe.node(run.node).assets
    return not assets or family in assets


def factors_with(run: RunArtifacts, family: str, stem: str) -> list[str]:
    """Return the factors that a family has a picture of, in the latent's order."""
    names = run.names(family, prefix=f"{stem}_", suffix=".png")
    there = {name[len(stem) + 1 : -4] for name in names}
    known = [str(group["name"]) for group in run.groups]
    extra = sorted(f for f in there - set(known) if not f.endswith("_dims"))
    return [factor for factor in known if factor in there] + extra


def site_path(run: RunArtifacts, name: str) -> str:
    """Return where a run's picture lies in the site."""
    return f"figures/{run.recipe}/{run.node}/seed-{run.seed}/{name}"


@dataclass(frozen=True)
class _Copier:
    """Copies pictures of one run into the site."""

    writer: SiteWriter
    recipe: RecipeView
    run: RunArtifacts
    shared: Artifacts

    def of(self, family: str, name: str, factor: str = "", dims: bool = False) -> Figure | None:
        """One picture with its caption and its description; None where it is not there or is no picture."""
        run = self.run
        if not stands(self.recipe, run, family):
            return None
        raw = run.bytes(f"{family}/{name}")
        if raw is None:
            return None
        try:
            with Image.open(io.BytesIO(raw)) as picture:
                width, height = picture.size
        except OSError as error:
            run.problems.append(f"{family}/{name} is no picture: {error}")
            return None
        general = CAPTIONS["traversal_dims" if dims else family]
        title = FIGURES[family] + (f": {factor}" if factor else "")
        return Figure(
            family=family,
            factor=factor,
            title=f"{title}, dimension by dimension" if dims else title,
            caption=caption_of(run.json(f"{family}/{family}.json"), name, general),
            alt=alternative(run, self.shared, family, factor, dims),
            path=self.writer.write(site_path(run, name), raw),
            dark_path=None,
            width=width,
            height=height,
            pixelated=True,
            general=general,
            provenance=of_run(self.recipe, run, family),
        )


def caption_of(facts: Mapping[str, Any], name: str, default: str) -> str:
    """Return the caption that the asset wrote for a picture, else the general one."""
    captions = facts.get("captions")
    own = captions.get(name) if isinstance(captions, Mapping) else facts.get("caption")
    return str(own) if own else default


def latent_map(
    writer: SiteWriter, recipe: RecipeView, run: RunArtifacts, shared: Artifacts, size: int = 480
) -> Figure | None:
    """Draw the latest 2-D layout (UMAP, else PCA) coloured by the true label."""
    method = next((one for one in MAPS if run.exists(f"projections/latent_2d_latest_{one}.npz")), None)
    if method is None:
        return None
    name = f"projections/latent_2d_latest_{method}.npz"
    word, note = MAPS[method]
    family = f"data-{run.config.get('primary_dataset', '')}"
    parts = [run.digest("projections"), shared.digest(family)]

    def draw(theme: str) -> str:
        source = None if None in parts else digest_of(SCATTER_VERSION, *parts, name, size, theme)

        def make() -> bytes:
            targets = shared.npz(f"{family}/test.npz").get("targets")
            return scatter_png(run.arrays(name)["coords"], targets, theme, size)

        return writer.derive(site_path(run, f"latent-map-{theme}.png"), source, make)

    label = "class" if Classes(run, shared).names else "target"
    caption = CAPTIONS["projections"].format(method=word, label=label)
    caption = f"{caption} {note}"
    try:
        light, dark = draw("light"), draw("dark")
    except StorageError as error:
        run.note(error)
        return None
    return Figure(
        family="projections",
        factor="",
        title=f"Latent map ({word})",
        caption=caption,
        alt=latent_map_alternative(run, shared, method),
        path=light,
        dark_path=dark,
        width=size,
        height=size,
        pixelated=False,
        general=caption,
        provenance=of_run(recipe, run, "projections"),
    )
