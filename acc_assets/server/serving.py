"""The server as a process or a thread, on the loopback address alone."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from acc_assets.server.app import Sources, create_app

ADDRESS = "127.0.0.1"
END_SECONDS = 5  # for answers under way, once it is asked to end
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "access": {
            "()": "uvicorn.logging.AccessFormatter",
            "fmt": '%(client_addr)s "%(request_line)s" %(status_code)s',
        }
    },
    "handlers": {"access": {"class": "logging.StreamHandler", "formatter": "access"}},
    "loggers": {"uvicorn.access": {"handlers": ["access"], "level": "INFO", "propagate": False}},
}


class ServeError(RuntimeError):
    """A site cannot be served; the message says why and what to do."""


def listening(port: int) -> socket.socket:
    """A socket that listens on a port of the loopback address; 0 takes a free one. Raises `ServeError`."""
    try:
        return socket.create_server((ADDRESS, port))
    except OSError as error:
        raise ServeError(f"port {port} cannot be used ({error.strerror}). Try --port 0.") from error


def address_of(listener: socket.socket) -> str:
    """Where a browser finds what listens."""
    return f"http://{ADDRESS}:{listener.getsockname()[1]}/"


def serve(sources: Sources, port: int, announce: Callable[[str], None] = print) -> None:
    """Serve until Ctrl-C or SIGTERM; `announce` is told the address. Raises `ServeError`."""
    with listening(port) as listener:
        announce(f"{address_of(listener)}  (Ctrl-C ends it)")
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal that ended it once more
            _server(sources, log=True).run(sockets=[listener])
        announce("")


@contextlib.contextmanager
def serving(sources: Sources, listener: socket.socket) -> Iterator[str]:
    """Serve in a thread of its own inside the block; requests are not told. Yields the address."""
    server = _server(sources, log=False)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield address_of(listener)
    finally:
        server.should_exit = True
        thread.join(2 * END_SECONDS)


def _server(sources: Sources, *, log: bool) -> uvicorn.Server:
    app = create_app(sources)
    config = uvicorn.Config(
        app,
        log_config=LOGGING if log else None,
        access_log=log,
        log_level="warning" if not log else None,
        timeout_graceful_shutdown=END_SECONDS,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    app.state.stopping = lambda: server.should_exit
    return server
