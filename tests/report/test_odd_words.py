"""Names, titles and remarks with markup, quotes, dots and pieces of paths: no element, script or file of their own."""

from __future__ import annotations

import json
from dataclasses import make_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laboratory import build_site, recipe_view, tree_of, with_nodes
from odd_values import WORDS, mutated, nested, tried
from site_pages import Document

from acc_assets.datasets import Digits
from acc_assets.report import Frame
from acc_assets.report.live import live_node_page, live_runs_page, served
from acc_assets.report.page_head import SERVED_POLICY, THEME_SCRIPT
from acc_assets.report.scripts import decode, encode, script_json
from acc_assets.report.writer import MANIFEST, SiteWriter
from acc_assets.storage import StorageError, Store
from acc_assets.tree import BrokenRecipe, DatasetRef, RecipeError, TreeNode

PIECES = (
    "<",
    ">",
    '"',
    "'",
    "&",
    "`",
    "</script>",
    "<!--",
    "-->",
    "]]>",
    "{{",
    "{%",
    "&lt;",
    "\\",
    "/",
    "..",
    "\n\n",
    "\0",
)
ATTACKS = (
    *(word for word in WORDS if word != "\ud800"),
    *(
        "javascript:alert(1)",
        "<svg onload=alert(1)>",
        '" onmouseover="x',
        "</title><base href=//x>",
        "`<b>`",
        "\u2028",
    ),
    *(
        "</style><style>*{}",
        "<meta http-equiv=refresh content=0>",
        "data:text/html,<b>",
        "%3Cscript%3E",
        "&#60;b&#62;",
    ),
)
texts = st.sampled_from(ATTACKS) | st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=6).map(
    "".join
)
texts = texts.filter(lambda text: not any("\ud800" <= char <= "\udfff" for char in text))
HARMLESS = "a word and `code`\n\nand more"


def rendered(frame: Frame, out: Path, word: str) -> dict[str, Document]:
    """The pages of a recipe that nobody built, with a word wherever people's words stand."""
    task = make_dataclass(
        "Odd", ["name", "dataset", "weight"], frozen=True, namespace={"needs": lambda self: frozenset()}
    )
    extra = task(word, DatasetRef(word, Digits()), 1.0)

    def odd(node: TreeNode) -> TreeNode:
        phases = tuple(replace(phase, name=word) for phase in node.phases)
        branch = node.branch if node.kind == "root" else word
        return replace(node, branch=branch, tasks=(*node.tasks, extra), phases=phases, notes=(word,))

    said = dict.fromkeys(("title", "description", "question", "hypothesis"), word)
    view = recipe_view(tree_of(**said), Store(out.parent / "store"))
    view = replace(with_nodes(view, odd), source=word, parameters={word: word})
    broken = [BrokenRecipe(word, Path(word.replace("\0", "") or "x"), 3, word, fork=word)]
    result = build_site(frame, out, view, unbuilt=[tree_of(name="untouched", **said)], broken=broken)
    assert not result.broken
    return {path: Document((out / path).read_text()) for path in result.pages}


def shapes(page: Document) -> set[tuple[str, frozenset[str]]]:
    return {(tag, frozenset(attributes)) for tag, attributes in page.elements}


