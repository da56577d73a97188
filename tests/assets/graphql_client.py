"""The real UI with its daemon, as `make ui` starts them, and its GraphQL."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

LOCATION = {"repositoryLocationName": "acc_assets.definitions", "repositoryName": "__repository__"}
DONE = {"SUCCESS", "FAILURE", "CANCELED"}
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy does not reach this machine

_LAUNCH = """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } }
  ... on PythonError { message } ... on RunConfigValidationInvalid { errors { message } } } }"""
_RUN = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
_TERMINATE = """mutation ($id: String!) { terminateRun(runId: $id) {
  __typename ... on TerminateRunFailure { message } } }"""

KEYS = "query { assetNodes { assetKey { path } } }"
GRAPH = """query AssetGraphLiveQuery($assetKeys: [AssetKeyInput!]!) {
  assetNodes(assetKeys: $assetKeys, loadMaterializations: true) {
    assetKey { path }
    assetMaterializations(limit: 1) { timestamp runId stepKey }
    assetChecksOrError { ... on AssetChecks { checks {
      name canExecuteIndividually
      executionForLatestMaterialization { id runId status timestamp stepKey evaluation { severity description } }
      partitionStatuses { ... on AssetCheckDefaultPartitionStatuses {
        succeededPartitions failedPartitions inProgressPartitions skippedPartitions executionFailedPartitions } } } } }
    partitionStats { numMaterialized numMaterializing numPartitions numFailed } } }"""
HISTORY = """query ($selector: PipelineSelector!) { pipelineOrError(params: $selector) {
  ... on Pipeline { runs(limit: 20) { runId status canTerminate tags { key value } } } } }"""
_BACKFILL = """mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_BACKFILL_STATUS = """query ($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status runs(limit: 20) { status tags { key value } } } } }"""


class Webserver:
    """Serves the recipes of an environment on a free port of the loopback address."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._url = f"http://127.0.0.1:{self._port}"
        self._log = log
        self._environment = {**os.environ, **environment}
        self.start()

    def start(self) -> None:
        """Start it; returns when it answers."""
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [Path(sys.executable).with_name("acc"), "ui", "-p", str(self._port)],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_for(self._answers, 180, "the webserver to answer", self._log)

    def stop(self) -> None:
        """End the server and whatever it started."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill the server, the daemon and the code servers, none of which can do anything about it."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of one GraphQL request."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self._url}/graphql", body, {"Content-Type": "application/json"})
        try:
            with DIRECT.open(request, timeout=60) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:  # the schema's refusal stands in the body
            raise AssertionError(error.read().decode()) from error
        assert not answer.get("errors"), answer["errors"]
        return answer["data"]

    def launch(
        self,
        job: str,
        seed: int | None,
        assets: list[list[str]] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> str:
        """Launch a job, for one seed where it has seeds, and return the run's id."""
        selection = None if assets is None else [{"path": path} for path in assets]
        tags = [] if seed is None else [{"key": "dagster/partition", "value": str(seed)}]
        params = {
            "selector": {**LOCATION, "jobName": job, "assetSelection": selection},
            "runConfigData": config or {},
            "executionMetadata": {"tags": tags},
        }
        found = self.ask(_LAUNCH, params=params)["launchRun"]
        assert found["__typename"] == "LaunchRunSuccess", found
        return str(found["run"]["runId"])

    def backfill(self, assets: list[list[str]], seeds: list[int], timeout: float = 300) -> list[str]:
        """Backfill assets over seeds and wait for the end; the seeds of the runs that succeeded."""
        params = {
            "assetSelection": [{"path": path} for path in assets],
            "partitionNames": [str(seed) for seed in seeds],
        }
        found = self.ask(_BACKFILL, params=params)["launchPartitionBackfill"]
        assert found["__typename"] == "LaunchBackfillSuccess", found

        def state() -> Any:
            return self.ask(_BACKFILL_STATUS, id=found["backfillId"])["partitionBackfillOrError"]

        wait_for(
            lambda: state()["status"].startswith(("COMPLETED", "FAILED", "CANCELED")),
            timeout,
            "the backfill to end",
            self._log,
        )
        runs = [run for run in state()["runs"] if run["status"] == "SUCCESS"]
        return sorted(
            tag["value"] for run in runs for tag in run["tags"] if tag["key"] == "dagster/partition"
        )

    def end_of(self, run: str, timeout: float = 240) -> str:
        """Wait for a run and return its status."""
        wait_for(lambda: self._status(run) in DONE, timeout, f"run {run} to end", self._log)
        return self._status(run)

    def terminate(self, run: str) -> None:
        """Terminate a run, as the button of the UI does."""
        found = self.ask(_TERMINATE, id=run)["terminateRun"]
        assert found["__typename"] == "TerminateRunSuccess", found

    def graph(self) -> dict[str, dict[str, Any]]:
        """What the graph of the UI shows of every asset, by its own query (of Dagster 1.13's web client)."""
        keys = [node["assetKey"] for node in self.ask(KEYS)["assetNodes"]]
        found = self.ask(GRAPH, assetKeys=[{"path": key["path"]} for key in keys])["assetNodes"]
        return {"/".join(node["assetKey"]["path"]): node for node in found}

    def jobs_runs(self, job: str) -> list[dict[str, Any]]:
        """The history of a job, as its page and the timeline show it."""
        found = self.ask(HISTORY, selector={**LOCATION, "pipelineName": job})["pipelineOrError"]
        return list(found["runs"])

    def _status(self, run: str) -> str:
        return str(self.ask(_RUN, id=run)["runOrError"]["status"])

    def _answers(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        try:
            with DIRECT.open(f"{self._url}/server_info", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False


def wait_for(condition: Callable[[], bool], timeout: float, what: str, log: Path) -> None:
    """Wait until a condition holds; say what did not come about, and show the server's log."""
    end = time.monotonic() + timeout
    while True:
        asked = time.monotonic()
        if condition():
            return
        now = time.monotonic()
        assert now < end, f"waited {timeout:.0f} s for {what}\n{log.read_text()[-4000:]}"
        time.sleep(max(0.2, 3 * (now - asked)))  # a costly question takes a quarter of a core at most
