"""Running a user's code so that it hurts nothing but itself: limited in time, and kept from our streams.

A thread of its own is what works in every caller: in the main thread, in other threads and in gRPC servers, where
signals do not arrive. What runs there is stopped by an exception at its next Python instruction; where it waits inside
a call for something else it is left behind, as a daemon that ends with the process. Code that ends the process itself
(`os._exit`) or never lets another thread run (an endless loop inside one C call) is beyond this.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TextIO, TypeVar

from acc_assets.tree.sources import is_library_file

Result = TypeVar("Result")

TRACE_SECONDS = 10.0  # of a file's own code; recipes take milliseconds
IMPORT_SECONDS = 300.0  # as long as a library is being imported: torch on a busy machine takes half a minute
POLL_SECONDS = 0.02
STOP_SECONDS = 1.0

_turn = threading.Lock()  # streams and modules belong to the whole process
_here = threading.local()


class OutOfTimeError(Exception):
    """The code did not come to an end; `line` is where it was, in the file asked about."""

    def __init__(self, line: int | None) -> None:
        self.line = line
        super().__init__()


class _Stopped(BaseException):
    """Raised inside code that has run for too long."""


def guarded(work: Callable[[], Result], path: Path, seconds: float) -> Result:
    """Call `work`, the code of the file `path`, and return what it returns or raise the exception that it raises.

    Its standard input is empty, and what it prints goes to standard error. Streams that it closes, and a working
    directory that it leaves, are as before afterwards. Raises `OutOfTimeError` after `seconds`, not counting imports of
    libraries, and `RuntimeError` when called by guarded code.
    """
    if getattr(_here, "guarded", False):
        raise RuntimeError("a recipe cannot look for recipes")
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        _here.guarded = True
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name=f"tracing {path.name}", daemon=True)
    with _turn, _kept_surroundings():
        thread.start()
        if not _ends(thread, seconds):
            line = _line_of(thread, path)
            _stop(thread)
            raise OutOfTimeError(line)
    for error in errors:
        raise error if isinstance(error, Exception) else RuntimeError(type(error).__name__) from error
    return results[0]


def _ends(thread: threading.Thread, seconds: float) -> bool:
    own = imports = 0.0
    last = time.monotonic()
    while own < seconds and imports < IMPORT_SECONDS:
        thread.join(POLL_SECONDS)
        if not thread.is_alive():
            return True
        now = time.monotonic()
        if any(_imports_a_library(frame) for frame, _ in _stack(thread)):
            imports += now - last
        else:
            own += now - last
        last = now
    return False


def _imports_a_library(frame: FrameType) -> bool:
    return frame.f_code.co_name == "<module>" and is_library_file(Path(frame.f_code.co_filename))


def _line_of(thread: threading.Thread, path: Path) -> int | None:
    files = {str(path), str(path.resolve())}
    return next((line for frame, line in _stack(thread) if frame.f_code.co_filename in files), None)


def _stack(thread: threading.Thread) -> Iterator[tuple[FrameType, int | None]]:
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None:
        yield frame, frame.f_lineno
        frame = frame.f_back


def _stop(thread: threading.Thread) -> None:
    import ctypes

    end = time.monotonic() + STOP_SECONDS
    while thread.is_alive() and time.monotonic() < end:  # more than once, for code that catches everything
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Stopped)
        )
        thread.join(POLL_SECONDS)


@contextlib.contextmanager
def _kept_surroundings() -> Iterator[None]:
    streams = {name: getattr(sys, name) for name in ("stdin", "stdout", "stderr")}
    folder = _working_directory()
    with contextlib.ExitStack() as stack:
        for descriptor in (0, 1, 2):
            stack.enter_context(_kept_descriptor(descriptor))
        nothing = stack.enter_context(open(os.devnull))
        said = stack.enter_context(_standard_error())
        sys.stdin, sys.stdout, sys.stderr = nothing, said, said
        try:
            yield
        finally:
            for name, stream in streams.items():
                setattr(sys, name, stream)
            if folder is not None and _working_directory() != folder:
                os.chdir(folder)
    for number, name in ((1, "stdout"), (2, "stderr")):  # the original itself, closed as sys.__stdout__
        if getattr(streams[name], "closed", False):
            again = open(number, "w", closefd=False)  # noqa: SIM115
            setattr(sys, name, again)
            setattr(sys, f"__{name}__", again)


@contextlib.contextmanager
def _kept_descriptor(descriptor: int) -> Iterator[None]:
    try:
        copy = os.dup(descriptor)
    except OSError:  # closed all along, as under some daemons
        yield
        return
    try:
        yield
    finally:
        try:
            kept = os.path.sameopenfile(descriptor, copy)
        except OSError:
            kept = False
        if not kept:
            os.dup2(copy, descriptor)
        os.close(copy)


@contextlib.contextmanager
def _standard_error() -> Iterator[TextIO]:
    """A stream of its own, so that closing it closes nothing else."""
    try:
        target: Any = os.dup(2)
    except OSError:
        target = os.devnull
    stream = open(target, "w", buffering=1, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
    try:
        yield stream
    finally:
        with contextlib.suppress(OSError, ValueError):
            stream.close()


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # deleted meanwhile
        return None
