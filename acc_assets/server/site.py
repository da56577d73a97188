"""The static site as it is served: pages may ask this server for runs, and what is not rendered yet gets a page."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from acc_assets.report import Frame, live_node_page, live_runs_page, served
from acc_assets.report.page_head import SERVED_POLICY
from acc_assets.report.render import stylesheet

_NODE = re.compile(r"recipes/([^/]+)/nodes/([^/]+)\.html")


class _Page(FileResponse):
    """A page that is to be read and converted, which takes its time."""


class Site(StaticFiles):
    """The files of a folder; `seeds` are those that a node has, and none where there is no such node."""

    def __init__(
        self, folder: Path, frame: Callable[[], Frame], seeds: Callable[[str, str], list[int]]
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)  # a site that is rendered meanwhile is seen
        super().__init__(directory=folder, html=True)
        self._frame = frame
        self._seeds = seeds

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            found = await super().get_response(path, scope)
            return await run_in_threadpool(_page, found) if isinstance(found, _Page) else found
        except HTTPException as missing:
            if missing.status_code != 404:
                raise
            stand_in = await run_in_threadpool(self._stand_in, path.replace(os.sep, "/"))
            if stand_in is None:
                raise
            return stand_in

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        if str(full_path).endswith(".html"):
            return _Page(full_path, status_code)
        return super().file_response(full_path, stat_result, scope, status_code)

    def _stand_in(self, path: str) -> Response | None:
        """What stands in for a file that no build has rendered yet."""
        if path in (".", "", "index.html"):
            return _served(live_runs_page(self._frame().templates))
        if path == "assets/acc.js":
            return Response((self._frame().client_dist / "acc.js").read_bytes(), media_type="text/javascript")
        if path == "assets/acc.css":
            return Response(stylesheet(self._frame().templates), media_type="text/css")
        match = _NODE.fullmatch(path)
        seeds = self._seeds(match[1], match[2]) if match else []
        if match is None or not seeds:
            return None
        return _served(live_node_page(self._frame().templates, match[1], match[2], seeds))


def _page(found: _Page) -> Response:
    try:
        text = Path(found.path).read_text(encoding="utf-8")
    except FileNotFoundError as error:  # a site that is rendered meanwhile has left it out
        raise HTTPException(404) from error
    return _served(text, found.status_code)


def _served(html: str, status: int = 200) -> Response:
    """A page as it is served, under its policy whatever it says of one itself."""
    policy = f"{SERVED_POLICY}; frame-ancestors 'none'"
    return HTMLResponse(served(html), status, {"Content-Security-Policy": policy})
