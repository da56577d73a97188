"""The built site: pages, missing and damaged artifacts, escaping, provenance, incremental and equal bytes."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import make_dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from laboratory import FAMILIES, A, B, Site, build_site, tree_of, view_of, with_nodes

from acc_assets.datasets import Digits
from acc_assets.families import STANDARD
from acc_assets.report import Frame, RecipeView, build_home, build_recipe, check_links
from acc_assets.report.scripts import decode
from acc_assets.storage import StorageError, Store
from acc_assets.tree import BrokenRecipe, DatasetRef, TreeNode


class Document(HTMLParser):
    """What a browser would make of a page: elements, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._inside):
            self.text += data


def read(result: Site, path: str) -> str:
    return (result.folder / path).read_text()


def data(result: Site, key: str) -> tuple[dict, dict[str, np.ndarray]]:
    found, meta, arrays = decode((result.folder / f"data/{key}.js").read_bytes())
    assert found == key
    return meta, arrays


def test_every_page_is_there_and_every_link_leads_somewhere(site: Site) -> None:
    assert {
        "index.html",
        "datasets.html",
        "reproduce.html",
        "recipes/quickstart/index.html",
        "recipes/quickstart/playground.html",
        *(f"recipes/quickstart/nodes/{node.tag}.html" for node in tree_of()),
        *(f"recipes/quickstart/latent/{node}.html" for node in (A, B)),
        "recipes/not_yet/index.html",
    } <= set(site.pages)
    assert not site.broken
    assert not check_links(site.folder).broken
    assert site.links > 300
    assert not site.problems


def test_pages_name_their_way_to_the_root(site: Site) -> None:
    for page in site.pages:
        root = re.search(r'<html lang="en" data-root="([^"]*)"', read(site, page))
        assert root is not None
        assert root.group(1) == "../" * page.count("/")


def test_the_recipe_page_shows_question_numbers_and_figures(site: Site, lab: Store) -> None:
    page = Document(read(site, "recipes/quickstart/index.html"))
    for text in (
        "Does a synthetic curriculum make a latent slot mean stroke thickness?",
        "Hypothesis.",
        A,
        B,
    ):
        assert text in page.text
    psnr = [
        lab.run("quickstart", B, seed).read_json("metrics/metrics.json")["tasks"]["recon"]["metrics"]["psnr"]
        for seed in (0, 1)
    ]
    assert f"{sum(psnr) / 2:.2f} ± " in page.text
    pictures = [attrs["src"] for tag, attrs in page.elements if tag == "img"]
    for factor in ("digit", "thickness", "slant", "free"):
        for node in (A, B):
            for seed in (0, 1):
                for stem in ("traversal", "sorted"):
                    assert f"../../figures/quickstart/{node}/seed-{seed}/{stem}_{factor}.png" in pictures


def test_charts_get_every_seed_of_every_branch(site: Site) -> None:
    text = read(site, "recipes/quickstart/index.html")
    charts = [
        json.loads(found) for found in re.findall(r'<script type="application/json">(.*?)</script>', text)
    ]
    tree = next(chart for chart in charts if "nodes" in chart and "metrics" in chart and "kind" not in chart)
    assert [node["tag"] for node in tree["nodes"]] == [node.tag for node in tree_of()]
    assert tree["initial"] == "digit_classify.accuracy"
    assert [node["health"] for node in tree["nodes"]] == ["", "", "healthy", "", "warning"]
    dots = next(chart for chart in charts if chart.get("kind") == "dots")
    accuracy = next(metric for metric in dots["metrics"] if metric["key"] == "digit_classify.accuracy")
    assert [len(row["values"]) for row in accuracy["rows"]] == [2, 2]
    curves = next(chart for chart in charts if chart.get("kind") == "curves")
    recon = next(panel for panel in curves["panels"] if panel["id"] == "loss/recon")
    assert {(one["node"], one["seed"]) for one in recon["series"]} == {(A, 0), (A, 1), (B, 0), (B, 1)}
    assert all(len(one["x"]) == len(one["y"]) <= 160 for one in recon["series"])


