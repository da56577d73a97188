"""What a browser would make of the pages of a site, and what its data scripts hold."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
from laboratory import Site

from acc_assets.report.scripts import decode


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