@pytest.fixture(scope="module")
def harmless(
    frame: Frame, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Document], list[Path]]:
    out = tmp_path_factory.mktemp("words") / "site"
    pages = rendered(frame, out, HARMLESS)
    return out, pages, files(out.parent)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@settings(max_examples=max(1, settings.default.max_examples // 10))
@given(word=texts)
def test_no_word_becomes_an_element_an_attribute_or_a_file(harmless: Any, frame: Frame, word: str) -> None:
    out, pages, written = harmless
    found = rendered(frame, out, word)
    assert found.keys() == pages.keys()
    assert files(out.parent) == written
    for path, page in found.items():
        assert shapes(page) <= shapes(pages[path]), (path, shapes(page) - shapes(pages[path]))
        assert [attributes for tag, attributes in page.elements if tag in ("meta", "base", "link")] == [
            attributes for tag, attributes in pages[path].elements if tag in ("meta", "base", "link")
        ]
        bare = [attributes for tag, attributes in page.elements if tag == "script" and not attributes]
        assert len(bare) == 1  # that of the theme
        for _, attributes in page.elements:
            for name in ("href", "src"):
                assert ":" not in (attributes.get(name) or "").split("/")[0] or attributes[name].startswith(
                    "data:image"
                )


@settings(max_examples=max(1, settings.default.max_examples // 5))
@given(recipe=texts, node=texts, seeds=st.lists(st.integers(), max_size=2))
def test_the_stand_in_for_a_page_holds_no_element_of_its_address(
    frame: Frame, recipe: str, node: str, seeds: list[int]
) -> None:
    page = served(live_node_page(frame.templates, recipe, node, seeds))
    known = (
        live_node_page(frame.templates, "a_recipe", "some_long_node", [0, 1]),
        live_runs_page(frame.templates),
    )  # without a name, all runs
    assert shapes(Document(page)) <= set().union(*(shapes(Document(served(html))) for html in known))
    assert page.count(THEME_SCRIPT) == page.count("<script>") == 1
    policies = [found["content"] for tag, found in Document(page).elements if found.get("http-equiv")]
    assert policies == [SERVED_POLICY]


@given(key=texts, value=nested(texts))
def test_what_data_scripts_hold_ends_no_script(key: str, value: Any) -> None:
    script, _ = tried(
        lambda: encode(key, {"value": value}, {}), ValueError
    )  # a number or text that JSON lacks
    if script is None:
        return
    assert not set("<>&\u2028\u2029") & set(script.decode())
    assert decode(script)[:2] == (key, {"value": json.loads(script_json(value))})


@given(recipe=texts, node=texts, seed=st.integers() | texts, rel=texts)
def test_no_name_leads_out_of_the_store(tmp_path: Path, recipe: str, node: str, seed: Any, rel: str) -> None:
    store = Store(tmp_path / "store")
    run, _ = tried(lambda: store.run(recipe, node, seed), StorageError)
    for folder in [run] if run is not None else [store.run("r", "n", 0)]:
        place, _ = tried(lambda folder=folder: folder.local_path(rel), StorageError)
        for path in [folder.local_path(), *([place] if place else [])]:
            assert path.resolve().is_relative_to(tmp_path / "store" / "runs")


@given(name=texts.filter(lambda text: text != ""))
def test_no_recipe_has_a_name_that_is_no_folder(name: str) -> None:
    tree, told = tried(lambda: tree_of(name=name), RecipeError)
    assert (tree is not None and tree.name == name and name.isidentifier()) or "is not a valid name" in told


KNOWN = {
    "schema": 1,
    "bytes": 2,
    "files": {"a.html": {"size": 1, "sha256": "0", "source": "1"}, "b/c.js": {"size": 1}},
}


@given(value=mutated(KNOWN, nested(texts)), path=texts, other=texts)
def test_the_list_of_a_site_and_its_paths_reach_nothing_outside(
    tmp_path: Path, value: Any, path: str, other: str
) -> None:
    out, secret = tmp_path / "site", tmp_path / "secret.txt"
    out.mkdir(exist_ok=True)
    secret.write_text("secret")
    before = {file for file in tmp_path.rglob("*") if not file.is_relative_to(out)}
    names = ("../secret.txt", str(secret), "b/../../secret.txt", path)
    if isinstance(value, dict) and isinstance(value.get("files"), dict):
        value = {**value, "files": {**value["files"], **{name: {"size": 6} for name in names}}}
    (out / MANIFEST).write_text(json.dumps(value))
    (out / "a.html").write_text("x")
    writer = SiteWriter(out)
    tried(lambda: writer.write(path, b"x"), ValueError, StorageError)
    tried(lambda: writer.derive(other, "1", lambda: b"y"), ValueError, StorageError)
    writer.keep(lambda one: True)
    writer.write("index.html", b"z")
    writer.finish()
    assert secret.read_text() == "secret"
    assert {file for file in tmp_path.rglob("*") if not file.is_relative_to(out)} == before
    assert json.loads((out / MANIFEST).read_text())["files"]["index.html"]["size"] == 1
