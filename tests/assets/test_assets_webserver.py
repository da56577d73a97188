"""What a person does in the Dagster UI, through the GraphQL of a real webserver."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from built_tiny import TINY_RECIPES
from graphql_client import Webserver, wait_for

from acc_assets.assets.live import cancel
from acc_assets.report.table import from_parquet
from acc_assets.storage import RunDirectory, Store

SLOW_RECIPES = TINY_RECIPES.with_name("slow_recipes")
STEPS = 4000  # of the recipe `slow`: some ten seconds
WALK = [["slow", "start"], ["slow", "walk"], ["slow", "walk_trained"]]
NODES = "query { assetNodes { assetKey { path } isPartitioned description groupName kinds jobNames } }"
MADE = """query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  assetMaterializations(partitions: ["0"], limit: 1) {
    runId metadataEntries { label ... on FloatMetadataEntry { floatValue } } } } } }"""
SCHEMA = """query ($selector: PipelineSelector!) { runConfigSchemaOrError(selector: $selector) {
  ... on RunConfigSchema { rootDefaultYaml } } }"""
MATCHES = "matches_recipe"


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recipes that a test may edit while the UI is open."""
    folder = tmp_path_factory.mktemp("recipes")
    for source in (*TINY_RECIPES.glob("*.py"), *SLOW_RECIPES.glob("*.py")):
        shutil.copy(source, folder)
    return folder


