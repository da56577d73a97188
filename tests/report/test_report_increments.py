"""Pages that are kept from the last build: never what a full build would render otherwise, and all that need not be."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from laboratory import A, B, view_of, with_nodes

from acc_assets.places import TEMPLATES
from acc_assets.report import Frame, RecipeView, SiteResult, build_recipe
from acc_assets.report.writer import MANIFEST
from acc_assets.storage import Store

PAGES = "recipes/quickstart"
RECIPE, ROOT = f"{PAGES}/index.html", f"{PAGES}/nodes/experiment_root.html"
NODE_A, NODE_B = (f"{PAGES}/nodes/{node}.html" for node in (A, B))
VIEWER_A, VIEWER_B = (f"{PAGES}/latent/{node}.html" for node in (A, B))
FORKS = {f"{PAGES}/nodes/{fork}.html" for fork in ("digits_only", "with_curriculum")}
EXPLORED = {f"{PAGES}/{page}.html" for page in ("playground", "network")}
EVERY = {RECIPE, ROOT, NODE_A, NODE_B, VIEWER_A, VIEWER_B, *FORKS, *EXPLORED}


class Twice:
    """A site that keeps what is the same, and after each build a copy of it in which every page is rendered."""

    def __init__(self, store: Store, kept: Path, whole: Path, frame: Frame) -> None:
        self.store, self.kept, self.whole, self.frame = store, kept, whole, frame

    def build(self, change: Callable[[RecipeView], RecipeView] = lambda view: view) -> SiteResult:
        """Build both, see that no byte and no word differs, and return what the first did."""
        kept, mine = build_recipe(change(view_of(self.store)), replace(self.frame, out=self.kept))
        shutil.rmtree(self.whole, ignore_errors=True)
        shutil.copytree(self.kept, self.whole)
        known = json.loads((self.kept / MANIFEST).read_text())
        assert {*known["files"], MANIFEST} == set(contents(self.kept))
        (self.whole / MANIFEST).write_text(json.dumps({**known, "units": {}, "links": {}}))
        whole, other = build_recipe(change(view_of(self.store)), replace(self.frame, out=self.whole))
        assert mine == other
        assert replace(kept, written=0, rendered=()) == replace(whole, written=0, rendered=())
        assert set(whole.rendered) == set(whole.pages) == set(kept.pages)
        assert contents(self.kept) == contents(self.whole)
        return kept


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def changed_metrics(store: Store, node: str) -> None:
    run = store.run("quickstart", node, 0)
    document = run.read_json("metrics/metrics.json")
    document["tasks"]["recon"]["metrics"]["psnr"] += 1.0
    with run.family("metrics", run.manifest("metrics").schema, keep=True) as out:
        out.json("metrics.json", document)


def test_a_page_is_kept_where_a_full_build_would_render_the_same(
    own_lab: Store, rendered: Path, tmp_path: Path, frame: Frame
) -> None:
    site = Twice(own_lab, rendered, tmp_path / "whole", frame)
    assert site.build().rendered == ()

    changed_metrics(own_lab, A)
    assert set(site.build().rendered) == {RECIPE, NODE_A}
    own_lab.run("quickstart", B, 1).append_event({"event": "check.failed", "asset": "x", "why": "y"})
    assert set(site.build().rendered) == {RECIPE, NODE_B}

    def noted(view: RecipeView) -> RecipeView:
        return with_nodes(view, lambda node: replace(node, notes=("Look.",)) if node.tag == B else node)

    assert set(site.build(noted).rendered) == {RECIPE, NODE_B, VIEWER_B, *EXPLORED}

    def forked(view: RecipeView) -> RecipeView:
        fork, assets = (
            replace(view["digits_only"], tag="another", branch="another"),
            view.assets["digits_only"],
        )
        view = noted(view)
        return replace(view, nodes={**view.nodes, "another": fork}, assets={**view.assets, "another": assets})

    another = f"{PAGES}/nodes/another.html"
    assert set(site.build(forked).rendered) == {RECIPE, ROOT, another, *EXPLORED}

    def without(view: RecipeView) -> RecipeView:
        nodes = {tag: node for tag, node in view.nodes.items() if node.branch != "with_curriculum"}
        return replace(view, nodes=nodes)

    assert set(site.build(without).rendered) == {RECIPE, ROOT, VIEWER_A, *EXPLORED}

    def renamed(view: RecipeView) -> RecipeView:
        return replace(view, title="Renamed")

    assert set(site.build(renamed).rendered) == EVERY
    withheld = {(A, 1): {"traversals": "its recipe changed"}}
    assert set(site.build(lambda view: replace(renamed(view), withheld=withheld)).rendered) == {
        RECIPE,
        NODE_A,
    }
    shutil.rmtree(own_lab.run("quickstart", B, 1).local_path("onnx"))
    assert set(site.build(renamed).rendered) == {RECIPE, NODE_A, NODE_B, *EXPLORED}


def test_what_cannot_be_read_is_told_in_every_build(
    own_lab: Store, rendered: Path, tmp_path: Path, frame: Frame
) -> None:
    site = Twice(own_lab, rendered, tmp_path / "whole", frame)
    picture = own_lab.run("quickstart", A, 0).local_path("sorted/sorted_digit.png")
    whole = picture.read_bytes()
    picture.write_bytes(whole[:-1])
    for _ in range(2):
        result = site.build()
        assert {RECIPE, NODE_A} <= set(result.rendered)
        assert NODE_B not in result.rendered
        assert len(result.problems) == 1
    picture.write_bytes(whole)
    assert not site.build().problems
    assert site.build().rendered == ()


def test_a_page_that_somebody_changed_or_removed_is_rendered_again(
    lab: Store, rendered: Path, tmp_path: Path, frame: Frame
) -> None:
    whole = contents(rendered)
    (rendered / NODE_A).write_text("torn")
    (rendered / VIEWER_B).unlink()
    (rendered / f"downloads/quickstart/{B}/seed-0/config.json").unlink()
    shutil.rmtree(rendered / f"figures/quickstart/{A}/seed-0")
    result, _ = build_recipe(view_of(lab), replace(frame, out=rendered))
    assert set(result.rendered) == {NODE_A, NODE_B, VIEWER_B}
    assert contents(rendered) == whole


def test_templates_that_change_render_every_page(
    lab: Store, rendered: Path, tmp_path: Path, frame: Frame
) -> None:
    templates = Path(shutil.copytree(TEMPLATES / "pages", tmp_path / "templates" / "pages")).parent
    shutil.copytree(TEMPLATES / "styles", templates / "styles")
    node = templates / "pages" / "node.html"
    node.write_text(node.read_text().replace("<h1 ", "<h1 data-edited ", 1))
    result, _ = build_recipe(view_of(lab), replace(frame, out=rendered, templates=templates))
    assert set(result.rendered) == EVERY
    assert "data-edited" in (rendered / NODE_A).read_text()
