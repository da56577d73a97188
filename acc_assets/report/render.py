"""Jinja pages: everything that comes from a recipe or an artifact is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from acc_assets.report.scripts import script_json
from acc_assets.report.session import (
    DATASETS,
    HOME,
    REPRODUCE,
    node_page,
    playground_page,
    recipe_page,
    relative,
    root_of,
    viewer_page,
)
from acc_assets.report.vocabulary import CAPTIONS, duration, number, show

TEMPLATES = Path(__file__).resolve().parents[2] / "site_templates"
STYLES = ("base.css", "report.css", "charts.css", "viewer.css", "playground.css", "print.css")


class Pages:
    """Renders the templates of one folder."""

    def __init__(self, templates: Path) -> None:
        folder = templates / "pages"
        if not folder.is_dir():
            raise FileNotFoundError(
                f"the page templates are not at {folder}. Run from a checkout of the project, or give `templates`."
            )
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["soft"] = soft
        self._environment.filters["json_script"] = lambda value: Markup(script_json(value))
        self._environment.globals.update(
            number=number,
            show=show,
            duration=duration,
            captions=CAPTIONS,
            recipe_page=recipe_page,
            node_page=node_page,
            viewer_page=viewer_page,
            playground_page=playground_page,
            HOME=HOME,
            DATASETS=DATASETS,
            REPRODUCE=REPRODUCE,
        )

    def render(self, template: str, context: Mapping[str, Any]) -> str:
        """Return a page; `context["page"]` is its path in the site, from which all its links are relative."""
        page = str(context["page"])
        own = {"root": root_of(page), "rel": lambda target: relative(page, target)}
        return self._environment.get_template(template).render({**context, **own})


def soft(name: Any) -> Markup:
    """Escape a name and let it break after underscores."""
    return Markup("_<wbr>").join(str(name).split("_"))


def stylesheet(templates: Path) -> str:
    """Return the site's one style sheet: the styles that exist, in their order."""
    parts = [(templates / "styles" / name) for name in STYLES]
    return "\n".join(part.read_text(encoding="utf-8") for part in parts if part.is_file())
