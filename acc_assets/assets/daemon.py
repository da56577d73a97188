"""Dagster's daemon for as long as a build lasts, where none is running: it takes runs from the queue.

The build starts this module as a process of its own. It ends when the build does, however that ends: runs of a build
that was killed are terminated, so that no training goes on that nobody waits for.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import dagster as dg
from dagster._core.launcher import DefaultRunLauncher
from dagster._utils.interrupts import capture_interrupts
from filelock import FileLock, Timeout

from acc_assets.assets.instance import UNFINISHED
from acc_assets.assets.run_launcher import ForkingRunLauncher
from acc_assets.assets.run_process import warm
from acc_assets.storage import Store

BUILD_TAG = "acc/build"
LOG = "daemon.log"
LOCK = ".daemon.lock"
MODULE = "acc_assets.definitions"  # also the name of the code location
HEARTBEAT_SECONDS = 60  # a daemon whose heart did not beat for so long is gone
CHECK_SECONDS = 2.0
POLL_SECONDS = 0.3
CANCEL_SECONDS = 120.0  # a training ends its batch and writes a snapshot
END_SECONDS = 20.0
RELOAD_SECONDS = 24 * 3600


class Daemon:
    """Sees to it that a daemon runs: somebody else's, such as that of `acc ui`, or one of this build's own."""

    def __init__(self, instance: dg.DagsterInstance, store: Store, build_id: str) -> None:
        self._instance = instance
        self._home = Path(instance.root_directory)
        self._store = store
        self._build_id = build_id
        self._process: subprocess.Popen[bytes] | None = None
        self._checked = 0.0

    def __enter__(self) -> Daemon:
        self.ensure()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()  # it ends by itself, as soon as no run needs it

    def ensure(self) -> None:
        """Start a daemon where none is alive."""
        now = time.monotonic()
        if now - self._checked < CHECK_SECONDS:
            return
        self._checked = now
        if self._process is not None and self._process.poll() is None:
            return
        if self._others():
            return
        if isinstance(self._instance.run_launcher, ForkingRunLauncher):
            warm().close()  # it imports while the daemon starts
        command = [sys.executable, "-m", __name__, self._build_id]
        # A group of its own, so that Ctrl-C reaches the build alone, which terminates its runs in order.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={
                **os.environ,
                "DAGSTER_HOME": str(self._home),
                "ACC_STORAGE": self._store.place,
            },
            preexec_fn=heed_interrupts,
        )

    def _others(self) -> bool:
        """Whether another process holds the daemon's place, or one that knows nothing of us is alive."""
        try:
            with FileLock(self._home / LOCK, timeout=0):
                pass
        except Timeout:
            return True
        newest = max(
            (beat.timestamp for beat in self._instance.get_daemon_heartbeats().values()), default=0.0
        )
        return time.time() - newest < HEARTBEAT_SECONDS


def heed_interrupts() -> None:
    """A shell without job control lets background processes ignore SIGINT, by which Dagster terminates runs."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def cancel(instance: dg.DagsterInstance, build_id: str) -> None:
    """Terminate the runs of a build; trainings save what they have. Returns when they have ended."""
    asked = dg.RunsFilter(statuses=list(UNFINISHED), tags={BUILD_TAG: build_id})
    end = time.monotonic() + CANCEL_SECONDS
    for run in instance.get_runs(asked):
        if run.status != dg.DagsterRunStatus.CANCELING:
            instance.run_coordinator.cancel_run(run.run_id)
    while instance.get_runs(asked, limit=1) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)


def main(build_id: str) -> None:
    """Run the daemon until standard input ends and no run is left that needs it."""
    home = Path(os.environ["DAGSTER_HOME"])
    with contextlib.suppress(Timeout), FileLock(home / LOCK, timeout=0), (home / LOG).open("ab") as log:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(log.fileno(), stream.fileno())
        threading.Thread(target=_end_with_build, args=(build_id,), daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt), dg.DagsterInstance.get() as instance:
            _serve(instance)
        _forget_heartbeats()


def _serve(instance: dg.DagsterInstance) -> None:
    """Take runs from the queue and watch over them until SIGINT; sensors and schedules are the UI's daemon's."""
    from dagster._core.workspace.load_target import EmptyWorkspaceTarget, ModuleTarget
    from dagster._daemon import controller
    from dagster._daemon.daemon import DagsterDaemon

    def daemons(instance: dg.DagsterInstance) -> Iterable[DagsterDaemon[Any]]:
        wanted = {"QUEUED_RUN_COORDINATOR", "MONITORING"} & set(instance.get_required_daemon_types())
        return [controller.create_daemon_of_type(one, instance) for one in sorted(wanted)]

    # What a build launches is fixed, and a reload is a new process that loads all code: 5 s of a core every minute.
    controller.RELOAD_WORKSPACE_INTERVAL = RELOAD_SECONDS
    by_server = isinstance(
        instance.run_launcher, DefaultRunLauncher
    )  # it alone starts runs through a code server
    code = (
        ModuleTarget(MODULE, attribute=None, working_directory=None, location_name=MODULE)
        if by_server
        else EmptyWorkspaceTarget()
    )
    with (
        capture_interrupts(),
        controller.daemon_controller_from_instance(instance, code, gen_daemons=daemons) as running,
    ):
        running.check_daemon_loop()


def _end_with_build(build_id: str) -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing ever comes; it ends with the build
    try:
        with dg.DagsterInstance.get() as instance:
            cancel(instance, build_id)
            while instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED)), limit=1):
                time.sleep(1)
    finally:  # also where the store is gone
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(END_SECONDS)
        try:
            _forget_heartbeats()
        finally:
            os._exit(1)


def _forget_heartbeats() -> None:
    """Tell the next build that no daemon is alive."""
    with dg.DagsterInstance.get() as instance:
        instance.wipe_daemon_heartbeats()


if __name__ == "__main__":
    main(sys.argv[1])
