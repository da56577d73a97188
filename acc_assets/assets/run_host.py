"""A process that has imported what a run needs, and forks one process for each run.

A run in a new interpreter imports for 4 to 5 s of a core before it does anything. The host is one process a user, code
and environment, whatever store a run is of. It belongs to no UI, daemon or build, so that all of these may end while a
run goes on; it ends by itself when it had nothing to do for a while, or once the code that it has imported was changed.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from acc_assets.assets.run_process import PACKAGE, Job, Worker, began

IDLE_SECONDS = 600.0
ASKING_SECONDS = 5.0
LOOK_SECONDS = 0.2  # between looks after runs that ended
TOUCH_SECONDS, ALIVE_SECONDS = 3.0, 30.0  # between looks of a run at its tags, and between its signs of life
# Tags of a run that the UI does not show: when it was last heard of, and which other machine terminated it.
ALIVE_TAG, TERMINATE_TAG = ".dagster/acc_alive", ".dagster/acc_terminate"
LOG = "runs.log"  # in Dagster's home: what a run prints outside of its steps
# What runs import. A recipe's own modules are never among it: they may be edited between two runs.
PRELOADED = (
    "dagster",
    "torch",
    "torch._inductor.config",  # 1.3 s of a core, which torch takes when it is told to be deterministic
    "sklearn.neighbors",
    "acc_assets.assets.location",
    "acc_assets.training",
    "acc_assets.analysis",
)


class Host(socketserver.UnixStreamServer):
    """Listens for jobs; holds no thread and no database, so that it can be forked."""

    request_queue_size = 64

    def __init__(self, address: Path) -> None:
        super().__init__(str(address), socketserver.StreamRequestHandler)
        self.timeout = LOOK_SECONDS
        self._address = address
        self._own = address.stat().st_ino
        self._jobs: dict[int, Job | None] = {}
        self._worked = time.monotonic()
        self._code: dict[Path, int] = {}

    def serve(self) -> None:
        """Fork a process for each job until there was none for a while, or the imported code is not what lies there."""
        for module in PRELOADED:
            importlib.import_module(module)
        self._code = _code()
        while self._jobs or (not self._replaced() and time.monotonic() - self._worked < IDLE_SECONDS):
            self.handle_request()
            self._collect()
        if not self._replaced():
            self._address.unlink()

    def get_request(self) -> tuple[socket.socket, Any]:
        """A connection, on which whoever made it has to be quick."""
        connection, client = super().get_request()
        connection.settimeout(ASKING_SECONDS)
        return connection, client

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether a run can be carried out with what is imported; where not, a new host takes this one's place."""
        if self._code == _code():
            return True
        self._address.unlink(missing_ok=True)
        return False

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take one job and fork."""
        with request, request.makefile() as asked:
            line = asked.readline()
            if not line:  # somebody who only wanted the host to be there
                return
            job = Job(**json.loads(line))
            pid = self._fork(_execute, job)
            self._jobs[pid] = job
            self._worked = time.monotonic()
            request.sendall(json.dumps(asdict(Worker(pid, str(began(pid))))).encode() + b"\n")

    def _replaced(self) -> bool:
        try:
            return self._address.stat().st_ino != self._own
        except FileNotFoundError:
            return True

    def _collect(self) -> None:
        while self._jobs:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            job = self._jobs.pop(pid)
            self._worked = time.monotonic()
            if job is not None and status:
                self._jobs[self._fork(_report_end, job, os.waitstatus_to_exitcode(status))] = None

    def _fork(self, work: Callable[..., None], job: Job, *arguments: object) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            self.socket.close()
            _move_to(job)
            work(job, *arguments)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


def _code() -> dict[Path, int]:
    """When the imported files of the package, and the folders that packages are installed in, were changed (ns)."""
    own = [getattr(module, "__file__", None) for module in tuple(sys.modules.values())]
    files = [Path(file) for file in own if file and file.startswith(str(PACKAGE))]
    folders = [Path(folder) for folder in sys.path if folder.endswith("-packages")]
    return {path: path.stat().st_mtime_ns for path in (*files, *folders) if path.exists()}


def _move_to(job: Job) -> None:
    """Be as a process that was started for the job alone."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(job.environment)
    os.chdir(job.folder)
    importlib.invalidate_caches()
    home = Path(job.environment["DAGSTER_HOME"])
    with (home / LOG).open("ab") as log:
        for number in (1, 2):
            os.dup2(log.fileno(), number)


def _execute(job: Job) -> None:
    from dagster._cli.api import api_cli

    threading.Thread(target=_stay_in_touch, args=(job.run_id,), daemon=True).start()
    api_cli.main(["execute_run", job.arguments])


def _stay_in_touch(run_id: str) -> None:
    """Tell other machines that the run is led, and end it where one of them terminated it.

    On this machine the launcher sees the process and signals to it.
    """
    import dagster as dg

    told = time.monotonic()
    with dg.DagsterInstance.get() as instance:
        while True:
            time.sleep(TOUCH_SECONDS)
            with contextlib.suppress(
                Exception
            ):  # a database that is gone for a while is for the run itself to tell
                run = instance.get_run_by_id(run_id)
                if run is not None and TERMINATE_TAG in run.tags:
                    os.kill(os.getpid(), signal.SIGINT)
                    return
                if time.monotonic() - told > ALIVE_SECONDS:
                    told = time.monotonic()
                    instance.add_run_tags(run_id, {ALIVE_TAG: str(time.time())})


def _report_end(job: Job, code: int) -> None:
    """Tell Dagster of a run whose process ended before the run did, such as by the system for want of memory."""
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(job.run_id)
        if run is None or run.is_finished:
            return
        how = f"by signal {-code}" if code < 0 else f"with status {code}"
        told = f"The process of the run ended {how} before the run did."
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, told)
        else:
            instance.report_run_failed(run, told)


def main() -> None:
    """Serve at the address that the first argument names."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Host(Path(sys.argv[1])) as host:
        host.serve()
