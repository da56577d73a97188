"""A build on a Dask cluster of processes: the bits of one machine, also where a worker is killed in mid-training."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pytest
from built_tiny import build_recipe, environment

from acc_assets.assets.follow import ProgressEvent
from acc_assets.assets.instance import configuration, open_instance
from acc_assets.storage import Store

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
STEPS, EVERY = 500, 50
SLOTS, TRAININGS = 4, 2  # of the cluster; side by side by the pool's limit
PATIENCE = 240.0  # seconds


@dataclass
class Cluster:
    """A scheduler and its workers, each a process, and what has been killed."""

    workers: list[subprocess.Popen[bytes]]
    killed: dict[str, int] = field(default_factory=dict)  # pid of the worker and of the step's process
    training: tuple[str, int] = ("", 0)  # node and seed that it was at work on

    def kill_in_training(self, event: ProgressEvent) -> None:
        """Kill the worker of the first training that has written snapshots, without a word."""
        if self.killed or event.kind != "training" or event.done < 2 * EVERY:
            return
        psutil = pytest.importorskip("psutil")
        with open_instance(Store()) as instance:
            for run in instance.get_runs(dg.RunsFilter(tags={"dagster/partition": str(event.seed)})):
                for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_WORKER_STARTED):
                    if entry.step_key == f"walks__{event.asset}" and entry.dagster_event is not None:
                        step = int(entry.dagster_event.event_specific_data.metadata["pid"].value)
        above = {one.pid for one in psutil.Process(step).parents()}
        (worker,) = [one for one in self.workers if one.pid in above]
        worker.kill()
        self.killed = {"worker": worker.pid, "step": step}
        self.training = (event.asset, event.seed or 0)


def wait_for(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A store, and a Dask cluster that the environment names: the scheduler and two workers."""
    pytest.importorskip("distributed", reason="needs the extra 'dask' of acc-assets")
    folder = tmp_path_factory.mktemp("dask")
    where = folder / "scheduler.json"
    with ExitStack() as ended, environment(folder / "storage") as patch, (folder / "log").open("wb") as log:
        patch.setenv("ACC_RECIPES", str(ROOT / "tests" / "cluster_recipes"))
        patch.setenv("ACC_EXECUTOR", str(ROOT / "deploy" / "dask" / "executor.yaml"))

        def start(*arguments: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
            ended.callback(process.wait)
            ended.callback(process.kill)
            return process

        start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(where))
        wait_for(lambda: where.exists() and where.read_text().endswith("}"))
        address = json.loads(where.read_text())["address"]
        patch.setenv("DASK_SCHEDULER_ADDRESS", address)
        home = folder / "storage" / "dagster"
        home.mkdir(parents=True)
        (home / "dagster.yaml").write_text(configuration(TRAININGS))
        yield Cluster([start("worker", address, "--no-nanny", "--nthreads", str(SLOTS // 2)) for _ in range(2)])


@pytest.fixture(scope="module")
def built(cluster: Cluster) -> Store:
    """Two branches and two seeds, built on the cluster, which loses one of its workers meanwhile."""
    store = Store()
    parameters: dict[str, object] = {"steps": STEPS, "snapshot_every": EVERY}
    report = build_recipe("walks", store, parameters, in_process=False, listener=cluster.kill_in_training)
    assert not report.failed, report.failed
    assert cluster.killed
    return store


def test_the_bits_are_those_of_one_machine(built: Store, tmp_path: Path) -> None:
    with environment(tmp_path / "storage") as patch:
        patch.setenv("ACC_RECIPES", str(ROOT / "tests" / "cluster_recipes"))
        alone = Store()
        report = build_recipe("walks", alone, {"steps": STEPS, "snapshot_every": EVERY})
        assert not report.failed, report.failed
    found = digests(built)
    assert len(found) == 10
    assert found == digests(alone)


def digests(store: Store) -> Mapping[tuple[str, int], str]:
    """What the checkpoints hold, by node and seed."""
    return {
        (node, seed): store.run("walks", node, seed).manifest("checkpoints").digest
        for node in store.nodes("walks")
        for seed in store.seeds("walks", node)
    }


def test_a_killed_worker_loses_at_most_one_snapshot_interval(built: Store, cluster: Cluster) -> None:
    psutil = pytest.importorskip("psutil")
    assert not psutil.pid_exists(cluster.killed["step"])  # it did not outlive its worker
    events = built.run("walks", *cluster.training).events()
    (resumed,) = [number for number, event in enumerate(events) if event["event"] == "run.resumed"]
    reached = max(event.get("step", 0) for event in events[:resumed])
    assert 2 * EVERY <= reached < STEPS
    assert reached - EVERY <= events[resumed]["step"] <= reached
    assert [event["step"] for event in events if event["event"] == "run.completed"] == [STEPS]


def test_the_limit_of_trainings_holds_on_the_cluster(built: Store) -> None:
    changes = []
    with open_instance(built) as instance:
        for run in instance.get_runs(dg.RunsFilter(job_name="walks")):
            for one in instance.get_run_step_stats(run.run_id):
                if one.step_key.endswith("_trained"):
                    assert one.start_time is not None
                    assert one.end_time is not None
                    changes += [(one.start_time, 1), (one.end_time, -1)]
    assert len(changes) == 8
    at_work = [sum(change for _, change in sorted(changes)[:number]) for number in range(1, 9)]
    assert max(at_work) == TRAININGS < SLOTS


def test_a_terminated_training_saves_and_leaves_its_worker(built: Store, cluster: Cluster) -> None:
    def interrupt(event: ProgressEvent) -> None:
        if event.kind == "training" and event.done > EVERY:
            raise KeyboardInterrupt

    parameters: dict[str, object] = {"steps": 100_000, "snapshot_every": EVERY}
    choice = {"select": "left_trained", "seeds": [1], "in_process": False, "listener": interrupt}
    with pytest.raises(KeyboardInterrupt):
        build_recipe("walks", built, parameters, **choice)
    run = built.run("walks", "left_trained", 1)
    wait_for(lambda: any(event["event"] == "run.cancelled" for event in run.events()))
    (cancelled,) = [event["step"] for event in run.events() if event["event"] == "run.cancelled"]
    assert run.exists(f"checkpoints/step_{cancelled:08d}.pt")
