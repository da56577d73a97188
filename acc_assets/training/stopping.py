"""Asking a build to stop: a signal or a callback sets a flag that the loop reads between two steps."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopFlag:
    """Whether to stop after the step under way: set by SIGINT or SIGTERM, or true when `asked()` is."""

    def __init__(self, asked: Callable[[], bool] | None = None) -> None:
        self._asked = asked
        self._signalled = False

    def __call__(self) -> bool:
        """Whether a stop was asked for."""
        return self._signalled or (self._asked is not None and self._asked())

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._signalled:
            raise KeyboardInterrupt  # a second one does not wait for the step to end
        self._signalled = True


@contextlib.contextmanager
def stop_signals(asked: Callable[[], bool] | None = None) -> Iterator[StopFlag]:
    """Turn SIGINT and SIGTERM into a flag inside the block; only the main thread can, elsewhere `asked` counts."""
    flag = StopFlag(asked)
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    before: dict[signal.Signals, Any] = {number: signal.signal(number, flag._receive) for number in _SIGNALS}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
