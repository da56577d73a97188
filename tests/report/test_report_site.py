"""The built site: its pages, figures, data and links, and where everything comes from."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from laboratory import A, B, Site, build_site, tree_of
from site_pages import Document, data, read

from acc_assets.datasets import Digits
from acc_assets.report import Frame, RecipeView, check_links
from acc_assets.report.page_head import POLICY, source_hash
from acc_assets.storage import Store


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


def test_every_page_has_the_policy_and_one_inline_script_that_it_allows(site: Site) -> None:
    paths = [path.relative_to(site.folder).as_posix() for path in site.folder.rglob("*.html")]
    assert {*paths} >= {*site.pages}
    for path in paths:
        text = read(site, path)
        elements = Document(text).elements
        policies = [found["content"] for tag, found in elements if tag == "meta" and "http-equiv" in found]
        assert policies == [POLICY], path
        assert not [
            found for tag, found in elements if tag == "style" or any(name.startswith("on") for name in found)
        ]
        inline = re.findall(r"<script>(.*?)</script>", text, re.S)
        assert [source_hash(script) in POLICY for script in inline] == [True], path


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


def test_every_figure_says_where_it_comes_from(view: RecipeView, rendered: Path, frame: Frame) -> None:
    versions = {0: "feedface00", 1: "feedface11"}
    known = {
        node: {family: replace(asset, data_versions=versions) for family, asset in assets.items()}
        for node, assets in view.assets.items()
    }
    result = build_site(frame, rendered, replace(view, assets=known))
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


def assert_rounded(sent: np.ndarray, stored: np.ndarray, place: Any) -> None:
    """What a page draws of a step is what is stored, to half of one of 65,534 levels of the whole array's range."""
    half = (sent.max() - sent.min()) / 2 / 65_534
    np.testing.assert_allclose(sent[place], stored, rtol=1e-6, atol=half)


def test_points_hold_the_artifacts_values(site: Site, lab: Store) -> None:
    meta, always = data(site, f"runs/quickstart/{A}/seed-0/points")
    _, arrays = data(site, f"runs/quickstart/{A}/seed-0/facts-600")
    latents = lab.run("quickstart", A, 0).read_npz("latents/latents_latest.npz")
    assert_rounded(arrays["error"], latents["error"], ...)
    np.testing.assert_array_equal(arrays["predictions"], latents["pred/digit_classify"])
    assert_rounded(arrays["activations"], latents["mu"][:, 4:7].mean(axis=1), 1)
    assert [factor["name"] for factor in meta["factors"]] == ["digit", "thickness", "slant", "free"]
    assert [coloring["id"] for coloring in meta["colorings"]][:3] == ["label", "prediction", "error"]
    assert meta["provenance"]["asset"] == f"quickstart/{A}_projection"
    assert meta["fact_steps"] == [0, 300, 600]
    _, before = data(site, f"runs/quickstart/{A}/seed-0/facts-300")
    stored = lab.run("quickstart", A, 0).read_npz("latents/latents_step_300.npz")
    assert_rounded(before["error"], stored["error"], ...)
    assert set(before) == set(arrays)
    assert "labels" in set(always) - set(arrays)


def test_projections_stack_the_snapshots(site: Site, lab: Store) -> None:
    meta, last = data(site, f"runs/quickstart/{A}/seed-1/projection-umap-3d")
    _, arrays = data(site, f"runs/quickstart/{A}/seed-1/projection-umap-3d-earlier")
    assert meta["steps"] == [0, 300, 600]
    assert last["coords"].shape == (1, 360, 3)
    assert arrays["coords"].shape == (2, 360, 3)
    stored = lab.run("quickstart", A, 1).read_npz("projections/latent_3d_step_300_umap.npz")["coords"]
    assert_rounded(arrays["coords"], stored, 1)


def test_the_atlas_and_the_models_travel_as_bytes(site: Site, lab: Store) -> None:
    meta, arrays = data(site, "datasets/quickstart/digits")
    assert arrays["targets"].shape == (360,)
    _, pictures = data(site, "datasets/quickstart/digits-pictures")
    assert pictures["atlas"].tobytes() == lab.recipe("quickstart").read_bytes("data-digits/atlas.png")
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


def test_no_path_of_this_machine_is_in_the_site(site: Site, lab: Store) -> None:
    here = str(lab.root).encode()
    for path in site.folder.rglob("*"):
        if path.is_file():
            assert here not in path.read_bytes(), path
