"""Asking for a process that carries a run out: the host that forks it is found, or started."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

ANSWER_SECONDS = 120.0  # until a host has imported all, on a busy machine
MOST_BYTES = 107  # of the address of a socket, by Linux
HOST = "acc_assets.assets.run_host"
PACKAGE = Path(__file__).resolve().parents[1]
# Of a shell, a terminal or a test: nothing that an import reads.
_PASSING = ("ACC_", "DAGSTER_", "PYTEST_", "PWD", "OLDPWD", "SHLVL", "_", "TERM", "COLUMNS", "LINES")


class HostError(RuntimeError):
    """No process for runs could be started."""


@dataclass(frozen=True)
class Job:
    """A run that is to be carried out: the arguments of `dagster api execute_run`, and where it works."""

    run_id: str
    arguments: str
    environment: Mapping[str, str]
    folder: str


@dataclass(frozen=True)
class Worker:
    """The process of a run: its number, and when it began in ticks of the system, as numbers are used again."""

    pid: int
    began: str

    @property
    def alive(self) -> bool:
        """Whether it is still at work on this machine."""
        return began(self.pid) == self.began

    def interrupt(self) -> bool:
        """Ask it to end; False where it has."""
        if self.alive:
            os.kill(self.pid, signal.SIGINT)
            return True
        return False


def began(pid: int) -> str | None:
    """When a process began, in ticks since the machine did; None where it has ended."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if told[0] in "ZX" else told[19]


def carry_out(job: Job) -> Worker:
    """Have a run carried out, by the host that is there or a new one; returns its process.

    Raises `HostError` where no host answers.
    """
    for _ in range(2):
        try:
            with warm() as host:
                host.sendall(json.dumps(asdict(job)).encode() + b"\n")
                answer = host.makefile().readline()
        except OSError:
            answer = ""
        if answer:
            return Worker(**json.loads(answer))
    raise _not_started(host_address())


def warm() -> socket.socket:
    """A connection to the host, which is started where there is none and begins to import at once."""
    address = host_address()
    with FileLock(address.with_suffix(".lock"), timeout=ANSWER_SECONDS):
        try:
            return _connected(address)
        except OSError:
            address.unlink(missing_ok=True)
        with address.with_suffix(".log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", f"from {HOST} import main; main()", str(address)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + ANSWER_SECONDS
        while process.poll() is None and time.monotonic() < end:
            try:
                return _connected(address)
            except OSError:
                time.sleep(0.02)
    raise _not_started(address)


def _not_started(address: Path) -> HostError:
    return HostError(
        f"no process for runs could be started; what it said is in {address.with_suffix('.log')}."
    )


def _connected(address: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(ANSWER_SECONDS)
    try:
        connection.connect(str(address))
    except OSError:
        connection.close()
        raise
    return connection


def host_address() -> Path:
    """The socket of this user's host for this interpreter, package and environment."""
    own = os.environ.get("XDG_RUNTIME_DIR", "")  # it is not always there, where a service or sudo names it
    folder = Path(own if os.access(own, os.W_OK) else tempfile.gettempdir()) / f"acc-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise HostError(f"{folder} must be a folder that this user alone may open; remove it.")
    kept = sorted((key, value) for key, value in os.environ.items() if not key.startswith(_PASSING))
    told = json.dumps([sys.executable, str(PACKAGE), kept])
    address = folder / f"{hashlib.sha256(told.encode()).hexdigest()[:16]}.sock"
    if len(os.fsencode(address)) > MOST_BYTES:
        raise HostError(f"{address} is too long a name for a socket; set TMPDIR to a shorter folder.")
    return address
