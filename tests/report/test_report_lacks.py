"""A site over a changed store: missing, damaged, foreign and hostile artifacts are named, and the rest stands."""

from __future__ import annotations

import json
import re
from dataclasses import make_dataclass, replace
from pathlib import Path

import pytest
from laboratory import FAMILIES, A, B, Site, build_site, tree_of, view_of, with_nodes
from site_pages import Document, read

from acc_assets.datasets import Digits
from acc_assets.families import STANDARD
from acc_assets.report import Frame
from acc_assets.storage import Store
from acc_assets.tree import BrokenRecipe, DatasetRef, TreeNode


def test_one_missing_family_is_named_and_the_page_stands(
    own_lab: Store, rendered: Path, frame: Frame
) -> None:
    own_lab.run("quickstart", B, 1).remove("traversals")
    result = build_site(frame, rendered, view_of(own_lab))
    node = Document(read(result, f"recipes/quickstart/nodes/{B}.html"))
    assert "quickstart/curriculum_600_traversals" in node.text
    recipe = Document(read(result, "recipes/quickstart/index.html"))
    assert "acc build quickstart --select curriculum_600 --seeds 1" in recipe.text
    assert not result.broken


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_any_family_may_be_missing(own_lab: Store, rendered: Path, frame: Frame, family: str) -> None:
    for node in (A, B):
        own_lab.run("quickstart", node, 0).remove(family)
    result = build_site(frame, rendered, view_of(own_lab))
    assert not result.broken


def test_without_data_set_pictures_there_is_no_viewer_and_no_link_to_one(
    own_lab: Store, rendered: Path, frame: Frame
) -> None:
    own_lab.recipe("quickstart").remove("data-digits")
    result = build_site(frame, rendered, view_of(own_lab))
    assert not [page for page in result.pages if "/latent/" in page or "playground" in page]
    assert not result.broken


def test_files_of_an_asset_that_the_recipe_dropped_are_no_figures(
    lab: Store, rendered: Path, frame: Frame
) -> None:
    requests = [request for request in STANDARD if request.name != "attention"]
    result = build_site(frame, rendered, view_of(lab, requests=requests))
    assert list(rendered.rglob("traversal_slant.png"))
    assert not list(rendered.rglob("attention.png"))
    assert not result.broken


def test_what_is_not_the_recipes_any_more_is_left_out_and_named(
    lab: Store, site: Site, rendered: Path, frame: Frame
) -> None:
    why = "its recipe or code changed"
    view = replace(view_of(lab), withheld={(B, 1): dict.fromkeys(("checkpoints", *FAMILIES), why)})
    result = build_site(frame, rendered, view)
    page = Document(read(result, f"recipes/quickstart/nodes/{B}.html"))
    assert page.text.count("Stored, and not shown") == 1
    assert why in page.text
    assert f"left out: {why}" in Document(read(result, "recipes/quickstart/index.html")).text
    rows = read(result, "downloads/quickstart/comparison.csv").splitlines()
    before = read(site, "downloads/quickstart/comparison.csv").splitlines()
    seeds = {row.split(",")[6] for row in rows if row.split(",")[1] == B}
    assert seeds == {"0"} < {row.split(",")[6] for row in before if row.split(",")[1] == B}


def test_damaged_artifacts_are_named_on_the_page_and_in_the_result(
    own_lab: Store, rendered: Path, frame: Frame
) -> None:
    run = own_lab.run("quickstart", B, 0)
    place = run.local_path("metrics/metrics.json")
    place.write_bytes(place.read_bytes()[:-40])
    picture = run.local_path("sorted/sorted_slant.png")
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + picture.read_bytes()[8:].replace(b"I", b"J"))
    result = build_site(frame, rendered, view_of(own_lab))
    assert any("metrics/metrics.json" in problem and "truncated" in problem for problem in result.problems)
    assert any("sorted_slant.png" in problem for problem in result.problems)
    page = Document(read(result, f"recipes/quickstart/nodes/{B}.html"))
    assert "Damaged artifacts." in page.text
    assert not result.broken


def test_arrays_of_another_name_are_named_and_the_rest_of_the_site_stands(
    own_lab: Store, rendered: Path, frame: Frame
) -> None:
    run = own_lab.run("quickstart", B, 0)
    with run.family("latents", keep=True) as out:
        out.npz("latents_step_600.npz", codes=[1.0])
        out.latest("latents_step_600.npz", "latents_latest.npz")
    with run.family("projections", keep=True) as out:
        out.npz("latent_2d_latest_umap.npz", places=[1.0])
    result = build_site(frame, rendered, view_of(own_lab))
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
    own_lab: Store, rendered: Path, frame: Frame
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
    text = read(build_site(frame, rendered, view_of(own_lab)), f"recipes/quickstart/nodes/{A}.html")
    page = " ".join(Document(text).text.split())
    before, after = page.split("Generalisation")  # once: nothing is said of seed 1, which was not judged
    assert "Loss health" in before[-40:]
    assert "healthy" in before[-40:]
    assert "critical" in after[:40]
    assert gap["reason"] in page
    assert "gap between the two shares: healthy up to 0.100, warning up to 0.500" in page


def test_models_that_fail_parity_are_not_offered(own_lab: Store, rendered: Path, frame: Frame) -> None:
    with own_lab.run("quickstart", A, 1).family("onnx", keep=True) as out:
        out.json("onnx.json", {"opset": 18, "parity": {"passed": False, "encoder": 0.3}, "ranges": []})
    result = build_site(frame, rendered, view_of(own_lab))
    assert not (result.folder / f"data/runs/quickstart/{A}/seed-1/onnx.js").exists()
    page = Document(read(result, "recipes/quickstart/playground.html"))
    assert f"{A}, seed 1: the exported models do not agree with torch" in page.text
    text = read(result, "recipes/quickstart/playground.html")
    runs = re.search(r'data-acc="playground".*?<script type="application/json">(.*?)</script>', text, re.S)
    assert runs is not None
    assert len(json.loads(runs.group(1))["runs"]) == 3


HOSTILE = """</script><script>alert(1)</script><img src=x onerror="alert(2)">' & {{ 7 * 7 }} <b>"""


def test_hostile_text_stays_text(own_lab: Store, rendered: Path, frame: Frame) -> None:
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
    result = build_site(frame, rendered, changed, unbuilt=unbuilt, broken=[broken])
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