def test_every_figure_says_where_it_comes_from(view: RecipeView, tmp_path: Path, frame: Frame) -> None:
    versions = {0: "feedface00", 1: "feedface11"}
    known = {
        node: {family: replace(asset, data_versions=versions) for family, asset in assets.items()}
        for node, assets in view.assets.items()
    }
    result = build_site(frame, tmp_path / "site", replace(view, assets=known))
    page = Document(read(result, f"recipes/quickstart/nodes/{B}.html"))
    for text in (
        "quickstart/curriculum_600_traversals",
        str(view.assets[B]["traversals"].code_version)[:8],
        "feedface",
        Digits().source,
        "acc build quickstart --select curriculum_600 --seeds 1",
    ):
        assert text in page.text
    figures = [attrs for tag, attrs in page.elements if tag == "figure"]
    lines = [attrs for tag, attrs in page.elements if tag == "p" and attrs.get("class") == "provenance"]
    assert len(lines) >= len(figures) > 10


def assert_rounded(sent: np.ndarray, stored: np.ndarray, place: int | tuple[int, int]) -> None:
    """What a page draws of a step is what is stored, to half of one of 65,534 levels of the whole array's range."""
    half = (sent.max() - sent.min()) / 2 / 65_534
    np.testing.assert_allclose(sent[place], stored, rtol=1e-6, atol=half)


def test_points_hold_the_artifacts_values(site: Site, lab: Store) -> None:
    meta, arrays = data(site, f"runs/quickstart/{A}/seed-0/points")
    latents = lab.run("quickstart", A, 0).read_npz("latents/latents_latest.npz")
    assert_rounded(arrays["error"], latents["error"], -1)
    np.testing.assert_array_equal(arrays["predictions"][-1], latents["pred/digit_classify"])
    assert_rounded(arrays["activations"], latents["mu"][:, 4:7].mean(axis=1), (-1, 1))
    assert [factor["name"] for factor in meta["factors"]] == ["digit", "thickness", "slant", "free"]
    assert [coloring["id"] for coloring in meta["colorings"]][:3] == ["label", "prediction", "error"]
    assert meta["provenance"]["asset"] == f"quickstart/{A}_projection"


def test_projections_stack_the_snapshots(site: Site, lab: Store) -> None:
    meta, arrays = data(site, f"runs/quickstart/{A}/seed-1/projection-umap-3d")
    assert meta["steps"] == [0, 300, 600]
    assert arrays["coords"].shape == (3, 360, 3)
    stored = lab.run("quickstart", A, 1).read_npz("projections/latent_3d_step_300_umap.npz")["coords"]
    assert_rounded(arrays["coords"], stored, 1)


def test_the_atlas_and_the_models_travel_as_bytes(site: Site, lab: Store) -> None:
    meta, arrays = data(site, "datasets/quickstart/digits")
    assert arrays["atlas"].tobytes() == lab.recipe("quickstart").read_bytes("data-digits/atlas.png")
    assert (meta["n"], meta["columns"], meta["width"], meta["classes"][9]) == (360, 19, 16, "9")
    meta, arrays = data(site, f"runs/quickstart/{B}/seed-0/onnx")
    assert arrays["encoder"].tobytes() == b"encoder " + B.encode()
    assert len(meta["ranges"]) == meta["latent_dim"] == 16
    assert len(meta["samples"]) == len(arrays["samples"]) == 30
    assert {sample["label"] for sample in meta["samples"]} == set(range(10))


def test_an_unbuilt_recipe_says_which_command_builds_it(site: Site) -> None:
    page = Document(read(site, "recipes/not_yet/index.html"))
    assert "Nothing has been measured yet." in page.text
    assert "acc build not_yet" in page.text
    node = Document(read(site, "recipes/not_yet/nodes/curriculum_600.html"))
    assert "acc build not_yet --select curriculum_600 --seeds 1" in node.text
    card = read(site, "index.html").split('id="recipe-untouched"')[1].split("</article>")[0]
    assert "acc build untouched" in card
    assert "<a " not in card  # there is no page to go to
    assert {(m.node, m.seed) for m in site.missing} == {(A, 0), (A, 1), (B, 0), (B, 1)}


def test_a_broken_recipe_shows_its_error_and_takes_no_other_down(site: Site) -> None:
    page = Document(read(site, "index.html"))
    assert "This recipe cannot be read." in page.text
    assert "half.py:3: ?" in page.text
    assert "Quickstart" in page.text


