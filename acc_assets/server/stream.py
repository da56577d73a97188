"""A run's events as server-sent events: in order, none dropped, at most ten messages a second to a reader."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from acc_assets.storage import LogReader

PAUSE = 0.1  # seconds between two messages
HEARTBEAT = 15.0  # seconds without a message after which a comment says that the reader is still served
LONGEST = 500  # events of one message
RETRY_MS = 1000  # after which a reader that was cut off comes again


async def messages(
    reader: LogReader, stopping: Callable[[], bool], heartbeat: float = HEARTBEAT
) -> AsyncIterator[bytes]:
    """Messages until `stopping`; one is all events since the one before, its id that of the last of them."""
    head = f"retry: {RETRY_MS}\n"
    quiet = heartbeat  # the first answer comes at once, so that a reader knows that it is served
    while not stopping():
        events = await asyncio.to_thread(reader.new)
        for start in range(0, len(events), LONGEST):
            yield (head + message(events[start : start + LONGEST])).encode()
            head, quiet = "", 0.0
            await asyncio.sleep(PAUSE)
            if stopping():
                return
        if quiet >= heartbeat:
            yield f"{head}: heartbeat\n\n".encode()
            head, quiet = "", 0.0
        if not events:
            await asyncio.sleep(reader.pause)
            quiet += reader.pause


def message(events: Sequence[dict[str, Any]]) -> str:
    """One message."""
    return f"id: {events[-1]['id']}\ndata: {json.dumps(events, separators=(',', ':'))}\n\n"
