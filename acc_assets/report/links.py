"""Checking a site on disk: every link, picture, script and data key leads to a file of the site."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
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


@dataclass(frozen=True)
class PageLinks:
    """What a check leaves of a page whose links all lead somewhere, for the next one.

    anchors: of other pages that it links to, each the page, by its path below the site, and the id.
    """

    count: int
    anchors: list[list[str]]


@dataclass
class LinkReport:
    """The outcome of a check."""

    count: int = 0  # links that were looked at
    broken: list[BrokenLink] = field(default_factory=list)
    pages: dict[str, PageLinks] = field(default_factory=dict)  # without broken links

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
    site: Path,
    names: Iterable[str] | None = None,
    promised: Collection[str] = (),
    known: Mapping[str, PageLinks] | None = None,
) -> LinkReport:
    """Follow every relative link and anchor of pages and style sheets of a site.

    names: their paths below the site; default all that lie there. promised: files that another build is yet to write,
    so that what they lack now tells nothing. known: pages that are as they were when they were checked, and nothing of
    the site was removed since; of what they link to, only the anchors of pages that are not among them are looked at.
    """
    return _Check(site, promised, known or {}).of(names)


class _Check:
    """One check; a page is parsed when something of it is asked for."""

    def __init__(self, site: Path, promised: Collection[str], known: Mapping[str, PageLinks]) -> None:
        self._site, self._root = site, site.resolve()
        self._promised, self._known = promised, known
        self._parsed: dict[Path, _Page] = {}
        self._anchors: set[tuple[str, str]] = set()  # of other pages that the page at hand links to
        self._report = LinkReport()

    def of(self, names: Iterable[str] | None) -> LinkReport:
        if names is None:
            found = [*self._site.rglob("*.html"), *self._site.rglob("*.css")]
            names = [path.relative_to(self._site).as_posix() for path in found]
        for name in sorted(names, key=lambda name: (name.endswith(".css"), name)):
            if name.endswith(".css"):
                self._sheet(name)
            elif name in self._known and all(map(self._still, self._known[name].anchors)):
                self._report.count += self._known[name].count
                self._report.pages[name] = self._known[name]
            else:
                self._page(name)
        return self._report

    def _still(self, anchor: list[str]) -> bool:
        """Whether a page that may have changed still has an anchor."""
        name, fragment = anchor
        return name in self._known or fragment in self._parse((self._site / name).resolve()).ids

    def _page(self, name: str) -> None:
        path = (self._site / name).resolve()
        page, before = self._parse(path), len(self._report.broken)
        self._anchors.clear()
        for link, loads in page.links:
            self._told(name, link, self._problem(path, link, loads))
        for key in page.keys:
            there = (self._site / "data" / f"{key}.js").is_file()
            self._told(name, key, None if there else "the page needs this data, and it is not in data/")
        if len(self._report.broken) == before:
            count = len(page.links) + len(page.keys)
            self._report.pages[name] = PageLinks(count, [list(anchor) for anchor in sorted(self._anchors)])

    def _sheet(self, name: str) -> None:
        path = (self._site / name).resolve()
        for match in CSS_URL.finditer(path.read_text(encoding="utf-8")):
            link = match.group(1) or match.group(2)
            self._told(name, link, self._problem(path, link, True))

    def _told(self, name: str, link: str, why: str | None) -> None:
        self._report.count += 1
        if why:
            self._report.broken.append(BrokenLink(name, link, why))

    def _parse(self, path: Path) -> _Page:
        if path not in self._parsed:
            self._parsed[path] = _Page()
            self._parsed[path].feed(path.read_text(encoding="utf-8"))
        return self._parsed[path]

    def _problem(self, page: Path, link: str, loads: bool) -> str | None:
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
        if not target.is_relative_to(self._root):
            return "it leads out of the site's folder"
        if target.is_dir():
            return "a folder: from disk it shows a listing; link to its index.html"
        name, fragment = target.relative_to(self._root).as_posix(), unquote(parts.fragment)
        if name in self._promised:
            return None
        if not target.is_file():
            return "no such file"
        # "#step=500&color=error" is a state that the page's script reads, not an anchor.
        if fragment and "=" not in fragment and target.suffix == ".html":
            if fragment not in self._parse(target).ids:
                return f"the page has no element with the id '{fragment}'"
            if target != page:
                self._anchors.add((name, fragment))
        return None
