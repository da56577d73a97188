"""Jinja pages: everything that comes from a recipe or an artifact is escaped."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

import acc_assets
from acc_assets.report.page_head import POLICY, THEME_SCRIPT
from acc_assets.report.scripts import script_json
from acc_assets.report.session import (
    DATASETS,
    HOME,
    REPRODUCE,
    node_page,
    recipe_page,
    relative,
    root_of,
    viewer_page,
)

_CODE = re.compile(r"`([^`\n]+)`")
SHORT = 4  # letters of a name's part that does not stand alone on a line
STYLES = (
    "base.css",
    "report.css",
    "charts.css",
    "live.css",
    "viewer.css",
    "playground.css",
    "grounding.css",
    "network.css",
    "labelling.css",
    "forking.css",
    "print.css",
)


ROOMS = ("report", "families", "storage", "tree")  # whose code decides what a page says


@lru_cache(maxsize=4)
def environment(folder: Path) -> Environment:
    """Return the templates of a folder, compiled once in a process; an edited template is read again."""
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["soft"] = soft
    made.filters["paragraphs"] = paragraphs
    made.filters["json_script"] = lambda value: Markup(script_json(value))
    made.globals.update(
        recipe_page=recipe_page,
        node_page=node_page,
        viewer_page=viewer_page,
        HOME=HOME,
        DATASETS=DATASETS,
        REPRODUCE=REPRODUCE,
        POLICY=POLICY,
        THEME_SCRIPT=Markup(THEME_SCRIPT),
    )
    return made


class Pages:
    """Renders the templates of one folder."""

    def __init__(self, templates: Path) -> None:
        folder = templates / "pages"
        if not folder.is_dir():
            raise FileNotFoundError(
                f"the page templates are not at {folder}. Install the package again, or give `templates`."
            )
        self._environment = environment(folder)

    def render(self, template: str, context: Mapping[str, Any]) -> str:
        """Return a page; `context["page"]` is its path in the site, from which all its links are relative."""
        page = str(context["page"])
        own = {"root": root_of(page), "rel": lambda target: relative(page, target)}
        return self._environment.get_template(template).render({**context, **own})


def version_of(templates: Path) -> str:
    """Version of what renders pages: their templates, and the code of the package that fills them."""
    return f"{_digest(sorted((templates / 'pages').rglob('*')))}-{_code()}"


@cache
def _code() -> str:
    package = Path(acc_assets.__file__).parent
    return _digest(path for room in ROOMS for path in sorted((package / room).rglob("*.py")))


def _digest(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        if path.is_file():
            total.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return total.hexdigest()


def soft(name: Any) -> Markup:
    """Escape a text and let it break after underscores, but not before a short part such as that of `only_5k`."""
    first, *parts = str(name).split("_")
    return Markup(escape(first)) + Markup("").join(
        Markup("_{}" if len(part) < SHORT else "_<wbr>{}").format(part) for part in parts
    )


def paragraphs(text: str) -> list[Markup]:
    """Escape a text of blank lines between paragraphs, with what stands between backticks as code."""
    told = [Markup(_CODE.sub(r"<code>\1</code>", str(escape(part)))) for part in re.split(r"\n\s*\n", text)]
    return [part for part in told if part.strip()]


def stylesheet(templates: Path) -> str:
    """Return the site's one style sheet: the styles that exist, in their order."""
    parts = [(templates / "styles" / name) for name in STYLES]
    return "\n".join(part.read_text(encoding="utf-8") for part in parts if part.is_file())
