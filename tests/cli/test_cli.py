"""The command line as a person meets it: what it prints, how it fails, what it leaves."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from built_tiny import TINY_RECIPES, built, built_storage, environment, own_built
from click.testing import CliRunner, Result

from acc_assets.cli import main
from acc_assets.storage import Store

__all__ = ["built", "built_storage", "own_built"]
ACC = Path(sys.executable).with_name("acc")


def acc(*arguments: str) -> Result:
    """Run a command in this process; anything but a clean exit is a bug and raises."""
    result = CliRunner().invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[Path]:
    """An empty store and the recipe whose branches fail."""
    with environment(tmp_path / "storage") as patch:
        patch.setenv("ACC_RECIPES", str(TINY_RECIPES.with_name("failing_recipes")))
        yield tmp_path / "storage"


def test_recipes_are_listed_and_a_broken_file_is_shown_with_its_line(built: Path) -> None:
    done = subprocess.run([ACC, "recipes"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    text = " ".join(done.stdout.split())
    assert "labelled_trained" in text
    assert "steps=12" in text
    assert "broken.py:12" in text
    assert "there is no checkpoint 'nowhere'" in text


def test_the_schema_of_yaml_recipes_is_json() -> None:
    schema = json.loads(acc("schema").output)
    assert {"datasets", "nodes"} <= set(schema["properties"])
    assert schema["$defs"]["Mnist"]["properties"]["type"] == {"const": "mnist"}


def test_recipes_as_json(built: Path) -> None:
    result = acc("recipes", "--json")
    assert result.exit_code == 1
    listed = json.loads(result.output)
    (tiny,) = listed["recipes"]
    assert tiny["name"] == "tiny"
    assert tiny["seeds"] == [0, 1]
    assert tiny["parameters"] == {"steps": 12, "weight": 5.0}
    assert [node["tag"] for node in tiny["nodes"]] == [
        "root",
        "plain",
        "plain_trained",
        "labelled",
        "labelled_trained",
    ]
    (broken,) = listed["broken"]
    assert (broken["name"], broken["line"]) == ("broken", 12)


def test_status_tells_fresh_and_stale_and_why(built: Path) -> None:
    rows = json.loads(acc("status", "tiny", "--json").output)["tiny"]
    assert len(rows) == 53
    assert {row["state"] for row in rows} == {"fresh"}
    changed = json.loads(acc("status", "tiny", "--set", "weight=7.0", "--json").output)["tiny"]
    stale = {row["asset"] for row in changed if row["state"] == "stale"}
    assert "labelled_trained" in stale
    assert "plain_trained" not in stale
    table = acc("status", "tiny", "--steps", "13").output
    assert "stale" in table
    assert "recipe or code changed" in " ".join(table.split())


def test_a_fresh_recipe_is_not_built_again(own_built: Path) -> None:
    result = acc("build", "tiny")
    assert result.exit_code == 0
    assert "0 built, 54 fresh, 0 failed" in result.output
    assert "digit accuracy" in result.output
    assert f"site {own_built}/site/index.html" in result.output


def test_build_takes_a_selection_seeds_and_steps(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    with environment(storage):
        command = [
            ACC,
            "build",
            "tiny",
            "--select",
            "plain",
            "--seeds",
            "1",
            "--steps",
            "4",
        ]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "17 built, 0 fresh, 0 failed" in done.stdout
    store = Store(storage)
    assert store.nodes("tiny") == ["plain", "plain_trained", "root"]
    assert store.seeds("tiny", "plain_trained") == [1]
    assert store.run("tiny", "plain_trained", 1).read_json("summary.json")["step"] == 4


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["build", "nothing"], "no recipe 'nothing'"),
        (["build", "broken"], "broken.py:12"),
        (["build", "tiny", "--select", "nothing"], "Branches and nodes are: root, plain"),
        (["build", "tiny", "--seeds", "5"], "Seeds are [0, 1]"),
        (["build", "tiny", "--seeds", "a"], "whole numbers with commas"),
        (["build", "tiny", "--set", "speed=3"], "speed"),
        (["build", "tiny", "--steps", "0"], "0 is not in the range"),
        (["status", "nothing"], "no recipe 'nothing'"),
        (["site", "nothing"], "no recipe 'nothing'"),
        (["publish"], "--to FOLDER or --git REPOSITORY"),
    ],
)
def test_mistakes_are_answered_in_words(built: Path, command: list[str], words: str) -> None:
    result = acc(*command)
    assert result.exit_code in (1, 2)
    said = " ".join(result.output.split())
    assert words in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", [["site"], ["serve"], ["publish", "--to", "out"]])
def test_without_a_site_the_remedy_is_named(tmp_path: Path, command: list[str]) -> None:
    with environment(tmp_path / "storage"):
        result = acc(*command)
    assert result.exit_code == 1
    assert "acc build" in result.output


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
    states = {
        row["asset"]: row["state"] for row in json.loads(acc("status", "failing", "--json").output)["failing"]
    }
    assert states["good"] == "fresh"
    assert states["raises"] == states["explodes"] == "missing"


def test_site_renders_again_from_what_is_stored(own_built: Path) -> None:
    shutil.rmtree(own_built / "site")
    result = acc("site")
    assert result.exit_code == 0, result.output
    assert result.output.strip().splitlines()[-1] == str(own_built / "site" / "index.html")
    assert (own_built / "site" / "recipes" / "tiny" / "playground.html").exists()


def test_serve_answers_on_the_loopback_address_alone(built: Path) -> None:
    process = subprocess.Popen(
        [ACC, "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0]
        assert address.startswith("http://127.0.0.1:")
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy
        with direct.open(address, timeout=10) as response:
            assert b"Experiments" in response.read()
        listening = f"{int(address.rstrip('/').rsplit(':', 1)[1]):04X}"
        sockets = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        assert {one.split(":")[0] for one in sockets if one.endswith(f":{listening}")} == {"0100007F"}
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_figures_for_print_are_drawn_into_a_folder(built: Path, tmp_path: Path) -> None:
    done = acc("figures", "tiny", "--format", "svg", "--to", str(tmp_path / "print"))
    paths = [Path(line) for line in done.output.splitlines()]
    assert [path.name for path in paths] == [
        f"tiny-{name}.svg" for name in ("metrics", "curves", "traversals", "latent-map")
    ]
    assert all(path.read_text().startswith("<?xml") for path in paths)


def test_without_artifacts_there_is_nothing_to_draw(storage: Path) -> None:
    done = CliRunner().invoke(main, ["figures", "quickstart"])
    assert done.exit_code == 1
    assert "nothing of quickstart is built yet. Run: acc build quickstart" in done.output


def test_publish_writes_a_folder_and_a_branch(built: Path, tmp_path: Path) -> None:
    result = acc("publish", "--to", str(tmp_path / "public"))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "public" / "index.html").read_bytes() == (built / "site" / "index.html").read_bytes()
    assert (tmp_path / "public" / ".nojekyll").exists()

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout

    git("init", "-q", "-b", "main", ".")
    git("config", "user.name", "t")
    git("config", "user.email", "t@example.org")
    git("commit", "-q", "--allow-empty", "-m", "start")
    result = acc("publish", "--git", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert "push origin gh-pages" in result.output
    assert "index.html" in git("ls-tree", "-r", "--name-only", "gh-pages").splitlines()
    assert git("rev-parse", "--abbrev-ref", "HEAD").strip() == "main"
    first = git("rev-parse", "gh-pages")
    assert acc("publish", "--git", str(tmp_path)).exit_code == 0
    assert git("rev-parse", "gh-pages") == first


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("ACC_THREADS", "many", "whole number"),
        ("ACC_THREADS", "0", "whole number"),
        ("ACC_DEVICE", "gpu", "auto, cpu, cuda, mps"),
        ("ACC_PARAMETERS", "{steps: 3}", "Write JSON"),
        ("ACC_PARAMETERS", "[1]", "Write JSON"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(
    failing: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = acc("build", "failing")
    assert result.exit_code == 1
    assert f"{variable}={value}" in result.output
    assert words in result.output


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
        except OSError:
            continue
        if f"ACC_STORAGE={storage}".encode() in environment and int(process.name) != os.getpid():
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


def test_artifacts_that_dagster_does_not_know_are_recorded_and_not_built_again(own_built: Path) -> None:
    shutil.rmtree(own_built / "dagster")
    rows = json.loads(acc("status", "tiny", "--json").output)["tiny"]
    assert {row["state"] for row in rows} == {"unregistered"}
    before = {path: path.stat().st_mtime_ns for path in (own_built / "runs").rglob("*") if path.is_file()}
    result = acc("build", "tiny")
    assert result.exit_code == 0, result.output
    assert "0 built, 54 fresh, 0 failed" in result.output
    assert "54 found whole in the store" in result.output
    after = {path: path.stat().st_mtime_ns for path in (own_built / "runs").rglob("*") if path.is_file()}
    assert before == after
    rows = json.loads(acc("status", "tiny", "--json").output)["tiny"]
    assert {row["state"] for row in rows} == {"fresh"}


def test_a_site_that_was_made_from_damaged_artifacts_is_rendered_again(own_built: Path) -> None:
    run = Store(own_built).run("tiny", "plain_trained", 0)
    place = run.local_path("metrics/metrics.json")
    whole = place.read_bytes()
    page = own_built / "site" / "recipes" / "tiny" / "nodes" / "plain_trained.html"
    before = page.read_bytes()
    place.write_bytes(whole.replace(b"psnr", b"rnsp"))
    assert acc("site", "tiny").exit_code == 0
    assert b"Damaged artifacts" in page.read_bytes()
    result = acc("build", "tiny")
    assert result.exit_code == 0, result.output
    assert place.read_bytes() == whole
    assert _without_what_happened(page.read_bytes()) == _without_what_happened(before)


def _without_what_happened(page: bytes) -> bytes:
    """A node's page without its list of events, which tells of each time that something was made or judged."""
    found, times = re.subn(rb'"events": ?\[.*?\](?=[,}])', b"", page, flags=re.S)
    assert times == 2  # seeds
    return found


