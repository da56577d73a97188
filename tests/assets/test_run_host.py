"""The process that forks runs: whose it is, and when another takes its place."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from acc_assets.assets import run_host, run_process
from acc_assets.assets.run_host import Host
from acc_assets.assets.run_process import HostError, Job, Worker, began, carry_out, warm


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where sockets are, for these tests alone; pytest's own folders have names too long for a socket."""
    with TemporaryDirectory(prefix="acc") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder) / f"acc-{os.getuid()}"


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, threading.Thread]]:
    """A host that imports nothing, at work in this process: it never gets a job here, so it never forks."""
    monkeypatch.setattr(run_host, "PRELOADED", ())
    address = run_process.host_address()
    with Host(address) as host:
        thread = threading.Thread(target=host.serve, daemon=True)
        thread.start()
        yield address, thread
        address.unlink(missing_ok=True)
        thread.join(20)


def asked() -> None:
    """Be answered by the host, with nothing, since it is asked for nothing."""
    with warm() as connection:
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def test_a_host_that_is_there_is_asked_again(listening: tuple[Path, threading.Thread]) -> None:
    address, thread = listening
    for _ in range(2):
        asked()
    assert thread.is_alive()
    assert address.is_socket()


def test_a_host_whose_code_was_changed_leaves_its_place(
    listening: tuple[Path, threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, thread = listening
    asked()
    monkeypatch.setattr(run_host, "_code", lambda: {Path("models.py"): 1})
    asked()  # who asks for a run now starts another host
    thread.join(20)
    assert not thread.is_alive()
    assert not address.exists()


def test_an_idle_host_ends(monkeypatch: pytest.MonkeyPatch, own_folder: Path) -> None:
    monkeypatch.setattr(run_host, "PRELOADED", ())
    monkeypatch.setattr(run_host, "IDLE_SECONDS", 0.1)
    address = run_process.host_address()
    with Host(address) as host:
        host.serve()
    assert not address.exists()


def test_hosts_of_other_environments_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    found = run_process.host_address()
    monkeypatch.setenv("ACC_STORAGE", "elsewhere")  # a run brings it along
    assert run_process.host_address() == found
    monkeypatch.setenv("OMP_NUM_THREADS", "7")  # torch reads it when it is imported
    assert run_process.host_address() != found


def test_a_folder_that_others_may_open_is_refused(own_folder: Path) -> None:
    own_folder.mkdir(mode=0o755)
    own_folder.chmod(0o755)
    with pytest.raises(HostError, match="that this user alone may open; remove it"):
        warm()


def test_a_folder_that_is_not_there_is_not_asked(monkeypatch: pytest.MonkeyPatch, own_folder: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(own_folder / "gone"))
    monkeypatch.setattr("tempfile.tempdir", str(own_folder.parent))
    assert run_process.host_address().parent == own_folder
    monkeypatch.setattr("tempfile.tempdir", str(own_folder.parent / ("long" * 25)))
    (own_folder.parent / ("long" * 25)).mkdir()
    with pytest.raises(HostError, match="too long a name for a socket; set TMPDIR"):
        run_process.host_address()


def test_a_host_that_cannot_start_names_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_process.sys, "executable", "/bin/false")
    with pytest.raises(HostError, match=r"no process for runs could be started; what it said is in .*\.log"):
        carry_out(Job("1", "{}", {}, "/"))


def test_a_worker_is_a_process_and_not_a_number() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    worker = Worker(process.pid, str(began(process.pid)))
    assert worker.alive
    assert not Worker(process.pid, "1").alive  # an earlier process of this number
    assert worker.interrupt()
    process.wait()
    assert not worker.alive
    assert not worker.interrupt()


def test_who_asks_nothing_holds_nobody_up(
    listening: tuple[Path, threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_host, "ASKING_SECONDS", 0.05)
    address, _ = listening
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(address))
        asked()
        assert silent.recv(1) == b""
