"""The link check finds what leads nowhere and what would leave the site."""

from __future__ import annotations

from pathlib import Path

import pytest

from acc_assets.report import check_links


def write(folder: Path, **pages: str) -> Path:
    """Write pages named by keyword; `a__b` is a/b.html."""
    for name, body in pages.items():
        path = folder / f"{name.replace('__', '/')}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<!doctype html><body>{body}</body>")
    return folder


def test_a_whole_site_has_no_broken_link(tmp_path: Path) -> None:
    (tmp_path / "data" / "runs").mkdir(parents=True)
    (tmp_path / "data" / "runs" / "x.js").write_text("")
    write(
        tmp_path,
        index='<a href="sub/page.html#here">x</a><a href="#top">t</a><p id="top"><div data-needs="runs/x"></div>'
        '<img src="data:image/png;base64,AA"><a href="https://example.org">outside, on a click only</a>'
        '<a href="sub/page.html#step=3&color=error">state</a>',
        sub__page='<a href="../index.html">home</a><p id="here">',
    )
    report = check_links(tmp_path)
    assert not report.broken
    assert report.count == 7


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('<a href="gone.html">x</a>', "no such file"),
        ('<img src="figures/gone.png">', "no such file"),
        ('<a href="#nowhere">x</a>', "no element with the id 'nowhere'"),
        ('<a href="/index.html">x</a>', "absolute"),
        ('<a href="../outside.html">x</a>', "out of the site"),
        ('<a href="sub/">x</a>', "a folder"),
        ('<script src="https://elsewhere.example/x.js"></script>', "leave the site"),
        ('<link rel="stylesheet" href="//elsewhere.example/x.css">', "leave the site"),
        ('<a href="javascript:alert(1)">x</a>', "not allowed"),
        ('<div data-needs="runs/gone/points"></div>', "not in data/"),
    ],
)
def test_broken_links_are_found_with_page_and_reason(tmp_path: Path, body: str, why: str) -> None:
    write(tmp_path, index=body, sub__index="")
    (broken,) = check_links(tmp_path)
    assert broken.page == "index.html"
    assert why in str(broken)


def test_style_sheets_are_checked_too(tmp_path: Path) -> None:
    write(tmp_path, index="")
    (tmp_path / "acc.css").write_text(
        "a { background: url('gone.png') } @import 'https://fonts.example/x.css';"
    )
    assert sorted(broken.link for broken in check_links(tmp_path)) == [
        "gone.png",
        "https://fonts.example/x.css",
    ]
