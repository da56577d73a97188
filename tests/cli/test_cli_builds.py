"""Builds that the command line starts: a part, a failure, an end by a signal, two side by side."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from built_tiny import TINY_RECIPES, environment
from command_line import ACC, acc, acc_process, status

from acc_assets.storage import Store

pytestmark = pytest.mark.slow


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[Path]:
    """An empty store and the recipe whose branches fail."""
    with environment(tmp_path / "storage") as patch:
        patch.setenv("ACC_RECIPES", str(TINY_RECIPES.with_name("failing_recipes")))
        yield tmp_path / "storage"


def test_build_takes_a_selection_seeds_and_steps(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    with environment(storage):
        done = acc_process("build", "tiny", "--select", "plain", "--seeds", "1", "--steps", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "18 built, 0 fresh, 0 failed" in done.stdout
    store = Store(storage)
    assert store.nodes("tiny") == ["plain", "plain_trained", "root"]
    assert store.seeds("tiny", "plain_trained") == [1]
    assert store.run("tiny", "plain_trained", 1).read_json("summary.json")["step"] == 4


def test_a_failing_branch_leaves_the_others_and_says_why(failing: Path) -> None:
    result = acc("build", "failing")
    assert result.exit_code == 1
    said = " ".join(result.output.split())
    assert "raises seed 0 failed: RuntimeError: this model never works" in said
    assert re.search(
        r"explodes seed 0 failed: failing/explodes, seed 0: .*(exploded|not finite) at step", said
    )
    assert "Traceback" not in said
    store = Store(failing)
    assert store.run("failing", "good", 0).read_json("summary.json")["status"] == "completed"
    diverged = store.run("failing", "explodes", 0).read_json("summary.json")
    assert diverged["status"] == "failed"
    assert diverged["error"]
    left = [event for event in store.run("failing", "raises", 0).events() if event["event"] == "asset.failed"]
    assert all("this model never works" in event["why"] for event in left)
    assert left
    page = (failing / "site" / "recipes" / "failing" / "nodes" / "raises.html").read_text()
    assert "this model never works" in page
    assert (failing / "site" / "index.html").exists()
    states = {row["asset"]: row["state"] for row in status("failing")}
    assert states["good"] == "fresh"
    assert states["raises"] == states["explodes"] == "missing"


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Path]:
    """An empty store and the recipe whose training lasts as long as a test wants."""
    with environment(tmp_path / "storage") as patch:
        patch.setenv("ACC_RECIPES", str(TINY_RECIPES.with_name("slow_recipes")))
        yield tmp_path / "storage"


def started(*arguments: str, background: bool = False) -> subprocess.Popen[str]:
    """The command in a process of its own; in the background as a script starts it, so that SIGINT is ignored."""

    def ignore_interrupts() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    return subprocess.Popen(
        [str(ACC), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=ignore_interrupts if background else None,
    )


def terminated_in_training(storage: Path, *, background: bool = False) -> str:
    """Terminate an endless build once it trains; what it printed."""
    build = started("build", "slow", "--set", "steps=100000", background=background)
    run = Store(storage).run("slow", "walk_trained", 0)
    before = len(run.events())
    deadline = time.monotonic() + 240
    while not any(event["event"] == "train.progress" for event in run.events()[before:]):
        assert build.poll() is None, build.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.2)
    build.send_signal(signal.SIGTERM)
    output: str = build.communicate(timeout=180)[0]
    assert build.returncode in (128 + signal.SIGINT, 128 + signal.SIGTERM), output
    return output


def test_a_terminated_build_saves_ends_its_processes_and_goes_on_later(slow: Path) -> None:
    output = terminated_in_training(slow)
    assert "site" not in output
    assert "Traceback" not in output
    run = Store(slow).run("slow", "walk_trained", 0)
    (cancelled,) = [event for event in run.events() if event["event"] == "run.cancelled"]
    assert run.exists(f"checkpoints/step_{cancelled['step']:08d}.pt")
    terminated_in_training(slow, background=True)
    events = {
        kind: [e["step"] for e in run.events() if e["event"] == kind]
        for kind in ("run.resumed", "run.cancelled")
    }
    assert events["run.resumed"] == [cancelled["step"]]
    assert events["run.cancelled"][1] > cancelled["step"]


def test_two_builds_at_once_share_the_work(slow: Path) -> None:
    builds = [started("build", "slow", "--set", "steps=400") for _ in range(2)]
    outputs = [build.communicate(timeout=300)[0] for build in builds]
    assert [build.returncode for build in builds] == [0, 0], "\n".join(outputs)
    run = Store(slow).run("slow", "walk_trained", 0)
    kinds = [event["event"] for event in run.events()]
    assert (kinds.count("run.started"), kinds.count("run.completed")) == (1, 1)
    assert run.verify() == []
    assert acc("status", "slow", "--set", "steps=400").exit_code == 0


def at_work(storage: Path) -> set[int]:
    """Processes that work on a store."""
    found = set()
    for process in Path("/proc").iterdir():
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            printing = (process / "fd" / "1").readlink()  # of a run, which was forked from elsewhere
        except OSError:
            continue
        own = f"ACC_STORAGE={storage}".encode() in environment or printing.is_relative_to(storage)
        if own and int(process.name) != os.getpid():
            found.add(int(process.name))
    return found


def test_nothing_trains_on_after_a_build_was_killed(slow: Path) -> None:
    build = started("build", "slow", "--set", "steps=100000")
    run = Store(slow).run("slow", "walk_trained", 0)
    deadline = time.monotonic() + 240
    while (run.last_event() or {}).get("event") not in ("train.progress", "train.metrics"):
        assert build.poll() is None, build.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert len(at_work(slow)) > 1
    build.kill()
    build.wait()
    while at_work(slow):
        assert time.monotonic() < deadline, [
            Path(f"/proc/{one}/cmdline").read_bytes()
            for one in at_work(slow)
            if Path(f"/proc/{one}").exists()
        ]
        time.sleep(0.5)
    assert run.last_event()["event"] == "run.cancelled"  # type: ignore[index]
