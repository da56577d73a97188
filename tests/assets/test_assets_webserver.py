"""What a person does in the Dagster UI, through the GraphQL of a real webserver."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from built_tiny import TINY_RECIPES
from graphql_client import Webserver, wait_for

from acc_assets.storage import Store

pytestmark = pytest.mark.xdist_group("webserver")

SLOW_RECIPES = TINY_RECIPES.with_name("slow_recipes")
STEPS = 4000  # of the recipe `slow`: some ten seconds
WALK = [["slow", "start"], ["slow", "walk"], ["slow", "walk_trained"]]
NODES = "query { assetNodes { assetKey { path } isPartitioned description groupName kinds jobNames } }"
SEEDS = """query ($keys: [AssetKeyInput!]) { assetNodes(assetKeys: $keys) {
  assetKey { path } zero: staleStatus(partition: "0") one: staleStatus(partition: "1") } }"""
WHOLE = "query ($keys: [AssetKeyInput!]) { assetNodes(assetKeys: $keys) { assetKey { path } whole: staleStatus } }"
MADE = """query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  assetMaterializations(partitions: ["0"], limit: 1) {
    runId metadataEntries { label ... on FloatMetadataEntry { floatValue } } }
  assetChecksOrError { ... on AssetChecks { checks {
    name executionForLatestMaterialization { runId status evaluation { success severity description } } } } } } } }"""


@pytest.fixture(scope="module")
def storage(built_storage: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the built store."""
    folder = tmp_path_factory.mktemp("webserver") / "storage"
    shutil.copytree(built_storage, folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(storage: Path) -> Iterator[Webserver]:
    """A webserver over that store, with one branch's task weight changed."""
    environment = {
        "ACC_STORAGE": str(storage),
        "DAGSTER_HOME": str(storage / "dagster"),
        "ACC_RECIPES": os.pathsep.join(map(str, (TINY_RECIPES, SLOW_RECIPES))),
        "ACC_PARAMETERS": json.dumps({"tiny": {"weight": 7.0}, "slow": {"steps": STEPS}}),
    }
    found = Webserver(environment, storage.parent / "webserver.log")
    yield found
    found.stop()


def nodes(server: Webserver) -> dict[str, dict[str, Any]]:
    """Every asset by its key."""
    return {"/".join(node["assetKey"]["path"]): node for node in server.ask(NODES)["assetNodes"]}


def stale(server: Webserver) -> set[tuple[str, str]]:
    """Assets of the tiny recipe that the UI calls unsynced, with their seed."""
    own = [node for key, node in nodes(server).items() if key.startswith("tiny/")]
    found = set()
    for query, partitioned in ((SEEDS, True), (WHOLE, False)):
        keys = [{"path": node["assetKey"]["path"]} for node in own if node["isPartitioned"] is partitioned]
        for node in server.ask(query, keys=keys)["assetNodes"]:
            found |= {
                (node["assetKey"]["path"][-1], {"zero": "0", "one": "1"}.get(name, ""))
                for name, state in node.items()
                if name != "assetKey" and state != "FRESH"
            }
    return found


def test_the_ui_shows_recipes_jobs_and_broken_files(server: Webserver) -> None:
    found = nodes(server)
    assert {node["groupName"] for node in found.values()} == {"tiny", "slow", "broken_recipes"}
    assert "tiny__branch__labelled" in found["tiny/labelled_trained"]["jobNames"]
    assert "tiny__branch__labelled" not in found["tiny/plain_trained"]["jobNames"]
    (broken,) = (node for key, node in found.items() if key.startswith("broken_recipes/"))
    assert broken["kinds"] == ["error"]
    assert "broken.py:12" in broken["description"]
    assert "there is no checkpoint 'nowhere'" in broken["description"]


def test_a_branch_job_of_one_seed_makes_that_branch_fresh(server: Webserver, storage: Path) -> None:
    branch = {key.removeprefix("tiny/") for key in nodes(server) if key.startswith("tiny/labelled")}
    assert len(branch) == 11
    # Dagster's UI and `acc status` share one notion of staleness.
    expected = {(name, seed) for name in branch for seed in "01"} | {("comparison", ""), ("site", "")}
    assert stale(server) == expected

    run = server.launch("tiny__branch__labelled", seed=0)
    assert server.end_of(run) == "SUCCESS"
    assert stale(server) == {unit for unit in expected if unit[1] != "0"}

    made = server.ask(MADE, key={"path": ["tiny", "labelled_trained_metrics"]})["assetNodeOrError"]
    (materialization,) = made["assetMaterializations"]
    assert materialization["runId"] == run
    numbers = {entry["label"]: entry.get("floatValue") for entry in materialization["metadataEntries"]}
    stored = Store(storage).run("tiny", "labelled_trained", 0).read_json("metrics/metrics.json")
    assert numbers["digit accuracy"] == pytest.approx(stored["tasks"]["digit"]["metrics"]["accuracy"])
    checks = {check["name"]: check for check in made["assetChecksOrError"]["checks"]}
    assert set(checks) >= {"beats_mean_image", "latent_not_collapsed"}
    for check in checks.values():
        assert check["executionForLatestMaterialization"]["runId"] == run
        assert check["executionForLatestMaterialization"]["evaluation"]["description"]


def test_a_backfill_over_seeds_makes_what_is_left_fresh(server: Webserver) -> None:
    branch = sorted(key for key in nodes(server) if key.startswith("tiny/labelled"))
    assert server.backfill([key.split("/") for key in branch], [0, 1]) == ["0", "1"]
    assert stale(server) == {("comparison", ""), ("site", "")}


def test_a_killed_and_a_terminated_training_go_on_where_they_were(server: Webserver, storage: Path) -> None:
    run = Store(storage).run("slow", "walk_trained", 0)
    log = storage.parent / "webserver.log"

    def events(name: str) -> list[dict[str, Any]]:
        return [event for event in run.events() if event["event"] == name]

    killed = server.launch("__ASSET_JOB", 0, WALK)
    wait_for(lambda: bool(events("train.metrics")), 180, "training to begin", log)
    holder = json.loads((run.local_path() / ".locks" / "run.lock.holder").read_text())
    os.kill(holder["pid"], signal.SIGKILL)
    assert server.end_of(killed) == "FAILURE"

    # The pool has one place: the next run waits until the daemon takes it back from the killed one.
    first = server.launch("__ASSET_JOB", 0, WALK)
    wait_for(lambda: bool(events("run.resumed")), 180, "training to go on", log)
    before = len(events("train.metrics"))
    wait_for(lambda: len(events("train.metrics")) > before, 180, "the next steps", log)
    server.terminate(first)
    assert server.end_of(first) == "CANCELED"
    (cancelled,) = events("run.cancelled")
    assert 0 < cancelled["step"] < STEPS
    assert run.read_json("summary.json")["status"] == "cancelled"
    assert run.exists(f"checkpoints/step_{cancelled['step']:08d}.pt")

    # The job of the whole recipe, its comparison and the site included, which have no seed.
    second = server.launch("slow", 0)
    assert server.end_of(second) == "SUCCESS"
    assert run.read_json("summary.json")["status"] == "completed"
    assert run.read_json("summary.json")["step"] == STEPS
    assert events("run.resumed")[-1]["step"] == cancelled["step"]
    states = server.ask(WHOLE, keys=[{"path": ["slow", name]} for name in ("comparison", "site")])[
        "assetNodes"
    ]
    assert [node["whole"] for node in states] == ["FRESH", "FRESH"]