@pytest.mark.parametrize("other", ["seed", "node"])
def test_artifacts_in_anothers_place_are_not_shown(own_built: Path, other: str) -> None:
    store = Store(own_built)
    mine = store.run("tiny", "plain_trained", 0)
    theirs = (
        store.run("tiny", "plain_trained", 1) if other == "seed" else store.run("tiny", "labelled_trained", 0)
    )
    shutil.rmtree(mine.local_path("metrics"))
    shutil.copytree(theirs.local_path("metrics"), mine.local_path("metrics"))
    rows = json.loads(acc("status", "tiny", "--json").output)["tiny"]
    damaged = [row for row in rows if row["state"] == "damaged"]
    assert [(row["asset"], row["seed"]) for row in damaged] == [("plain_trained_metrics", 0)]


def test_artifacts_edited_with_a_consistent_manifest_are_not_what_dagster_recorded(own_built: Path) -> None:
    run = Store(own_built).run("tiny", "plain_trained", 0)
    metrics = run.read_json("metrics/metrics.json")
    made_from = run.manifest("metrics").made_from
    metrics["tasks"]["recon"]["metrics"]["psnr"] = 99.0
    with run.family("metrics", made_from=made_from) as out:
        out.json("metrics.json", metrics)
    (row,) = [
        row for row in json.loads(acc("status", "tiny", "--json").output)["tiny"] if row["state"] == "damaged"
    ]
    assert (row["asset"], row["seed"]) == ("plain_trained_metrics", 0)
    assert "not what Dagster recorded" in row["why"]
    assert acc("build", "tiny").exit_code == 0
    assert run.read_json("metrics/metrics.json")["tasks"]["recon"]["metrics"]["psnr"] != 99.0


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("dagster.yaml", "concurrency: [", "dagster.yaml"),
        ("dagster.yaml", "run_storage: nonsense\n", "dagster.yaml"),
        ("history/runs.db", "this is no database", "runs.db"),
        ("history/runs/index.db", "this is no database", "index.db"),
    ],
)
def test_damage_to_dagsters_own_files_is_one_sentence(
    own_built: Path, file: str, content: str, words: str
) -> None:
    (own_built / "dagster" / file).write_text(content)
    done = subprocess.run([ACC, "status", "tiny"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert words in done.stderr
    assert "artifacts are safe" in " ".join(done.stderr.split())
    assert len(done.stderr) < 1200


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["build", "tiny", "--steps", "9" * 25], "steps"),
        (["build", "tiny", "--seeds", ""], "whole numbers"),
        (["build", "tiny", "--seeds", "9" * 25], "there is no seed"),
        (["build", "tiny", "--set", "weight=heavy"], "weight"),
        (["build", "tiny", "--set", "=1"], "NAME=VALUE"),
        (["build", "tiny", "--set", "steps=[1"], "steps"),
        (["status", "tiny", "--set", "steps=nan"], "steps"),
        (["site", "no\nthing"], "no recipe"),
        (["build", "../tiny"], "no recipe"),
    ],
)
def test_malformed_command_lines_are_answered_in_words(built: Path, arguments: list[str], words: str) -> None:
    result = acc(*arguments)
    assert result.exit_code in (1, 2)
    assert words in " ".join(result.output.split())


def test_a_seed_that_is_named_twice_is_built_once(own_built: Path) -> None:
    result = acc("build", "tiny", "--seeds", "0,0")
    assert result.exit_code == 0, result.output
    assert "0 built" in result.output
