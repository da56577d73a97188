"""The event log of a run: one JSON object a line, appended, read with patience for a torn line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from acc_assets.storage.arrays import to_json_line
from acc_assets.storage.local_files import LocalFiles

EVENTS = "events.jsonl"
TAIL_BYTES = 16_384  # longer than any event


def append(files: LocalFiles, path: str, event: Mapping[str, Any], sync: bool) -> None:
    """Add one event as one line by one write; `sync` makes it survive a power cut."""
    files.append(path, to_json_line(event), sync=sync)


def read(files: LocalFiles, path: str) -> list[dict[str, Any]]:
    """All whole events in order; a line that a killed writer tore is left out."""
    if files.size(path) is None:
        return []
    events = []
    for line in files.read(path).split(b"\n"):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict):
            events.append(event)
    return events


def last(files: LocalFiles, path: str) -> dict[str, Any] | None:
    """The newest whole event among the last kilobytes."""
    for line in reversed(files.tail(path, TAIL_BYTES).split(b"\n")):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            return event
    return None


def trim(files: LocalFiles, path: str, keep: Callable[[dict[str, Any]], bool]) -> None:
    """Rewrite the log in one step with only the events for which `keep` holds; torn lines go too."""
    if files.size(path) is None:
        return
    kept = [event for event in read(files, path) if keep(event)]
    files.write(path, b"".join(to_json_line(event) + b"\n" for event in kept))