def test_one_missing_family_is_named_and_the_page_stands(
    own_lab: Store, tmp_path: Path, frame: Frame
) -> None:
    own_lab.run("quickstart", B, 1).remove("traversals")
    result = build_site(frame, tmp_path / "site", view_of(own_lab))
    node = Document(read(result, f"recipes/quickstart/nodes/{B}.html"))
    assert "quickstart/curriculum_600_traversals" in node.text
    recipe = Document(read(result, "recipes/quickstart/index.html"))
    assert "acc build quickstart --select curriculum_600 --seeds 1" in recipe.text
    assert not result.broken


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_any_family_may_be_missing(own_lab: Store, tmp_path: Path, frame: Frame, family: str) -> None:
    for node in (A, B):
        own_lab.run("quickstart", node, 0).remove(family)
    result = build_site(frame, tmp_path / "site", view_of(own_lab))
    assert not result.broken


def test_without_data_set_pictures_there_is_no_viewer_and_no_link_to_one(
    own_lab: Store, tmp_path: Path, frame: Frame
) -> None:
    own_lab.recipe("quickstart").remove("data-digits")
    result = build_site(frame, tmp_path / "site", view_of(own_lab))
    assert not [page for page in result.pages if "/latent/" in page or "playground" in page]
    assert not result.broken


def test_files_of_an_asset_that_the_recipe_dropped_are_no_figures(
    lab: Store, tmp_path: Path, frame: Frame
) -> None:
    requests = [request for request in STANDARD if request.name != "attention"]
    result = build_site(frame, tmp_path / "site", view_of(lab, requests=requests))
    assert list((tmp_path / "site").rglob("traversal_slant.png"))
    assert not list((tmp_path / "site").rglob("attention.png"))
    assert not result.broken


def test_what_is_not_the_recipes_any_more_is_left_out_and_named(
    lab: Store, site: Site, tmp_path: Path, frame: Frame
) -> None:
    why = "its recipe or code changed"
    view = replace(view_of(lab), withheld={(B, 1): dict.fromkeys(("checkpoints", *FAMILIES), why)})
    result = build_site(frame, tmp_path / "site", view)
    page = Document(read(result, f"recipes/quickstart/nodes/{B}.html"))
    assert page.text.count("Stored, and not shown") == 1
    assert why in page.text
    assert f"left out: {why}" in Document(read(result, "recipes/quickstart/index.html")).text
    rows = read(result, "downloads/quickstart/comparison.csv").splitlines()
    before = read(site, "downloads/quickstart/comparison.csv").splitlines()
    seeds = {row.split(",")[6] for row in rows if row.split(",")[1] == B}
    assert seeds == {"0"} < {row.split(",")[6] for row in before if row.split(",")[1] == B}


def test_a_recipe_renders_its_own_pages_and_leaves_those_of_others(
    lab: Store, tmp_path: Path, frame: Frame
) -> None:
    frame = replace(frame, out=tmp_path / "site")
    first, mine = build_recipe(
        view_of(lab), frame
    )  # the shared pages are not there yet, and links lead to them
    assert not first.broken
    _, other = build_recipe(view_of(lab, name="not_yet", title="Not yet"), frame)
    build_home([mine, other], [], [], frame)
    page, home = frame.out / "recipes/not_yet/index.html", frame.out / "index.html"
    before = {path: path.read_bytes() for path in frame.out.rglob("*") if path.is_file()}
    second, mine = build_recipe(view_of(lab), frame)
    assert (second.digest, second.written, second.broken) == (first.digest, 0, ())
    _, other = build_recipe(view_of(lab, name="not_yet", title="Renamed"), frame)
    changed = {path for path, content in before.items() if path.read_bytes() != content} - {
        frame.out / "site.json"
    }
    assert page in changed
    assert {path.relative_to(frame.out).parts[:2] for path in changed} == {("recipes", "not_yet")}
    assert "Renamed" not in home.read_text()
    shared = build_home([mine, other], [], [], frame)
    assert "Renamed" in home.read_text()
    assert not shared.broken
    assert {path for path in frame.out.rglob("*") if path.is_file()} == set(before)
    third, mine = build_recipe(view_of(lab, title="Mine"), frame)
    assert third.digest != first.digest
    assert "Mine" in (frame.out / "recipes/quickstart/index.html").read_text()
    fourth = build_home([mine], [], [], frame)
    assert not fourth.broken
    assert not page.exists()


