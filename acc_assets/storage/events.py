"""The event log of a run: one JSON object a line, numbered, only ever appended to.

A line that is torn, or no event of this schema, is left out. A build that goes back takes nothing away: `run.created`
begins anew, and `run.resumed` names the step gone back to. So a number is never used twice, and who has read up to one
goes on behind it; `standing` tells what counts of a log.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from types import NoneType
from typing import Any

from acc_assets.storage.arrays import from_json, to_json_line
from acc_assets.storage.errors import DamagedArtifact
from acc_assets.storage.local_files import LocalFiles

EVENTS = "events.jsonl"
# Events of another schema are not read. Raise it when a field changes its meaning or goes; a new field or kind of event
# is none of that.
SCHEMA = 1
ARTIFACT = "artifact.created"
_CREATED, _RESUMED, _COMPLETED = "run.created", "run.resumed", "run.completed"
_DECIDING = [f'"{kind}"'.encode() for kind in (ARTIFACT, _CREATED, _RESUMED)]
_TYPES = {
    (int,): ("id", "step", "done", "of"),
    (int, float): ("elapsed_s",),
    (int, float, NoneType): ("steps_per_s", "remaining_s"),
    (str,): (
        "event",
        "time",
        "family",
        "version",
        "file",
        "preview",
        "text",
        "error",
        "asset",
        "check",
        "why",
    ),
}
_TAIL_BYTES = 16_384  # longer than nearly any event

Event = dict[str, Any]


def append(files: LocalFiles, path: str, lock: str, event: Mapping[str, Any], sync: bool) -> None:
    """Add one event as one line under the next number; `sync` makes it survive a power cut.

    Processes that write to one log take turns by `lock`.
    """
    with files.lock(lock, 60.0, f"the log {path}", named=False):
        number = int((last(files, path) or {}).get("id", 0)) + 1
        time = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        line = to_json_line({"id": number, "schema": SCHEMA, "time": time, **event})
        files.append(path, line, sync=sync)


def read(files: LocalFiles, path: str) -> list[Event]:
    """All whole events in order, also those that a build gone back took out; see `standing`."""
    return _parsed(files.read(path).split(b"\n")) if files.size(path) is not None else []


def standing(log: Iterable[Event]) -> list[Event]:
    """What counts of a log: the present build's, without what followed a step that it went back to."""
    kept: list[Event] = []
    for event in log:
        if event.get("event") == _CREATED:
            kept = []
        elif event.get("event") == _RESUMED:
            kept = [
                one
                for one in kept
                if (one.get("step") or 0) <= (event.get("step") or 0) and one.get("event") != _COMPLETED
            ]
        kept.append(event)
    return kept


def last(files: LocalFiles, path: str, kind: str | None = None) -> Event | None:
    """The newest whole event, from the end of the log; of a kind that which stands among the last kilobytes."""
    tail = files.tail(path, _TAIL_BYTES)
    lines = tail.split(b"\n")
    if kind is not None:
        return next(
            (event for event in reversed(standing(_parsed(lines))) if event.get("event") == kind), None
        )
    found = _newest(lines)
    return found if found is not None or len(tail) < _TAIL_BYTES else _newest(files.read(path).split(b"\n"))


def newest_artifact(files: LocalFiles, path: str, family: str) -> Event | None:
    """The newest event that stands and says that a family was written."""
    lines = files.read(path).split(b"\n")
    deciding = _parsed(line for line in lines if any(kind in line for kind in _DECIDING))
    told = (one for one in reversed(standing(deciding)) if one.get("event") == ARTIFACT)
    return next((one for one in told if one.get("family") == family), None)


class LogReader:
    """Follows a log from behind an event on; None begins with the present build.

    A number that the log has not reached is of one that is gone, so that it begins with the present build, too.
    """

    def __init__(self, files: LocalFiles, path: str, after: int | None) -> None:
        self._files = files
        self._path = path
        self._after = after
        self._read = 0  # bytes
        self._file: int | None = None
        self._begun = False  # whether any event was found

    def new(self) -> list[Event]:
        """The events since the last call; a line that is being written waits."""
        stamp = self._files.stamp(self._path)
        if stamp is None or stamp[:2] == (self._file, self._read):
            return []
        if stamp[0] != self._file or stamp[1] < self._read:  # the first call, or another log in its place
            self._after = None if self._begun else self._after
            self._file, self._read, self._begun = stamp[0], 0, False
        data = self._files.read(self._path, self._read)
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        found = _parsed(whole.split(b"\n"))
        if self._begun or not found:
            return found
        self._begun = True
        if self._after is not None and self._after <= found[-1]["id"]:
            return [event for event in found if event["id"] > self._after]
        begun = [index for index, event in enumerate(found) if event.get("event") == _CREATED]
        return found[begun[-1] :] if begun else found


def _newest(lines: list[bytes]) -> Event | None:
    return next((event for line in reversed(lines) for event in _parsed([line])), None)


def _parsed(lines: Iterable[bytes]) -> list[Event]:
    events = []
    for line in lines:
        with contextlib.suppress(DamagedArtifact):
            event = from_json(line, "")
            if _is_event(event):
                events.append(event)
    return events


def _is_event(value: Any) -> bool:
    """Whether it is of our schema, and what readers compute with is of its type or absent."""
    if not isinstance(value, dict) or value.get("schema") != SCHEMA or not value.keys() >= {"id", "time"}:
        return False
    return all(
        type(value[name]) in kinds for kinds, names in _TYPES.items() for name in names if name in value
    )
