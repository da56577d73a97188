"""The pictures of a run: copied or drawn into the site, each with caption and provenance."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from acc_assets.families import Family, Picture, RunArtifacts
from acc_assets.report.provenance import Provenance, of_run
from acc_assets.report.recipe import RecipeView
from acc_assets.report.writer import SiteWriter, digest_of
from acc_assets.storage import StorageError


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


def figures_of(writer: SiteWriter, recipe: RecipeView, run: RunArtifacts) -> list[Figure]:
    """Bring every picture of a run that exists into the site, in the order in which pages show them."""
    return [
        figure
        for family in recipe.families(recipe[run.node])
        for picture in family.pictures(run, recipe.shared(run.seed))
        for figure in _figure(writer, recipe, run, family, picture)
    ]


def site_path(run: RunArtifacts, name: str) -> str:
    """Return where a run's picture lies in the site."""
    return f"figures/{run.recipe}/{run.node}/seed-{run.seed}/{name}"


def _figure(
    writer: SiteWriter, recipe: RecipeView, run: RunArtifacts, family: Family, picture: Picture
) -> Iterator[Figure]:
    """One picture with its caption; nothing where it is not there or is no picture."""
    placed = _copied(writer, run, family, picture) if picture.draw is None else _drawn(writer, run, picture)
    if placed is None:
        return
    path, dark_path, (width, height) = placed
    yield Figure(
        family=family.name,
        factor=picture.factor,
        title=picture.title,
        caption=picture.caption or picture.general,
        alt=f"{picture.alt} {run.node}, seed {run.seed}.",
        path=path,
        dark_path=dark_path,
        width=width,
        height=height,
        pixelated=picture.draw is None,
        general=picture.general,
        provenance=of_run(recipe, run, family.name),
    )


Placed = tuple[str, str | None, tuple[int, int]]  # path, path for dark pages, width and height


def _copied(writer: SiteWriter, run: RunArtifacts, family: Family, picture: Picture) -> Placed | None:
    raw = run.bytes(family.path(picture.name))
    if raw is None:
        return None
    try:
        with Image.open(io.BytesIO(raw)) as opened:
            size = opened.size
    except OSError as error:
        run.note(f"{family.path(picture.name)} is no picture: {error}")
        return None
    return writer.write(site_path(run, picture.name), raw), None, size


def _drawn(writer: SiteWriter, run: RunArtifacts, picture: Picture) -> Placed | None:
    draw, size = picture.draw, picture.size
    if draw is None or size is None:
        raise ValueError(f"the picture '{picture.name}' is drawn, so it must say how large it is")

    def themed(theme: str) -> str:
        source = None if None in picture.source else digest_of(*picture.source, theme)
        path = site_path(run, f"{picture.name}-{theme}.png")
        return writer.derive(path, source, lambda: draw(theme))

    try:
        return themed("light"), themed("dark"), size
    except StorageError as error:
        run.note(error)
        return None