def test_damaged_artifacts_are_named_on_the_page_and_in_the_result(
    own_lab: Store, tmp_path: Path, frame: Frame
) -> None:
    run = own_lab.run("quickstart", B, 0)
    place = run.local_path("metrics/metrics.json")
    place.write_bytes(place.read_bytes()[:-40])
    picture = run.local_path("sorted/sorted_slant.png")
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + picture.read_bytes()[8:].replace(b"I", b"J"))
    result = build_site(frame, tmp_path / "site", view_of(own_lab))
    assert any("metrics/metrics.json" in problem and "truncated" in problem for problem in result.problems)
    assert any("sorted_slant.png" in problem for problem in result.problems)
    page = Document(read(result, f"recipes/quickstart/nodes/{B}.html"))
    assert "Damaged artifacts." in page.text
    assert not result.broken


def test_arrays_of_another_name_are_named_and_the_rest_of_the_site_stands(
    own_lab: Store, tmp_path: Path, frame: Frame
) -> None:
    run = own_lab.run("quickstart", B, 0)
    with run.family("latents", keep=True) as out:
        out.npz("latents_step_600.npz", codes=[1.0])
        out.latest("latents_step_600.npz", "latents_latest.npz")
    with run.family("projections", keep=True) as out:
        out.npz("latent_2d_latest_umap.npz", places=[1.0])
    result = build_site(frame, tmp_path / "site", view_of(own_lab))
    page = Document(read(result, f"recipes/quickstart/nodes/{B}.html"))
    for said in (
        "latents_step_600.npz holds no array 'mu', but codes.",
        "holds no array 'coords', but places.",
    ):
        assert any(said in problem for problem in result.problems)
        assert said in page.text
    assert not result.broken
    assert (result.folder / f"data/runs/quickstart/{A}/seed-0/points.js").exists()
    assert not (result.folder / f"data/runs/quickstart/{B}/seed-0/points.js").exists()


def test_a_node_says_in_one_word_each_how_it_trained_and_whether_that_holds(
    own_lab: Store, tmp_path: Path, frame: Frame
) -> None:
    run = own_lab.run("quickstart", A, 0)
    facts = run.read_json("metrics/metrics.json")
    gap = {
        "level": "critical",
        "reason": "wins 97% of what the baseline leaves on training images, 39% on test images",
        "thresholds": {"healthy_up_to": 0.1, "warning_up_to": 0.5},
    }
    facts["tasks"]["recon"]["generalisation"] = gap
    with run.family("metrics", keep=True) as out:
        out.json("metrics.json", {**facts, "generalisation": "critical"})
    text = read(build_site(frame, tmp_path / "site", view_of(own_lab)), f"recipes/quickstart/nodes/{A}.html")
    page = " ".join(Document(text).text.split())
    before, after = page.split("Generalisation")  # once: nothing is said of seed 1, which was not judged
    assert "Loss health" in before[-40:]
    assert "healthy" in before[-40:]
    assert "critical" in after[:40]
    assert gap["reason"] in page
    assert "gap between the two shares: healthy up to 0.100, warning up to 0.500" in page


def test_models_that_fail_parity_are_not_offered(own_lab: Store, tmp_path: Path, frame: Frame) -> None:
    with own_lab.run("quickstart", A, 1).family("onnx", keep=True) as out:
        out.json("onnx.json", {"opset": 18, "parity": {"passed": False, "encoder": 0.3}, "ranges": []})
    result = build_site(frame, tmp_path / "site", view_of(own_lab))
    assert not (result.folder / f"data/runs/quickstart/{A}/seed-1/onnx.js").exists()
    page = Document(read(result, "recipes/quickstart/playground.html"))
    assert f"{A}, seed 1: the exported models do not agree with torch" in page.text
    text = read(result, "recipes/quickstart/playground.html")
    runs = re.search(r'data-acc="playground".*?<script type="application/json">(.*?)</script>', text, re.S)
    assert runs is not None
    assert len(json.loads(runs.group(1))["runs"]) == 3


