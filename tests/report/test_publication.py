"""Figures for print: what is there to draw, in the site's downloads and by itself, and how it looks on paper."""

from __future__ import annotations

import io
import itertools
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from laboratory import Site, build_site, view_of
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from acc_assets.places import TEMPLATES
from acc_assets.report import Frame, RecipeView, compare
from acc_assets.report.curves import curve_panels
from acc_assets.report.paper import BRANCHES, DOUBLE, ROOT, SINGLE, style
from acc_assets.report.publication import Drawing, drawings, write_figures
from acc_assets.report.table import all_runs
from acc_assets.storage import Store

NAMES = {"metrics", "curves", "traversals", "latent-map"}


@pytest.fixture(scope="module")
def figures(lab: Store) -> dict[str, Drawing]:
    """The figures of the fixture, by name."""
    return {one.name: one for one in drawings_of(view_of(lab))}


def drawings_of(view: RecipeView) -> list[Drawing]:
    runs = [run for run in all_runs(view) if view[run.node].kind == "trained"]
    return list(drawings(view, compare(view), curve_panels(view, runs)))


def test_every_figure_is_among_the_downloads_as_pdf_and_svg(site: Site) -> None:
    page = (site.folder / "recipes" / "quickstart" / "index.html").read_text()
    for name in NAMES:
        for kind, begins in (("pdf", b"%PDF-"), ("svg", b"<?xml")):
            path = f"downloads/quickstart/{name}.{kind}"
            assert (site.folder / path).read_bytes().startswith(begins)
            assert f'href="../../{path}"' in page


def test_figures_are_as_wide_as_columns_of_a_journal(figures: dict[str, Drawing]) -> None:
    assert set(figures) == NAMES
    for one in figures.values():
        width, height = (25.4 * inches for inches in one.figure.get_size_inches())
        assert min(abs(width - SINGLE), abs(width - DOUBLE)) < 0.01
        assert height < 250


def test_no_text_leaves_the_page_or_covers_another(figures: dict[str, Drawing]) -> None:
    for one in figures.values():
        canvas = FigureCanvasAgg(one.figure)
        with style():
            canvas.draw()
        hidden = {  # ticks of no axis, or beyond its ends, are never drawn
            label
            for axes in one.figure.axes
            for axis in (axes.xaxis, axes.yaxis)
            for tick in axis.get_major_ticks()
            if not axes.axison
            or not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
            for label in (tick.label1, tick.label2)
        }
        texts = [text for text in one.figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
        boxes = {text: text.get_window_extent(canvas.get_renderer()) for text in texts if text not in hidden}
        page = one.figure.bbox
        for text, box in boxes.items():
            inside = page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
            assert inside, (one.name, text.get_text())
        for (text, box), (other, next_to) in itertools.combinations(boxes.items(), 2):
            apart = (
                box.x1 <= next_to.x0 or next_to.x1 <= box.x0 or box.y1 <= next_to.y0 or next_to.y1 <= box.y0
            )
            assert apart, (one.name, text.get_text(), other.get_text())


def test_the_text_of_a_pdf_is_text_and_the_svg_is_vectors(figures: dict[str, Drawing]) -> None:
    pdf = figures["metrics"].render("pdf")
    assert b"/TrueType" in pdf or b"/CIDFontType2" in pdf  # no outlines, and no Type 3
    assert b"/Type3" not in pdf
    assert b"CreationDate" not in pdf
    tree = ElementTree.fromstring(figures["metrics"].render("svg"))
    found = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert "path" in found
    assert "image" not in found
    assert "date" not in found


def test_a_map_of_many_points_is_a_picture_within_vectors(figures: dict[str, Drawing]) -> None:
    svg = figures["latent-map"].render("svg").decode()
    assert svg.count("<image") == 2  # one a branch
    assert len(svg) < 500_000


def test_another_process_draws_the_same_bytes(lab: Store, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "from pathlib import Path; from laboratory import view_of\n"
        "from acc_assets.storage import Store; from acc_assets.report.publication import write_figures\n"
        "write_figures(view_of(Store(sys.argv[3])), Path(sys.argv[4]), 'pdf')\n"
    )
    here = Path(__file__).parent
    arguments = [str(here), str(here.parent), str(lab.root), str(tmp_path / "there")]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)
    for path in write_figures(view_of(lab), tmp_path / "here", "pdf"):
        assert path.read_bytes() == (tmp_path / "there" / path.name).read_bytes(), path.name


def test_a_figure_is_drawn_anew_only_where_its_numbers_changed(
    own_lab: Store, frame: Frame, tmp_path: Path
) -> None:
    build_site(frame, tmp_path / "site", view_of(own_lab))
    before = {
        path.name: path.stat().st_mtime_ns for path in (tmp_path / "site/downloads/quickstart").glob("*.svg")
    }
    assert set(before) == {f"{name}.svg" for name in NAMES}
    tag = view_of(own_lab).shown()[0].tag
    run = own_lab.run("quickstart", tag, 0)
    metrics = run.read_json("metrics/metrics.json")
    metrics["tasks"]["recon"]["metrics"]["psnr"] += 1
    with run.family("metrics", keep=True) as out:
        out.json("metrics.json", metrics)
    build_site(frame, tmp_path / "site", view_of(own_lab))
    after = {
        path.name: path.stat().st_mtime_ns for path in (tmp_path / "site/downloads/quickstart").glob("*.svg")
    }
    assert {name for name in after if after[name] != before[name]} == {"metrics.svg"}


def test_a_damaged_map_takes_no_other_figure_down(own_lab: Store, frame: Frame, tmp_path: Path) -> None:
    tag = view_of(own_lab).shown()[0].tag
    own_lab.run("quickstart", tag, 0).local_path("projections/latent_2d_latest_umap.npz").write_bytes(
        b"no npz"
    )
    assert not build_site(frame, tmp_path / "site", view_of(own_lab)).broken
    there = {path.stem for path in (tmp_path / "site/downloads/quickstart").glob("*.pdf")}
    assert there == NAMES - {"latent-map"}


def test_traversals_show_the_images_that_were_decoded(lab: Store, tmp_path: Path) -> None:
    (path,) = [one for one in write_figures(view_of(lab), tmp_path, "png") if "traversals" in one.name]
    with Image.open(io.BytesIO(path.read_bytes())) as picture:
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=1)
        assert np.asarray(picture.convert("L")).std() > 20


def test_branches_have_the_colours_of_the_site() -> None:
    styles = (TEMPLATES / "styles" / "base.css").read_text()
    light = dict(re.findall(r"--branch-(\w+): light-dark\((#\w+),", styles))
    assert [light[str(number)] for number in range(len(BRANCHES))] == list(BRANCHES)
    assert light["root"] == ROOT
