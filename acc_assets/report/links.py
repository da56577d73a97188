"""Checking a site on disk: every link, picture, script and data key leads to a file of the site."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADING = {
    ("script", "src"),
    ("img", "src"),
    ("link", "href"),
    ("source", "src"),
    ("iframe", "src"),
    ("use", "href"),
}
CSS_URL = re.compile(r"url\(\s*['\"]?([^'\")]+)['\"]?\s*\)|@import\s+['\"]([^'\"]+)['\"]")


@dataclass(frozen=True)
class BrokenLink:
    """One link that leads nowhere, or one that would leave the site when a page loads."""

    page: str
    link: str
    why: str

    def __str__(self) -> str:
        return f"{self.page}: {self.link} ({self.why})"


@dataclass
class LinkReport:
    """The outcome of a check."""

    count: int = 0  # links that were looked at
    broken: list[BrokenLink] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.broken)

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self.broken)

    def __len__(self) -> int:
        return len(self.broken)


class _Page(HTMLParser):
    """Collects a page's links, the ids it defines and the data keys it needs."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[tuple[str, bool]] = []  # (link, whether loading the page requests it)
        self.ids: set[str] = set()
        self.keys: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name == "id":
                self.ids.add(value)
            elif name == "data-needs":
                self.keys += value.split()
            elif name in ("href", "src", "poster"):
                self.links.append((value, (tag, name) in LOADING))
            elif name == "srcset":
                self.links += [(part.split()[0], True) for part in value.split(",") if part.strip()]


def check_links(
    site: Path, owned: Callable[[str], bool] = lambda path: True, promised: Collection[str] = ()
) -> LinkReport:
    """Follow every relative link and anchor of every page and style sheet under `site`.

    owned: whether a file, by its path below the site, is one to be checked. promised: files that another build
    is yet to write, so that what they lack now tells nothing.
    """
    report = LinkReport()
    parsed: dict[Path, _Page] = {}
    for path in sorted(site.rglob("*.html")):
        page = _Page()
        page.feed(path.read_text(encoding="utf-8"))
        parsed[path.resolve()] = page
    for path, page in parsed.items():
        name = path.relative_to(site.resolve()).as_posix()
        if not owned(name):
            continue
        for link, loads in page.links:
            report.count += 1
            why = _problem(site, path, link, loads, parsed, promised)
            if why:
                report.broken.append(BrokenLink(name, link, why))
        for key in page.keys:
            report.count += 1
            if not (site / "data" / f"{key}.js").is_file():
                report.broken.append(
                    BrokenLink(name, key, "the page needs this data, and it is not in data/")
                )
    for path in sorted(site.rglob("*.css")):
        for match in CSS_URL.finditer(path.read_text(encoding="utf-8")):
            report.count += 1
            link = match.group(1) or match.group(2)
            why = _problem(site, path.resolve(), link, True, parsed, promised)
            if why:
                report.broken.append(BrokenLink(path.relative_to(site).as_posix(), link, why))
    return report


def _problem(
    site: Path,
    page: Path,
    link: str,
    loads: bool,
    parsed: dict[Path, _Page],
    promised: Collection[str],
) -> str | None:
    parts = urlsplit(link)
    if parts.scheme in ("data", "blob") or (parts.scheme == "mailto" and not loads):
        return None
    if parts.scheme or parts.netloc:
        if loads:
            return "loading the page would leave the site"
        return (
            None
            if parts.scheme in ("http", "https")
            else f"links of the kind '{parts.scheme}' are not allowed"
        )
    if parts.path.startswith("/"):
        return "absolute: it breaks below a sub-path"
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    root = site.resolve()
    if not target.is_relative_to(root):
        return "it leads out of the site's folder"
    if target.is_dir():
        return "a folder: from disk it shows a listing; link to its index.html"
    if target.relative_to(root).as_posix() in promised:
        return None
    if not target.is_file():
        return "no such file"
    fragment = unquote(parts.fragment)
    state = "=" in fragment  # "#step=500&color=error" is a state that the page's script reads, not an anchor
    if fragment and not state and target in parsed and fragment not in parsed[target].ids:
        return f"the page has no element with the id '{fragment}'"
    return None