HOSTILE = """</script><script>alert(1)</script><img src=x onerror="alert(2)">' & {{ 7 * 7 }} <b>"""


def test_hostile_text_stays_text(own_lab: Store, tmp_path: Path, frame: Frame) -> None:
    reads = {"needs": lambda self: frozenset({HOSTILE})}
    Hostile = make_dataclass(HOSTILE, ["name", "dataset", "weight"], frozen=True, namespace=reads)  # noqa: N806
    extra = Hostile(HOSTILE, DatasetRef(HOSTILE, Digits()), make_dataclass(HOSTILE, [])())

    def hostile(node: TreeNode) -> TreeNode:
        branch = node.branch if node.kind == "root" else HOSTILE
        phases = tuple(replace(phase, name=HOSTILE) for phase in node.phases)
        return replace(node, branch=branch, tasks=(*node.tasks, extra), phases=phases, notes=(HOSTILE,))

    run = own_lab.run("quickstart", B, 0)
    config = run.read_json("config.json")
    config["datasets"] = {
        HOSTILE: {"source": HOSTILE},
        "digits": {**config["datasets"]["digits"], "source": HOSTILE},
    }
    config["factor_groups"].append({"name": HOSTILE, "start": 0, "stop": 1})
    run.write_json("config.json", config)
    summary = run.read_json("summary.json")
    summary["tasks"][HOSTILE] = {
        "health": HOSTILE,
        "trend": HOSTILE,
        "thresholds": {HOSTILE: 1.0},
        "reason": HOSTILE,
    }
    run.write_json("summary.json", {**summary, "error": HOSTILE, "status": HOSTILE})
    metrics = run.read_json("metrics/metrics.json")
    metrics["tasks"][HOSTILE] = {
        "kind": HOSTILE,
        "dataset": HOSTILE,
        "metrics": {HOSTILE: 1.0},
        "baseline": {},
    }
    with run.family("metrics") as out:
        out.json("metrics.json", metrics)
    with run.family("sorted", keep=True) as out:
        out.json("sorted.json", {"caption": HOSTILE})
    words = {"title": HOSTILE, "description": HOSTILE, "question": HOSTILE, "hypothesis": HOSTILE}
    changed = replace(
        with_nodes(view_of(own_lab, **words), hostile), source=HOSTILE, parameters={HOSTILE: HOSTILE}
    )
    broken = BrokenRecipe(HOSTILE, Path(HOSTILE), 3, HOSTILE)
    unbuilt = [tree_of(name="untouched", **words)]
    result = build_site(frame, tmp_path / "site", changed, unbuilt=unbuilt, broken=[broken])
    assert not result.broken
    shown = 0
    for path in result.pages:
        page = Document(read(result, path))
        for tag, attributes in page.elements:
            assert not any(name.startswith("on") for name in attributes), (path, tag, attributes)
            assert attributes.get("src") != "x"
            if tag == "script":
                own = attributes.get("src", "").endswith("assets/acc.js") if "src" in attributes else None
                assert own or attributes.get("type") == "application/json" or not attributes, (
                    path,
                    attributes,
                )
        scripts = re.findall(r"<script[^>]*>(.*?)</script>", read(result, path), re.S)
        assert not any("alert(1)</" in script or script.strip() == "alert(1)" for script in scripts)
        shown += HOSTILE.strip() in page.text
        assert "49" not in page.text or "{{ 7 * 7 }}" in page.text  # templates in text are not evaluated
    assert shown >= 8
    assert not any(char in path for path in result.pages for char in "<>\"'")


def test_building_again_writes_nothing(own_lab: Store, tmp_path: Path, frame: Frame) -> None:
    first = build_site(frame, tmp_path / "site", view_of(own_lab))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "site").rglob("*.js")}
    second = build_site(frame, tmp_path / "site", view_of(own_lab))
    assert first.written == first.results[-1].files
    assert second.written == 0
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "site").rglob("*.js")}


