"""The server as a process: it answers, it ends, and readers that hang up leave no trace."""

from __future__ import annotations

import signal
import socket
import struct
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from live_run import sources

from acc_assets.server import ServeError, serve
from acc_assets.storage import Store

SERVER = """
import sys
from pathlib import Path
from acc_assets.report import Frame
from acc_assets.server import Sources, serve
from acc_assets.storage import Store
folder = Path(sys.argv[1])
serve(Sources(Store(folder / "store"), folder, lambda: Frame(folder, folder, folder)), 0)
"""


def hang_up(port: int, after: int) -> None:
    """Ask for a large file, read a little, and reset the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as reader:
        reader.sendall(b"GET /large.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"[: None if after else 9])
        if after:
            reader.recv(after)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_reader_that_hangs_up_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "large.bin").write_bytes(bytes(30_000_000))
    (tmp_path / "index.html").write_text("Experiments")
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", SERVER, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0]
        port = int(address.rstrip("/").rsplit(":", 1)[1])
        for after in (0, 1, 1000, 100_000):
            hang_up(port, after)
        stream = socket.create_connection(
            ("127.0.0.1", port), timeout=60
        )  # open at the end: it does not hold it up
        stream.sendall(b"GET /runs/r/n/0/events/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:  # they may come in parts
            head += stream.recv(1000)
        assert b"text/event-stream" in head
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy
        with direct.open(address, timeout=60) as response:
            assert response.read() == b"Experiments"
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "Exception" not in errors
    assert errors.count('"GET /large.bin') == 3  # the requests are still told


def test_what_cannot_be_served_is_one_sentence(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ServeError, match=r"cannot be used.*--port 0"),
    ):
        serve(sources(Store(tmp_path / "store"), tmp_path), taken.getsockname()[1])
