"""A site that is rendered again: what changed is written and nothing else, and what is no site folder is told."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from laboratory import A, B, build_site, view_of
from site_pages import read

from acc_assets.report import Frame, RecipeView, build_home, build_recipe, check_links
from acc_assets.storage import StorageError, Store


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


def test_building_again_writes_nothing(lab: Store, tmp_path: Path, frame: Frame) -> None:
    first = build_site(frame, tmp_path / "site", view_of(lab))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "site").rglob("*.js")}
    second = build_site(frame, tmp_path / "site", view_of(lab))
    assert first.written == first.results[-1].files
    assert second.written == 0
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "site").rglob("*.js")}


def test_one_changed_family_rewrites_its_own_data_alone(own_lab: Store, rendered: Path, frame: Frame) -> None:
    run = own_lab.run("quickstart", A, 0)
    graph = run.read_npz("neighbors/knn_latest.npz")
    with run.family("neighbors", keep=True) as out:
        out.npz("knn_step_600.npz", indices=graph["indices"][:, ::-1], distances=graph["distances"])
        out.latest("knn_step_600.npz", "knn_latest.npz")
    scripts = {p: p.stat().st_mtime_ns for p in (rendered / "data").rglob("*.js")}
    result = build_site(frame, rendered, view_of(own_lab))
    changed = {p for p, time in scripts.items() if p.stat().st_mtime_ns != time}
    folder = rendered / f"data/runs/quickstart/{A}/seed-0"
    assert changed == {
        folder / f"neighbors-{step}.js" for step in (0, 300, 600)
    }  # all name the family's version
    assert result.written < 20


def test_what_is_gone_leaves_the_site_and_foreign_files_stay(
    own_lab: Store, rendered: Path, frame: Frame
) -> None:
    (rendered / "CNAME").write_text("example.org")
    shutil.rmtree(own_lab.run("quickstart", B, 1).local_path())
    build_site(frame, rendered, view_of(own_lab))
    assert not (rendered / f"figures/quickstart/{B}/seed-1").exists()
    assert (rendered / f"figures/quickstart/{B}/seed-0").exists()
    assert (rendered / "CNAME").exists()


def test_a_damaged_site_file_is_written_again(lab: Store, rendered: Path, frame: Frame) -> None:
    (rendered / "index.html").write_text("torn")
    (rendered / "data" / "runtime" / "ort-wasm.js").unlink()
    again = build_site(frame, rendered, view_of(lab))
    assert again.written == 2
    assert "acc_assets" in read(again, "index.html")


def test_equal_artifacts_give_equal_bytes(lab: Store, drawn: Path, tmp_path: Path, frame: Frame) -> None:
    first, second = drawn, build_site(frame, tmp_path / "again", view_of(lab)).folder
    names = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(second) for path in second.rglob("*") if path.is_file())
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


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


def test_the_link_check_sees_a_page_that_was_removed(rendered: Path) -> None:
    (rendered / "recipes/quickstart/nodes/curriculum_600.html").unlink()
    broken = check_links(rendered)
    assert any(link.page == "index.html" for link in broken.broken) or any(
        "curriculum_600.html" in link.link for link in broken.broken
    )
