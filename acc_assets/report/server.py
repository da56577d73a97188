"""Serving a site on the loopback address."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class ServeError(RuntimeError):
    """A site cannot be served; the message says why and what to do."""


class _SiteServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that hangs up (a closed page, a video that is skipped) is no error of the server."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def site_server(folder: Path, port: int, *, quiet: bool = False) -> ThreadingHTTPServer:
    """A server of `folder` on 127.0.0.1 that listens already; port 0 takes a free one; `quiet` logs no requests.

    Raises:
        ServeError: the folder is none, or the port cannot be used.
    """
    if not folder.is_dir():
        raise ServeError(f"{folder} is no folder. Build a site first: acc build quickstart")
    handler = _Quiet if quiet else SimpleHTTPRequestHandler
    try:
        return _SiteServer(("127.0.0.1", port), partial(handler, directory=str(folder)))
    except OSError as error:
        raise ServeError(f"port {port} cannot be used ({error.strerror}). Try --port 0.") from error


def serve(folder: Path, port: int, announce: Callable[[str], None] = print) -> None:
    """Serve `folder` on 127.0.0.1 until Ctrl-C or SIGTERM; `announce` is told the address, port 0 takes a free one.

    Raises:
        ServeError: the folder is none, or the port cannot be used.
    """
    with site_server(folder, port) as server:
        announce(f"http://127.0.0.1:{server.server_port}/  (Ctrl-C ends it)")
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            announce("")