@pytest.fixture(scope="module")
def environment(
    built_storage: Path, recipes: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """A copy of the built store, and the recipes over it."""
    storage = tmp_path_factory.mktemp("webserver") / "storage"
    shutil.copytree(built_storage, storage)
    yield {
        "ACC_STORAGE": str(storage),
        "DAGSTER_HOME": str(storage / "dagster"),
        "ACC_RECIPES": str(recipes),
        "ACC_PARAMETERS": json.dumps({"slow": {"steps": STEPS}}),
    }
    shutil.rmtree(storage)


@pytest.fixture(scope="module")
def storage(environment: dict[str, str]) -> Path:
    return Path(environment["ACC_STORAGE"])


@pytest.fixture(scope="module")
def log(storage: Path) -> Path:
    return storage.parent / "webserver.log"


@pytest.fixture(scope="module")
def server(environment: dict[str, str], log: Path) -> Iterator[Webserver]:
    """The UI over that store."""
    found = Webserver(environment, log)
    yield found
    found.stop()


def nodes(server: Webserver) -> dict[str, dict[str, Any]]:
    """Every asset by its key."""
    return {"/".join(node["assetKey"]["path"]): node for node in server.ask(NODES)["assetNodes"]}


def stale(server: Webserver, recipe: str = "tiny") -> set[tuple[str, str]]:
    """Assets, with their seed, that the graph shows as not what the recipe says; not told yet counts too."""
    found = set()
    for key, node in server.graph().items():
        if not key.startswith(f"{recipe}/"):
            continue
        (check,) = (one for one in node["assetChecksOrError"]["checks"] if one["name"] == MATCHES)
        name, by_seed = key.split("/")[1], check["partitionStatuses"]
        if by_seed is not None:
            found |= {(name, seed) for seed in "01" if seed not in by_seed["succeededPartitions"]}
        elif (check["executionForLatestMaterialization"] or {}).get("status") != "SUCCEEDED":
            found.add((name, ""))
    return found


def edit(recipes: Path, old: str, new: str) -> None:
    path = recipes / "tiny.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def steps_of(run: RunDirectory) -> int:
    """Steps of the newest training that began."""
    return int(run.read_json("config.json")["spec"]["phases"][0]["steps"])


def test_the_ui_shows_recipes_jobs_and_broken_files(server: Webserver) -> None:
    found = nodes(server)
    groups = {node["groupName"] for node in found.values()}
    assert groups == {
        "files",
        *("tiny__data", "root", "plain", "labelled", "tiny__report"),
        *("slow__data", "start", "walk", "slow__report"),
        "site",
        "broken_recipes",
    }
    assert "tiny__branch__labelled" in found["tiny/labelled_trained"]["jobNames"]
    assert "tiny__branch__labelled" not in found["tiny/plain_trained"]["jobNames"]
    assert "weight 5.0" in found["tiny/labelled"]["description"]
    (broken,) = (node for key, node in found.items() if key.startswith("broken_recipes/"))
    assert broken["kinds"] == ["error"]
    assert "broken.py:12" in broken["description"]
    assert "there is no checkpoint 'nowhere'" in broken["description"]


def test_the_launchpad_has_the_recipes_parameters_with_their_defaults(server: Webserver) -> None:
    selector = {
        "repositoryLocationName": "acc_assets.definitions",
        "repositoryName": "__repository__",
        "pipelineName": "tiny",
    }
    text = server.ask(SCHEMA, selector=selector)["runConfigSchemaOrError"]["rootDefaultYaml"]
    for words in ("steps: 12", "weight: 5.0", "device: auto", "threads: 1"):
        assert words in text, text


def test_an_edited_branch_shows_in_the_graph_and_one_button_rebuilds_it_alone(
    server: Webserver, recipes: Path, storage: Path, log: Path
) -> None:
    wait_for(lambda: not stale(server), 180, "everything to be what the recipe says", log)
    branch = {key.removeprefix("tiny/") for key in nodes(server) if key.startswith("tiny/labelled")}
    assert len(branch) == 13
    before = {key: node["assetMaterializations"] for key, node in server.graph().items()}

    edit(recipes, "weight: float = 5.0", "weight: float = 7.0")  # nobody reloads anything
    expected = {(name, seed) for name in branch for seed in "01"} | {("comparison", ""), ("site", "")}
    wait_for(lambda: stale(server) == expected, 180, "the graph to show what is stale", log)

    one_seed = {"ops": {"tiny__bring_up_to_date_op": {"config": {"seeds": [0], "select": "labelled"}}}}
    run = server.launch("tiny__bring_up_to_date", None, config=one_seed)
    assert server.end_of(run) == "SUCCESS", log.read_text()[-3000:]
    rest = {(name, "1") for name in branch}
    wait_for(lambda: stale(server) == rest, 180, "the graph to show what is left", log)

    # The comparison and the site do not mix seeds that were made from different recipes, and say so.
    folder = Store(storage).recipe("tiny")
    seeds = from_parquet(folder.read_bytes("comparison/metrics.parquet")).groupby("node")["seed"].agg(set)
    assert (seeds["labelled_trained"], seeds["plain_trained"]) == ({0}, {0, 1})
    (left_out,) = [
        one for one in folder.read_json("comparison/missing.json") if one["node"] == "labelled_trained"
    ]
    assert (left_out["seed"], "its recipe or code changed" in left_out["what"]) == (1, True)

    run = server.launch("tiny__bring_up_to_date", None)
    assert server.end_of(run) == "SUCCESS", log.read_text()[-3000:]
    wait_for(lambda: not stale(server), 180, "everything to be what the recipe says", log)
    after = {key: node["assetMaterializations"] for key, node in server.graph().items()}
    rebuilt = {key for key in after if after[key] != before[key]}
    assert rebuilt == {*(f"tiny/{name}" for name in (*branch, "comparison", "site")), "site/home"}

    made = server.ask(MADE, key={"path": ["tiny", "labelled_trained_metrics"]})["assetNodeOrError"]
    (materialization,) = made["assetMaterializations"]
    numbers = {entry["label"]: entry.get("floatValue") for entry in materialization["metadataEntries"]}
    stored = Store(storage).run("tiny", "labelled_trained", 0).read_json("metrics/metrics.json")
    assert numbers["digit accuracy"] == pytest.approx(stored["tasks"]["digit"]["metrics"]["accuracy"])


def test_a_run_with_other_parameters_keeps_its_recipe_and_does_not_pass_as_the_one_that_is_there(
    server: Webserver, recipes: Path, storage: Path, log: Path
) -> None:
    wait_for(lambda: not stale(server), 180, "everything to be what the recipe says", log)
    config = {
        "resources": {"tiny_parameters": {"config": {"steps": 40}}},
        "execution": {"config": {"multiprocess": {"max_concurrent": 2}}},  # the other executor
    }
    units = [["tiny", name] for name in ("root", "plain", "plain_trained", "labelled", "labelled_trained")]
    run = server.launch("tiny", 1, units, config)
    stored = {name: Store(storage).run("tiny", name, 1) for name in ("plain_trained", "labelled_trained")}
    wait_for(lambda: any(steps_of(one) == 40 for one in stored.values()), 180, "training", log)
    path = recipes / "tiny.py"
    text = path.read_text()
    path.write_text("this is no Python\n")  # does not change what is under way
    try:
        assert server.end_of(run) == "SUCCESS", log.read_text()[-3000:]
        assert {steps_of(one) for one in stored.values()} == {40}
    finally:
        path.write_text(text)
    trained = {(name, "1") for name in stored}
    wait_for(lambda: trained <= stale(server), 180, "the other parameters to show", log)
    assert not {unit for unit in stale(server) if unit[1] == "0"}

    assert server.backfill(units, [0, 1]) == ["0", "1"]
    wait_for(lambda: not stale(server), 180, "everything to be what the recipe says", log)


def test_a_build_from_the_command_line_is_an_ordinary_run_of_the_ui(
    server: Webserver, environment: dict[str, str], storage: Path, log: Path
) -> None:
    command = [str(Path(sys.executable).with_name("acc")), "build", "slow", "--set", "steps=200000"]
    build = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    run = Store(storage).run("slow", "walk_trained", 0)
    wait_for(
        lambda: (run.last_event() or {}).get("event") in ("train.metrics", "train.progress"),
        180,
        "training",
        log,
    )
    (shown,) = [one for one in server.jobs_runs("slow") if one["status"] == "STARTED"]
    assert shown["canTerminate"]
    with pytest.MonkeyPatch.context() as patch:  # as `acc serve` is asked to
        patch.setenv("DAGSTER_HOME", environment["DAGSTER_HOME"])
        assert cancel(Store(storage), "slow", "walk_trained", 1) == []
        assert cancel(Store(storage), "slow", "walk_trained", 0) == [shown["runId"]]
    assert server.end_of(shown["runId"]) == "CANCELED"
    output = build.communicate(timeout=120)[0]
    assert build.returncode == 1, output
    assert "the same command continues from there" in " ".join(output.split())
    assert run.last_event()["event"] == "run.cancelled"  # type: ignore[index]


def test_a_killed_and_a_terminated_training_go_on_where_they_were(
    server: Webserver, storage: Path, log: Path
) -> None:
    run = Store(storage).run("slow", "walk_trained", 0)

    def events(name: str) -> list[dict[str, Any]]:
        return [event for event in run.events() if event["event"] == name]

    seen = len(run.events())
    killed = server.launch("__ASSET_JOB", 0, WALK)
    wait_for(
        lambda: (
            any(e["event"] == "train.metrics" for e in run.events()[min(seen, len(run.events())) :])
            or bool(events("train.metrics") and not events("run.cancelled"))
        ),
        180,
        "training to begin",
        log,
    )
    holder = json.loads((run.local_path() / ".locks" / "run.lock.holder").read_text())
    os.kill(holder["pid"], signal.SIGKILL)
    assert server.end_of(killed) == "FAILURE"
    wait_for(lambda: bool(events("asset.failed")), 180, "the reason on the node", log)

    # The pool has a place for each core: the next run takes one, or waits until the daemon takes it back.
    first = server.launch("__ASSET_JOB", 0, WALK)
    wait_for(lambda: bool(events("run.resumed")), 180, "training to go on", log)
    before = len(events("train.metrics"))
    wait_for(lambda: len(events("train.metrics")) > before, 180, "the next steps", log)
    server.terminate(first)
    assert server.end_of(first) == "CANCELED"
    cancelled = events("run.cancelled")[-1]
    assert 0 < cancelled["step"] < STEPS
    assert run.read_json("summary.json")["status"] == "cancelled"
    assert run.exists(f"checkpoints/step_{cancelled['step']:08d}.pt")

    # The job of the whole recipe for a seed. The UI and its daemon are killed meanwhile, and training goes on.
    second = server.launch("slow", 0)
    resumed = len(events("run.resumed"))
    wait_for(lambda: len(events("run.resumed")) > resumed, 180, "training to go on", log)
    server.kill()
    wait_for(lambda: bool(events("run.completed")), 180, "training to end without a UI", log)
    server.start()
    assert server.end_of(second) == "SUCCESS"
    assert run.read_json("summary.json")["status"] == "completed"
    assert run.read_json("summary.json")["step"] == STEPS
    assert events("run.resumed")[-1]["step"] == cancelled["step"]  # and it began once

    # Then its report.
    assert server.end_of(server.launch("slow__report", None)) == "SUCCESS"
    own = lambda: {unit for unit in stale(server, "slow") if unit[1] in ("", "0")}  # noqa: E731
    wait_for(lambda: not own(), 180, "the seed to be what the recipe says", log)