def test_one_changed_family_rewrites_its_own_data_alone(own_lab: Store, tmp_path: Path, frame: Frame) -> None:
    build_site(frame, tmp_path / "site", view_of(own_lab))
    run = own_lab.run("quickstart", A, 0)
    graph = run.read_npz("neighbors/knn_latest.npz")
    with run.family("neighbors", keep=True) as out:
        out.npz("knn_step_600.npz", indices=graph["indices"][:, ::-1], distances=graph["distances"])
        out.latest("knn_step_600.npz", "knn_latest.npz")
    scripts = {p: p.stat().st_mtime_ns for p in (tmp_path / "site" / "data").rglob("*.js")}
    result = build_site(frame, tmp_path / "site", view_of(own_lab))
    changed = {p for p, time in scripts.items() if p.stat().st_mtime_ns != time}
    folder = tmp_path / "site" / f"data/runs/quickstart/{A}/seed-0"
    assert changed == {
        folder / f"neighbors-{step}.js" for step in (0, 300, 600)
    }  # all name the family's version
    assert result.written < 20


def test_what_is_gone_leaves_the_site_and_foreign_files_stay(
    own_lab: Store, tmp_path: Path, frame: Frame
) -> None:
    out = tmp_path / "site"
    build_site(frame, out, view_of(own_lab))
    (out / "CNAME").write_text("example.org")
    shutil.rmtree(own_lab.run("quickstart", B, 1).local_path())
    build_site(frame, out, view_of(own_lab))
    assert not (out / f"figures/quickstart/{B}/seed-1").exists()
    assert (out / f"figures/quickstart/{B}/seed-0").exists()
    assert (out / "CNAME").exists()


def test_a_damaged_site_file_is_written_again(own_lab: Store, tmp_path: Path, frame: Frame) -> None:
    result = build_site(frame, tmp_path / "site", view_of(own_lab))
    (result.folder / "index.html").write_text("torn")
    (tmp_path / "site" / "data" / "runtime" / "ort-wasm.js").unlink()
    again = build_site(frame, tmp_path / "site", view_of(own_lab))
    assert again.written == 2
    assert "acc_assets" in read(again, "index.html")


def test_equal_artifacts_give_equal_bytes(lab: Store, tmp_path: Path, frame: Frame) -> None:
    first, second = (build_site(frame, tmp_path / name, view_of(lab)).folder for name in ("a", "b"))
    names = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(second) for path in second.rglob("*") if path.is_file())
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_no_path_of_this_machine_is_in_the_site(site: Site, lab: Store) -> None:
    here = str(lab.root).encode()
    for path in site.folder.rglob("*"):
        if path.is_file():
            assert here not in path.read_bytes(), path


def test_a_site_folder_that_is_none_is_one_sentence(view: RecipeView, tmp_path: Path, frame: Frame) -> None:
    out = tmp_path / "out"
    frame = replace(frame, out=out)
    for harm in (lambda: out.write_text("?"), lambda: out.symlink_to(out)):
        harm()
        for build in (lambda: build_home([], [], [], frame), lambda: build_recipe(view, frame)):
            with pytest.raises(StorageError, match=r"/out, and that is no folder\. Move it away"):
                build()
        out.unlink()
    (out / "index.html").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"cannot write .*index\.html.*remove what lies there"):
        build_home([], [], [], frame)
    (out / "index.html").rmdir()
    (out / "site.json").write_text("[" * 100_000)
    (out / "assets" / "acc.js").unlink()
    (out / "assets" / "acc.js").symlink_to("acc.js")
    build_home([], [], [], frame)
    assert (out / "index.html").is_file()


def test_a_missing_bundle_is_said_with_its_remedy(view: RecipeView, tmp_path: Path, frame: Frame) -> None:
    frame = replace(frame, out=tmp_path / "out")
    for lacking in (replace(frame, client_dist=tmp_path), replace(frame, ort_wasm=tmp_path / "x.wasm")):
        with pytest.raises(FileNotFoundError, match="npm run build"):
            build_home([], [], [], lacking)
        with pytest.raises(FileNotFoundError, match="npm run build"):
            build_recipe(view, lacking)


def test_the_link_check_sees_a_page_that_was_removed(own_lab: Store, tmp_path: Path, frame: Frame) -> None:
    result = build_site(frame, tmp_path / "site", view_of(own_lab))
    (tmp_path / "site" / "recipes/quickstart/nodes/curriculum_600.html").unlink()
    broken = check_links(result.folder)
    assert any(link.page == "index.html" for link in broken.broken) or any(
        "curriculum_600.html" in link.link for link in broken.broken
    )
