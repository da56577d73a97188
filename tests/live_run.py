"""A run that is written as a training writes it, by the trainer's own record, and a reader of its event stream."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from acc_assets.families import previews
from acc_assets.report import Frame
from acc_assets.server import Sources
from acc_assets.storage import RunDirectory, Store
from acc_assets.training.progress import NoProgress
from acc_assets.training.record import RunRecord

FACTS = {"recipe": "r", "node": "done", "seed": 0, "spec_hash": "0"}
DIGITS = {"kind_of_target": "class", "num_classes": 10}
CONFIG = {
    **FACTS,
    "kind": "trained",
    "branch": "left",
    "phases": [{"steps": 100}],
    "primary_dataset": "digits",
    "datasets": {"digits": DIGITS},
    "latent_dim": 4,
    "lacks": {},
    "code": {"latent": [4]},
}
STEPS = 100


class Training:
    """A training whose steps a test takes one by one; what it writes is what the trainer writes."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.step = 0
        self.record = RunRecord(run, NoProgress(), start=0, total=STEPS)

    def begin(self) -> Training:
        self.record.begin(CONFIG, FACTS)
        return self

    def steps(self, count: int) -> Training:
        for _ in range(count):
            self.step += 1
            row = {"total": 2.0 / self.step, "lr": 1e-3, "loss/recon": 1.0 / self.step, "kl/active": 1.0}
            self.record.history.train.append({"step": float(self.step), **row})
            self.record.logged(self.step, "", row, 32)
        return self

    def snapshot(self) -> Training:
        name = f"step_{self.step:08d}.pt"
        told = told_of(self.step)
        with self.run.family("checkpoints", keep=self.run.has_family("checkpoints"), told=told) as out:
            out.bytes(name, b"weights %d" % self.step)
            previews.drop(out, [one for one in out.names if (previews.step_of(one) or 0) > self.step])
            previews.stage(out, self.step, drawn(self.step))
        self.record.write_history(self.step)
        return self

    def resumed(self, step: int) -> Training:
        """Another process goes on from a snapshot."""
        again = Training(self.run)
        again.step = step
        rows = [row for row in self.record.history.train if row["step"] <= step]
        again.record.resume(CONFIG, step, {"train": rows, "validation": []}, told_of(step))
        return again


def told_of(step: int) -> dict[str, Any]:
    """What the event of a snapshot says."""
    file = f"checkpoints/step_{step:08d}.pt"
    return {"step": step, "file": file, previews.TOLD: previews.SERIES.path(step)}


def drawn(step: int) -> dict[str, np.ndarray]:
    """A preview whose reconstructions are as bright as the step, and whose first two of three points change places."""
    images = np.full((4, 1, 8, 8), 255, np.uint8)
    coords = np.array([[0, step % 20], [0, (step + 10) % 20], [20, 0]], np.float32)
    return {
        "examples": np.arange(4, dtype=np.int32),
        "indices": np.arange(3, dtype=np.int32),
        "images": images,
        "labels": np.array([3, 7, 7], np.int32),
        "reconstructions": np.full_like(images, step),
        "coords": coords,
        "explained": np.array([0.5, 0.25], np.float32),
    }


def sources(store: Store, folder: Path, **more: Any) -> Sources:
    """A server's sources, with files in the place of the client's bundle."""
    (folder / "acc.js").write_text("// the bundle\n")
    frame = Frame(folder / "site", folder, folder / "ort.wasm")
    return Sources(store, frame.out, lambda: frame, **more)


class Reader:
    """One connection to an event stream: its messages as (id, events), and what else came."""

    def __init__(
        self, port: int, after: int | None = None, path: str = "/runs/r/done/0", query: str = ""
    ) -> None:
        self.began = time.monotonic()
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        self.connection.request("GET", f"{path}/events/stream{query}", headers=headers)
        self.response = self.connection.getresponse()
        assert self.response.status == 200
        assert self.response.headers["Content-Type"].startswith("text/event-stream")
        self.messages_seen = 0
        self.comments = 0

    def messages(self) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """The messages as they come."""
        last = None
        for raw in self.response:
            line = raw.decode().rstrip("\n")
            if line.startswith("id: "):
                last = int(line[4:])
            elif line.startswith("data: "):
                self.messages_seen += 1
                assert last is not None
                yield last, json.loads(line[6:])
            elif line.startswith(":"):
                self.comments += 1

    def until(self, event: str) -> list[dict[str, Any]]:
        """All events up to one of this kind."""
        found: list[dict[str, Any]] = []
        for last, events in self.messages():
            found += events
            assert last == events[-1]["id"]
            if any(one["event"] == event for one in events):
                return found
        raise AssertionError(f"the stream ended before {event}")

    def close(self) -> None:
        self.connection.close()


class Collected(threading.Thread):
    """What a reader gets up to an event, in a thread of its own."""

    def __init__(self, reader: Reader, event: str) -> None:
        super().__init__(daemon=True)
        self.reader, self._event = reader, event
        self.events: list[dict[str, Any]] = []
        self.start()

    def run(self) -> None:
        self.events = self.reader.until(self._event)

    def all(self) -> list[dict[str, Any]]:
        self.join(120)
        assert not self.is_alive()
        return self.events
