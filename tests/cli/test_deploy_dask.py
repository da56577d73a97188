"""A build on a Dask cluster of processes: the bits of one machine, also where a worker is killed in mid-training."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pytest
from built_tiny import environment
from dagster._core.launcher import WorkerStatus

from acc_assets.assets.daemon import BUILD_TAG, Daemon, cancel
from acc_assets.assets.follow import Listener, Outcomes, ProgressEvent, follow
from acc_assets.assets.instance import UNFINISHED, configuration, open_instance
from acc_assets.assets.launched import Project, keep
from acc_assets.assets.run_host import ALIVE_TAG
from acc_assets.assets.status import AssetStatus, recipe_status
from acc_assets.assets.submit import Launcher
from acc_assets.recipes import find_recipes
from acc_assets.storage import Store
from acc_assets.tree import Tree

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "tests" / "cluster_recipes"
STEPS, EVERY = 400, 40
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
        patch.setenv("ACC_RECIPES", str(RECIPES))
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
        yield Cluster(
            [start("worker", address, "--no-nanny", "--nthreads", str(SLOTS // 2)) for _ in range(2)]
        )


@dataclass
class Runs:
    """Runs of the recipe as `acc build` submits them, without the report, which needs no cluster."""

    store: Store
    instance: dg.DagsterInstance
    tree: Tree
    tags: Mapping[str, str] = field(default_factory=lambda: {BUILD_TAG: "test"})

    def units(self, seed: int, nodes: Sequence[str]) -> list[AssetStatus]:
        """What a run of one seed makes: the checkpoints of these nodes, and the data for all."""
        every = recipe_status(self.tree, self.instance, self.store)
        chosen = [one for one in every if one.seed in (seed, None) and not one.plan.kind.reads_all]
        return [one for one in chosen if one.plan.node is None or one.plan.node.tag in nodes]

    def launcher(self) -> Launcher:
        return Launcher(Project({"walks": self.tree}), self.tree, self.instance)

    def on_the_cluster(self, seeds: Sequence[int], nodes: Sequence[str], listener: Listener) -> Outcomes:
        """One run a seed, all at once; returns when they have ended."""
        followed = {}
        for seed in seeds:
            units = self.units(seed, nodes)
            keys = {one.plan.key for one in units}
            followed[self.launcher().submit(seed, keys, tags=self.tags, processes=1)] = units
        return follow(self.instance, self.store, self.tree, followed, None, listener)

    def here(self, seed: int) -> None:
        """The run of a seed in this process."""
        keys = {one.plan.key for one in self.units(seed, list(self.tree.nodes))}
        self.launcher().carry_out(seed, keys, tags=self.tags)


@contextmanager
def runs(store: Store, **parameters: int) -> Iterator[Runs]:
    tree = find_recipes({"walks": parameters}).trees["walks"]
    keep(store, tree)
    with open_instance(store) as instance:
        yield Runs(store, instance, tree)


@pytest.fixture(scope="module")
def built(cluster: Cluster) -> Iterator[Store]:
    """Two branches and two seeds, built on the cluster, which loses one of its workers meanwhile."""
    store = Store()
    with runs(store, steps=STEPS, snapshot_every=EVERY) as own, Daemon(own.instance, store, "test"):
        done = own.on_the_cluster((0, 1), list(own.tree.nodes), cluster.kill_in_training)
        assert not done.errors
        assert cluster.killed
        yield store


def test_the_bits_are_those_of_one_machine(built: Store, tmp_path: Path) -> None:
    with environment(tmp_path / "storage") as patch:
        patch.setenv("ACC_RECIPES", str(RECIPES))
        alone = Store()
        with runs(alone, steps=STEPS, snapshot_every=EVERY) as own:
            for seed in (0, 1):
                own.here(seed)
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
    with suppress(psutil.NoSuchProcess):  # it did not outlive its worker
        assert psutil.Process(cluster.killed["step"]).status() == psutil.STATUS_ZOMBIE
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


def test_a_training_that_another_machine_terminates_saves(
    built: Store, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster's machines are one machine here, of which this process thinks that it is another."""

    def interrupt(event: ProgressEvent) -> None:
        if event.kind == "training" and event.done > EVERY:
            raise KeyboardInterrupt

    with runs(built, steps=100_000, snapshot_every=EVERY) as own:
        with pytest.raises(KeyboardInterrupt):
            own.on_the_cluster([1], ["left_trained"], interrupt)
        monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
        (run_of,) = own.instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED)))
        health = own.instance.run_launcher.check_run_worker_health
        assert health(run_of).status == WorkerStatus.RUNNING
        silent = run_of.with_tags({**run_of.tags, ALIVE_TAG: str(time.time() - 600)})
        assert health(silent).status == WorkerStatus.FAILED
        cancel(own.instance, own.tags[BUILD_TAG])
    run = built.run("walks", "left_trained", 1)
    wait_for(lambda: any(event["event"] == "run.cancelled" for event in run.events()))
    (cancelled,) = [event["step"] for event in run.events() if event["event"] == "run.cancelled"]
    assert run.exists(f"checkpoints/step_{cancelled:08d}.pt")
